"""The trials of a search: its networks with their trainings, and how each has ended, from records alone."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from typing import TypeGuard

from scaling.plans.networks import CONFIRM, OPTIMUM, SEARCH, PlannedNetwork
from scaling.plans.search.candidates import references, seeds_of
from scaling.plans.search.config import SearchConfig
from scaling.plans.search.history import Fate, History, Proposal, Pruned
from scaling.plans.search.objectives import values_of
from scaling.plans.search.pruners import Pruner
from scaling.runs.job import Job
from scaling.runs.plan import Records
from scaling.runs.record import Record, RecordState


class TrialState(StrEnum):
    """How a trial has ended, or that it has not."""

    WAITING = "waiting"
    COMPLETE = "complete"
    PRUNED = "pruned"
    DIVERGED = "diverged"
    FAILED = "failed"
    INFEASIBLE = "infeasible"


BAD = {RecordState.FAILED: TrialState.FAILED, RecordState.DIVERGED: TrialState.DIVERGED}
"""What a single training makes of the whole trial, the worse one first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchTrial:
    """A network of a search and its trainings.

    Args:
        number: in the table: references first, then proposals, then confirmations.
        network: what is trained.
        jobs: by seed, in the order of training; none where the network is not on target.
        seeds: that it has, or would have.
        proposal: number of the proposal; None for references and confirmations.
        confirms: number of the trial that is trained again; None for all others.
        repeats: number of the trial of which it is another seed; None for all others.
        by_seed: whether a seed is begun only when the one before has ended.
    """

    number: int
    network: PlannedNetwork
    jobs: Mapping[int, Job]
    seeds: tuple[int, ...] = ()
    proposal: int | None = None
    confirms: int | None = None
    repeats: int | None = None
    by_seed: bool = False

    def wanted(self, records: Records, pruned: Mapping[str, Pruned]) -> list[Job]:
        """Return the trainings that are to go on now."""
        missing = list[Job]()
        for job in self.jobs.values():
            record, decision = records.get(job.key), pruned.get(job.key)
            if decision is not None and not decision.whole:
                return missing  # nothing of this trial is begun any more
            if not ended(record):
                missing.append(job)
                if self.by_seed:
                    return missing
            elif decision is not None or (self.by_seed and record.state != RecordState.COMPLETE):
                return missing
        return missing

    def state(self, records: Records, pruned: Mapping[str, Pruned]) -> TrialState:
        """Return how the trial has ended, or that it has not."""
        if not self.jobs:
            return TrialState.INFEASIBLE
        if any(job.key in pruned for job in self.jobs.values()):
            # A decision after the last epoch may be older than the record of it.
            return TrialState.WAITING if self.wanted(records, pruned) else TrialState.PRUNED
        states = [record.state for job in self.jobs.values() if ended(record := records.get(job.key))]
        whole = len(states) == len(self.jobs)
        for bad, own in BAD.items():
            if bad in states and (self.by_seed or whole):
                return own
        return TrialState.COMPLETE if whole else TrialState.WAITING

    def results(self, records: Records) -> list[Record]:
        """Return the complete records, in the order of seeds."""
        found = (records.get(job.key) for job in self.jobs.values())
        return [one for one in found if one is not None and one.state == RecordState.COMPLETE]

    def values(self, config: SearchConfig, records: Records) -> list[float]:
        """Return the objectives, means over the seeds that are complete; empty where none is."""
        assert self.network.spec is not None
        results = [dict(one.result) for one in self.results(records) if one.result is not None]
        return values_of(config.search.objectives, self.network.spec, results) if results else []

    def label(self) -> str:
        """Name the trial for a reader."""
        name = self.network.name
        if self.network.kind == SEARCH:
            name = f"trial {self.number if self.repeats is None else self.repeats}"
        elif self.network.kind == CONFIRM:
            name = OPTIMUM if self.network.name == OPTIMUM else f"trial {self.confirms} again"
        size = "" if self.network.spec is None else f" at {self.network.spec.image_size} px"
        return f"{name}{size}"


def ended(record: Record | None) -> TypeGuard[Record]:
    """Whether a training needs no more work in this launch; one that another search pruned does."""
    return record is not None and record.state != RecordState.PRUNED


@lru_cache(maxsize=8)
def reference_trials(config: SearchConfig) -> tuple[SearchTrial, ...]:
    """Return the references, numbered from 0."""
    return tuple(make_trial(config, number, network) for number, network in enumerate(references(config)))


def make_trial(
    config: SearchConfig,
    number: int,
    network: PlannedNetwork,
    *,
    proposal: int | None = None,
    confirms: int | None = None,
    repeats: int | None = None,
    seed: int | None = None,
) -> SearchTrial:
    """Return a network with its trainings: of one seed, or of those that the configuration says."""
    jobs, seeds = {}, seeds_of(config, network) if seed is None else (seed,)
    if network.problem is None and network.spec is not None:
        jobs = {one: config.setup.job(network.spec, seed=one) for one in seeds}
    by_seed = network.kind == SEARCH and config.search.pruner != Pruner.NONE
    return SearchTrial(
        number=number,
        network=network,
        jobs=jobs,
        seeds=seeds,
        proposal=proposal,
        confirms=confirms,
        repeats=repeats,
        by_seed=by_seed,
    )


def trial_of(
    config: SearchConfig, number: int, proposal: Proposal, first: dict[str, SearchTrial]
) -> SearchTrial:
    """Return the trial of a proposal that is no duplicate.

    `first` holds the first trial of each network so far, by its key; the new one is added.
    """
    network, repeats = proposal.network, None
    if proposal.fate == Fate.REPEAT:
        network, repeats = first[network.key].network, first[network.key].number
    found = make_trial(config, number, network, proposal=proposal.number, repeats=repeats, seed=proposal.seed)
    if found.jobs:
        first.setdefault(network.key, found)
    return found


def first_trials(trials: Iterable[SearchTrial]) -> dict[str, SearchTrial]:
    """Return the first trial of each network that is trained, by its key."""
    found = dict[str, SearchTrial]()
    for trial in trials:
        if trial.jobs:
            found.setdefault(trial.network.key, trial)
    return found


def proposed_trials(config: SearchConfig, history: History) -> Iterator[SearchTrial]:
    """Yield the trials of a history's proposals; a duplicate is no trial."""
    number, first = len(reference_trials(config)), first_trials(reference_trials(config))
    for proposal in history.proposals:
        if proposal.fate != Fate.DUPLICATE:
            yield trial_of(config, number, proposal, first)
            number += 1
