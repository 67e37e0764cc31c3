"""A search decides the same whatever happens around it; nothing is trained here."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from made_up_search import MadeUpSearch, smooth
from search_runs import configuration

from scaling.errors import ConfigError, ResultsError
from scaling.network.serialization import architecture_key
from scaling.plans.networks import CONFIRM, SEARCH
from scaling.plans.search.candidates import enumerated, networks_planned, references, space_of
from scaling.plans.search.config import SearchConfig
from scaling.plans.search.history import Fate, open_history, read_history
from scaling.plans.search.table import trials_of
from scaling.plans.search.trial import SearchTrial
from scaling.runs.job import Job
from scaling.runs.record import RecordState

EPOCHS = 3
KINDS: dict[str, dict[str, Any]] = {
    "random": {"sampler": "random", "trials": 5, "seeds": [0, 1]},
    "tpe": {"sampler": "tpe", "trials": 6, "startup_trials": 2},
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
        wanted = search.send(int(random.integers(1, 6)))
        kinds = {search.trial(job).network.kind for job in search.running.values()}
        if CONFIRM in kinds:
            assert kinds == {CONFIRM}, "a confirmation beside a proposal"
            confirming = True
        assert not confirming or SEARCH not in kinds
        if not wanted.jobs:
            assert wanted.done
            return
        for job in random.permutation(np.array(list(search.running.values()), object)):
            _go_on(search, job, random)
            if random.random() < 0.3:
                break
        if cuts and random.random() < 0.1:
            search.begin()


@pytest.mark.parametrize("kind", KINDS)
def test_whatever_the_order_the_budget_is_met_and_nothing_is_trained_twice(kind: str) -> None:
    config = config_of(kind)
    for seed in range(30):
        search = MadeUpSearch(config, noisy)
        interleaved(search, np.random.default_rng([seed, 1]), cuts=seed % 2 == 1)
        _check_end(config, search)


def _go_on(search: MadeUpSearch, job: Job, random: np.random.Generator) -> None:
    """Train some epochs, and end as chance wants it."""
    while search.epochs.get(job.key, 0) < EPOCHS and random.random() < 0.8:
        if search.epoch(job):
            search.end(job, RecordState.PRUNED)
            return
    if search.epochs.get(job.key, 0) == EPOCHS:
        search.end(job, ENDS[random.choice(len(ENDS), p=OFTEN)])


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
    config, cuts = config_of(kind), 0
    whole = MadeUpSearch(config, noisy, tmp_path / "whole.jsonl").run()
    expected = history_of(tmp_path / "whole.jsonl")
    assert kind in {"random", "tpe"} or whole.history.pruned, "nothing was pruned: nothing is shown"
    for number in range(16):
        path = tmp_path / f"{number}.jsonl"
        search = CutSearch(MadeUpSearch(config, noisy, path), seed=number, share=0.02 + 0.01 * (number % 6))
        cuts += search.run()
        assert history_of(path) == expected
        assert [job.key for job in dict.fromkeys(search.search.sent)] == [job.key for job in whole.sent]
        assert set(search.search.records) >= set(whole.records) - set(whole.history.pruned)
    assert cuts >= 40


class KilledError(Exception):
    """The coordinator died here."""


class CutSearch:
    """One worker whose coordinator is killed between any two steps, and while it writes a line.

    Args:
        search: at work.
        seed: of the cuts.
        share: of moments at which it is killed.
    """

    def __init__(self, search: MadeUpSearch, *, seed: int, share: float) -> None:
        self.search, self.share, self.random = search, share, np.random.default_rng(seed)

    def run(self) -> int:
        """Go on to the end; return how often it was killed."""
        cuts = 0
        while True:
            try:
                if not self._step():
                    return cuts
            except KilledError:
                cuts += 1
                self.search.begin()

    def _step(self) -> bool:
        before = self._written()
        if not self.search.send().jobs:
            return False
        if len(self._written()) > len(before) and self.random.random() < self.share:
            self._tear(len(before))
            raise KilledError
        self._perhaps_killed()
        (job,) = self.search.running.values()
        pruned = False
        while self.search.epochs.get(job.key, 0) < EPOCHS and not pruned:
            pruned = self.search.epoch(job)
            if self.random.random() < self.share:
                self.search.epochs[job.key] -= int(self.random.integers(0, 2))  # an older checkpoint
                raise KilledError
        self.search.end(job, RecordState.PRUNED if pruned else RecordState.COMPLETE)
        self._perhaps_killed()
        return True

    def _perhaps_killed(self) -> None:
        if self.random.random() < self.share:
            raise KilledError

    def _written(self) -> bytes:
        assert self.search.path is not None
        return self.search.path.read_bytes() if self.search.path.exists() else b""

    def _tear(self, before: int) -> None:
        """Leave only a part of the last line, as a power cut does."""
        now = self._written()
        start = max(before, now[:-1].rfind(b"\n") + 1)
        assert self.search.path is not None
        self.search.path.write_bytes(now[: int(self.random.integers(start, len(now)))])


def test_a_history_cut_anywhere_in_its_last_line_is_read(tmp_path: Path) -> None:
    path = tmp_path / "proposals.jsonl"
    MadeUpSearch(config_of("random"), path=path).run()
    whole = path.read_bytes()
    lines = whole.count(b"\n")
    for end in range(whole[:-1].rfind(b"\n") + 1, len(whole)):
        path.write_bytes(whole[:end])
        assert len(read_history(path).proposals) == lines - 1
    history = open_history(path)  # goes on after the last whole line
    again = MadeUpSearch(config_of("random"), path=path)
    assert len(again.history.proposals) == len(history.proposals) == lines - 1
    again.run()
    assert len(read_history(path).proposals) == lines
    assert path.read_bytes().endswith(b"\n")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda lines: [*lines[:2], lines[2][:99] + "\n", *lines[3:]], "line 3, is damaged"),
        (lambda lines: [*lines[:2], "{}\n", *lines[3:]], "line 3, is damaged"),
        (lambda lines: lines[:2] + lines[3:], "lacks proposal 2"),
        (lambda lines: [*lines, lines[-1]], "lacks proposal"),
        (lambda lines: [lines[0].replace('"kind"', '"kinds"'), *lines[1:]], "line 1, is damaged"),
    ],
)
def test_a_damaged_line_in_the_middle_is_refused_by_name(
    change: Callable[[list[str]], list[str]], message: str, tmp_path: Path
) -> None:
    path = tmp_path / "proposals.jsonl"
    MadeUpSearch(config_of("random"), path=path).run()
    path.write_text("".join(change(path.read_text().splitlines(keepends=True))))
    with pytest.raises(ResultsError, match=message) as caught:
        open_history(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_failure_of_an_earlier_launch_is_tried_again_and_proposals_stay() -> None:
    search = MadeUpSearch(config_of("random"))
    search.send()
    (job,) = search.running.values()
    search.end(job, RecordState.FAILED)
    search.run()
    before = search.points()
    del search.records[job.key]  # as a new launch sees it
    search.begin()
    assert [one.key for one in search.send().jobs] == [job.key]
    search.run()
    assert search.points() == before
    assert search.records[job.key].state == RecordState.COMPLETE


def test_nothing_is_proposed_beyond_what_there_is_room_for() -> None:
    search = MadeUpSearch(configuration(search={"trials": 50, "sampler": "random", "tolerance": 0.2}))
    references = 4 + 3  # four scaled ones, and the baseline's seeds
    search.send(references)
    assert search.points() == []
    wanted = search.send(references + 3)
    assert len(wanted.jobs) == references + 3
    assert len(search.proposed()) == 3


def test_a_space_that_is_exhausted_ends_the_search(monkeypatch: pytest.MonkeyPatch) -> None:
    config = configuration(search={"trials": 9, "tolerance": 0.01, "sampler": "random"})
    whole = MadeUpSearch(config).run()
    assert len(whole.proposed()) == 9
    monkeypatch.setattr("scaling.plans.search.asking.MOST_DROPS", 3)
    search = MadeUpSearch(config).run()
    fates = [one.fate for one in search.history.proposals]
    assert search.plan.exhausted
    assert Fate.ACCEPTED not in fates[-3:]
    assert fates == [one.fate for one in whole.history.proposals][: len(fates)]
    frame = trials_of(config, whole.history, whole.records)
    recorded = frame[(frame["state"] == "infeasible") & (frame["kind"] == "search")]
    assert recorded["trial"].nunique() == sum(one.fate == Fate.INFEASIBLE for one in whole.history.proposals)
    assert len(recorded) > 0
    assert recorded["top1"].isna().all()
    assert not (abs(recorded["achieved_factor"] / 2 - 1) <= 0.01).any()


def test_a_target_that_no_network_meets_is_refused_before_anything_is_proposed() -> None:
    with pytest.raises(ConfigError, match="no network is on target"):
        MadeUpSearch(configuration(search={"tolerance": 1e-9}))


def test_references_beyond_the_limits_are_in_the_table_and_never_trained() -> None:
    config = configuration(search={"largest_image_size": 18, "trials": 0})
    search = MadeUpSearch(config).run()
    names = {trial.network.name for trial in map(search.trial, search.sent)}
    assert names == {"baseline", "depth", "width", "compound"}
    frame = trials_of(config, search.history, search.records)
    assert frame.loc[frame["name"] == "resolution", "state"].tolist() == ["infeasible"]


def test_the_whole_table_is_trained_whatever_the_budget() -> None:
    config = configuration(search={"sampler": "exhaustive", "trials": 0, "largest_image_size": 18})
    assert networks_planned(config) == len(space_of(config)) > 5
    search = MadeUpSearch(config).run()
    found = {one.key for one in enumerated(config) or ()}
    known = {architecture_key(one.spec) for one in references(config) if one.spec}
    assert {one.network.key for one in search.proposed()} == found - known
