"""A search decides the same whatever happens around it; nothing is trained here."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from made_up_search import MadeUpSearch, smooth
from search_runs import configuration

from scaling.network.serialization import architecture_key
from scaling.plans.networks import CONFIRM, SEARCH
from scaling.plans.search.candidates import enumerated, references
from scaling.plans.search.config import SearchConfig
from scaling.plans.search.history import Fate, read_history
from scaling.plans.search.table import trials_of
from scaling.plans.search.trial import SearchTrial
from scaling.runs.record import RecordState

EPOCHS = 3
KINDS: dict[str, dict[str, Any]] = {
    "random": {"sampler": "random", "trials": 6, "seeds": [0, 1]},
    "tpe": {"sampler": "tpe", "trials": 8, "startup_trials": 2},
    "median": {"sampler": "tpe", "trials": 8, "seeds": [0, 1], "pruner": "median"},
    "halving": {"sampler": "cmaes", "trials": 9, "pruner": "successive_halving", "confirm": 0},
    "wilcoxon": {"sampler": "random", "trials": 5, "pruner": "wilcoxon", "seeds": [0, 1, 2, 3, 4, 5]},
    "whole space": {"sampler": "random", "trials": 5000, "largest_image_size": 17},
    "grid": {"sampler": "grid", "trials": 0, "grid_step": 0.2},
}


def config_of(kind: str) -> SearchConfig:
    wanted = {"confirm": 2, "confirm_seeds": [7, 8], "baseline_seeds": [0, 1], **KINDS[kind]}
    return configuration(search=wanted, recipe={"epochs": EPOCHS})


def noisy(trial: SearchTrial, seed: int) -> list[float]:
    """Smooth, but for noise of the network and the seed: some are pruned, some are not."""
    noise = np.random.default_rng([int(trial.network.key, 16) % 2**32, seed]).normal(0, 0.05, EPOCHS)
    return [one + float(more) for one, more in zip(smooth(trial, seed), noise, strict=True)]


ENDS = (RecordState.COMPLETE, RecordState.DIVERGED, RecordState.FAILED, None)
OFTEN = (0.8, 0.05, 0.05, 0.1)


def interleaved(search: MadeUpSearch, random: np.random.Generator, *, cuts: bool) -> None:
    """Send and end in random order, several at once, until the plan is done; check every moment."""
    confirming = False
    while True:
        wanted = search.send(room := int(random.integers(1, 6)))
        kinds = {search.trial(job).network.kind for job in search.running.values()}
        if CONFIRM in kinds:
            assert kinds == {CONFIRM}, "a confirmation beside a proposal"
            confirming = True
        assert not confirming or SEARCH not in kinds
        if not wanted.jobs:
            assert wanted.done
            return
        assert len(search.running) <= max(room, len(search.running))
        for job in random.permutation(np.array(list(search.running.values()), object)):
            while search.epochs.get(job.key, 0) < EPOCHS and random.random() < 0.8:
                if search.epoch(job):
                    search.end(job, RecordState.PRUNED)
                    break
            if job.key in search.running and search.epochs.get(job.key, 0) == EPOCHS:
                search.end(job, ENDS[random.choice(len(ENDS), p=OFTEN)])
            if random.random() < 0.3:
                break
        if cuts and random.random() < 0.1:
            search.begin()


@pytest.mark.parametrize("kind", KINDS)
def test_whatever_the_order_the_budget_is_met_and_nothing_is_trained_twice(kind: str) -> None:
    config = config_of(kind)
    for seed in range(40):
        search = MadeUpSearch(config, noisy)
        interleaved(search, np.random.default_rng([seed, 1]), cuts=seed % 2 == 1)
        _check_end(config, search)


def _check_end(config: SearchConfig, search: MadeUpSearch) -> None:
    fates = Counter(one.fate for one in search.history.proposals)
    listed = enumerated(config)
    if listed is None:
        assert fates[Fate.ACCEPTED] == config.search.trials or search.plan.exhausted
    else:
        taken = {architecture_key(one.spec) for one in references(config) if one.spec}
        on_target = {one.key for one in listed if one.problem is None}
        assert len(listed) == len(search.history.proposals)
        assert fates[Fate.ACCEPTED] == len(on_target - taken)
    proposed = [architecture_key(one.network.spec) for one in search.proposed() if one.network.spec]
    assert len(set(proposed)) == len(proposed) == fates[Fate.ACCEPTED]
    settled = Counter(job.key for job in search.sent if job.key in search.records)
    assert all(search.records[key].state.settled or count for key, count in settled.items())
    frame = trials_of(config, search.history, search.records)
    assert not frame.duplicated(["trial", "seed"]).any()
    assert frame["trial"].nunique() == frame["trial"].max() + 1
    waiting = frame[frame["state"] == "waiting"]
    assert set(waiting["trial"]) <= set(frame.loc[frame["state"].isin(["failed", "diverged"]), "trial"])
    again = frame[frame["kind"] == CONFIRM]
    assert set(again["seed"].dropna()) <= set(config.search.confirm_seeds)
    complete = [t for t in search.proposed() if t.state(search.records, search.history.pruned) == "complete"]
    assert again["trial"].nunique() == min(config.search.confirm, len(complete))


def history_of(path: Path) -> list[dict[str, Any]]:
    """The lines of a history, all but times."""
    lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    return [{key: value for key, value in line.items() if key != "proposed_at"} for line in lines]


@pytest.mark.parametrize("kind", ["random", "tpe", "median", "halving", "wilcoxon"])
def test_cut_anywhere_one_worker_proposes_and_ends_the_same(kind: str, tmp_path: Path) -> None:
    config = config_of(kind)
    whole = MadeUpSearch(config, noisy, tmp_path / "whole.jsonl").run()
    expected = history_of(tmp_path / "whole.jsonl")
    assert kind in {"random", "tpe"} or whole.history.pruned, "nothing was pruned: nothing is shown"
    for number in range(40):
        path, random = tmp_path / f"{number}.jsonl", np.random.default_rng(number)
        search = MadeUpSearch(config, noisy, path)
        run_with_cuts(search, random, share=0.02 + 0.02 * (number % 10))
        assert history_of(path) == expected
        assert [job.key for job in dict.fromkeys(search.sent)] == [job.key for job in whole.sent]
        assert set(search.records) >= set(whole.records) - set(whole.history.pruned)


def run_with_cuts(search: MadeUpSearch, random: np.random.Generator, *, share: float) -> None:
    """Go on with one worker; be killed between any two steps, and in the middle of writing a line."""

    def killed() -> bool:
        if random.random() >= share:
            return False
        search.begin()
        return True

    while True:
        before = search.path.read_bytes() if search.path is not None and search.path.exists() else b""
        if not search.send().jobs:
            return
        if random.random() < share and _torn(search, before, random):
            search.begin()
            continue
        if killed():
            continue
        (job,) = search.running.values()
        done = search.epochs.get(job.key, 0)
        while done < EPOCHS and not killed():
            pruned = search.epoch(job)
            done += 1
            if killed():
                search.epochs[job.key] = done - int(random.integers(0, 2))  # the checkpoint may be older
                break
            if pruned:
                search.end(job, RecordState.PRUNED)
                break
        if job.key in search.running and done == EPOCHS:
            search.end(job)
            killed()


def _torn(search: MadeUpSearch, before: bytes, random: np.random.Generator) -> bool:
    """Leave only a part of what was written since, as a power cut does."""
    assert search.path is not None
    now = search.path.read_bytes() if search.path.exists() else b""
    last = now[len(before) :].rstrip(b"\n").rfind(b"\n") + 1 + len(before)
    if len(now) == len(before):
        return False
    search.path.write_bytes(now[: int(random.integers(last, len(now)))])
    return True


def test_a_history_cut_anywhere_in_its_last_line_is_read(tmp_path: Path) -> None:
    path = tmp_path / "proposals.jsonl"
    MadeUpSearch(config_of("random"), path=path).run()
    whole = path.read_bytes()
    start = whole[:-1].rfind(b"\n") + 1
    for end in range(start, len(whole)):
        path.write_bytes(whole[:end])
        assert len(read_history(path).proposals) == len(history_of_bytes(whole)) - 1
    path.write_bytes(whole)
    assert len(read_history(path).proposals) == len(history_of_bytes(whole))


def history_of_bytes(content: bytes) -> list[bytes]:
    return content.splitlines()


def test_what_is_missing_from_the_middle_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "proposals.jsonl"
    MadeUpSearch(config_of("random"), path=path).run()
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join([*lines[:2], *lines[3:]]))
    with pytest.raises(Exception, match="lacks proposal 2: it is not whole"):
        read_history(path)
