"""A study as a plan: a pure function from the records there are to the trainings that it still wants."""

from __future__ import annotations

import hashlib
import itertools
import json
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from statistics import fmean
from typing import Any, ClassVar, Literal

from scaling.cost import count_cost
from scaling.errors import ConfigError
from scaling.latency.calibration import FARTHEST, Calibration
from scaling.plans.experiment import Size
from scaling.plans.networks import CONFIRM, REFERENCE, SEARCH, PlannedNetwork
from scaling.plans.study.conclusions import spread_claim
from scaling.plans.study.config import Design, Equal, Noise, SearchThenFamily, SizeTable, StudyConfig
from scaling.plans.study.networks import NOTHING, Found, ScalingSpace, networks_of, winner_of
from scaling.plans.study.trials import StudyState, Trial
from scaling.runs.job import Job
from scaling.runs.plan import Records, Wanted, never_pruned
from scaling.runs.record import Record, RecordState
from scaling.runs.setup import Setup
from scaling.targets.target import Metric

MOST_SEEDS = 10_000


@dataclass(frozen=True, kw_only=True)
class StudyPlan:
    """A study at one size on one setup.

    Args:
        title: NAME-SIZE-DATA and what was changed.
        calibration: that the design's latency model comes from; None where it came without one.
    """

    kind: ClassVar[str] = "study"
    counted: ClassVar[bool] = False
    prune = staticmethod(never_pruned)  # a study compares whole trainings
    study: StudyConfig
    size: Size
    setup: Setup
    title: str
    calibration: Calibration | None = None
    _trials: dict[Found, tuple[Trial, ...]] = field(default_factory=dict, compare=False, repr=False)
    """Networks take seconds to bring on target, and the same results always give the same ones."""

    @property
    def table(self) -> SizeTable:
        """What the file says of this size."""
        return self.study.table(self.size)

    @property
    def equal(self) -> Equal:
        """What trainings have in common."""
        return self.study.design.equal

    @cached_property
    def design(self) -> Design:
        """The design, with what this size says instead of it."""
        design, table = self.study.design, self.table
        given = {"factors": table.factors, "directions": table.directions}
        own = {key: one for key, one in given.items() if one is not None and hasattr(design, key)}
        return design.model_copy(update=own)

    @cached_property
    def space(self) -> ScalingSpace:
        """What networks are made from."""
        return ScalingSpace(
            baseline=self.setup.baseline_spec,
            rounding=self.setup.rounding_rules,
            target=self.design.target(self.setup),
        )

    @cached_property
    def train_images(self) -> int:
        """How many images train; all of them, where the setup does not say, must be there to be counted."""
        return self.setup.data.train or self._images("train")

    @cached_property
    def validation_images(self) -> int:
        """How many images judge, likewise."""
        return self.setup.data.validation or self._images("validation")

    def _images(self, split: Literal["train", "validation"]) -> int:
        return len(self.setup.job(self.space.baseline, seed=0).images(split))

    def next_jobs(self, records: Records, room: int) -> Wanted:
        """Return what has not ended; networks that follow from results come once all of them have.

        A training that failed counts as one without accuracy.
        """
        del room  # a study proposes nothing one by one
        state = self.state(records)
        return Wanted(jobs=tuple(state.missing), done=state.final)

    def trained(self, records: Records) -> list[Record]:
        """Return the records of its trainings."""
        return self.state(records).records

    def state(self, records: Records) -> StudyState:
        """Return how far the study is, by what there is; networks that follow from results are included."""
        found = NOTHING
        while True:  # directions, confirmations, the family: each step knows more networks, or is the last
            trials = tuple(
                replace(one, results={seed: _ended(records.get(job.key)) for seed, job in one.jobs.items()})
                for one in self.trials(found)
            )
            now = Found(searched=_means(trials, SEARCH), confirmed=_means(trials, CONFIRM))
            if now == found:
                break
            found = now
        state = StudyState(trials=trials, final=True)
        follows = isinstance(self.design, SearchThenFamily) and winner_of(state.networks) is None
        return replace(state, final=not follows or not state.missing)

    def trials(self, found: Found) -> tuple[Trial, ...]:
        """Return every network at every learning rate, numbered; the recipe's own rate comes first."""
        if found not in self._trials:
            networks = self.networks(found)
            rates = sorted(self.table.learning_rates, key=lambda rate: (rate != 1, rate))
            # What chooses in step 1 has the recipe's own rate alone.
            pairs = [(one, rate) for rate in rates for one in networks if rate == 1 or one.kind == REFERENCE]
            self._trials[found] = tuple(
                Trial(number=number, network=one, learning_rate_factor=rate, jobs=self._jobs(one, rate))
                for number, (one, rate) in enumerate(pairs)
            )
        return self._trials[found]

    def networks(self, found: Found) -> list[PlannedNetwork]:
        """Return the networks that are known by now."""
        networks, calibration = networks_of(self.design, self.space, found), self.calibration
        if calibration is None or self.space.target.metric != Metric.LATENCY:
            return networks
        return [replace(one, problem=_beyond(one, calibration)) for one in networks]

    def epochs(self, network: PlannedNetwork) -> int:
        """Return the epochs of a network: the recipe's, or its share of the baseline's compute in them."""
        whole = self.setup.recipe.epochs
        if self.equal == Equal.EPOCHS or network.spec is None:
            return whole
        macs, base = count_cost(network.spec).macs, count_cost(self.space.baseline).macs
        return max(1, round(whole * base / macs))

    def job(self, network: PlannedNetwork, learning_rate_factor: float, seed: int) -> Job:
        """Return one training."""
        assert network.spec is not None
        return self.setup.job(
            network.spec,
            seed=seed,
            learning_rate_factor=learning_rate_factor,
            epochs=self.epochs(network),
        )

    def label(self, key: str) -> str:
        """Name a training by its network and learning rate; by its key where it is none of this study."""
        for trial in itertools.chain.from_iterable(self._trials.values()):
            if any(job.key == key for job in trial.jobs.values()):
                rate = trial.learning_rate_factor
                return trial.network.name + ("" if rate == 1 else f" at ×{rate:g}")
        return key

    def document(self) -> dict[str, Any]:
        """Return the resolved configuration as plain data."""
        return {
            "study": self.study.model_dump(mode="json", exclude={"command"}),
            "size": self.size.value,
            "setup": self.setup.document(),
        }

    def key(self) -> str:
        """Return a hash of question, prediction and what shapes results, but seeds: more may be added."""
        plain = self.study.model_dump(mode="json", exclude_defaults=True, exclude={"command", "sizes"})
        design = self.design.model_dump(mode="json", exclude_defaults=True)
        rates = list(self.table.learning_rates)
        whole = [plain, design, rates, self.size.value, self.setup.shaping()]
        return hashlib.sha256(json.dumps(whole, sort_keys=True).encode()).hexdigest()[:16]

    def _jobs(self, network: PlannedNetwork, rate: float) -> dict[int, Job]:
        """Return the trainings by seed, fresh ones where a network is confirmed."""
        confirm: tuple[int, ...] = getattr(self.design, "confirm_seeds", ())
        seeds = confirm if network.kind == CONFIRM else self.table.seeds
        return {} if network.problem is not None else {seed: self.job(network, rate, seed) for seed in seeds}


