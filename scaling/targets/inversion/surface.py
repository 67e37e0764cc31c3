"""The bases that satisfy a grid, as convex polygons of (ln alpha, ln beta, ln gamma).

Variant i at compound coefficient phi_i asks low_ik <= phi_i · x_k <= high_ik of the three logarithms
x = (ln alpha, ln beta, ln gamma). With t_i = 1 / |phi_i| that is a linear program:
low_ik · t_i <= ± x_k <= high_ik · t_i. No t_i stands in another variant's rows, so each is eliminated
(Fourier and Motzkin: every lower bound on t_i below every upper bound), which leaves half-spaces a · x >= 0.
On the plane x_1 + 2 x_2 + 2 x_3 = ln 2 two unknowns remain and the feasible set is a polygon. Clipping
computes the whole of it in full double precision; a solver of large programs would give one point of it,
within a tolerance (1e-7) wider than the thinnest intervals here. The tests hold the two against each other.
The centre is the point of it that keeps farthest from every rounding edge.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from itertools import product
from typing import TypeAlias

from scaling.errors import SpecError
from scaling.network.coefficients import LARGEST_COEFFICIENT
from scaling.targets.inversion.preimage import LogInterval, last_inside
from scaling.targets.steps import Dimension

Vector: TypeAlias = tuple[float, float, float]
Polygon: TypeAlias = tuple[Vector, ...]
"""Vertices in order; two of them are a segment, one is a point, none is empty."""
Box: TypeAlias = dict[Dimension, LogInterval]
"""What one variant asks of phi · x; a dimension that is left out asks nothing."""

COST_EXPONENTS: Vector = (1.0, 2.0, 2.0)
"""MACs grow with depth · width² · resolution² (Tan & Le 2019, arXiv:1905.11946, equation 3)."""
COST_FACTOR = 2.0
"""What a step of phi = 1 multiplies the cost by, on the surface (the same equation)."""

EDGE = 1e-12
"""Fraction of every interval that must be left at its ends: wider than the noise of this arithmetic, and
narrower than the 12 digits to which unrounded coefficients are kept."""

_NEARLY = 0.999
"""Of the best fraction, where the centre is taken."""

LARGEST_LOG = 700.0
"""Of a base: e^700 is about the largest number that a double holds."""

_DIMENSIONS = tuple(Dimension)
# Corners of the free bases but one, neighbours on the outline next to each other.
_OUTLINE: dict[int, tuple[tuple[int, ...], ...]] = {
    1: ((),),
    2: ((-1,), (1,)),
    3: ((-1, -1), (1, -1), (1, 1), (-1, 1)),
}


def search_surface(fixed: Sequence[float | None]) -> Polygon:
    """Return where bases may lie: the surface alpha · beta² · gamma² = 2, cut where bases are given.

    Free bases run from 1e-6 to 1e6, further where a given base forces it. With all three given the surface
    is their point, whatever its product.

    Raises:
        SpecError: the given bases leave no room for the others.

    >>> [len(search_surface(fixed)) for fixed in ((None,) * 3, (1.2, None, None), (1.2, 1.1, 1.15))]
    [6, 2, 1]
    """
    logs = [0.0 if base is None else math.log(base) for base in fixed]
    free = [k for k, base in enumerate(fixed) if base is None]
    if not free:
        return (_vector(logs),)
    bound = min(LARGEST_LOG, math.log(LARGEST_COEFFICIENT) + sum(abs(value) for value in logs))
    surface: Polygon = ()
    for signs in _OUTLINE[len(free)]:
        for k, sign in zip(free[1:], signs, strict=True):
            logs[k] = sign * bound
        surface += (_solved(logs, free[0]),)
    for direction in (1.0, -1.0):
        surface = clip(surface, _row(1, (free[0], direction)), bound)
    if not surface:
        given = ", ".join(f"{base:g}" for base in fixed if base is not None)
        raise SpecError(f"alpha*beta^2*gamma^2 cannot be 2: nothing balances the given {given}")
    return surface


def _solved(logs: Sequence[float], first_free: int) -> Vector:
    """Give the first free logarithm the value that the surface asks."""
    point = list(logs)
    rest = sum(COST_EXPONENTS[k] * point[k] for k in range(3) if k != first_free)
    point[first_free] = (math.log(COST_FACTOR) - rest) / COST_EXPONENTS[first_free]
    return _vector(point)


def _vector(values: Sequence[float]) -> Vector:
    first, second, third = values
    return (first, second, third)


def phi_signs(boxes: Sequence[Box]) -> list[tuple[int, ...]]:
    """Return every pattern of signs that the variants' phis can have together.

    An interval without 0 ties the sign of a variant's phi to the sign of one x_k, and there are eight
    patterns of those: at most eight patterns of phis, rather than 2 to the number of variants. Every box must
    have at least one such interval.
    """
    patterns = [tuple(_phi_sign(box, orthant) for box in boxes) for orthant in product((1, -1), repeat=3)]
    return list(dict.fromkeys(pattern for pattern in patterns if 0 not in pattern))


def _phi_sign(box: Box, orthant: Sequence[int]) -> int:
    """Sign of phi where x has the orthant's signs; 0 if no phi can serve every dimension."""
    asked = {
        orthant[_DIMENSIONS.index(dimension)] * (1 if interval.low > 0 else -1)
        for dimension, interval in box.items()
        if 0.0 not in interval
    }
    return asked.pop() if len(asked) == 1 else 0


