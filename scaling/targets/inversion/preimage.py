"""Which multipliers give a wanted network: one interval for depth, one for width, one for resolution.

Every rule of `scaling.network.rounding` is a step function that never falls, so the multipliers that give
wanted integers are an interval. Its two edges are found by bisection on the rule itself, to the last bit: no
rule is written down a second time here, and a new rule is inverted without a change.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

from scaling.network.architecture import ArchitectureSpec
from scaling.network.coefficients import LARGEST_COEFFICIENT
from scaling.network.generation import scaled_channels
from scaling.network.rounding import CoefficientRounding, RoundingRules
from scaling.targets.inversion.grid import GridEntry, realise

PRINTED_PRECISION = 1e-9
"""Relative; an unrounded coefficient counts as the printed one if it agrees to nine digits."""

_SMALLEST, _LARGEST = 1 / LARGEST_COEFFICIENT, LARGEST_COEFFICIENT


class Match(StrEnum):
    """What has to be reproduced."""

    REALISED = "realised"
    """Repeats, stem, stage and head channels, and image size."""
    COEFFICIENTS = "coefficients"
    """The printed depth and width coefficient, and image size."""


class Dimension(StrEnum):
    """The three dimensions of compound scaling, in the order of alpha, beta, gamma."""

    DEPTH = "depth"
    WIDTH = "width"
    RESOLUTION = "resolution"


@dataclass(frozen=True, slots=True)
class Interval:
    """A closed interval of natural logarithms of a multiplier; both ends belong to it."""

    low: float
    high: float

    def __contains__(self, value: float) -> bool:
        return self.low <= value <= self.high

    def shrunk(self, fraction: float) -> Interval:
        """Take the same fraction of the width off both ends, 0 to 0.5."""
        off = fraction * (self.high - self.low)
        return Interval(self.low + off, self.high - off)


Rule: TypeAlias = Callable[[float], Sequence[float]]


def preimages(
    baseline: ArchitectureSpec, entry: GridEntry, rounding: RoundingRules, match: Match
) -> dict[Dimension, Interval | None]:
    """Return the interval of ln(multiplier) in each dimension that gives an entry; None where none does.

    Bounds are searched between multipliers of 1e-6 and 1e6.

    Raises:
        SpecError: the entry's network would be out of range.

    >>> from scaling import variant
    >>> b4 = GridEntry(name="b4", depth_coefficient=1.8, width_coefficient=1.4, image_size=380)
    >>> found = preimages(variant("b0"), b4, RoundingRules(), Match.COEFFICIENTS)
    >>> depth = found[Dimension.DEPTH]
    >>> round(math.exp(depth.low), 6), round(math.exp(depth.high), 6)
    (1.75, 1.85)
    """
    target = realise(baseline, entry, rounding)
    printed = {Dimension.DEPTH: entry.depth_coefficient, Dimension.WIDTH: entry.width_coefficient}
    result = {}
    for dimension in Dimension:
        if match == Match.REALISED or dimension == Dimension.RESOLUTION:
            rule = realised_rule(baseline, dimension, rounding)
            result[dimension] = preimage(rule, realised(target, dimension))
        elif rounding.coefficient_rounding == CoefficientRounding.NONE:
            centre = math.log(printed[dimension])
            result[dimension] = Interval(centre - PRINTED_PRECISION, centre + PRINTED_PRECISION)
        else:
            result[dimension] = preimage(lambda x: (rounding.coefficient(x),), (printed[dimension],))
    return result


def realised(spec: ArchitectureSpec, dimension: Dimension) -> tuple[int, ...]:
    """Return the integers of a network that one dimension's multiplier decides."""
    if dimension == Dimension.DEPTH:
        return tuple(stage.repeats for stage in spec.stages)
    if dimension == Dimension.WIDTH:
        stages = (stage.out_channels for stage in spec.stages)
        return (spec.stem.out_channels, *stages, spec.head.out_channels)
    return (spec.image_size,)


def realised_rule(baseline: ArchitectureSpec, dimension: Dimension, rounding: RoundingRules) -> Rule:
    """Return the map from one dimension's multiplier to its integers, as `generation` applies it.

    A depth or width that rounds to a coefficient of 0 gives no network, and no integers.
    """

    def depth(multiplier: float) -> tuple[int, ...]:
        coefficient = rounding.coefficient(multiplier)
        return rounding.stage_repeats([stage.repeats for stage in baseline.stages], coefficient)

    def width(multiplier: float) -> tuple[int, ...]:
        return scaled_channels(baseline, rounding.coefficient(multiplier), rounding)

    def image_size(multiplier: float) -> tuple[int, ...]:
        return (rounding.image_size(baseline.image_size, multiplier),)

    def positive(rule: Rule) -> Rule:
        return lambda multiplier: rule(multiplier) if rounding.coefficient(multiplier) > 0 else ()

    rules: dict[Dimension, Rule] = {Dimension.DEPTH: positive(depth), Dimension.WIDTH: positive(width)}
    return rules.get(dimension, image_size)


def preimage(rule: Rule, target: Sequence[float]) -> Interval | None:
    """Return the interval of ln(multiplier) on which a rule gives exactly the target.

    Args:
        rule: a map whose every component never falls; it may give nothing below some multiplier.
        target: the wanted value of every component.

    >>> three = preimage(lambda x: (round(x),), (3,))
    >>> round(math.exp(three.low), 9), round(math.exp(three.high), 9)
    (2.5, 3.5)
    """

    def reaches(x: float) -> bool:
        value = rule(x)
        return bool(value) and all(v >= t for v, t in zip(value, target, strict=True))

    def stays(x: float) -> bool:
        value = rule(x)
        return not value or all(v <= t for v, t in zip(value, target, strict=True))

    if not reaches(_LARGEST) or not stays(_SMALLEST):
        return None
    low = _SMALLEST if reaches(_SMALLEST) else last_inside(reaches, _LARGEST, _SMALLEST, _geometric_mean)
    high = _LARGEST if stays(_LARGEST) else last_inside(stays, _SMALLEST, _LARGEST, _geometric_mean)
    return Interval(math.log(low), math.log(high)) if low <= high else None


def last_inside(
    holds: Callable[[float], bool],
    inside: float,
    outside: float,
    between: Callable[[float, float], float],
) -> float:
    """Bisect between a point where something holds and one where it does not, down to neighbouring floats.

    Returns:
        The last point on the way where it holds.

    >>> last_inside(lambda x: x < 2, 1.0, 4.0, lambda a, b: (a + b) / 2)
    1.9999999999999998
    """
    while True:
        middle = between(inside, outside)
        if not min(inside, outside) < middle < max(inside, outside):
            return inside
        if holds(middle):
            inside = middle
        else:
            outside = middle


def _geometric_mean(first: float, second: float) -> float:
    return math.sqrt(first * second)
