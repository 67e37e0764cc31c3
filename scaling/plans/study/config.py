"""The file of a study: question, prediction, networks, sizes; TOML read strictly into frozen data."""

from __future__ import annotations

from dataclasses import replace
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from scaling.cost.latency_model import NO_LATENCY, LatencyModel
from scaling.data import LARGEST_SEED
from scaling.errors import ConfigError
from scaling.network.architecture import LARGEST_IMAGE, SMALLEST_IMAGE
from scaling.network.families import baseline_named
from scaling.network.strategies import Points, Shares, Strategy, compound, strategy_named
from scaling.plans.experiment import ExperimentTable, Size
from scaling.runs.folder import NAME
from scaling.runs.setup import ConfigTable, Setup
from scaling.targets.target import LARGEST_FACTOR, Limits, Metric, Target

Seed = Annotated[int, Field(ge=0, le=LARGEST_SEED)]
Factor = Annotated[float, Field(gt=0, le=LARGEST_FACTOR)]
Known = Annotated[str, AfterValidator(lambda name: baseline_named(name) and name)]
"""A network that has a name here."""


class Equal(StrEnum):
    """What the trainings of a study's networks have in common."""

    EPOCHS = "epochs"
    """Each sees every image as often, so a dearer network has more compute."""
    COMPUTE = "compute"
    """Multiply-adds of a training: a dearer network has fewer epochs, rounded, at least 1."""


class OwnStrategy(ConfigTable):
    """`[[design.own]]`: a strategy of the user's, by bases, by shares or by points."""

    name: str = Field(pattern=NAME)
    bases: tuple[float, float, float] | None = None
    shares: tuple[float, float, float] | None = None
    points: tuple[tuple[float, float, float, float], ...] | None = None

    @model_validator(mode="after")
    def _one_of_them(self) -> OwnStrategy:
        if sum(one is not None for one in (self.bases, self.shares, self.points)) != 1:
            raise ValueError("give one of bases, shares and points")
        return self

    def strategy(self) -> Strategy:
        """Return it as the realisation takes it."""
        if self.bases is not None:
            return compound(*self.bases, name=self.name, source="the user's bases")
        if self.shares is not None:
            depth, width, resolution = self.shares
            return Shares(name=self.name, depth=depth, width=width, resolution=resolution)
        assert self.points is not None
        return Points(name=self.name, points=self.points)


class _Design(ConfigTable):
    """What every design may say: what is equal, and what a network may cost at most."""

    equal: Equal = Equal.EPOCHS
    limits: Limits = Limits()
    latency: LatencyModel = Field(default=NO_LATENCY, description="calibration = FILE, or coefficients")
    largest_image_size: int | None = Field(default=None, ge=SMALLEST_IMAGE, le=LARGEST_IMAGE)

    def target(self, setup: Setup) -> Target:
        """Return what limits networks; the data's own size is a limit too."""
        sizes = [size for size in (self.largest_image_size, setup.largest_image_size) if size]
        return Target(
            largest_image_size=min(sizes) if sizes else None,
            limits=self.limits,
            latency=self.latency,
        )


class _Strategies(_Design):
    strategies: tuple[str, ...] = Field(min_length=1)
    own: tuple[OwnStrategy, ...] = ()
    metric: Metric = Field(default=Metric.MACS, description="the cost that is equal at one factor")
    tolerance: float = Field(default=0.05, gt=0, lt=1)

    def target(self, setup: Setup) -> Target:
        """Return what networks must cost; each has a factor of its own."""
        return replace(super().target(setup), metric=self.metric, tolerance=self.tolerance)

    def paths(self) -> tuple[Strategy, ...]:
        """Return the strategies in their order, the user's own by their names.

        Raises:
            ConfigError: nothing has such a name.
        """
        own = {one.name: one.strategy() for one in self.own}
        return tuple(own[name] if name in own else strategy_named(name) for name in self.strategies)


class Ladder(_Strategies):
    """Strategies at equal achieved cost, at one cost or several."""

    kind: Literal["ladder"]
    factors: tuple[Factor, ...] = Field(min_length=1)


class Grid(_Design):
    """Multipliers as they are written, whatever they cost."""

    kind: Literal["grid"]
    depths: tuple[float, ...] = Field(min_length=1)
    widths: tuple[float, ...] = Field(min_length=1)
    resolutions: tuple[float, ...] = Field(min_length=1)


class SearchThenFamily(_Strategies):
    """Step 1: directions at one cost, the best confirmed by fresh seeds; step 2: its family beside others."""

    kind: Literal["search_then_family"]
    directions: int = Field(default=3, ge=1, le=20, description="parts that log-cost is cut into")
    factor: Factor = 2.0
    confirm: int = Field(default=2, ge=1)
    confirm_seeds: tuple[Seed, ...] = Field(default=(1001, 1002, 1003), min_length=2)
    phis: tuple[float, ...] = Field(default=(1.0, 2.0), min_length=1)