def feasible_polygon(
    boxes: Sequence[Box], signs: Sequence[int], surface: Polygon, shrink: float = 0.0
) -> Polygon:
    """Return the part of a surface on which every variant has a phi of the given sign, +1 or -1.

    Every interval loses the fraction `shrink`, 0 to 0.5, at both ends.
    """
    polygon = surface
    for box, sign in zip(boxes, signs, strict=True):
        for row in half_spaces(box, sign, shrink):
            polygon = clip(polygon, row)
            if not polygon:
                return ()
    return polygon


def half_spaces(box: Box, sign: int, shrink: float = 0.0) -> Iterator[Vector]:
    """Yield the rows a of a · x >= 0 that remain of one variant when its phi is eliminated.

    >>> list(half_spaces({Dimension.DEPTH: LogInterval(1, 2)}, -1))
    [(-1.0, 0.0, 0.0)]
    """
    lower: list[tuple[int, float]] = []
    upper: list[tuple[int, float]] = []
    for k, dimension in enumerate(_DIMENSIONS):
        if dimension in box:
            interval = box[dimension].shrunk(shrink)
            # sign · x_k <= high · t is a lower bound on t where high is above 0, else an upper one;
            # low · t <= sign · x_k is the reverse.
            (lower if interval.high > 0 else upper).append((k, interval.high))
            (upper if interval.low > 0 else lower).append((k, interval.low))
    for m, most in upper:
        yield _row(sign, (m, _sign(most)))  # t is not negative
        for k, least in lower:
            if k != m:
                # sign · x_m / most >= sign · x_k / least, without dividing by what may be 0.
                yield _row(sign, (m, _sign(most) * abs(least)), (k, -_sign(least) * abs(most)))


def _sign(value: float) -> float:
    return 1.0 if value > 0 else -1.0


def _row(sign: int, *entries: tuple[int, float]) -> Vector:
    size = max(abs(value) for _, value in entries) or 1.0
    row = [0.0, 0.0, 0.0]
    for k, value in entries:
        row[k] = sign * value / size
    return _vector(row)


def clip(polygon: Polygon, row: Vector, offset: float = 0.0) -> Polygon:
    """Keep the part of a convex polygon, segment or point where row · x + offset >= 0.

    Source: Sutherland & Hodgman 1974, "Reentrant polygon clipping".

    >>> clip(((0.0, 0.0, 0.0), (2.0, 0.0, 0.0)), (1.0, -1.0, 0.0))
    ((0.0, 0.0, 0.0), (2.0, 0.0, 0.0))
    """
    values = [sum(a * x for a, x in zip(row, vertex, strict=True)) + offset for vertex in polygon]
    kept: list[Vector] = []
    for index, (vertex, value) in enumerate(zip(polygon, values, strict=True)):
        following, next_value = polygon[index - len(polygon) + 1], values[index - len(polygon) + 1]
        if value >= 0:
            kept.append(vertex)
        # A segment has one edge, not one there and one back.
        is_edge = len(polygon) > 2 or index + 1 < len(polygon)
        if is_edge and (value > 0 > next_value or value < 0 < next_value):
            part = value / (value - next_value)
            kept.append(_vector([p + part * (q - p) for p, q in zip(vertex, following, strict=True)]))
    return tuple(dict.fromkeys(kept))


