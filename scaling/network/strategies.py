"""Ways to scale a network, as data: from a cost multiple to three multipliers.

A strategy is a path. It takes the natural logarithm of a wanted cost multiple and returns the multipliers of
depth, width and resolution there, before any rounding; what the rounded network really costs is for the
realisation to bring on target.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from scaling.errors import ConfigError, SpecError
from scaling.network.coefficients import ScalingCoefficients
from scaling.network.user_functions import load_function

PAPER_BASES = (1.2, 1.1, 1.15)
"""alpha, beta, gamma of arXiv:1905.11946, section 3.3; their product alpha·beta²·gamma² is 1.9203."""
FAST_ALPHA = 0.8
"""Share of log-cost that fast scaling gives to width (arXiv:2103.06877, Table 4)."""
SLOWER = 0.5
"""What `slow-resolution` keeps of the paper's resolution share: ours, no source prints one."""


class Strategy(Protocol):
    """What every way of scaling offers: its name in tables, where it comes from, its range of log-costs."""

    @property
    def name(self) -> str: ...  # noqa: D102
    @property
    def source(self) -> str: ...  # noqa: D102
    @property
    def log_costs(self) -> tuple[float, float]: ...  # noqa: D102

    def multipliers(self, log_cost: float) -> ScalingCoefficients:
        """Return the multipliers for a cost of exp(log_cost) times the baseline's.

        Raises:
            SpecError: the strategy is not for that cost, or a function of the user's own failed.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class Shares:
    """Constant shares of log-cost: depth = C^u, width = C^(v/2), resolution = C^(w/2) at C times the cost.

    depth is u, width v, resolution w: each 0 or more, and together 1.

    Raises:
        SpecError: a share is negative, or they do not sum to 1.

    >>> found = compound(name="compound").multipliers(math.log(1.2 * 1.1**2 * 1.15**2))
    >>> round(found.depth_coefficient, 9), round(found.width_coefficient, 9)
    (1.2, 1.1)
    """

    name: str
    depth: float
    width: float
    resolution: float
    source: str = "the user's shares"

    def __post_init__(self) -> None:
        shares = (self.depth, self.width, self.resolution)
        if min(shares) < 0 or not abs(sum(shares) - 1) <= 1e-9:
            raise SpecError(f"shares of strategy {self.name} must be 0 or more and sum to 1, got {shares}")

    @property
    def log_costs(self) -> tuple[float, float]:
        """Any."""
        return -math.inf, math.inf

    def multipliers(self, log_cost: float) -> ScalingCoefficients:
        """Return the multipliers there."""
        exponents = (self.depth, self.width / 2, self.resolution / 2)
        return _coefficients([math.exp(log_cost * exponent) for exponent in exponents])


TINYNETS = (
    (106 / 224, 0.51, 0.6),
    (152 / 224, 0.54, 0.695),
    (184 / 224, 0.54, 0.85),
    (188 / 224, 0.75, 1.1),
    (192 / 224, 1.0, 1.2),
)
"""Resolution, width, depth of TinyNet-E to TinyNet-A beside EfficientNet-B0, smallest first.

Source: timm tinynet_e to tinynet_a (image sizes 106, 152, 184, 188, 192).
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Points:
    """A path through points of one's own, straight in log-cost against log-multiplier, from the baseline on.

    A point is cost multiple, depth, width and resolution, all above 0; the baseline (1, 1, 1, 1) is added.

    Raises:
        SpecError: a value is not above 0, or a cost comes twice.

    >>> path = Points(name="mine", points=((4.0, 4.0, 1.0, 1.0),))
    >>> path.multipliers(math.log(2)).depth_coefficient
    2.0
    """

    name: str
    points: tuple[tuple[float, float, float, float], ...]
    source: str = "the user's points"

    def __post_init__(self) -> None:
        if not self.points or min(min(point) for point in self.points) <= 0:
            raise SpecError(f"strategy {self.name} needs points with every number above 0, got {self.points}")
        costs = [point[0] for point in self._all()]
        if len(set(costs)) != len(costs):
            raise SpecError(f"strategy {self.name} has two points of one cost: {costs}")

    def _all(self) -> list[tuple[float, float, float, float]]:
        return sorted([(1.0, 1.0, 1.0, 1.0), *(point for point in self.points if point[0] != 1)])

    @property
    def log_costs(self) -> tuple[float, float]:
        """Those that the points span."""
        costs = [point[0] for point in self._all()]
        return math.log(costs[0]), math.log(costs[-1])

    def multipliers(self, log_cost: float) -> ScalingCoefficients:
        """Return the multipliers there.

        Raises:
            SpecError: the cost is outside of what the points span.
        """
        _refuse_beyond(self, log_cost)
        costs, *columns = zip(*(map(math.log, point) for point in self._all()), strict=True)
        return _coefficients([math.exp(float(np.interp(log_cost, costs, column))) for column in columns])