class Noise(_Strategies):
    """One network with many seeds, and a scaled one."""

    kind: Literal["noise"]
    strategies: tuple[str, ...] = ()
    factor: Factor = 2.0


Design = Annotated[Ladder | Grid | SearchThenFamily | Noise, Field(discriminator="kind")]


class Expectation(ConfigTable):
    """`[[expect]]`: a part of the prediction that a rule can judge: the sum of `more` exceeds that of `less`.

    Networks are named `baseline`, `STRATEGY@FACTOR`, or `dD-wW-rR` in a grid. With `predicted = "same"` the
    prediction is that noise explains their difference; that it does is no proof of equality.
    """

    claim: str
    predicted: Literal["more", "same"] = "more"
    more: tuple[str, ...] = Field(min_length=1)
    less: tuple[str, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _balanced(self) -> Expectation:
        if len(self.more) != len(self.less):
            raise ValueError("more and less need equally many networks, a network may come twice")
        return self


class ExpectedSpread(ConfigTable):
    """`[expect_spread]`: seeds alone are predicted to move top1 by this standard deviation, in points."""

    low: float = Field(ge=0, le=100)
    high: float = Field(gt=0, le=100)

    @model_validator(mode="after")
    def _in_order(self) -> ExpectedSpread:
        if self.low >= self.high:
            raise ValueError(f"low must be below high, got {self.low:g} and {self.high:g}")
        return self


class SizeTable(ConfigTable):
    """`[sizes.quick]`, `[sizes.standard]`: which setup, which seeds, which learning rates."""

    setup: str = Field(description="setup file, relative to this one; {data} is filled in")
    seeds: tuple[Seed, ...] = Field(min_length=1)
    learning_rates: tuple[float, ...] = Field(default=(1.0,), min_length=1, description="times the recipe's")
    factors: tuple[Factor, ...] | None = Field(default=None, description="instead of the design's")
    directions: int | None = Field(default=None, ge=1, le=20, description="instead of the design's")
    minutes: dict[str, float] = Field(default={}, description="expected wall time by data set")

    @model_validator(mode="after")
    def _fits(self) -> SizeTable:
        if 1.0 not in self.learning_rates or min(self.learning_rates) <= 0:
            raise ValueError("learning_rates must be above 0 and hold 1.0, the recipe's own")
        if len(set(self.seeds)) != len(self.seeds):
            raise ValueError(f"seeds must be different, got {list(self.seeds)}")
        return self


class PaperNetworks(ConfigTable):
    """`[[sizes.paper.networks]]`: what was trained of one baseline; the baseline itself always was."""

    baseline: Known
    multipliers: tuple[tuple[Factor, Factor, Factor], ...] = Field(
        default=(), description="depth, width and resolution of each network"
    )
    variants: tuple[Known, ...] = Field(default=(), description="networks by their own names")
    printed_gmacs: tuple[float, ...] = Field(
        default=(), description="10^9 multiply-adds of networks whose multipliers were not printed"
    )
    grid_step: float | None = Field(
        default=None, ge=0.01, description="of alpha, beta, gamma at phi = 1: the grid of step 1"
    )


class PaperTable(ConfigTable):
    """`[sizes.paper]`: what the paper trained, for the planner.

    Without `networks`, the study's own design on `baseline` is what is costed.
    """

    baseline: str = "efficientnet-b0"
    networks: tuple[PaperNetworks, ...] = ()
    train: int = Field(default=1_281_167, ge=1)
    epochs: int = Field(default=350, ge=1)
    seeds: int = Field(default=1, ge=1)
    learning_rates: int = Field(default=1, ge=1)
    factors: tuple[Factor, ...] | None = None
    note: str = ""

    @model_validator(mode="after")
    def _one_way_to_say_it(self) -> PaperTable:
        if self.networks and self.factors is not None:
            raise ValueError("factors are of the study's own design: they do not go with networks")
        return self


class Sizes(ConfigTable):
    """`[sizes]`."""

    quick: SizeTable
    standard: SizeTable
    paper: PaperTable = PaperTable()


class StudyConfig(ExperimentTable):
    """A whole file of `kind = "study"`."""

    schema_version: Literal[1]
    kind: Literal["study"]
    law: bool = Field(default=False, description="fit error = E + A·C^(-a) to every strategy")
    design: Design
    expect: tuple[Expectation, ...] = ()
    expect_spread: ExpectedSpread | None = None
    sizes: Sizes

    def table(self, size: Size) -> SizeTable:
        """Return the table of a size that can be run.

        Raises:
            ConfigError: it is the paper's.
        """
        match size:
            case Size.QUICK:
                return self.sizes.quick
            case Size.STANDARD:
                return self.sizes.standard
            case Size.PAPER:
                raise ConfigError("size paper is what the paper did: see what it costs with --plan")
