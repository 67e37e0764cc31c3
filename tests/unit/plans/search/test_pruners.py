"""Trainings that are ended early: who is asked, who ends, what the table says; accuracies are made up."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from made_up_search import MadeUpSearch
from search_runs import configuration, curve_of

from scaling.plans.networks import REFERENCE
from scaling.plans.search.pruners import Pruner, make_pruner
from scaling.plans.search.table import trials_of
from scaling.plans.search.trial import SearchTrial, TrialState
from scaling.runs.job import Job

EPOCHS = 9
Curve = Callable[[int], Sequence[float]]
"""From a seed to the accuracy after each epoch."""


def rising(best: float) -> Curve:
    return lambda seed: [best * epoch / EPOCHS + seed / 1000 for epoch in range(1, EPOCHS + 1)]


class Rig:
    """A search whose next network follows a curve."""

    def __init__(self, path: Path | None = None, **search: Any) -> None:
        wanted = {"trials": 12, "sampler": "random", "startup_trials": 2, **search}
        config = configuration(search=wanted, recipe={"epochs": EPOCHS})
        self.curves: dict[int, Curve] = {}
        self.next = rising(0.5)
        self.search = MadeUpSearch(config, self._accuracy, path)

    def _accuracy(self, trial: SearchTrial, seed: int) -> Sequence[float]:
        return self.curves.setdefault(trial.number, self.next)(seed)

    def run(self, curve: Curve) -> TrialState:
        """Train the next network by a curve; return how it ended."""
        self.next = curve
        before = len(self.search.ended())
        self.search.run(before + 1)
        (trial,) = self.search.ended()[before:]
        return self.state(trial)

    def rise(self, *best: float) -> Rig:
        """Train a network to each of these accuracies."""
        for one in best:
            assert self.run(rising(one)) in {"complete", "pruned"}
        return self

    def state(self, trial: SearchTrial) -> TrialState:
        """How a network has ended."""
        return trial.state(self.search.records, self.search.history.pruned)

    def trained(self) -> dict[int, int]:
        """Epochs of the last network, by seed."""
        jobs = self.search.ended()[-1].jobs
        found = {seed: self.search.epochs.get(job.key, 0) for seed, job in jobs.items()}
        return {seed: epochs for seed, epochs in found.items() if epochs}

    def rows(self) -> pd.DataFrame:
        """The last network's."""
        search = self.search
        frame = trials_of(search.config, search.history, search.records)
        return frame[frame["trial"] == search.ended()[-1].number]

    def values(self) -> list[float] | None:
        """What the sampler knows of the last network; known once the next one is asked for."""
        self.search.plan.next_jobs(self.search.records, 1)
        proposal = self.search.ended()[-1].proposal
        assert proposal is not None
        values: list[float] | None = self.search.plan.asker.study.trials[proposal].values
        return values

    def begin(self, curve: Curve) -> Job:
        """Send the first training of the next network."""
        self.next = curve
        self.search.send()
        (job,) = self.search.running.values()
        return job


@pytest.mark.parametrize("pruner", ["median", "successive_halving"])
def test_a_hopeless_network_is_ended_and_its_row_says_so(pruner: str) -> None:
    rig = Rig(pruner=pruner, seeds=[0, 7]).rise(0.8, 0.82, 0.84, 0.86)
    assert rig.run(rising(0.2)) == "pruned"
    ((seed, epochs),) = rig.trained().items()  # the other seed is never begun
    assert seed == 0
    assert epochs < EPOCHS
    assert rig.rows()["state"].tolist() == ["pruned", "pruned"]
    assert rig.rows()["fidelity_epochs"].tolist() == [epochs, EPOCHS]
    assert rig.rows()["top1"].tolist()[0] == pytest.approx(0.2 * epochs / EPOCHS)
    assert rig.rows()["top1"].isna().tolist() == [False, True]


def test_a_good_network_is_trained_to_the_end_with_all_seeds() -> None:
    rig = Rig(pruner="median", seeds=[0, 7]).rise(0.5, 0.52, 0.54)
    assert rig.run(rising(0.9)) == "complete"
    assert rig.trained() == {0: EPOCHS, 7: EPOCHS}
    assert rig.values() == [pytest.approx(0.9 + 0.0035)]