@dataclass(frozen=True, slots=True, kw_only=True)
class Function:
    """A way to scale as a function: the same log-cost must give the same depth, width and resolution."""

    name: str
    source: str
    function: Callable[[float], Sequence[float]]
    log_costs: tuple[float, float] = (-math.inf, math.inf)

    def multipliers(self, log_cost: float) -> ScalingCoefficients:
        """Return what the function gives.

        Raises:
            SpecError: the cost is outside, the function raises, or gives anything but three numbers above 0.
        """
        _refuse_beyond(self, log_cost)
        try:
            return _coefficients([float(value) for value in self.function(log_cost)])
        except SpecError:
            raise
        except Exception as error:  # somebody else's code
            raise SpecError(
                f"strategy {self.name}: {self.source}({log_cost:.3g}) should return depth, width and "
                f"resolution, but: {type(error).__name__}: {error}"
            ) from None


def _coefficients(values: Sequence[float]) -> ScalingCoefficients:
    depth, width, side = values
    return ScalingCoefficients(depth_coefficient=depth, width_coefficient=width, resolution_coefficient=side)


def _refuse_beyond(strategy: Strategy, log_cost: float) -> None:
    low, high = strategy.log_costs
    if not low - 1e-9 <= log_cost <= high + 1e-9:
        raise SpecError(
            f"strategy {strategy.name} is for {math.exp(low):.3g} to {math.exp(high):.3g} times the "
            f"baseline's cost, got {math.exp(log_cost):.3g}"
        )


def tinynet() -> Function:
    """Return TinyNet's formula: depth and resolution from data, width = sqrt(c / (depth · resolution²)).

    For making networks smaller: it is defined between the smallest and the largest published TinyNet, 0.03 to
    0.9 of the baseline's cost. Theirs: the formula for width, and that resolution and depth matter more than
    width. Theirs, too, the five published points; the straight lines through them, in log-cost, are ours:
    they took a Gaussian process on networks of their own.

    Source: Han et al. 2020, arXiv:2010.14819, section 3.3; points: timm's tinynet_a to tinynet_e.

    >>> found = tinynet().multipliers(math.log(0.2))
    >>> round(found.depth_coefficient * (found.width_coefficient * found.resolution_coefficient) ** 2, 9)
    0.2
    """
    sides, _, depths = zip(*TINYNETS, strict=True)
    costs = [math.log(depth * (width * side) ** 2) for side, width, depth in TINYNETS]

    def multipliers(log_cost: float) -> tuple[float, float, float]:
        depth, side = float(np.interp(log_cost, costs, depths)), float(np.interp(log_cost, costs, sides))
        return depth, math.sqrt(math.exp(log_cost) / (depth * side**2)), side

    return Function(
        name="tinynet",
        source="arXiv:2010.14819; straight lines between its five networks are ours",
        function=multipliers,
        log_costs=(costs[0], costs[-1]),
    )


