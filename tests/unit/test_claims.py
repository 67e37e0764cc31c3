"""Who trains what: exactly the budget, each network once, whatever dies in between."""

from __future__ import annotations

import contextlib
import multiprocessing
import queue
import time
from collections import Counter
from pathlib import Path
from typing import Any

import optuna
import pytest
from filelock import FileLock
from optuna.trial import TrialState
from search_runs import configuration

from scaling.network.serialization import architecture_key
from scaling.search.candidate import references
from scaling.search.claims import (
    ENUMERATED,
    MOST_WORKERS_KILLED,
    Claim,
    accepted,
    claim_candidate,
    claim_reference,
    key_of,
    prepare,
)
from scaling.search.config import SearchConfig
from scaling.search.endings import DIED, put_back
from scaling.search.rows import table, trial_state
from scaling.search.run import studies
from scaling.search.storage import open_storage
from scaling.targets.space import on_target

MANY = configuration(search={"trials": 4, "tolerance": 0.05, "sampler": "random"})
Studies = tuple[optuna.Study, optuna.Study]


def opened(config: SearchConfig, path: Path | None = None) -> Studies:
    if path is not None:
        return studies(config, open_storage(path))
    return optuna.create_study(direction="maximize"), optuna.create_study(direction="maximize")


def prepared(config: SearchConfig) -> Studies:
    both = opened(config)
    prepare(config, *both)
    return both


def taken(config: SearchConfig) -> set[str]:
    return {architecture_key(candidate.spec) for candidate in references(config)}


def next_candidate(config: SearchConfig, search: optuna.Study, worker: int = 0) -> Claim | None:
    return claim_candidate(config, search, taken(config), worker=worker)


def finish(claim: Claim, top1: float = 0.5) -> None:
    for seed in claim.seeds:
        claim.trial.set_user_attr(
            f"result:{seed}", {"top1": top1, "outcome": "complete", "epochs": 1, "wall_s": 1.0}
        )
    claim.trial.set_user_attr("values", [top1])
    claim.trial.set_user_attr("outcome", "complete")
    claim.study.tell(claim.trial, top1)


def all_candidates(config: SearchConfig, search: optuna.Study) -> list[Claim]:
    found = []
    while (claim := next_candidate(config, search)) is not None:
        found.append(claim)
        finish(claim)
        assert len(found) < 60, "claims never end"
    return found


def test_the_small_network_has_a_space_worth_searching() -> None:
    assert len(on_target(MANY.baseline_spec, MANY.target, MANY.rounding_rules)) > 30


def test_references_come_in_order_with_their_seeds() -> None:
    reference, _ = prepared(MANY)
    claims = []
    while (claim := claim_reference(MANY, reference)) is not None:
        claims.append(claim)
    assert [claim.candidate.name for claim in claims] == [
        "baseline",
        "depth",
        "width",
        "resolution",
        "compound",
    ]
    assert [claim.seeds for claim in claims] == [(0, 1, 2), *[(0,)] * 4]
    assert [claim.trial.user_attrs["trial"] for claim in claims] == [0, 1, 2, 3, 4]


def test_preparing_again_queues_nothing() -> None:
    for trials in (4, 1000):
        config = configuration(search={"trials": trials})
        reference, search = prepared(config)
        before = len(reference.trials), len(search.trials)
        prepare(config, reference, search)
        assert (len(reference.trials), len(search.trials)) == before


@pytest.mark.parametrize("sampler", ["tpe", "random"])
def test_the_budget_is_exact_and_no_network_comes_twice(sampler: str) -> None:
    config = configuration(search={"trials": 8, "sampler": sampler})
    _, search = prepared(config)
    claims = all_candidates(config, search)
    keys = [architecture_key(claim.candidate.spec) for claim in claims]
    assert len(keys) == len(set(keys)) == 8
    assert not set(keys) & taken(config)
    assert all(claim.candidate.feasible for claim in claims)
    numbers = [claim.trial.user_attrs["trial"] for claim in claims]
    assert numbers == sorted(set(numbers))
    assert numbers[0] >= 5
    assert "space_exhausted" not in search.user_attrs


