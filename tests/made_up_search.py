"""Searches whose trainings are made up: a plan at work, as a coordinator would have it, in milliseconds."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from search_runs import curve_of, record_of

from scaling.plans.search.config import SearchConfig
from scaling.plans.search.history import History, open_history
from scaling.plans.search.plan import SearchPlan
from scaling.plans.search.trial import SearchTrial
from scaling.runs.job import Job
from scaling.runs.plan import Wanted
from scaling.runs.record import Record, RecordState

Accuracy = Callable[[SearchTrial, int], Sequence[float]]
"""From a network and a seed to the accuracy after each epoch."""


def smooth(trial: SearchTrial, seed: int) -> Sequence[float]:
    """Best at the shares (0.5, 0.3, 0.2); seeds are a little apart."""
    shares = (1 / 3, 1 / 3, 1 / 3) if trial.network.shares is None else trial.network.shares.shares
    distance = np.subtract(shares, (0.5, 0.3, 0.2))
    epochs = next(iter(trial.jobs.values())).recipe.epochs
    best = 0.8 - float(distance @ distance) + (seed % 7) / 1000
    return [best * epoch / epochs for epoch in range(1, epochs + 1)]


class MadeUpSearch:
    """A search at work.

    Args:
        config: of the search.
        accuracy: of its networks.
        path: where the history is kept; None keeps it in memory.
    """

    def __init__(self, config: SearchConfig, accuracy: Accuracy = smooth, path: Path | None = None) -> None:
        self.config, self.accuracy, self.path = config, accuracy, path
        self.records: dict[str, Record] = {}
        self.running: dict[str, Job] = {}
        self.epochs: dict[str, int] = {}
        """Trained so far, by job; a checkpoint keeps them."""
        self.sent: list[Job] = []
        self.begin()

    def begin(self) -> None:
        """Make the plan from what was kept, as a launch does; what was running is lost."""
        self.running.clear()
        if self.path is not None:
            self.history = open_history(self.path)
        elif not hasattr(self, "history"):
            self.history = History()
        self.plan = SearchPlan(self.config, self.history)

    def send(self, room: int = 1) -> Wanted:
        """Begin what is wanted and fits."""
        wanted = self.plan.next_jobs(self.records, room)
        keys = [job.key for job in wanted.jobs]
        assert len(set(keys)) == len(keys)
        for job in wanted.jobs:
            record = self.records.get(job.key)
            assert record is None or record.state == RecordState.PRUNED
            if job.key not in self.running and len(self.running) < room:
                self.running[job.key] = job
                self.sent.append(job)
        return wanted

    def trial(self, job: Job) -> SearchTrial:
        """The network that a running job is of."""
        return self.plan.owner[job.key]

    def epoch(self, job: Job) -> bool:
        """Train one epoch, and ask whether the training ends there."""
        done = self.epochs[job.key] = self.epochs.get(job.key, 0) + 1
        return self.plan.prune(job, curve_of(self._accuracies(job)[:done]), self.records)

    def end(self, job: Job, state: RecordState | None = RecordState.COMPLETE) -> None:
        """End a running job; None leaves no record, as a worker that dies."""
        del self.running[job.key]
        if state is not None:
            done = self.epochs[job.key] if state == RecordState.PRUNED else job.recipe.epochs
            error = "made up" if state == RecordState.FAILED else None
            top1 = list(self._accuracies(job)[:done])
            self.records[job.key] = record_of(job, top1, state=state, error=error)

    def train(self, job: Job) -> Record:
        """Train a running job to its end, or until it is pruned."""
        pruned = False
        while self.epochs.get(job.key, 0) < job.recipe.epochs and not pruned:
            pruned = self.epoch(job)
        self.end(job, RecordState.PRUNED if pruned else RecordState.COMPLETE)
        return self.records[job.key]

    def run(self, networks: int | None = None) -> MadeUpSearch:
        """Go on with one worker, to the end or until so many proposals have ended."""
        while self.send().jobs and (networks is None or len(self.ended()) < networks):
            for job in list(self.running.values()):
                self.train(job)
        return self

    def ended(self) -> list[SearchTrial]:
        """The proposed networks of which nothing is left to train."""
        pruned = self.history.pruned
        return [one for one in self.proposed() if not one.wanted(self.records, pruned)]

    def proposed(self) -> list[SearchTrial]:
        """The proposed networks that are on target."""
        return [one for one in self.plan.trials if one.proposal is not None and one.jobs]

    def points(self) -> list[tuple[float, float]]:
        """What was proposed, dropped or not."""
        return [(one.s, one.v) for one in self.history.proposals]

    def _accuracies(self, job: Job) -> Sequence[float]:
        trial = self.trial(job)
        seed = next(seed for seed, one in trial.jobs.items() if one.key == job.key)
        return self.accuracy(trial, seed)