def with_baseline_seeds(study: StudyConfig, size: Size, seeds: int) -> StudyConfig:
    """Return a study of noise with nothing but the baseline, and so many seeds.

    Finished seeds are kept, so that more, up to 10,000, can be asked for later.

    Raises:
        ConfigError: it is another design, or the number is out of range.
    """
    if not isinstance(study.design, Noise):
        raise ConfigError(f"a number of seeds is for a study of noise; {study.name} lists its own")
    if not 2 <= seeds <= MOST_SEEDS:
        raise ConfigError(f"seeds must be between 2 and {MOST_SEEDS:,}, got {seeds}")
    table = study.table(size).model_copy(update={"seeds": tuple(range(seeds))})
    spread = study.expect_spread
    return study.model_copy(
        update={
            "prediction": "" if spread is None else spread_claim(spread.low, spread.high),
            "design": study.design.model_copy(update={"strategies": ()}),
            "expect": (),
            "sizes": study.sizes.model_copy(update={size.value: table}),
        }
    )


def _ended(record: Record | None) -> Record | None:
    """Leave out what another plan ended early."""
    return None if record is None or record.state == RecordState.PRUNED else record


def _means(trials: Sequence[Trial], kind: str) -> tuple[tuple[str, float], ...]:
    """Return the mean of each network of a kind, without top1 as 0; nothing before all of them have ended."""
    of_kind = [one for one in trials if one.network.kind == kind and one.jobs]
    if any(None in one.results.values() for one in of_kind):
        return ()
    return tuple(
        (one.network.name, fmean((record and record.top1) or 0.0 for record in one.results.values()))
        for one in of_kind
    )


def _beyond(network: PlannedNetwork, calibration: Calibration) -> str | None:
    """Return why a network is not trained at equal predicted time; None where it is."""
    if network.spec is None or network.problem is not None:
        return network.problem
    far = calibration.beyond(network.spec)
    if not far or max(far.values()) <= FARTHEST:
        return None
    name = max(far, key=lambda name: far[name])
    return f"{network.name} is {far[name]:.3g} times beyond the calibrated range in {name.replace('_', ' ')}"
