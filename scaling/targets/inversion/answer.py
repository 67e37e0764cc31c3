"""What an inversion answers: a solution, or a smallest conflict and one quantity that shows it."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, combinations, permutations
from typing import TypeAlias

from scaling.network.rounding import RoundingRules
from scaling.targets.inversion.grid import GridEntry
from scaling.targets.inversion.preimage import LogInterval, Match
from scaling.targets.inversion.surface import Box, Vector, feasible_polygon, phi_signs, search_surface
from scaling.targets.steps import Dimension

Asked: TypeAlias = Mapping[str, Mapping[Dimension, LogInterval | None]]
"""What every variant asks in every dimension; None where nothing can give it."""
PhiInterval: TypeAlias = tuple[float, float]
BASE_OF = {Dimension.DEPTH: "alpha", Dimension.WIDTH: "beta", Dimension.RESOLUTION: "gamma"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Region:
    """Every (alpha, beta, gamma) that reproduces a grid.

    Args:
        polygons: convex in the logarithms; vertices (alpha, beta, gamma) in order. One as a rule; two or more
            where phi may change its sign together with the bases. Two vertices are a segment, one is a point.
    """

    polygons: tuple[tuple[Vector, ...], ...]

    def bounds(self) -> tuple[tuple[float, float], tuple[float, float], tuple[float, float]]:
        """Return the smallest and the largest alpha, beta and gamma."""
        alphas, betas, gammas = zip(*(vertex for polygon in self.polygons for vertex in polygon), strict=True)
        return (min(alphas), max(alphas)), (min(betas), max(betas)), (min(gammas), max(gammas))


@dataclass(frozen=True, slots=True, kw_only=True)
class Solution:
    """Bases and phis that reproduce a grid, each checked with the generator itself.

    Args:
        phi: of each variant at that triple: 0 where 0 does, else the middle of its interval.
        intervals: every phi between these two, both included, gives the variant at that triple.
        region: every triple for which phis exist.
        margin: the fraction, 0 to 0.5, of every interval that the central triple keeps from both its ends.
    """

    alpha: float
    beta: float
    gamma: float
    phi: dict[str, float]
    intervals: dict[str, PhiInterval]
    region: Region
    margin: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Conflict:
    """An irreducible conflict: without any one of its variants, or of its dimensions, there is a solution."""

    variants: tuple[str, ...]
    dimensions: tuple[Dimension, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Inversion:
    """What was asked, and the answer: a solution or a conflict, never both.

    Args:
        fixed: alpha, beta and gamma as given, None where free.
        asked: the interval of ln(multiplier) of every variant and dimension.
    """

    grid: tuple[GridEntry, ...]
    rounding: RoundingRules
    match: Match
    fixed: tuple[float | None, ...]
    asked: Asked
    solution: Solution | None
    conflict: Conflict | None


def minimal_conflict(asked: Asked, possible: Callable[[Asked], bool]) -> Conflict:
    """Reduce an infeasible grid to an irreducible conflict.

    Single variants and pairs are tried first, because a proof of two lines is the one worth reading; what
    is left goes through a deletion filter. Dimensions are then dropped one by one. `possible` must hold of
    every subset of a set of which it holds.

    >>> asked = {"a": {Dimension.DEPTH: None}, "b": {}}
    >>> minimal_conflict(asked, lambda some: all(None not in one.values() for one in some.values())).variants
    ('a',)
    """
    variants = _variants(asked, possible)
    dimensions = list(Dimension)
    for dimension in Dimension:
        fewer = [kept for kept in dimensions if kept != dimension]
        if not possible(_part(asked, variants, fewer)):
            dimensions = fewer
    return Conflict(variants=tuple(variants), dimensions=tuple(dimensions))


def _variants(asked: Asked, possible: Callable[[Asked], bool]) -> Sequence[str]:
    for size in (1, 2):
        for some in combinations(asked, size):
            if not possible(_part(asked, some, tuple(Dimension))):
                return some
    kept = list(asked)
    for name in asked:
        fewer = [other for other in kept if other != name]
        if not possible(_part(asked, fewer, tuple(Dimension))):
            kept = fewer
    return kept


def _part(asked: Asked, variants: Sequence[str], dimensions: Sequence[Dimension]) -> Asked:
    return {
        name: {dimension: asked[name][dimension] for dimension in dimensions if dimension in asked[name]}
        for name in variants
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """Ranges of one quantity, in all of which it would have to lie.

    Args:
        quantity: what is bounded: `phi`, a base, or a ratio of two bases' logarithms.
        ranges: by what bounds it: a variant, a dimension, or the given value. No value is in all of them.
    """

    quantity: str
    ranges: dict[str, tuple[float, float]]

    def proves(self) -> bool:
        """Whether the ranges have nothing in common."""
        lows, highs = zip(*self.ranges.values(), strict=True)
        return bool(max(lows) > min(highs))


def evidence(inversion: Inversion) -> Evidence | None:
    """Look for one quantity that shows a conflict.

    Returns:
        None where there is no conflict, where no multiplier at all gives a variant (its interval in `asked`
        is then None), or where no single quantity shows it: three half-planes may have nothing in common
        although each two have.

    >>> from scaling import variant
    >>> from scaling.targets.inversion import GridEntry, invert
    >>> b5 = GridEntry(name="b5", depth_coefficient=2.2, width_coefficient=1.6, image_size=456)
    >>> shown = evidence(invert(variant("b0"), [b5], alpha=1.2, beta=1.1, gamma=1.15))
    >>> shown.quantity, [round(low, 2) for low, _ in shown.ranges.values()]
    ('phi', [3.94, 5.08])
    """
    conflict = inversion.conflict
    if conflict is None:
        return None
    asked = boxes_of(_part(inversion.asked, conflict.variants, conflict.dimensions))
    if asked is None:
        return None
    fixed = inversion.fixed
    found = chain(_phis(asked, fixed), _ratios(asked, conflict.dimensions), _bases(asked, fixed))
    return next((one for one in found if one.proves()), None)


def boxes_of(asked: Asked) -> dict[str, Box] | None:
    """Return what variants ask; None where one asks for what nothing can give."""
    if any(interval is None for intervals in asked.values() for interval in intervals.values()):
        return None
    return {name: {key: one for key, one in box.items() if one is not None} for name, box in asked.items()}


def _phis(asked: Mapping[str, Box], fixed: tuple[float | None, ...]) -> Iterator[Evidence]:
    """Phi of the one variant in conflict, as each dimension with a given base bounds it."""
    if len(asked) > 1:
        return
    (box,) = asked.values()
    given = [
        (key, base) for key, base in zip(Dimension, fixed, strict=True) if base is not None and base != 1
    ]
    phis = {str(key): box[key].over(math.log(base)) for key, base in given if key in box}
    if phis:
        yield Evidence(quantity="phi", ranges={key: (one.low, one.high) for key, one in phis.items()})


def _ratios(asked: Mapping[str, Box], dimensions: tuple[Dimension, ...]) -> Iterator[Evidence]:
    """The ratio of two logarithms, which no phi changes, as each variant bounds it."""
    for first, second in permutations(dimensions, 2):
        ranges = {name: ratio_range(box, first, second) for name, box in asked.items()}
        known = {name: ends for name, ends in ranges.items() if ends is not None}
        if len(known) == len(asked) > 1:
            yield Evidence(quantity=f"ln {BASE_OF[first]} / ln {BASE_OF[second]}", ranges=known)


def ratio_range(box: Box, first: Dimension, second: Dimension) -> tuple[float, float] | None:
    """Return the range of ln(first base) / ln(second base) that one variant allows, whatever its phi.

    None where the second interval holds 0: the ratio may then be anything.

    >>> from scaling.targets.inversion import LogInterval
    >>> ratio_range({Dimension.WIDTH: LogInterval(1, 2), Dimension.RESOLUTION: LogInterval(4, 5)},
    ...             Dimension.WIDTH, Dimension.RESOLUTION)
    (0.2, 0.5)
    """
    top, bottom = box[first], box[second]
    if 0.0 in bottom:
        return None
    quotients = [over / under for over in (top.low, top.high) for under in (bottom.low, bottom.high)]
    return min(quotients), max(quotients)


def _bases(asked: Mapping[str, Box], fixed: tuple[float | None, ...]) -> Iterator[Evidence]:
    """A given base beside the range that the variants would allow if nothing were given."""
    boxes, surface = list(asked.values()), search_surface((None, None, None))
    polygons = [feasible_polygon(boxes, signs, surface) for signs in phi_signs(boxes)]
    vertices = [vertex for polygon in polygons for vertex in polygon]
    for k, (dimension, base) in enumerate(zip(Dimension, fixed, strict=True)):
        if base is not None and vertices and None in fixed:
            values = [math.exp(vertex[k]) for vertex in vertices]
            ranges = {", ".join(asked): (min(values), max(values)), "given": (base, base)}
            yield Evidence(quantity=BASE_OF[dimension], ranges=ranges)
