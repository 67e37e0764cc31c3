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
from typing import assert_never

from scaling.network.architecture import ArchitectureSpec
from scaling.network.coefficients import LARGEST_COEFFICIENT
from scaling.network.rounding import CoefficientRounding, RoundingRules
from scaling.targets.inversion.grid import GridEntry, realise
from scaling.targets.steps import Dimension, Rule, realised, realised_rule

PRINTED_PRECISION = 1e-9
"""Relative; an unrounded coefficient counts as the printed one if it agrees to nine digits."""

_SMALLEST, _LARGEST = 1 / LARGEST_COEFFICIENT, LARGEST_COEFFICIENT


class Match(StrEnum):
    """What has to be reproduced."""

    REALISED = "realised"
    """Repeats, stem, stage and head channels, and image size."""
    COEFFICIENTS = "coefficients"
    """The printed depth and width coefficient, and image size."""


@dataclass(frozen=True, slots=True)
class LogInterval:
    """A closed interval of natural logarithms of a multiplier; both ends belong to it."""

    low: float
    high: float

    def __contains__(self, value: float) -> bool:
        return self.low <= value <= self.high

    def over(self, x: float) -> LogInterval:
        """Return the phis whose product with a base's logarithm, not 0, lies within."""
        return LogInterval(*sorted((self.low / x, self.high / x)))

    def shrunk(self, fraction: float) -> LogInterval:
        """Take the same fraction of the width off both ends, 0 to 0.5."""
        off = fraction * (self.high - self.low)
        return LogInterval(self.low + off, self.high - off)


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


def preimage(rule: Rule, target: Sequence[float]) -> LogInterval | None:
    """Return the interval of ln(multiplier) on which a rule gives exactly the target.

    No component of the rule may ever fall; it may give nothing below some multiplier.

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
    """Bisect from where something holds to where it does not, down to floats; return the last where it holds.

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
