"""From a direction to a network whose achieved cost is on target.

Rounding makes cost a staircase along every direction. phi is moved along the direction to the step that
crosses the target; then the image size, never below the baseline's, closes the gap; then the width.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

from scaling.errors import SpecError
from scaling.network.architecture import LARGEST_IMAGE, SMALLEST_IMAGE, ArchitectureSpec
from scaling.network.coefficients import CompoundCoefficients, ScalingCoefficients
from scaling.network.generation import scale
from scaling.network.rounding import RELEASED, RoundingRules
from scaling.network.strategies import Strategy
from scaling.targets.directions import Direction
from scaling.targets.target import Metric, Target

Coefficients = CompoundCoefficients | ScalingCoefficients
Path = Callable[[float], Coefficients]
FARTHEST = 4.0
"""Largest phi that is looked at."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Realisation:
    """The network that a direction, or another path, gave.

    Args:
        coefficients: the path's at the phi that was reached; image size and width may have moved on.
        achieved_factor: its cost over the baseline's, in the target's metric.
    """

    spec: ArchitectureSpec
    coefficients: Coefficients
    achieved_factor: float
    feasible: bool

    @property
    def compound(self) -> CompoundCoefficients:
        """The coefficients of a direction: its bases at that phi."""
        assert isinstance(self.coefficients, CompoundCoefficients), "a strategy's path has no bases"
        return self.coefficients


def realise(
    direction: Direction, baseline: ArchitectureSpec, target: Target, rounding: RoundingRules = RELEASED
) -> Realisation:
    """Return the network nearest to a direction whose achieved cost is on target.

    Source: ours; arXiv:1905.11946 section 3.3 takes the nominal factor instead.

    >>> from scaling import variant
    >>> from scaling.network.rounding import RoundingRules
    >>> thirds = Direction(depth_share=1/3, width_share=1/3, resolution_share=1/3)
    >>> found = realise(thirds, variant("b0"), Target(), RoundingRules(coefficient_rounding="none"))
    >>> found.feasible, round(found.achieved_factor, 2)
    (True, 1.98)
    """
    return realise_along(lambda phi: direction.bases(target.factor, phi=phi), baseline, target, rounding)


def realise_strategy(
    strategy: Strategy, baseline: ArchitectureSpec, target: Target, rounding: RoundingRules = RELEASED
) -> Realisation:
    """Return the network of a strategy whose achieved cost is on target, or the nearest there is.

    Where a strategy is not for all costs, only its own part is looked at; below a factor of 1 the network is
    made smaller.

    Raises:
        SpecError: the strategy is not for costs on the target's side, or its function failed.

    >>> from scaling import variant
    >>> from scaling.network.rounding import RoundingRules
    >>> from scaling.network.strategies import strategy_named
    >>> exact = RoundingRules(coefficient_rounding="none")
    >>> found = realise_strategy(strategy_named("fast"), variant("b0"), Target(factor=4.0), exact)
    >>> found.feasible, found.spec.num_blocks, found.spec.image_size
    (True, 23, 236)
    """
    log_factor = math.log(target.factor)
    ends = sorted(end / log_factor for end in strategy.log_costs)
    low, high = max(0.0, ends[0]), min(FARTHEST, ends[1])
    if low >= high:
        least, most = (math.exp(end) for end in strategy.log_costs)
        raise SpecError(
            f"strategy {strategy.name} is for {least:.3g} to {most:.3g} times the baseline's cost, not for "
            f"{target.factor:g}"
        )
    return realise_along(
        lambda phi: strategy.multipliers(min(max(phi, low), high) * log_factor),
        baseline,
        target,
        rounding,
        phis=(low, high),
    )


def realise_along(
    path: Path,
    baseline: ArchitectureSpec,
    target: Target,
    rounding: RoundingRules = RELEASED,
    *,
    phis: tuple[float, float] = (0.0, FARTHEST),
) -> Realisation:
    """Return the network nearest to a path whose achieved cost is on target.

    The path goes from phi to coefficients; the nominal cost is factor^phi. It is looked at within `phis`.
    """
    base = _amount(target, baseline)

    def along(phi: float) -> tuple[Coefficients, ArchitectureSpec | None]:
        coefficients = path(max(0.0, phi))
        return coefficients, _scaled(baseline, coefficients, rounding)

    def miss(one: Realisation) -> tuple[bool, float]:
        return not one.feasible, abs(math.log(one.achieved_factor / target.factor))

    low, high = phis
    while high - low > 1e-6:  # the smallest phi at which the realised cost has reached the target's
        middle = (low + high) / 2
        low, high = (low, middle) if _reached(along(middle)[1], target, base) else (middle, high)
    best: Realisation | None = None
    for coefficients, spec in _nearby([along(high), along(high - 2e-6)], baseline, target, rounding):
        achieved = _amount(target, spec) / base
        feasible = target.met_by(achieved) and target.within_limits(spec)
        found = Realisation(spec=spec, coefficients=coefficients, achieved_factor=achieved, feasible=feasible)
        best = found if best is None or miss(found) < miss(best) else best
        if best.feasible:
            return best
    if best is None:
        raise SpecError(f"no network lies along this path at {target.factor:g} times the baseline's cost")
    return best


