"""From a direction to a network whose achieved cost is on target. Floor 5.

Rounding makes cost a staircase along every direction. phi is moved along the direction to the step that
crosses the target; then the image size, never below the baseline's, closes the gap; then the width.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace

from scaling.architecture import LARGEST_IMAGE, ArchitectureSpec
from scaling.coefficients import CompoundCoefficients, ScalingCoefficients
from scaling.errors import SpecError
from scaling.generation import scale
from scaling.rounding import RELEASED, RoundingRules
from scaling.search.surface import Direction
from scaling.search.target import Metric, Target


@dataclass(frozen=True, slots=True, kw_only=True)
class Realisation:
    """The network that a direction gave.

    Args:
        spec: the network.
        compound: the direction's bases at the phi that was reached.
        achieved_factor: its cost over the baseline's, in the target's metric.
        feasible: within the tolerance and the limits.
    """

    spec: ArchitectureSpec
    compound: CompoundCoefficients
    achieved_factor: float
    feasible: bool


def realise(
    direction: Direction, baseline: ArchitectureSpec, target: Target, rounding: RoundingRules = RELEASED
) -> Realisation:
    """Return the network nearest to a direction whose achieved cost is on target.

    Args:
        direction: shares of log-cost.
        baseline: what is scaled.
        target: wanted cost.
        rounding: rounding rules; with released coefficient rounding few directions meet a tight tolerance.

    Source: ours; arXiv:1905.11946 section 3.3 takes the nominal factor instead.

    >>> from scaling import variant
    >>> from scaling.rounding import RoundingRules
    >>> thirds = Direction(depth_share=1/3, width_share=1/3, resolution_share=1/3)
    >>> found = realise(thirds, variant("b0"), Target(), RoundingRules(coefficient_rounding="none"))
    >>> found.feasible, round(found.achieved_factor, 2)
    (True, 1.98)
    """
    base = target.amount(baseline)
    phi = _crossing(direction, baseline, target, rounding, base)
    best: Realisation | None = None
    for compound, spec in _nearby(direction, baseline, target, rounding, phi):
        achieved = target.amount(spec) / base
        feasible = target.met_by(achieved) and target.within_limits(spec)
        found = Realisation(spec=spec, compound=compound, achieved_factor=achieved, feasible=feasible)
        if found.feasible:
            return found
        if best is None or _miss(found, target) < _miss(best, target):
            best = found
    assert best is not None
    return best


def realise_nominally(
    compound: CompoundCoefficients,
    baseline: ArchitectureSpec,
    target: Target,
    rounding: RoundingRules = RELEASED,
) -> Realisation:
    """Return what the formula gives, wherever its achieved cost ends: the paper's procedure.

    Only the limits decide whether it is feasible.

    Args:
        compound: bases and phi.
        baseline: what is scaled.
        target: metric and limits; its factor and tolerance are not asked for.
        rounding: rounding rules.

    Source: arXiv:1905.11946 section 3.3, step 1.
    """
    spec = scale(baseline, compound, rounding)
    achieved = target.amount(spec) / target.amount(baseline)
    return Realisation(
        spec=spec, compound=compound, achieved_factor=achieved, feasible=target.within_limits(spec)
    )


def _miss(found: Realisation, target: Target) -> float:
    return abs(math.log(found.achieved_factor / target.factor))


def _crossing(
    direction: Direction, baseline: ArchitectureSpec, target: Target, rounding: RoundingRules, base: float
) -> float:
    """Return the smallest phi, to 1e-6, at which the realised cost is at least the target's."""
    low, high = 0.0, 4.0
    while high - low > 1e-6:
        middle = (low + high) / 2
        spec = _scaled(baseline, direction.bases(target.factor, phi=middle), rounding)
        # None: beyond the largest network there is
        above = spec is None or target.amount(spec) >= target.factor * base
        low, high = (low, middle) if above else (middle, high)
    return high


def _scaled(
    baseline: ArchitectureSpec,
    coefficients: CompoundCoefficients | ScalingCoefficients,
    rounding: RoundingRules,
) -> ArchitectureSpec | None:
    """Return the scaled network, or None where it is larger than any there may be."""
    try:
        return scale(baseline, coefficients, rounding)
    except SpecError:
        return None


def _nearby(
    direction: Direction,
    baseline: ArchitectureSpec,
    target: Target,
    rounding: RoundingRules,
    phi: float,
) -> Iterator[tuple[CompoundCoefficients, ArchitectureSpec]]:
    """Yield candidates in order of preference: the two sides of the step, then image size, then width."""
    sides = [direction.bases(target.factor, phi=max(0.0, value)) for value in (phi, phi - 2e-6)]
    for compound in sides:
        spec = _scaled(baseline, compound, rounding)
        if spec is not None:
            yield compound, _clipped(spec, target)
    for reach in range(1, 7):
        for compound in sides:
            for width_step in range(-reach + 1, reach):
                widened = _widened(baseline, compound, rounding, width_step)
                if widened is not None:
                    yield compound, fitted_image_size(widened, baseline, target, rounding)


def _clipped(spec: ArchitectureSpec, target: Target) -> ArchitectureSpec:
    largest = target.largest_image_size or LARGEST_IMAGE
    return spec if spec.image_size <= largest else replace(spec, image_size=largest)


def _widened(
    baseline: ArchitectureSpec, compound: CompoundCoefficients, rounding: RoundingRules, steps: int
) -> ArchitectureSpec | None:
    """Return the network with its width moved by 1 % a step, never below 1; None if it cannot be."""
    raw = compound.scaling_coefficients()
    width = max(1.0, raw.width_coefficient * 1.01**steps)
    if steps and width == max(1.0, raw.width_coefficient):
        return None
    moved = ScalingCoefficients(
        depth_coefficient=raw.depth_coefficient,
        width_coefficient=width,
        resolution_coefficient=raw.resolution_coefficient,
    )
    return _scaled(baseline, moved, rounding)


def fitted_image_size(
    spec: ArchitectureSpec, baseline: ArchitectureSpec, target: Target, rounding: RoundingRules
) -> ArchitectureSpec:
    """Return the network at the image size that brings its cost nearest to the target's.

    The size stays between the baseline's and the target's largest, on the rounding's step.
    """
    smallest, largest = baseline.image_size, target.largest_image_size or LARGEST_IMAGE
    if target.metric == Metric.PARAMS:  # no image size brings it nearer
        return replace(spec, image_size=min(largest, max(smallest, spec.image_size)))
    wanted, step = target.factor * target.amount(baseline), rounding.image_size_step
    guess = min(largest, spec.image_size * math.sqrt(wanted / target.amount(spec)))
    around = {rounding.image_size(1, guess) + step * offset for offset in range(-3, 4)}
    sizes = sorted(min(largest, max(smallest, size)) for size in around)
    at_size = [replace(spec, image_size=size) for size in sizes]
    return min(at_size, key=lambda candidate: abs(math.log(target.amount(candidate) / wanted)))
