"""The inverse problem: from a grid of networks back to (alpha, beta, gamma) and a phi each."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import assert_never

from scaling.errors import ScalingError, SpecError
from scaling.network.architecture import ArchitectureSpec
from scaling.network.coefficients import CompoundCoefficients
from scaling.network.generation import scale
from scaling.network.rounding import RELEASED, CoefficientRounding, RoundingRules, choice
from scaling.targets.inversion.answer import (
    Asked,
    Inversion,
    PhiInterval,
    Region,
    Solution,
    boxes_of,
    minimal_conflict,
)
from scaling.targets.inversion.grid import GridEntry, check_names, realise
from scaling.targets.inversion.preimage import PRINTED_PRECISION, LogInterval, Match, last_inside, preimages
from scaling.targets.inversion.surface import (
    Box,
    Polygon,
    Vector,
    central_point,
    feasible_polygon,
    is_possible,
    phi_range,
    phi_signs,
    search_surface,
)

LARGEST_PHI = 1e6
"""Where an interval of phi without end is cut (bases of 1 give the baseline at every phi)."""


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
    kind, fixed = choice(Match, match, "match"), (alpha, beta, gamma)
    first, second, third = (1.0 if base is None else base for base in fixed)
    CompoundCoefficients(alpha=first, beta=second, gamma=third, phi=0)  # refuses what no base can be
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


def is_solvable(asked: Asked, surface: Polygon) -> bool:
    """Whether some point of a surface serves every variant in every dimension that is asked of it."""
    boxes = boxes_of(asked)
    return boxes is not None and is_possible(_scaled(boxes), surface)


def _scaled(boxes: Mapping[str, Box]) -> list[Box]:
    """Leave out variants whose every interval holds 0: phi = 0 gives them, whatever the bases are."""
    return [box for box in boxes.values() if any(0.0 not in interval for interval in box.values())]


def _solution(
    baseline: ArchitectureSpec,
    grid: Sequence[GridEntry],
    rounding: RoundingRules,
    match: Match,
    asked: Asked,
    surface: Polygon,
    fixed: Sequence[float | None],
) -> Solution | None:
    boxes = boxes_of(asked)
    central = None if boxes is None else central_point(_scaled(boxes), surface)
    if boxes is None or central is None:
        return None
    point, margin = central
    bases = _bases(point, fixed)
    phi, intervals = dict[str, float](), dict[str, PhiInterval]()
    for entry in grid:
        expected = phi_range(boxes[entry.name], point)
        assert expected is not None  # the central point serves every variant
        is_given = question(baseline, entry, rounding, match, bases)
        phi[entry.name], intervals[entry.name] = phi_interval(is_given, entry.name, expected)
    scaled = _scaled(boxes)
    polygons = (feasible_polygon(scaled, signs, surface) for signs in phi_signs(scaled))
    region = Region(polygons=tuple(tuple(_bases(one, fixed) for one in some) for some in polygons if some))
    alpha, beta, gamma = bases
    return Solution(
        alpha=alpha, beta=beta, gamma=gamma, phi=phi, intervals=intervals, region=region, margin=margin
    )


def _bases(point: Vector, fixed: Sequence[float | None]) -> Vector:
    """Return the bases of a point of logarithms, given ones to the last bit."""
    alpha, beta, gamma = (math.exp(x) if base is None else base for x, base in zip(point, fixed, strict=True))
    return alpha, beta, gamma


def question(
    baseline: ArchitectureSpec, entry: GridEntry, rounding: RoundingRules, match: Match, bases: Vector
) -> Callable[[float], bool]:
    """Return the question "does the generator give this entry at this phi?"; out of range counts as no."""
    target = realise(baseline, entry, rounding)
    alpha, beta, gamma = bases

    def is_given(phi: float) -> bool:
        coefficients = CompoundCoefficients(alpha=alpha, beta=beta, gamma=gamma, phi=phi)
        try:
            made = scale(baseline, coefficients, rounding)
        except SpecError:
            return False
        match match:
            case Match.REALISED:
                return made == target
            case Match.COEFFICIENTS:
                return _prints(made, entry)
            case _:
                assert_never(match)

    return is_given


def _prints(made: ArchitectureSpec, entry: GridEntry) -> bool:
    assert made.derivation is not None
    scaling, rounding = made.derivation.scaling, made.derivation.rounding
    # Twice the precision: the end points of the interval themselves must count as inside.
    within = {CoefficientRounding.RELEASED: 0.0, CoefficientRounding.NONE: 2 * PRINTED_PRECISION}
    same = partial(math.isclose, rel_tol=within[rounding.coefficient_rounding])
    return (
        same(scaling.depth_coefficient, entry.depth_coefficient)
        and same(scaling.width_coefficient, entry.width_coefficient)
        and made.image_size == entry.image_size
    )


def phi_interval(
    is_given: Callable[[float], bool], name: str, expected: LogInterval
) -> tuple[float, tuple[float, float]]:
    """Return a phi that gives a network, and the interval of all that do, both ends included.

    The phi is 0 where 0 gives it, else the middle; the ends are exact to neighbouring floats.

    Raises:
        ScalingError: the interval is narrower than floating-point arithmetic resolves.

    >>> phi_interval(lambda phi: 1 <= phi <= 2, "b1", LogInterval(1.1, 2.1))
    (1.5, (1.0, 2.0))
    """
    low, high = max(expected.low, -LARGEST_PHI), min(expected.high, LARGEST_PHI)
    inside = 0.0 if is_given(0.0) else _middle(low, high)
    if not is_given(inside):
        raise ScalingError(
            f"phi of {name!r} is narrower than floating-point arithmetic resolves, near {inside}"
        )
    ends = _end(is_given, inside, low), _end(is_given, inside, high)
    return (inside if inside == 0 else _middle(*ends)), ends


def _end(is_given: Callable[[float], bool], inside: float, expected: float) -> float:
    reach = expected - inside
    if reach == 0:
        return inside
    while is_given(inside + 1.01 * reach):
        if abs(inside + reach) >= LARGEST_PHI:
            return math.copysign(LARGEST_PHI, reach)
        reach *= 2
    return last_inside(is_given, inside, inside + 1.01 * reach, _middle)


def _middle(first: float, second: float) -> float:
    return (first + second) / 2