def test_references_and_confirmations_are_never_pruned() -> None:
    rig = Rig(pruner="median", trials=4, confirm=2, confirm_seeds=[7, 8])
    search = rig.search
    search.accuracy = lambda trial, seed: rising(0.8 if trial.proposal is not None else 0.01)(seed)
    search.run()
    frame = trials_of(search.config, search.history, search.records)
    assert set(frame.loc[frame["kind"] == REFERENCE, "state"]) == {"complete"}
    assert frame.loc[frame["kind"] == "confirm", "state"].tolist() == ["complete"] * 4


def test_hyperband_prunes_some_and_lets_the_best_through() -> None:
    rig = Rig(pruner="hyperband", trials=40, tolerance=0.1)
    ends = [rig.run(rising(0.3 + 0.01 * ((7 * n) % 30))) for n in range(30)]
    assert set(ends) == {"complete", "pruned"}
    assert rig.run(rising(0.95)) == "complete"


def test_wilcoxon_judges_seed_by_seed_and_the_mean_counts() -> None:
    seeds = list(range(8))
    rig = Rig(pruner="wilcoxon", seeds=seeds)
    assert rig.run(rising(0.8)) == "complete"
    assert rig.trained() == dict.fromkeys(seeds, EPOCHS)
    assert rig.run(lambda seed: [0.4 + seed / 1000] * EPOCHS) == "pruned"
    trained = len(rig.trained())
    assert 4 <= trained < 8
    assert rig.values() == [pytest.approx(0.4 + sum(seeds[:trained]) / trained / 1000)]
    assert rig.rows()["state"].tolist() == ["complete"] * trained + ["pruned"] * (8 - trained)
    assert rig.run(rising(0.85)) == "complete"


def test_an_interrupted_training_is_judged_on_what_it_reached(tmp_path: Path) -> None:
    ends = []
    for interrupted in (False, True):
        rig = Rig(tmp_path / f"{interrupted}.jsonl", pruner="median", seeds=[0]).rise(0.8, 0.82, 0.84)
        job = rig.begin(rising(0.1))
        curve = curve_of(rising(0.1)(0))
        assert not rig.search.plan.prune(job, curve[:2], rig.search.records)
        if interrupted:
            rig.search.begin()
            assert rig.search.send().jobs == (job,)
        # It comes back with several epochs at once, and ends after the first that is behind.
        assert rig.search.plan.prune(job, curve[:6], rig.search.records)
        (decision,) = rig.search.history.pruned.values()
        ends.append(decision)
    assert ends[0] == ends[1]
    assert ends[0].epoch < 6


def test_a_death_after_the_decision_leaves_it_ended(tmp_path: Path) -> None:
    rig = Rig(tmp_path / "proposals.jsonl", pruner="median", seeds=[0, 1]).rise(0.8, 0.82, 0.84)
    job = rig.begin(rising(0.1))
    while not rig.search.epoch(job):
        pass
    trial = rig.search.trial(job)
    rig.search.begin()  # the record was never written
    assert rig.state(trial) == "pruned"
    assert job not in rig.search.send().jobs
    assert job.key in rig.search.history.pruned


def test_a_death_after_a_decision_at_the_last_epoch_trains_that_epoch_and_no_further_seed(
    tmp_path: Path,
) -> None:
    rig = Rig(tmp_path / "proposals.jsonl", pruner="median", seeds=[0, 1]).rise(0.8, 0.82, 0.84)
    late = [0.9 * epoch / EPOCHS for epoch in range(1, EPOCHS)] + [0.05]
    job = rig.begin(lambda _seed: late)
    for _ in range(EPOCHS):
        assert not rig.search.epoch(job)  # the training goes to its end in any case
    assert rig.search.history.pruned[job.key].whole
    rig.search.begin()
    assert rig.search.send().jobs == (job,)
    rig.search.train(job)
    assert job.key in rig.search.records
    assert rig.state(rig.search.ended()[-1]) == "pruned"
    assert rig.rows()["state"].tolist() == ["complete", "pruned"]


@pytest.mark.parametrize("pruner", list(Pruner))
def test_pruners_are_made_without_a_warning(pruner: Pruner) -> None:
    assert make_pruner(pruner, epochs=9, startup_trials=3) is not None
