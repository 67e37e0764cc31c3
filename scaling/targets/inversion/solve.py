"""The inverse problem: from a grid of networks back to (alpha, beta, gamma) and a phi each."""

from __future__ import annotations

import math
from collections.abc import Sequence

from scaling.network.architecture import ArchitectureSpec
from scaling.network.coefficients import CompoundCoefficients
from scaling.network.rounding import RELEASED, RoundingRules, choice
from scaling.targets.inversion.answer import Inversion, PhiInterval, Region, Solution
from scaling.targets.inversion.centre import central_point, is_possible, phi_range
from scaling.targets.inversion.conflict import Asked, minimal_conflict
from scaling.targets.inversion.exponents import phi_interval, question
from scaling.targets.inversion.grid import GridEntry, check_names
from scaling.targets.inversion.preimage import Match, preimages
from scaling.targets.inversion.surface import (
    Box,
    Polygon,
    Vector,
    feasible_polygon,
    phi_signs,
    search_surface,
)


def invert(
    baseline: ArchitectureSpec,
    grid: Sequence[GridEntry],
    rounding: RoundingRules = RELEASED,
    *,
    match: Match | str = Match.REALISED,
    alpha: float | None = None,
    beta: float | None = None,
    gamma: float | None = None,
) -> Inversion:
    """Find the bases and phis under which a baseline's compound scaling gives a whole grid.

    Every rounding step is inverted exactly (to the last bit of a float), none is approximated. Unless all
    three bases are given, alpha · beta² · gamma² = 2.

    Args:
        baseline: the network at phi = 0.
        grid: at least one entry, names different.
        rounding: the rules between coefficients and integers.
        match: "realised" or "coefficients".
        alpha: fixes this base; finite, above 0.
        beta: likewise.
        gamma: likewise.

    Raises:
        SpecError: a base is not finite or not above 0, or an entry's network would be out of range.
        ConfigError: the grid is empty or names an entry twice.

    Source: the inverse of Tan & Le 2019, arXiv:1905.11946, equation 3.

    >>> from scaling import variant
    >>> b1 = GridEntry(name="b1", depth_coefficient=1.1, width_coefficient=1.0, image_size=240)
    >>> low, high = invert(variant("b0"), [b1], alpha=1.2, beta=1.1, gamma=1.15).solution.intervals["b1"]
    >>> round(low, 3), round(high, 3)
    (0.479, 0.509)
    """
    check_names([entry.name for entry in grid])
    kind = choice(Match, match, "match")
    fixed = _fixed(alpha, beta, gamma)
    surface = search_surface(fixed)
    asked = {entry.name: preimages(baseline, entry, rounding, kind) for entry in grid}
    solution = _solution(baseline, grid, rounding, kind, asked, surface, fixed)
    conflict = None if solution else minimal_conflict(asked, lambda some: is_solvable(some, surface))
    return Inversion(
        grid=tuple(grid),
        rounding=rounding,
        match=kind,
        fixed=fixed,
        asked=asked,
        solution=solution,
        conflict=conflict,
    )


def _fixed(*bases: float | None) -> tuple[float | None, ...]:
    alpha, beta, gamma = (1.0 if base is None else base for base in bases)
    CompoundCoefficients(alpha=alpha, beta=beta, gamma=gamma, phi=0)  # refuses what no base can be
    return bases


def _boxes(asked: Asked) -> dict[str, Box] | None:
    """Return what variants with phi other than 0 ask; None if one asks the impossible."""
    boxes: dict[str, Box] = {}
    for name, intervals in asked.items():
        box = {dimension: interval for dimension, interval in intervals.items() if interval is not None}
        if len(box) < len(intervals):
            return None
        # Where every interval holds 0, phi = 0 gives the variant whatever the bases are.
        if any(0.0 not in interval for interval in box.values()):
            boxes[name] = box
    return boxes


def is_solvable(asked: Asked, surface: Polygon) -> bool:
    """Whether some point of a surface serves every variant in every dimension that is asked of it."""
    boxes = _boxes(asked)
    return boxes is not None and is_possible(list(boxes.values()), surface)


def _solution(
    baseline: ArchitectureSpec,
    grid: Sequence[GridEntry],
    rounding: RoundingRules,
    match: Match,
    asked: Asked,
    surface: Polygon,
    fixed: Sequence[float | None],
) -> Solution | None:
    boxes = _boxes(asked)
    central = None if boxes is None else central_point(list(boxes.values()), surface)
    if boxes is None or central is None:
        return None
    point, margin = central
    bases = _bases(point, fixed)
    phi: dict[str, float] = {}
    intervals: dict[str, PhiInterval] = {}
    for entry in grid:
        box = {dimension: interval for dimension, interval in asked[entry.name].items() if interval}
        expected = phi_range(box, point)
        assert expected is not None  # the central point serves every variant
        is_given = question(baseline, entry, rounding, match, bases)
        phi[entry.name], intervals[entry.name] = phi_interval(is_given, entry.name, expected)
    return Solution(
        alpha=bases[0],
        beta=bases[1],
        gamma=bases[2],
        phi=phi,
        intervals=intervals,
        region=_region(list(boxes.values()), surface, fixed),
        margin=margin,
    )


def _region(boxes: Sequence[Box], surface: Polygon, fixed: Sequence[float | None]) -> Region:
    polygons = (feasible_polygon(boxes, signs, surface) for signs in phi_signs(boxes))
    return Region(polygons=tuple(tuple(_bases(point, fixed) for point in one) for one in polygons if one))


def _bases(point: Vector, fixed: Sequence[float | None]) -> Vector:
    """Return the bases of a point of logarithms, given ones to the last bit."""
    alpha, beta, gamma = (math.exp(x) if base is None else base for x, base in zip(point, fixed, strict=True))
    return alpha, beta, gamma
