"""Trainings that are ended early: who is asked, who ends, what the table says; the engine is a curve here."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import optuna
import pytest
from optuna.trial import TrialState
from search_runs import configuration

from scaling.network.serialization import architecture_key
from scaling.search.candidate import references
from scaling.search.claims import Claim, claim_candidate, prepare
from scaling.search.config import SearchConfig
from scaling.search.endings import Ending, put_back, tell
from scaling.search.leases import LEASE, Lease
from scaling.search.objective import evaluate
from scaling.search.pruners import Pruner, make_pruner
from scaling.search.rows import table
from scaling.training import TrainingResult
from scaling.training.engine import EpochEnd, Outcome, TrainingInterruptedError, best_device

LEASE_OF_TEST = Lease(holder="test", launch="test")
EPOCHS = 9
Curve = Callable[[int, int], float]
"""From seed and epoch to accuracy."""


class Rig:
    """A study, and an engine that follows a curve; epochs that were trained are counted."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, **search: Any) -> None:
        wanted = {"trials": 12, "sampler": "random", "startup_trials": 2, **search}
        self.config: SearchConfig = configuration(search=wanted, recipe={"epochs": EPOCHS})
        self.reference, self.search = (optuna.create_study(direction="maximize") for _ in range(2))
        prepare(self.config, self.reference, self.search)
        self.taken = {architecture_key(candidate.spec) for candidate in references(self.config)}
        self.curve: Curve = rising(0.5)
        self.stop_at: int | None = None
        self.trained: list[tuple[int, int]] = []
        monkeypatch.setattr("scaling.search.objective.train_network", self._train)
        monkeypatch.setattr("scaling.search.objective.images", lambda *_: None)

    def _train(self, *_: Any, seed: int, on_epoch: Callable[[EpochEnd], None] | None, **__: Any) -> Any:
        for epoch in range(1, EPOCHS + 1):
            if epoch == self.stop_at:
                self.stop_at = None
                raise TrainingInterruptedError("stop")
            self.trained.append((seed, epoch))
            top1 = self.curve(seed, epoch)
            if on_epoch is not None:
                on_epoch(EpochEnd(epoch=epoch, steps=epoch, loss=1.0, top1=top1))
        return TrainingResult(
            outcome=Outcome.COMPLETE,
            top1=self.curve(seed, EPOCHS),
            epochs=EPOCHS,
            wall_s=1.0,
            images_per_s=1.0,
        )

    def claim(self) -> Claim:
        claim = claim_candidate(self.config, self.search, self.taken, worker=0)
        assert claim is not None
        claim.trial.set_user_attr(LEASE, LEASE_OF_TEST.document())
        return claim

    def train(self, claim: Claim, curve: Curve) -> Ending:
        self.curve, self.trained = curve, []
        device = best_device("cpu")
        return evaluate(
            self.config, claim, device, report=lambda *_: None, should_stop=lambda: False, checkpoints=None
        )

    def run(self, curve: Curve) -> Ending:
        claim = self.claim()
        ending = self.train(claim, curve)
        assert tell(claim.study, claim.trial.number, ending, LEASE_OF_TEST)
        return ending


def rising(best: float) -> Curve:
    return lambda seed, epoch: best * epoch / EPOCHS + seed / 1000


@pytest.fixture
def rig(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Rig]:
    return lambda **search: Rig(monkeypatch, **search)


@pytest.mark.parametrize("pruner", ["median", "successive_halving"])
def test_a_hopeless_network_is_ended_and_its_row_says_so(rig: Callable[..., Rig], pruner: str) -> None:
    here = rig(pruner=pruner, seeds=[0, 7])
    for best in (0.8, 0.82, 0.84, 0.86):
        assert here.run(rising(best)).outcome in {"complete", "pruned"}
    assert here.run(rising(0.2)) == Ending(outcome="pruned")
    assert 0 < len(here.trained) < EPOCHS
    assert {seed for seed, _ in here.trained} == {0}  # the other seed is never begun
    assert here.search.trials[-1].state == TrialState.PRUNED
    frame = table(here.config, here.reference, here.search)
    last = frame[frame["trial"] == frame["trial"].max()]
    assert last["state"].tolist() == ["pruned", "pruned"]
    assert last["fidelity_epochs"].tolist() == [len(here.trained), EPOCHS]
    assert last["top1"].tolist()[0] == pytest.approx(0.2 * len(here.trained) / EPOCHS)
    assert last["top1"].isna().tolist() == [False, True]