def realise_nominally(
    compound: CompoundCoefficients,
    baseline: ArchitectureSpec,
    target: Target,
    rounding: RoundingRules = RELEASED,
) -> Realisation:
    """Return what the formula gives, wherever its achieved cost ends: the paper's procedure.

    Only the limits decide whether it is feasible.

    Source: arXiv:1905.11946 section 3.3, step 1.
    """
    spec = scale(baseline, compound, rounding)
    achieved = _amount(target, spec) / _amount(target, baseline)
    return Realisation(
        spec=spec, coefficients=compound, achieved_factor=achieved, feasible=target.within_limits(spec)
    )


@lru_cache(maxsize=20_000)
def _amount(target: Target, spec: ArchitectureSpec) -> float:
    """Return a network's cost in the target's metric; neighbouring directions meet the same networks."""
    return target.amount(spec)


def _reached(spec: ArchitectureSpec | None, target: Target, base: float) -> bool:
    """Whether a network is at the target's cost or beyond it, as None, which cannot be, always is."""
    if spec is None:
        return True
    amount, wanted = _amount(target, spec), target.factor * base
    return amount >= wanted if target.factor > 1 else amount <= wanted


def _scaled(
    baseline: ArchitectureSpec, coefficients: Coefficients, rounding: RoundingRules
) -> ArchitectureSpec | None:
    """Return the scaled network, or None where it is larger, or smaller, than any there may be."""
    try:
        return scale(baseline, coefficients, rounding)
    except SpecError:
        return None


def _nearby(
    sides: Sequence[tuple[Coefficients, ArchitectureSpec | None]],
    baseline: ArchitectureSpec,
    target: Target,
    rounding: RoundingRules,
) -> Iterator[tuple[Coefficients, ArchitectureSpec]]:
    """Yield candidates in order of preference: the two sides of the step, then image size, then width."""
    largest = target.largest_image_size or LARGEST_IMAGE
    for coefficients, spec in sides:
        if spec is not None:
            yield coefficients, replace(spec, image_size=min(spec.image_size, largest))
    for reach in range(1, 7):
        for coefficients, _ in sides:
            for width_step in range(-reach + 1, reach):
                widened = _widened(baseline, coefficients, rounding, width_step)
                if widened is not None:
                    size = _fitted_size(widened, baseline, target, rounding)
                    yield coefficients, replace(widened, image_size=size)


def _widened(
    baseline: ArchitectureSpec, coefficients: Coefficients, rounding: RoundingRules, steps: int
) -> ArchitectureSpec | None:
    """Return the network with its width moved by 1 % a step, never from 1 or above to below; None if not."""
    raw = coefficients
    if isinstance(raw, CompoundCoefficients):
        raw = raw.scaling_coefficients()
    least = min(1.0, raw.width_coefficient * (1 if raw.width_coefficient >= 1 else 0.9))
    width = max(least, raw.width_coefficient * 1.01**steps)
    if steps and width == max(least, raw.width_coefficient):
        return None
    return _scaled(baseline, replace(raw, width_coefficient=width), rounding)


@lru_cache(maxsize=20_000)
def _fitted_size(
    spec: ArchitectureSpec, baseline: ArchitectureSpec, target: Target, rounding: RoundingRules
) -> int:
    """Return the image size that brings a network's cost nearest to the target's.

    It stays between the baseline's (for smaller networks the package's smallest) and the target's largest, on
    the rounding's step.
    """
    smallest = min(baseline.image_size, spec.image_size) if target.factor > 1 else SMALLEST_IMAGE
    largest = target.largest_image_size or LARGEST_IMAGE
    if target.metric == Metric.PARAMS:  # no image size brings it nearer
        return min(largest, max(smallest, spec.image_size))
    wanted, step = target.factor * _amount(target, baseline), rounding.image_size_step
    guess = min(largest, spec.image_size * math.sqrt(wanted / _amount(target, spec)))
    around = {rounding.image_size(1, guess) + step * offset for offset in range(-3, 4)}
    sizes = sorted(min(largest, max(smallest, size)) for size in around)
    return min(
        sizes, key=lambda size: abs(math.log(_amount(target, replace(spec, image_size=size)) / wanted))
    )