def is_possible(boxes: Sequence[Box], surface: Polygon) -> bool:
    """Whether some point of a surface serves every variant, off every edge."""
    return any(_has_centre(boxes, signs, surface, EDGE) for signs in phi_signs(boxes))


def central_point(boxes: Sequence[Box], surface: Polygon) -> tuple[Vector, float] | None:
    """Find the point at which every interval can lose the largest fraction of its width at both ends.

    Bases of at least 1 are preferred: a point with a smaller one is returned only where no other serves.

    Returns:
        The point, and the fraction (0 to 0.5); None if nothing serves.
    """
    at_least_one = surface
    for k in range(3):
        at_least_one = clip(at_least_one, _row(1, (k, 1.0)))
    for start in (at_least_one, surface):
        found = [_most_central(boxes, signs, start) for signs in phi_signs(boxes) if start]
        best = max((one for one in found if one), key=lambda one: one[1], default=None)
        if best:
            return best
    return None


def _most_central(
    boxes: Sequence[Box], signs: Sequence[int], surface: Polygon
) -> tuple[Vector, float] | None:
    def holds(shrink: float) -> bool:
        return _has_centre(boxes, signs, surface, shrink)

    if not holds(EDGE):
        return None
    best = last_inside(holds, EDGE, 0.5, lambda first, second: (first + second) / 2)
    # At the best fraction itself the polygon is a hair's breadth; just below, it has an inside.
    margin = max(EDGE, _NEARLY * best)
    return centroid(feasible_polygon(boxes, signs, surface, margin)), margin


def _has_centre(boxes: Sequence[Box], signs: Sequence[int], surface: Polygon, shrink: float) -> bool:
    polygon = feasible_polygon(boxes, signs, surface, shrink)
    # Where every base is 1 the rows hold with t = 0, that is with an infinite phi: hence the second look.
    return bool(polygon) and all(phi_range(box, centroid(polygon)) is not None for box in boxes)


def centroid(polygon: Polygon) -> Vector:
    """Return the centroid of a polygon's outline: inside, and blind to vertices that nearly coincide.

    >>> centroid(((0.0, 0.0, 0.0), (4.0, 0.0, 0.0), (4.0, 0.0, 0.0)))
    (2.0, 0.0, 0.0)
    """
    edges = [(polygon[index - 1], vertex) for index, vertex in enumerate(polygon)]
    lengths = [math.dist(first, second) for first, second in edges]
    if not any(lengths):
        return polygon[0]
    first, second, third = (
        math.fsum(length * (p[k] + q[k]) / 2 for length, (p, q) in zip(lengths, edges, strict=True))
        / math.fsum(lengths)
        for k in range(3)
    )
    return first, second, third


def phi_range(box: Box, point: Vector) -> LogInterval | None:
    """Return the phis with which one point of the surface serves one variant; None if there are none.

    >>> phi_range({Dimension.DEPTH: LogInterval(1, 2), Dimension.WIDTH: LogInterval(3, 4)}, (1.0, 2.0, 0.0))
    LogInterval(low=1.5, high=2.0)
    """
    ranges = []
    for dimension, x in zip(Dimension, point, strict=True):
        interval = box.get(dimension)
        if interval is None or (x == 0 and 0.0 in interval):
            continue
        if x == 0:
            return None
        ranges.append(interval.over(x))
    low = max((one.low for one in ranges), default=-math.inf)
    high = min((one.high for one in ranges), default=math.inf)
    return LogInterval(low, high) if low <= high else None