def test_a_good_network_is_trained_to_the_end_with_all_seeds(rig: Callable[..., Rig]) -> None:
    here = rig(pruner="median", seeds=[0, 7])
    for best in (0.5, 0.52, 0.54):
        here.run(rising(best))
    assert here.run(rising(0.9)).outcome == "complete"
    assert len(here.trained) == 2 * EPOCHS


def test_references_are_never_pruned(rig: Callable[..., Rig]) -> None:
    from scaling.search.claims import claim_reference  # noqa: PLC0415

    here = rig(pruner="median")
    while (claim := claim_reference(here.config, here.reference)) is not None:
        claim.trial.set_user_attr(LEASE, LEASE_OF_TEST.document())
        assert (
            here.train(claim, rising(0.01 if claim.candidate.name != "baseline" else 0.9)).outcome
            == "complete"
        )


def test_hyperband_prunes_some_and_lets_the_best_through(rig: Callable[..., Rig]) -> None:
    here = rig(pruner="hyperband", trials=40)
    ends = [here.run(rising(0.3 + 0.01 * ((7 * n) % 30))).outcome for n in range(30)]
    assert {"complete", "pruned"} == set(ends)
    assert here.run(rising(0.95)).outcome == "complete"


def test_wilcoxon_judges_seed_by_seed_and_the_mean_is_told(rig: Callable[..., Rig]) -> None:
    seeds = list(range(8))
    here = rig(pruner="wilcoxon", seeds=seeds)
    assert here.run(rising(0.8)).outcome == "complete"
    assert len(here.trained) == 8 * EPOCHS
    ending = here.run(lambda seed, _epoch: 0.4 + seed / 1000)
    assert ending.outcome == "pruned"
    trained = len(here.trained) // EPOCHS
    assert 4 <= trained < 8
    assert ending.values == (pytest.approx(0.4 + sum(seeds[:trained]) / trained / 1000),)
    assert here.search.trials[-1].values == list(ending.values)
    frame = table(here.config, here.reference, here.search)
    last = frame[frame["trial"] == frame["trial"].max()]
    assert last["state"].tolist() == ["complete"] * trained + ["pruned"] * (8 - trained)
    assert here.run(rising(0.85)).outcome == "complete"


def test_an_interrupted_training_is_judged_on_the_reports_that_it_made(rig: Callable[..., Rig]) -> None:
    here = rig(pruner="median", seeds=[0])
    for best in (0.8, 0.82, 0.84):
        here.run(rising(best))
    claim = here.claim()
    here.stop_at = 3
    with pytest.raises(TrainingInterruptedError):
        here.train(claim, rising(0.85))
    put_back(here.search, here.search.trials[claim.trial.number], "stopped")
    again = here.claim()
    assert again.candidate == claim.candidate
    assert here.train(again, rising(0.85)).outcome == "complete"  # epochs 1 and 2 are not reported twice
    values = here.search.trials[again.trial.number].intermediate_values
    assert values == {epoch: pytest.approx(0.85 * epoch / EPOCHS) for epoch in range(1, EPOCHS + 1)}


def test_a_death_after_pruning_leaves_it_pruned(rig: Callable[..., Rig]) -> None:
    here = rig(pruner="median", seeds=[0, 1])
    for best in (0.8, 0.82, 0.84):
        here.run(rising(best))
    claim = here.claim()
    assert here.train(claim, rising(0.1)) == Ending(outcome="pruned")  # then the worker dies untold
    put_back(here.search, here.search.trials[claim.trial.number], "worker died")
    again = here.claim()
    assert here.train(again, rising(0.1)) == Ending(outcome="pruned")
    assert here.trained == []


@pytest.mark.parametrize("pruner", list(Pruner))
def test_pruners_are_made_without_a_warning(pruner: Pruner) -> None:
    assert make_pruner(pruner, epochs=9, startup_trials=3) is not None
