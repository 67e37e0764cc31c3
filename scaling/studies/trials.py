"""What a study trains, and the table of what it gave: one row a network, learning rate and seed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import pandas as pd

from scaling.cost import count_cost
from scaling.latency.calibration import FARTHEST, Calibration
from scaling.runs.trials_table import trials_frame
from scaling.search.candidate import Candidate
from scaling.search.config import SearchConfig
from scaling.search.rows import seed_columns
from scaling.studies.config import Equal, SizeTable, StudyConfig
from scaling.studies.networks import CONFIRM, SEARCH, Found, Member, Scene, members_of
from scaling.targets.target import Metric
from scaling.training.job import TrainingJob
from scaling.training.store import TrainingStore
from scaling.training.trained import Trained, TrainedState

EXTRA = ("strategy", "target_factor", "learning_rate_factor")
"""Columns of a study's table beside those of every table of trials."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bench:
    """A study at one size on one proxy.

    Args:
        study: the study.
        size: its table of this size.
        proxy: the search file whose data, baseline, rounding, recipe and engine are taken.
        title: NAME-SIZE-DATA.
        calibration: that the proxy's latency model comes from; None where it came without one.
    """

    study: StudyConfig
    size: SizeTable
    proxy: SearchConfig
    title: str
    calibration: Calibration | None = None

    @property
    def equal(self) -> Equal:
        """What trainings have in common."""
        return self.study.design.equal

    @property
    def scene(self) -> Scene:
        """What networks are made from."""
        design, target = self.study.design, self.proxy.target
        metric = getattr(design, "metric", target.metric)
        tolerance = getattr(design, "tolerance", target.tolerance)
        return Scene(
            baseline=self.proxy.baseline_spec,
            rounding=self.proxy.rounding_rules,
            target=replace(target, metric=metric, tolerance=tolerance),
        )

    def members(self, found: Found) -> list[Member]:
        """Return the networks that are known by now."""
        given = {"factors": self.size.factors, "directions": self.size.directions}
        design = self.study.design
        own = {key: one for key, one in given.items() if one is not None and hasattr(design, key)}
        design = design.model_copy(update=own)
        members, calibration = members_of(design, self.scene, found), self.calibration
        if calibration is None or self.scene.target.metric != Metric.LATENCY:
            return members
        return [replace(one, problem=_beyond(one, calibration)) for one in members]

    def epochs(self, member: Member) -> int:
        """Return the epochs of a network: the recipe's, or its share of the baseline's compute in them."""
        whole = self.proxy.recipe.epochs
        if self.equal == Equal.EPOCHS or member.spec is None:
            return whole
        macs, base = count_cost(member.spec).macs, count_cost(self.scene.baseline).macs
        return max(1, round(whole * base / macs))

    def seeds(self, member: Member) -> tuple[int, ...]:
        """Return the seeds of a network: fresh ones where it is confirmed."""
        confirm: tuple[int, ...] = getattr(self.study.design, "confirm_seeds", ())
        return confirm if member.kind == CONFIRM else self.size.seeds

    def learning_rates(self, member: Member) -> tuple[float, ...]:
        """Return the factors on the recipe's learning rate; what chooses in step 1 has the recipe's own."""
        return (1.0,) if member.kind in {SEARCH, CONFIRM} else self.size.learning_rates

    def job(self, member: Member, learning_rate_factor: float, seed: int) -> TrainingJob:
        """Return one training."""
        assert member.spec is not None
        recipe = self.proxy.recipe
        rate, epochs = recipe.learning_rate * learning_rate_factor, self.epochs(member)
        own = replace(recipe, learning_rate=rate, epochs=epochs)
        return self.proxy.training_job(member.spec, seed=seed, recipe=own)


def _beyond(member: Member, calibration: Calibration) -> str | None:
    """Return why a network is not trained at equal predicted time; None where it is."""
    if member.spec is None or member.problem is not None:
        return member.problem
    far = calibration.beyond(member.spec)
    if not far or max(far.values()) <= FARTHEST:
        return None
    name = max(far, key=lambda name: far[name])
    return f"{member.name} is {far[name]:.3g} times beyond the calibrated range in {name.replace('_', ' ')}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """A network at one learning rate, and its trainings.

    Args:
        number: in the table.
        member: the network.
        learning_rate_factor: on the recipe's.
        jobs: by seed; none where the network is not on target.
    """

    number: int
    member: Member
    learning_rate_factor: float
    jobs: Mapping[int, TrainingJob]


def trials_of(bench: Bench, members: Sequence[Member]) -> list[Trial]:
    """Return every network at every learning rate, numbered in order; the recipe's own rate comes first."""
    rates = sorted(bench.size.learning_rates, key=lambda rate: (rate != 1, rate))
    pairs = [(member, rate) for rate in rates for member in members if rate in bench.learning_rates(member)]
    return [
        Trial(
            number=number,
            member=member,
            learning_rate_factor=rate,
            jobs={seed: bench.job(member, rate, seed) for seed in bench.seeds(member)}
            if member.problem is None
            else {},
        )
        for number, (member, rate) in enumerate(pairs)
    ]


