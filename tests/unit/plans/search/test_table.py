"""From the database to the table: right at any moment of a run."""

from __future__ import annotations

from typing import Any

import optuna
import pytest
from optuna.trial import TrialState
from search_runs import configuration

from scaling.network.serialization import architecture_key
from scaling.search.candidate import references
from scaling.search.claims import claim_candidate, claim_reference, prepare
from scaling.search.endings import put_back, tell
from scaling.search.leases import LEASE, Lease
from scaling.search.objective import evaluate, seed_results
from scaling.search.rows import table
from scaling.training import TrainingResult
from scaling.training.engine import Outcome, TrainingInterruptedError, best_device

CONFIG = configuration(search={"trials": 2, "seeds": [0, 7]})
KEYS = {architecture_key(candidate.spec) for candidate in references(CONFIG)}
Studies = tuple[optuna.Study, optuna.Study]


@pytest.fixture
def both() -> Studies:
    studies = optuna.create_study(direction="maximize"), optuna.create_study(direction="maximize")
    prepare(CONFIG, *studies)
    return studies


def trained(monkeypatch: pytest.MonkeyPatch, *ends: Any) -> list[int]:
    """Let training end as told, seed by seed; return the seeds that were trained."""
    seeds, results = [], iter(ends)

    def train(*_: Any, seed: int, **__: Any) -> TrainingResult:
        end = next(results)
        if isinstance(end, Exception):
            raise end
        seeds.append(seed)
        outcome = Outcome.COMPLETE if end == end else Outcome.DIVERGED  # noqa: PLR0124 (nan)
        return TrainingResult(outcome=outcome, top1=end, epochs=1, wall_s=1.5, images_per_s=9.0)

    monkeypatch.setattr("scaling.search.objective.train_network", train)
    monkeypatch.setattr("scaling.search.objective.images", lambda *_: None)
    return seeds


def claim_and_evaluate(both: Studies, *, reference: bool = False) -> Any:
    if reference:
        claim = claim_reference(CONFIG, both[0])
    else:
        claim = claim_candidate(CONFIG, both[1], KEYS, worker=0)
    assert claim is not None
    lease = Lease(holder="me")
    claim.trial.set_user_attr(LEASE, lease.document())
    ending = evaluate(CONFIG, claim, best_device("cpu"), report=lambda *_: None, should_stop=lambda: False)
    assert tell(claim.study, claim.trial._trial_id, ending, lease)
    return claim


def test_before_anything_is_trained_references_wait(both: Studies) -> None:
    frame = table(CONFIG, *both)
    assert frame["state"].tolist() == ["waiting"] * 11
    assert frame["seed"].tolist() == [0, 1, 2, *[0, 7] * 4]
    assert frame["top1"].isna().all()


def test_every_seed_is_a_row_and_the_study_is_told_the_mean(
    both: Studies, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert trained(monkeypatch, 0.25, 0.75, 0.5, 0.25, 0.5) == []
    claim_and_evaluate(both, reference=True)
    claim = claim_and_evaluate(both)
    frame = table(CONFIG, *both)
    baseline = frame[frame["name"] == "baseline"]
    assert baseline["top1"].tolist() == [0.25, 0.75, 0.5]
    mine = frame[frame["kind"] == "search"]
    assert mine["seed"].tolist() == [0, 7]
    assert mine["top1"].tolist() == [0.25, 0.5]
    assert mine["state"].tolist() == ["complete"] * 2
    assert both[1].trials[claim.trial.number].value == 0.375


def test_one_diverged_seed_makes_the_trial_diverged_but_keeps_the_other(
    both: Studies, monkeypatch: pytest.MonkeyPatch
) -> None:
    trained(monkeypatch, float("nan"), 0.5)
    claim = claim_and_evaluate(both)
    frame = table(CONFIG, *both)
    mine = frame[frame["kind"] == "search"]
    assert mine["state"].tolist() == ["diverged", "complete"]
    assert mine["top1"].isna().tolist() == [True, False]
    assert both[1].trials[claim.trial.number].state == TrialState.FAIL


def test_an_error_fails_one_trial_and_says_why(both: Studies, monkeypatch: pytest.MonkeyPatch) -> None:
    trained(monkeypatch, 0.5, MemoryError("no more"), 0.5, 0.5)
    claim = claim_and_evaluate(both)
    assert both[1].trials[claim.trial.number].user_attrs["error"] == "MemoryError: no more"
    claim_and_evaluate(both)
    frame = table(CONFIG, *both)
    assert frame[frame["kind"] == "search"]["state"].tolist() == [
        "complete",
        "failed",
        "complete",
        "complete",
    ]


def test_finished_seeds_are_not_trained_again(both: Studies, monkeypatch: pytest.MonkeyPatch) -> None:
    seeds = trained(monkeypatch, 0.25, TrainingInterruptedError("stop"), 0.75)
    claim = claim_candidate(CONFIG, both[1], KEYS, worker=0)
    assert claim is not None
    with pytest.raises(TrainingInterruptedError):
        evaluate(CONFIG, claim, best_device("cpu"), report=lambda *_: None, should_stop=lambda: False)
    put_back(both[1], both[1].trials[claim.trial.number], "stopped")
    half = table(CONFIG, *both)
    assert half[half["kind"] == "search"]["state"].tolist() == ["complete", "waiting"]
    claim_and_evaluate(both)
    assert seeds == [0, 7]
    frame = table(CONFIG, *both)
    mine = frame[frame["kind"] == "search"]
    assert mine["top1"].tolist() == [0.25, 0.75]
    assert not frame.duplicated(["trial", "seed"]).any()


def test_a_trial_in_training_waits_in_the_table(both: Studies) -> None:
    assert claim_candidate(CONFIG, both[1], KEYS, worker=0) is not None
    frame = table(CONFIG, *both)
    assert frame[frame["kind"] == "search"]["state"].tolist() == ["waiting", "waiting"]
    assert frame[frame["kind"] == "search"]["trial"].tolist() == [5, 5]


def test_results_are_read_by_their_seed() -> None:
    assert list(seed_results({"result:12": {"top1": 1}, "results": 3, "trial": 1})) == [12]
