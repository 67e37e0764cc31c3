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
from typing import TypeAlias, assert_never

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
class LogInterval:
    """A closed interval of natural logarithms of a multiplier; both ends belong to it."""

    low: float
    high: float

    def __contains__(self, value: float) -> bool:
        return self.low <= value <= self.high

    def shrunk(self, fraction: float) -> LogInterval:
        """Take the same fraction of the width off both ends, 0 to 0.5."""
        off = fraction * (self.high - self.low)
        return LogInterval(self.low + off, self.high - off)


Rule: TypeAlias = Callable[[float], Sequence[float]]


def preimages(
    baseline: ArchitectureSpec, entry: GridEntry, rounding: RoundingRules, match: Match
) -> dict[Dimension, LogInterval | None]:
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
    by_integers = {
        dimension: preimage(realised_rule(baseline, dimension, rounding), realised(target, dimension))
        for dimension in Dimension
    }
    match match:
        case Match.REALISED:
            return by_integers
        case Match.COEFFICIENTS:
            return by_integers | {
                Dimension.DEPTH: _printed(entry.depth_coefficient, rounding),
                Dimension.WIDTH: _printed(entry.width_coefficient, rounding),
            }
        case _:
            assert_never(match)


def _printed(coefficient: float, rounding: RoundingRules) -> LogInterval | None:
    """Return the interval of ln(multiplier) that the rules round to a printed coefficient."""
    match rounding.coefficient_rounding:
        case CoefficientRounding.NONE:
            centre = math.log(coefficient)
            return LogInterval(centre - PRINTED_PRECISION, centre + PRINTED_PRECISION)
        case CoefficientRounding.RELEASED:
            return preimage(lambda x: (rounding.coefficient(x),), (coefficient,))
        case _:
            assert_never(rounding.coefficient_rounding)


def realised(spec: ArchitectureSpec, dimension: Dimension) -> tuple[int, ...]:
    """Return the integers of a network that one dimension's multiplier decides."""
    match dimension:
        case Dimension.DEPTH:
            return tuple(stage.repeats for stage in spec.stages)
        case Dimension.WIDTH:
            return spec.channels
        case Dimension.RESOLUTION:
            return (spec.image_size,)
        case _:
            assert_never(dimension)


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

    return {
        Dimension.DEPTH: positive(depth),
        Dimension.WIDTH: positive(width),
        Dimension.RESOLUTION: image_size,
    }[dimension]


def preimage(rule: Rule, target: Sequence[float]) -> LogInterval | None:
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
    return LogInterval(math.log(low), math.log(high)) if low <= high else None


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
