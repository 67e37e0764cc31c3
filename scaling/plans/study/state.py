"""A study at one moment: its networks at every learning rate, and what their trainings gave."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from scaling.plans.networks import PlannedNetwork
from scaling.runs.job import Job
from scaling.runs.record import Record


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """A network at one learning rate, and its trainings.

    Args:
        number: in the table.
        network: that is trained.
        learning_rate_factor: on the recipe's.
        jobs: by seed; none where the network is not on target.
    """

    number: int
    network: PlannedNetwork
    learning_rate_factor: float
    jobs: Mapping[int, Job]


@dataclass(frozen=True, slots=True, kw_only=True)
class StudyState:
    """A study at one moment.

    Args:
        trials: every network at every learning rate that is known by now.
        results: of each trial, by seed; None where its training has not ended.
        final: whether no further network will follow from results.
    """

    trials: tuple[Trial, ...]
    results: tuple[Mapping[int, Record | None], ...]
    final: bool

    @property
    def networks(self) -> list[PlannedNetwork]:
        """The networks, each once; a direction and its confirmation are two."""
        return list({(one.network.kind, one.network.name): one.network for one in self.trials}.values())

    @property
    def missing(self) -> list[Job]:
        """What has not ended, in the order of training, each training once."""
        seeds = sorted({seed for trial in self.trials for seed in trial.jobs})
        pairs = list(zip(self.trials, self.results, strict=True))
        jobs = (
            trial.jobs[seed]  # seed by seed, so that a part of them says something of all
            for seed in seeds
            for trial, results in pairs
            if seed in trial.jobs and results[seed] is None
        )
        return list({job.key: job for job in jobs}.values())

    @property
    def records(self) -> list[Record]:
        """What has ended, each training once."""
        found = {one.key: one for results in self.results for one in results.values() if one is not None}
        return list(found.values())

    @property
    def complete(self) -> bool:
        """Whether nothing is missing and nothing will follow."""
        return self.final and not self.missing