def compound(
    alpha: float = PAPER_BASES[0],
    beta: float = PAPER_BASES[1],
    gamma: float = PAPER_BASES[2],
    *,
    name: str,
    source: str = "arXiv:1905.11946, equation 3",
) -> Shares:
    """Return compound scaling by its bases; only their direction matters, the cost says how far.

    Raises:
        SpecError: a base is below 1, or all are 1.
    """
    if not min(alpha, beta, gamma) >= 1 or not max(alpha, beta, gamma) > 1:
        raise SpecError(f"bases must be 1 or more and not all 1, got {alpha:g}, {beta:g}, {gamma:g}")
    costs = (math.log(alpha), 2 * math.log(beta), 2 * math.log(gamma))
    depth, width = costs[0] / sum(costs), costs[1] / sum(costs)
    return Shares(name=name, depth=depth, width=width, resolution=max(0.0, 1 - depth - width), source=source)


def fast(alpha: float = FAST_ALPHA, *, name: str = "fast") -> Shares:
    """Return fast scaling, dWr: width gets alpha of the log-cost, depth and resolution half of the rest each.

    Args:
        alpha: 0 to 1; 1/3 is uniform compound scaling, 1 is width alone.
        name: of the strategy.

    Source: Dollár, Singh & Girshick 2021, arXiv:2103.06877, Table 4: exponents e_d = e_r = (1 − α)/2,
        e_w = α of d = s^e_d, w = sqrt(s)^e_w, r = sqrt(s)^e_r; α = 0.8.

    >>> [round(share, 3) for share in (fast().depth, fast().width, fast().resolution)]
    [0.1, 0.8, 0.1]
    """
    rest = (1 - alpha) / 2
    return Shares(
        name=name,
        depth=rest,
        width=alpha,
        resolution=1 - alpha - rest,
        source=f"arXiv:2103.06877, α = {alpha:g}",
    )


def slow_resolution() -> Shares:
    """Return compound scaling whose resolution grows half as fast; depth and width share what that frees.

    Theirs: image sizes should grow more slowly than EfficientNet's; they print a table of sizes for their own
    ResNets (128 to 320 px) and no formula. Ours: half of the paper's share, the rest to depth and width in
    the paper's proportion.

    Source: Bello et al. 2021, arXiv:2103.07579, section 5.

    >>> slow_resolution().resolution < compound(name="compound").resolution
    True
    """
    paper = compound(name="paper")
    resolution = SLOWER * paper.resolution
    freed = (1 - resolution) / (paper.depth + paper.width)
    return Shares(
        name="slow-resolution",
        depth=paper.depth * freed,
        width=1 - resolution - paper.depth * freed,
        resolution=resolution,
        source="slower growth: arXiv:2103.07579; half of the compound share: ours",
    )


def named_strategies() -> dict[str, Strategy]:
    """Return every strategy that has a name of its own.

    >>> list(named_strategies())[:5]
    ['compound', 'depth', 'width', 'resolution', 'depth-width']
    """
    single, pair = "a single dimension", "two dimensions, equal shares"
    shares = (
        ("depth", (1.0, 0.0, 0.0), single),
        ("width", (0.0, 1.0, 0.0), single),
        ("resolution", (0.0, 0.0, 1.0), single),
        ("depth-width", (0.5, 0.5, 0.0), pair),
        ("depth-resolution", (0.5, 0.0, 0.5), pair),
        ("width-resolution", (0.0, 0.5, 0.5), pair),
        ("uniform", (1 / 3, 1 / 3, 1 / 3), "equal shares"),
    )
    listed: tuple[Strategy, ...] = (
        compound(name="compound"),
        *(
            Shares(name=name, depth=depth, width=width, resolution=resolution, source=source)
            for name, (depth, width, resolution), source in shares
        ),
        fast(),
        slow_resolution(),
        tinynet(),
    )
    return {one.name: one for one in listed}


def strategy_named(name: str) -> Strategy:
    """Return a strategy by name, or a user's own by `module-or-file.py:function`.

    Raises:
        ConfigError: nothing has that name, or the function cannot be loaded.

    >>> strategy_named("fast").source
    'arXiv:2103.06877, α = 0.8'
    """
    known = named_strategies()
    if name in known:
        return known[name]
    if ":" not in name:
        raise ConfigError(
            f"expected a strategy among {', '.join(known)}, or module-or-file.py:function; got {name!r}"
        )
    return Function(name=name.rpartition(":")[2], source=f"the user's {name}", function=load_function(name))