def test_trials_in_training_count_towards_the_budget() -> None:
    _, search = prepared(MANY)
    claims = [next_candidate(MANY, search, worker=n) for n in range(5)]
    assert [claim is None for claim in claims] == [False] * 4 + [True]


def test_a_diverged_or_failed_training_counts_and_its_network_does_not_come_again() -> None:
    _, search = prepared(MANY)
    keys = []
    while (claim := next_candidate(MANY, search)) is not None:
        keys.append(architecture_key(claim.candidate.spec))
        claim.trial.set_user_attr("outcome", "diverged")
        search.tell(claim.trial, state=TrialState.FAIL)
    assert len(keys) == len(set(keys)) == 4


def test_no_budget_is_no_proposal() -> None:
    config = configuration(search={"trials": 0})
    _, search = prepared(config)
    assert next_candidate(config, search) is None
    assert search.trials == []


def test_small_spaces_are_enumerated_to_the_last_network_and_then_exhausted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("scaling.search.claims.MOST_DROPS", 20)
    config = configuration(search={"trials": 40, "largest_image_size": 17, "tolerance": 0.04})
    space = len(on_target(config.baseline_spec, config.target, config.rounding_rules))
    assert 0 < space < 40
    _, search = prepared(config)
    claims = all_candidates(config, search)
    keys = {architecture_key(claim.candidate.spec) for claim in claims}
    on_references = taken(config) & {key_of(trial) for trial in search.trials}
    assert len(keys) == len(claims) == space - len(on_references)
    assert search.user_attrs[ENUMERATED] is True
    for claim in claims:
        assert claim.candidate.proposed is not None
        assert sum(claim.candidate.proposed.shares) == pytest.approx(1)