def jobs_of(trials: Sequence[Trial]) -> list[TrainingJob]:
    """Return the trainings of trials, seed by seed, so that a part of them says something of all."""
    seeds = sorted({seed for trial in trials for seed in trial.jobs})
    return [trial.jobs[seed] for seed in seeds for trial in trials if seed in trial.jobs]


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """A study at one moment.

    Args:
        trials: every network at every learning rate that is known by now.
        results: of each trial, by seed; None where there is none yet.
        final: whether no further network will follow from results.
    """

    trials: tuple[Trial, ...]
    results: tuple[Mapping[int, Trained | None], ...]
    final: bool

    @property
    def members(self) -> list[Member]:
        """The networks, each once; a direction and its confirmation are two."""
        return list({(one.member.kind, one.member.name): one.member for one in self.trials}.values())

    @property
    def missing(self) -> list[TrainingJob]:
        """What is yet to be trained, in the order of training."""
        wanted = {
            id(job)
            for trial, found in zip(self.trials, self.results, strict=True)
            for seed, job in trial.jobs.items()
            if found[seed] is None
        }
        return [job for job in jobs_of(self.trials) if id(job) in wanted]

    @property
    def failed(self) -> dict[str, TrainingJob]:
        """What came to nothing, by key; another launch tries it again."""
        return {
            one.key: trial.jobs[seed]
            for trial, found in zip(self.trials, self.results, strict=True)
            for seed, one in found.items()
            if one is not None and one.state == TrainedState.FAILED
        }

    @property
    def trained(self) -> list[Trained]:
        """What is there, each training once."""
        found = {one.key: one for results in self.results for one in results.values() if one is not None}
        return list(found.values())

    @property
    def complete(self) -> bool:
        """Whether nothing is missing and nothing will follow."""
        return self.final and not self.missing


def state_of(bench: Bench, store: TrainingStore) -> State:
    """Return how far a study is, by what the store has; networks that follow from results are included."""
    found = Found(searched={}, confirmed={})
    for _ in range(4):  # directions, confirmations, the family, and once more to see that nothing follows
        members = bench.members(found)
        trials = trials_of(bench, members)
        results = [
            dict(zip(trial.jobs, store.find(list(trial.jobs.values())), strict=True)) for trial in trials
        ]
        now = Found(
            searched=dict(_means(trials, results, SEARCH)), confirmed=dict(_means(trials, results, CONFIRM))
        )
        if now == found:
            break
        found = now
    state = State(trials=tuple(trials), results=tuple(results), final=False)
    return replace(state, final=not state.missing)


def _means(
    trials: Sequence[Trial], results: Sequence[Mapping[int, Trained | None]], kind: str
) -> Iterator[tuple[str, float]]:
    """Yield the mean of each network of a kind whose trainings have all ended; one without top1 counts 0."""
    for trial, found in zip(trials, results, strict=True):
        if trial.member.kind == kind and trial.jobs and None not in found.values():
            top1 = [0.0 if one is None or one.top1 is None else one.top1 for one in found.values()]
            yield trial.member.name, sum(top1) / len(top1)


def table_of_trials(bench: Bench, state: State) -> pd.DataFrame:
    """Return the table of trials, with a row for every wanted seed: `waiting` where it is not trained yet.

    Columns: those of every table of trials, then `strategy`, `target_factor`, `learning_rate_factor`.
    """
    rows, extra = [], []
    for trial, found in zip(state.trials, state.results, strict=True):
        common = _common(bench, trial)
        extra.append({"trial": trial.number, **_extra(trial)})
        if not trial.jobs:
            rows.append({**common, "state": "infeasible"})
        rows += [{**common, **_seed(seed, one)} for seed, one in found.items()]
    frame = trials_frame(rows)
    types = {"trial": "Int64", "strategy": "string", "target_factor": "Float64"}
    columns = pd.DataFrame(extra).astype({**types, "learning_rate_factor": "Float64"})
    return frame.merge(columns, on="trial", how="left", validate="many_to_one")


def _extra(trial: Trial) -> dict[str, Any]:
    return {
        "strategy": trial.member.strategy,
        "target_factor": trial.member.factor,
        "learning_rate_factor": trial.learning_rate_factor,
    }


def _common(bench: Bench, trial: Trial) -> dict[str, Any]:
    member = trial.member
    base = {"experiment": bench.title, "trial": trial.number, "kind": member.kind, "name": member.name}
    if member.spec is None:
        return base
    candidate = Candidate(
        kind=member.kind,
        name=member.name,
        spec=member.spec,
        compound=member.compound,
        proposed=member.shares,
    )
    scene = bench.scene
    achieved = scene.target.amount(member.spec) / scene.target.amount(scene.baseline)
    return {**candidate.row(bench.proxy), **base, "achieved_factor": achieved}


def _seed(seed: int, trained: Trained | None) -> dict[str, Any]:
    if trained is None:
        return seed_columns(seed, "waiting", None)
    state = trained.state.value
    if trained.state == TrainedState.FAILED or trained.result is None:
        return seed_columns(seed, state, None)
    return seed_columns(seed, state, dict(trained.result))
