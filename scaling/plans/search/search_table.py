"""The `[search]` table of an experiment file, and which of its settings go together."""

from __future__ import annotations

from enum import StrEnum

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from scaling.cost.latency_model import NO_LATENCY, LatencyModel
from scaling.data import LARGEST_SEED
from scaling.network.architecture import LARGEST_IMAGE, SMALLEST_IMAGE
from scaling.plans.search.objectives import Objective
from scaling.plans.search.pruners import FEWEST_HYPERBAND_TRIALS, FEWEST_WILCOXON_SEEDS, Pruner
from scaling.plans.search.samplers import MOST_GP_TRIALS, Sampler
from scaling.targets.target import Limits, Metric


class CostRule(StrEnum):
    """How a direction becomes a network."""

    ACHIEVED = "achieved"
    """Its achieved cost is brought on target."""
    NOMINAL = "nominal"
    """By the formula at phi = 1, wherever its achieved cost ends: the paper's procedure."""


class Stop(BaseModel):
    """`[search.stop]`: how sure the answer of a surface must be for the search to end before its budget."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    contrast: float | None = Field(default=None, gt=0)
    """Half the width of the widest 95 % interval of a contrast of gains, in points per doubling."""
    regret: float | None = Field(default=None, gt=0)
    """How far the chosen network is expected to be below the best there is, in points."""

    @property
    def asked(self) -> bool:
        """Whether there is such an end at all."""
        return self.contrast is not None or self.regret is not None

    def met_by(self, *, contrast: float, regret: float) -> bool:
        """Whether an answer is as sure as was asked for."""
        wanted = ((self.contrast, contrast), (self.regret, regret))
        return self.asked and all(most is None or found <= most for most, found in wanted)


class SearchTable(BaseModel):
    """`[search]`: what is proposed, and how often it is trained."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    trials: int = Field(ge=0)
    """Networks that the sampler proposes, beside the references."""
    seeds: tuple[int, ...] = Field(default=(0,), min_length=1)
    """Seeds with which every proposal and reference is trained."""
    baseline_seeds: tuple[int, ...] = Field(default=(0, 1, 2), min_length=1)
    """Seeds of the unscaled baseline; they also measure the noise."""
    confirm: int = Field(default=3, ge=0)
    """Top candidates that are trained again before one is called best."""
    confirm_seeds: tuple[int, ...] = Field(default=(1001, 1002, 1003), min_length=1)
    """Fresh seeds, used for nothing else."""
    cost: CostRule = CostRule.ACHIEVED
    """Whether achieved cost is brought on target, or the formula decides, as in the paper."""
    metric: Metric = Metric.MACS
    """Which cost is brought on target."""
    target_factor: float = 2.0
    """How many times the baseline's cost."""
    tolerance: float = 0.03
    """How far from the target a network may end, as a share."""
    largest_image_size: int | None = Field(default=None, ge=SMALLEST_IMAGE, le=LARGEST_IMAGE)
    """Largest image size in pixels; the data's own size is a limit in any case."""
    limits: Limits = Limits()
    latency: LatencyModel = NO_LATENCY
    objectives: tuple[Objective, ...] = (Objective.TOP1,)
    """Accuracy (`top1`), and what it is traded against; several give a Pareto front."""
    sampler: Sampler = Sampler.SURFACE
    """What proposes networks."""
    stop: Stop = Stop()
    startup_trials: int = Field(default=4, ge=1)
    """Random proposals before tpe, gp or cmaes learn."""
    grid_step: float = Field(default=0.05, gt=0)
    """Step of alpha, beta and gamma, for the sampler `grid`."""
    grid_tolerance: float = Field(default=0.05, gt=0, lt=1)
    """How far alpha·beta²·gamma² may be from the target on that grid, as a share."""
    pruner: Pruner = Pruner.NONE
    """What ends trainings that fall behind; for one objective only."""
    seed: int = Field(default=0, ge=0)
    """Seed of the sampler."""

    @field_validator("seeds", "baseline_seeds", "confirm_seeds")
    @classmethod
    def _distinct(cls, value: tuple[int, ...]) -> tuple[int, ...]:
        if len(set(value)) != len(value) or min(value) < 0 or max(value) > LARGEST_SEED:
            raise ValueError(f"seeds must be different, from 0 to {LARGEST_SEED}, got {list(value)}")
        return value

    @field_validator("objectives")
    @classmethod
    def _accuracy_first(cls, value: tuple[Objective, ...]) -> tuple[Objective, ...]:
        if value[:1] != (Objective.TOP1,) or len(set(value)) != len(value):
            named = [str(one) for one in value]
            raise ValueError(f"objectives must be different and start with 'top1', got {named}")
        return value

    @model_validator(mode="after")
    def _goes_together(self) -> SearchTable:
        problems = (
            self._seeds_problem(),
            self._sampler_problem(),
            self._pruner_problem(),
            self._cost_problem(),
        )
        for refused in problems:
            if refused is not None:
                raise ValueError(refused)
        return self

    def _seeds_problem(self) -> str | None:
        used = sorted(set(self.confirm_seeds) & set(self.seeds))
        if self.confirm and used:
            return f"confirm_seeds must be fresh, but {used[0]} is among the seeds that choose candidates"
        return None

    def _sampler_problem(self) -> str | None:
        if self.sampler == Sampler.SURFACE and self.cost == CostRule.NOMINAL:
            return "sampler surface compares networks at achieved cost; with cost nominal use tpe or grid"
        if self.stop.asked and self.sampler != Sampler.SURFACE:
            return f"search.stop asks how sure a surface is; sampler {self.sampler} fits none"
        if self.sampler == Sampler.GP and self.trials > MOST_GP_TRIALS:
            return f"sampler gp is for at most {MOST_GP_TRIALS} trials, got {self.trials}: use tpe"
        many = len(self.objectives) > 1
        if many and not self.sampler.takes_many_objectives:
            return f"sampler {self.sampler} takes one objective, got {len(self.objectives)}: use tpe"
        return None

    def _pruner_problem(self) -> str | None:
        if self.pruner == Pruner.NONE:
            return None
        if len(self.objectives) > 1:
            return f"pruner {self.pruner} judges one objective, got {len(self.objectives)}: use pruner none"
        if self.sampler == Sampler.SURFACE:
            return "sampler surface learns from complete trials only, so it goes with pruner none: use tpe"
        if self.sampler == Sampler.GP:
            return "sampler gp learns from complete trials only, so it goes with pruner none: use tpe"
        if self.sampler == Sampler.EXHAUSTIVE:
            return "sampler exhaustive trains the whole table, so it goes with pruner none"
        if self.pruner == Pruner.HYPERBAND and self.trials < FEWEST_HYPERBAND_TRIALS:
            return (
                f"pruner hyperband needs at least {FEWEST_HYPERBAND_TRIALS} trials, got {self.trials}: "
                "use median or successive_halving"
            )
        if self.pruner == Pruner.WILCOXON and len(self.seeds) < FEWEST_WILCOXON_SEEDS:
            return (
                f"pruner wilcoxon compares seed by seed and needs at least {FEWEST_WILCOXON_SEEDS} seeds, "
                f"got {len(self.seeds)}"
            )
        return None

    def _cost_problem(self) -> str | None:
        wants_latency = self.metric == Metric.LATENCY or self.limits.max_latency_ms is not None
        if wants_latency and not self.latency.known:
            return "predicted latency needs search.latency: a calibration, or coefficients above 0"
        if self.sampler == Sampler.EXHAUSTIVE and self.cost == CostRule.NOMINAL:
            return "sampler exhaustive lists the networks on target; cost nominal has none: use grid"
        return None