def test_infeasible_proposals_are_recorded_and_never_trained(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("scaling.search.claims.MOST_DROPS", 20)
    # At one image size with coarse channels hardly any direction ends within one part in a thousand.
    config = configuration(
        search={"trials": 2, "tolerance": 0.001, "sampler": "random"}, rounding={"channel_divisor": 8}
    )
    reference, search = opened(config)
    claims = all_candidates(config, search)
    infeasible = [t for t in search.trials if t.user_attrs.get("dropped") == "infeasible"]
    assert infeasible
    assert all(trial.state == TrialState.FAIL for trial in infeasible)
    assert len(claims) <= 2
    assert all(claim.candidate.feasible for claim in claims)
    frame = table(config, reference, search)
    recorded = frame[frame["state"] == "infeasible"]
    assert recorded["trial"].nunique() == len(infeasible)
    assert recorded["top1"].isna().all()
    assert not (abs(recorded["achieved_factor"] / 2 - 1) <= 0.001).any()


def test_references_beyond_the_largest_image_are_recorded_and_never_trained() -> None:
    config = configuration(search={"largest_image_size": 18})
    reference, search = prepared(config)
    names = []
    while (claim := claim_reference(config, reference)) is not None:
        names.append(claim.candidate.name)
    assert names == ["baseline", "depth", "width", "compound"]
    frame = table(config, reference, search)
    assert frame.loc[frame["name"] == "resolution", "state"].tolist() == ["infeasible"]


def frozen(claim: Claim) -> Any:
    return claim.study.trials[claim.trial.number]


def test_a_trial_that_is_put_back_keeps_everything_and_is_put_back_once() -> None:
    _, search = prepared(MANY)
    first = next_candidate(MANY, search)
    assert first is not None
    first.trial.set_user_attr("result:0", {"top1": 0.25, "epochs": 1, "wall_s": 1.0})
    stale = frozen(first)
    for _ in range(3):
        put_back(search, stale, "stopped")
        put_back(search, frozen(first), "stopped")
    assert [trial.state for trial in search.trials] == [TrialState.FAIL, TrialState.WAITING]
    again = next_candidate(MANY, search)
    assert again is not None
    attributes = again.trial.user_attrs
    assert again.candidate == first.candidate
    assert again.trial.params == first.trial.params
    assert attributes["trial"] == first.trial.user_attrs["trial"]
    assert attributes["result:0"]["top1"] == 0.25
    assert attributes["lineage"] == first.trial.number
    assert attributes["interruptions"] == ["stopped"]
    put_back(search, frozen(again), DIED)
    third = next_candidate(MANY, search)
    assert third is not None
    assert third.trial.user_attrs["lineage"] == first.trial.number
    assert third.trial.user_attrs["interruptions"] == ["stopped", DIED]


def test_a_crash_between_queueing_and_ending_is_mended() -> None:
    _, search = prepared(MANY)
    claim = next_candidate(MANY, search)
    assert claim is not None
    attributes = {**claim.trial.user_attrs, "lineage": claim.trial.number, "interruptions": [DIED]}
    search.enqueue_trial(claim.trial.params, user_attrs=attributes)  # then the process died
    put_back(search, frozen(claim), "left running")
    assert [trial.state for trial in search.trials] == [TrialState.FAIL, TrialState.WAITING]


def test_put_back_trials_cost_no_budget() -> None:
    _, search = prepared(MANY)
    for _ in range(6):
        claim = next_candidate(MANY, search)
        assert claim is not None
        put_back(search, frozen(claim), "stopped")
    assert len(all_candidates(MANY, search)) == 4
    assert len(accepted(search.trials)) == 4


@pytest.mark.parametrize("sampler", ["tpe", "random"])
def test_interruptions_do_not_change_what_one_worker_proposes(sampler: str) -> None:
    config = configuration(search={"trials": 6, "sampler": sampler, "startup_trials": 2})

    def proposals(interrupt_at: set[int]) -> list[str]:
        _, search = prepared(config)
        keys: list[str] = []
        while (claim := next_candidate(config, search)) is not None:
            if len(keys) in interrupt_at and "lineage" not in claim.trial.user_attrs:
                put_back(search, frozen(claim), "stopped")
                continue
            keys.append(architecture_key(claim.candidate.spec))
            finish(claim, top1=int(keys[-1], 16) / 16**16)
        return keys

    assert proposals({0, 2, 3}) == proposals(set())


def test_workers_and_seeds_propose_differently() -> None:
    found = set()
    for worker, seed in ((0, 0), (1, 0), (0, 1)):
        config = configuration(search={"trials": 4, "sampler": "random", "seed": seed})
        _, search = prepared(config)
        claim = next_candidate(config, search, worker)
        assert claim is not None
        found.add(claim.trial.params["s"])
    assert len(found) == 3


def test_a_network_that_kills_its_workers_fails_and_the_search_goes_on() -> None:
    reference, search = prepared(MANY)
    claim = next_candidate(MANY, search)
    assert claim is not None
    killer = architecture_key(claim.candidate.spec)
    for death in range(MOST_WORKERS_KILLED):
        assert architecture_key(claim.candidate.spec) == killer, death
        put_back(search, frozen(claim), DIED)
        claim = next_candidate(MANY, search)
        assert claim is not None
    assert architecture_key(claim.candidate.spec) != killer
    frame = table(MANY, reference, search)
    assert frame.loc[frame["architecture"] == killer, "state"].tolist() == ["failed"]
    assert len([claim, *all_candidates(MANY, search)]) == 4 - 1


def test_ctrl_c_never_counts_as_a_death() -> None:
    _, search = prepared(MANY)
    for _ in range(MOST_WORKERS_KILLED + 2):
        claim = next_candidate(MANY, search)
        assert claim is not None
        put_back(search, frozen(claim), "stopped")
    assert next_candidate(MANY, search) is not None


@pytest.mark.parametrize(("outcome", "state"), [("complete", "complete"), ("diverged", "diverged")])
def test_a_death_between_noting_and_telling_leaves_one_row(outcome: str, state: str) -> None:
    reference, search = prepared(MANY)
    claim = next_candidate(MANY, search)
    assert claim is not None
    top1 = 0.5 if outcome == "complete" else None
    claim.trial.set_user_attr("result:0", {"top1": top1, "outcome": outcome, "epochs": 1, "wall_s": 1.0})
    if outcome == "complete":
        claim.trial.set_user_attr("values", [top1])
    claim.trial.set_user_attr("outcome", outcome)  # then the process died
    put_back(search, frozen(claim), DIED)
    frame = table(MANY, reference, search)
    mine = frame[frame["architecture"] == architecture_key(claim.candidate.spec)]
    assert mine["state"].tolist() == [state]
    assert len(accepted(search.trials)) == 1
    assert frozen(claim).value == (0.5 if outcome == "complete" else None)
    assert len(all_candidates(MANY, search)) == 3


def test_a_death_between_dropping_and_telling_leaves_one_row() -> None:
    config = configuration(search={"largest_image_size": 18})
    reference, search = prepared(config)
    queued = next(t for t in reference.trials if t.user_attrs["candidate"]["name"] == "resolution")
    while (trial := reference.ask()).number != queued.number:
        pass
    trial.set_user_attr("dropped", "infeasible")  # then the process died
    put_back(reference, reference.trials[trial.number], "left running")
    frame = table(config, reference, search)
    assert frame.loc[frame["name"] == "resolution", "state"].tolist() == ["infeasible"]


def test_a_trial_that_has_ended_is_left_alone() -> None:
    _, search = prepared(MANY)
    claim = next_candidate(MANY, search)
    assert claim is not None
    finish(claim)
    put_back(search, frozen(claim), "stopped")
    assert [trial.state for trial in search.trials] == [TrialState.COMPLETE]
    assert trial_state(frozen(claim)) == "complete"


def _claim_all(path: str, worker: int, told: Any) -> None:
    """Claim, hold for a moment, end: as a worker does, without training."""
    folder = Path(path)
    told.put("here")
    while not (folder / "go").exists():
        time.sleep(0.01)
    reference, search = opened(MANY_AT_ONCE, folder / "study.sqlite3")
    lock, known = FileLock(folder / "claim.lock"), taken(MANY_AT_ONCE)
    while True:
        with lock:
            claim = claim_reference(MANY_AT_ONCE, reference) or claim_candidate(
                MANY_AT_ONCE, search, known, worker=worker
            )
        if claim is None:
            return
        told.put((worker, claim.candidate.name, architecture_key(claim.candidate.spec)))
        finish(claim, top1=worker / 10)
        time.sleep(0.1)  # of training: the other process gets its turn at the lock


MANY_AT_ONCE = configuration(search={"trials": 8, "sampler": "tpe", "startup_trials": 3})


def in_processes(target: Any, count: int, folder: Path) -> list[Any]:
    """Let processes go at once when all are there; return what they put into a queue."""
    context = multiprocessing.get_context("spawn")
    told = context.Queue()
    processes = [context.Process(target=target, args=(str(folder), n, told)) for n in range(count)]
    for process in processes:
        process.start()
    for _ in processes:
        assert told.get(timeout=60) == "here"
    (folder / "go").touch()
    found = []
    while any(process.is_alive() for process in processes) or not told.empty():
        with contextlib.suppress(queue.Empty):
            found.append(told.get(timeout=0.2))
    assert [process.exitcode for process in processes] == [0] * count
    return found


def test_two_processes_share_the_budget_and_no_network(tmp_path: Path) -> None:
    reference, search = opened(MANY_AT_ONCE, tmp_path / "study.sqlite3")
    prepare(MANY_AT_ONCE, reference, search)
    claims = in_processes(_claim_all, 2, tmp_path)
    names = Counter(name for _, name, _ in claims)
    assert names == {"baseline": 1, "depth": 1, "width": 1, "resolution": 1, "compound": 1, "search": 8}
    keys = [key for _, name, key in claims if name == "search"]
    assert len(set(keys)) == len(keys)
    assert {worker for worker, _, _ in claims} == {0, 1}
    numbers = table(MANY_AT_ONCE, reference, search).groupby("architecture")["trial"].nunique()
    assert (numbers == 1).all()
