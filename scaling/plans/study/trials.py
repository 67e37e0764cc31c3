"""A study at one moment: its networks at every learning rate, and what their trainings gave."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import pandas as pd

from scaling.network.architecture import ArchitectureSpec
from scaling.plans.networks import PlannedNetwork, network_columns, training_columns
from scaling.runs.job import Job
from scaling.runs.record import Record
from scaling.runs.trials_table import LEARNING_RATE_FACTOR, trials_frame
from scaling.targets.target import Target

EXTRA = {"strategy": "string", "target_factor": "Float64", LEARNING_RATE_FACTOR: "Float64"}
"""Columns of a study's table beside those of every table of trials, with their pandas types."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """A network at one learning rate, and its trainings.

    Args:
        learning_rate_factor: on the recipe's.
        jobs: by seed; none where the network is not on target.
        results: by seed; None where a training has not ended.
    """

    number: int
    network: PlannedNetwork
    learning_rate_factor: float
    jobs: Mapping[int, Job]
    results: Mapping[int, Record | None] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class StudyState:
    """A study at one moment.

    Args:
        trials: every network at every learning rate that is known by now.
        final: whether no further network will follow from results.
    """

    trials: tuple[Trial, ...]
    final: bool

    @property
    def networks(self) -> list[PlannedNetwork]:
        """The networks, each once; a direction and its confirmation are two."""
        return list({(one.network.kind, one.network.name): one.network for one in self.trials}.values())

    @property
    def missing(self) -> list[Job]:
        """What has not ended, in the order of training, each training once."""
        seeds = sorted({seed for trial in self.trials for seed in trial.jobs})
        jobs = (
            trial.jobs[seed]  # seed by seed, so that a part of them says something of all
            for seed in seeds
            for trial in self.trials
            if seed in trial.jobs and trial.results[seed] is None
        )
        return list({job.key: job for job in jobs}.values())

    @property
    def records(self) -> list[Record]:
        """What has ended, each training once."""
        found = {one.key: one for trial in self.trials for one in trial.results.values() if one is not None}
        return list(found.values())

    @property
    def complete(self) -> bool:
        """Whether nothing is missing and nothing will follow."""
        return self.final and not self.missing

    def table(self, title: str, baseline: ArchitectureSpec, target: Target) -> pd.DataFrame:
        """Return the table of trials, with a row for every wanted seed, trained or `waiting`.

        Columns: those of every table of trials, then `strategy`, `target_factor`, `learning_rate_factor`.
        """
        rows, extra = [], []
        for trial in self.trials:
            network, number = trial.network, {"trial": trial.number}
            common = {"experiment": title, **number, **network_columns(network, baseline, target)}
            if not trial.jobs:
                rows.append({**common, "state": "infeasible"})
            rows += [{**common, **training_columns(seed, one)} for seed, one in trial.results.items()]
            own = (network.strategy, network.factor, trial.learning_rate_factor)
            extra.append({**number, **dict(zip(EXTRA, own, strict=True))})
        columns = pd.DataFrame(extra).astype({"trial": "Int64", **EXTRA})
        return trials_frame(rows).merge(columns, on="trial", how="left", validate="many_to_one")
