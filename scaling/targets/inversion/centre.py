"""The point of the surface that keeps farthest from every rounding edge."""

from __future__ import annotations

import math
from collections.abc import Sequence

from scaling.targets.inversion.preimage import Dimension, LogInterval, last_inside
from scaling.targets.inversion.surface import Box, Polygon, Vector, clip, feasible_polygon, phi_signs

EDGE = 1e-12
"""Fraction of every interval that must be left at its ends: wider than the noise of this arithmetic, and
narrower than the 12 digits to which unrounded coefficients are kept."""

_NEARLY = 0.999
"""Of the best fraction, where the centre is taken."""

_UNIT_ROWS: tuple[Vector, ...] = ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0))


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
    for row in _UNIT_ROWS:
        at_least_one = clip(at_least_one, row)
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
    low, high = -math.inf, math.inf
    for dimension, x in zip(Dimension, point, strict=True):
        if dimension not in box:
            continue
        interval = box[dimension]
        if x == 0:
            if 0.0 not in interval:
                return None
            continue
        ends = sorted((interval.low / x, interval.high / x))
        low, high = max(low, ends[0]), min(high, ends[1])
    return LogInterval(low, high) if low <= high else None
