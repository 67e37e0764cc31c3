"""Learning rates as a plan: a ladder at the baseline and at each corner, longer until the best is inside."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from statistics import fmean
from typing import Any, ClassVar

from scaling.cost.doublings import doublings
from scaling.errors import ConfigError
from scaling.network.strategies import strategy_named
from scaling.plans.networks import REFERENCE, PlannedNetwork
from scaling.plans.study.networks import ScalingSpace, on_target
from scaling.runs.job import Job
from scaling.runs.plan import Records, Wanted, never_pruned
from scaling.runs.rates import BASELINE, DIMENSIONS, BracketedRate, LearningRates, Rung
from scaling.runs.record import Record
from scaling.runs.setup import Setup
from scaling.targets.target import LARGEST_FACTOR, Target
from scaling.training.curve import Curve

FIRST_STEPS = (-1, 0, 1)
"""The ladder that is trained first: doublings of the recipe's rate."""
LAST_STEP = 8
"""Doublings of the recipe's rate, up or down, at which a ladder ends without a bracket."""
TOLERANCE = 0.1
"""How far a corner's cost may be off: rates are interpolated by realised coordinates, whatever they are."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RateLadder:
    """The rates of one network by now.

    Args:
        network: that is trained.
        bracket: rungs whose seeds have all ended.
        missing: trainings that are wanted next; none where the best is inside, or nothing brackets it.
    """

    network: PlannedNetwork
    bracket: BracketedRate
    missing: tuple[Job, ...]


@dataclass(frozen=True, kw_only=True)
class RatesPlan:
    """Brackets the learning rates of a setup.

    Args:
        setup: whose bracketed rates, if it has any, are left out.
        title: of the run.
        factor: cost of the corners, times the baseline's, in (1, 128].
        seeds: of every training.

    Raises:
        ConfigError: the factor or the seeds are out of range.
    """

    kind: ClassVar[str] = "rates"
    counted: ClassVar[bool] = False

    setup: Setup
    title: str
    factor: float = 4.0
    seeds: tuple[int, ...] = (0, 1)
    _jobs: dict[tuple[str, int], tuple[Job, ...]] = field(default_factory=dict, compare=False, repr=False)

    def __post_init__(self) -> None:
        if not 1 < self.factor <= LARGEST_FACTOR:
            raise ConfigError(f"factor must be above 1 and at most {LARGEST_FACTOR:g}, got {self.factor:g}")
        if not self.seeds or len(set(self.seeds)) < len(self.seeds):
            raise ConfigError(f"seeds must be different, and one at least, got {list(self.seeds)}")
        object.__setattr__(self, "setup", self.setup.without_rates())

    @cached_property
    def networks(self) -> tuple[PlannedNetwork, ...]:
        """The corners, and the baseline last: it is the quickest.

        Raises:
            ConfigError: one dimension alone cannot reach the factor.
        """
        space = ScalingSpace(
            baseline=self.setup.baseline_spec,
            rounding=self.setup.rounding_rules,
            target=Target(tolerance=TOLERANCE, largest_image_size=self.setup.largest_image_size),
        )
        corners = [on_target(strategy_named(name), self.factor, space) for name in DIMENSIONS]
        problem = next((one.problem for one in corners if one.problem is not None), None)
        if problem is not None:
            raise ConfigError(f"{problem}; give another --factor")
        baseline = PlannedNetwork(
            name=BASELINE, kind=REFERENCE, strategy=BASELINE, factor=1.0, spec=space.baseline
        )
        return (*corners, baseline)

    def next_jobs(self, records: Records, room: int) -> Wanted:
        """Return what has not ended of every ladder; where it goes on follows from results."""
        del room  # nothing is proposed one by one
        missing = tuple(job for ladder in self.ladders(records) for job in ladder.missing)
        return Wanted(jobs=missing, done=not missing)

    def trained(self, records: Records) -> list[Record]:
        """Return the records of its trainings."""
        self.ladders(records)  # knows the rungs by now
        jobs = (job for rung in self._jobs.values() for job in rung)
        return [record for job in jobs if (record := records.get(job.key)) is not None]

    def prune(self, job: Job, curve: Curve, records: Records) -> bool:
        """Let every training go on: rates are compared by whole ones."""
        return never_pruned(job, curve, records)

    def ladders(self, records: Records) -> tuple[RateLadder, ...]:
        """Return the ladders by what there is, the baseline's last."""
        return tuple(self._ladder(network, records) for network in self.networks)

    def rates(self, records: Records) -> LearningRates | None:
        """Return the bracketed rates; None while one is not inside its ladder."""
        *corners, baseline = (one.bracket for one in self.ladders(records))
        if self.next_jobs(records, 1).jobs or any(one.open_side for one in (baseline, *corners)):
            return None
        return LearningRates(
            setup=self.setup.rates_key(),
            factor=self.factor,
            seeds=self.seeds,
            networks=(baseline, *corners),
        )

    def jobs(self, network: PlannedNetwork, step: int) -> tuple[Job, ...]:
        """Return the trainings of a rung, a seed each.

        Args:
            network: of the plan.
            step: doublings of the recipe's rate.
        """
        rung = (network.name, step)
        if rung not in self._jobs:  # a job's key takes a checksum of the images
            assert network.spec is not None
            self._jobs[rung] = tuple(
                self.setup.job(network.spec, seed=seed, learning_rate_factor=2.0**step) for seed in self.seeds
            )
        return self._jobs[rung]

    def label(self, key: str) -> str:
        """Name a training by its network and learning rate; by its key where it is none of this plan."""
        for (name, _), jobs in self._jobs.items():
            for job in jobs:
                if job.key == key:
                    return f"{name} at {job.recipe.learning_rate:g}"
        return key

    def document(self) -> dict[str, Any]:
        """Return the resolved configuration as plain data."""
        return {"setup": self.setup.document(), "factor": self.factor, "seeds": list(self.seeds)}

    def key(self) -> str:
        """Return a hash of what shapes results, but seeds: more may be added."""
        whole = json.dumps([self.setup.shaping(), self.factor], sort_keys=True)
        return hashlib.sha256(whole.encode()).hexdigest()[:16]

    def _ladder(self, network: PlannedNetwork, records: Records) -> RateLadder:
        steps: tuple[int, ...] = FIRST_STEPS
        while True:
            rungs = {step: self.jobs(network, step) for step in steps}
            found = {step: [_ended(records.get(job.key)) for job in jobs] for step, jobs in rungs.items()}
            missing = tuple(
                job
                for step, jobs in rungs.items()
                for job, record in zip(jobs, found[step], strict=True)
                if record is None
            )
            bracket = self._bracket(network, found)
            side = bracket.open_side
            if missing or side == 0 or abs(step := (steps[0] if side < 0 else steps[-1]) + side) > LAST_STEP:
                return RateLadder(network=network, bracket=bracket, missing=missing)
            steps = (step, *steps) if side < 0 else (*steps, step)

    def _bracket(self, network: PlannedNetwork, found: dict[int, list[Record | None]]) -> BracketedRate:
        assert network.spec is not None
        rungs = []
        for step, ended in found.items():
            records = [one for one in ended if one is not None]
            if len(records) == len(ended):
                rungs.append(_rung(self.jobs(network, step)[0].recipe.learning_rate, records))
        x = doublings(network.spec, self.setup.baseline_spec)
        return BracketedRate(name=network.strategy, doublings=x, rungs=tuple(rungs))


def _ended(record: Record | None) -> Record | None:
    """Leave out what failed or was ended early: it is trained again."""
    return record if record is not None and record.state.settled else None


def _rung(learning_rate: float, records: Sequence[Record]) -> Rung:
    """Return the means of a rate's trainings; where one diverged there are none."""
    losses = [(one.result or {}).get("validation_loss") for one in records if one.top1 is not None]
    finite = [loss for loss in losses if loss is not None]
    if len(finite) < len(records):
        return Rung(learning_rate=learning_rate, validation_loss=None, top1=None)
    top1 = fmean(one.top1 for one in records if one.top1 is not None)
    return Rung(learning_rate=learning_rate, validation_loss=fmean(finite), top1=top1)
