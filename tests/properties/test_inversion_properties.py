"""Inversion on random input: rules never fall, known triples come back, clipping agrees with an LP solver."""

from __future__ import annotations

import math
from itertools import product
from typing import Any

import numpy as np
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy.optimize import linprog
from spec_strategies import architectures, rounding_rules

from scaling import ArchitectureSpec, CompoundCoefficients, RoundingRules, SpecError, scale, variant
from scaling.network.rounding import CoefficientRounding
from scaling.targets.inversion import Dimension, GridEntry, Inversion, LogInterval, Match, invert
from scaling.targets.inversion.preimage import preimage
from scaling.targets.inversion.solve import is_solvable
from scaling.targets.inversion.surface import (
    Box,
    central_point,
    feasible_polygon,
    is_possible,
    phi_range,
    phi_signs,
    search_surface,
)
from scaling.targets.steps import realised, realised_rule

B0 = variant("b0")
FREE = search_surface((None, None, None))
MULTIPLIERS = st.floats(min_value=1e-3, max_value=1e3)


# Rules


@given(architectures(), rounding_rules(), st.sampled_from(Dimension), MULTIPLIERS, MULTIPLIERS)
def test_no_rule_ever_falls(
    spec: ArchitectureSpec, rules: RoundingRules, dimension: Dimension, first: float, second: float
) -> None:
    rule = realised_rule(spec, dimension, rules)
    low, high = sorted((first, second))
    below, above = rule(low), rule(high)
    assume(below)  # a coefficient that rounds to 0 gives no network
    assert all(a <= b for a, b in zip(below, above, strict=True))


@given(architectures(), rounding_rules(), st.sampled_from(Dimension), MULTIPLIERS)
def test_a_preimage_is_all_that_gives_its_target(
    spec: ArchitectureSpec, rules: RoundingRules, dimension: Dimension, multiplier: float
) -> None:
    rule = realised_rule(spec, dimension, rules)
    target = rule(multiplier)
    assume(target)
    found = preimage(rule, target)
    assert found is not None
    assert found.low - 1e-15 <= math.log(multiplier) <= found.high + 1e-15
    middle = (found.low + found.high) / 2
    if found.high - found.low > 1e-12:
        assert rule(math.exp(middle)) == target
    for outside in (found.low - 1e-12, found.high + 1e-12):
        if abs(outside) < math.log(1e6):
            assert rule(math.exp(outside)) != target


@given(
    architectures(),
    rounding_rules(),
    *(st.floats(min_value=0.3, max_value=3) for _ in range(3)),
)
def test_rules_are_those_of_the_generator(
    spec: ArchitectureSpec, rules: RoundingRules, depth: float, width: float, resolution: float
) -> None:
    bases = {"alpha": depth, "beta": width, "gamma": resolution}
    try:
        made = scale(spec, CompoundCoefficients(**bases, phi=1.0), rules)
    except SpecError:
        assume(False)
    for dimension, multiplier in zip(Dimension, bases.values(), strict=True):
        assert realised(made, dimension) == tuple(realised_rule(spec, dimension, rules)(multiplier))


# Grids made from known triples


@st.composite
def known_grids(
    draw: st.DrawFn,
) -> tuple[dict[str, float], dict[str, float], list[GridEntry], dict[str, Any]]:
    """A triple on the surface (bases below 1 too), phis of both signs, and the grid that they give."""
    beta, gamma = (draw(st.floats(min_value=-0.25, max_value=0.45)) for _ in range(2))
    logs = {"alpha": math.log(2) - 2 * beta - 2 * gamma, "beta": beta, "gamma": gamma}
    bases = {name: math.exp(value) for name, value in logs.items()}
    rules = RoundingRules(
        coefficient_rounding=draw(st.sampled_from(CoefficientRounding)),
        image_size_step=draw(st.sampled_from([1, 4])),
    )
    phis = draw(st.lists(st.floats(min_value=-1.2, max_value=3), min_size=1, max_size=5, unique=True))
    grid = []
    for number, phi in enumerate(phis):
        try:
            made = scale(B0, CompoundCoefficients(**bases, phi=phi), rules)
        except SpecError:
            assume(False)
        assert made.derivation is not None
        grid.append(
            GridEntry(
                name=f"v{number}",
                depth_coefficient=made.derivation.scaling.depth_coefficient,
                width_coefficient=made.derivation.scaling.width_coefficient,
                image_size=made.image_size,
            )
        )
    options = {"rounding": rules, "match": draw(st.sampled_from(Match))}
    return bases, {entry.name: phi for entry, phi in zip(grid, phis, strict=True)}, grid, options


@given(known_grids())
def test_a_known_triple_is_inside_the_recovered_region(known: Any) -> None:
    bases, _, grid, options = known
    found = invert(B0, grid, **options).solution
    assert found is not None
    alpha, beta, gamma = bases.values()
    for (low, high), base in zip(found.region.bounds(), (alpha, beta, gamma), strict=True):
        assert low * (1 - 1e-8) <= base <= high * (1 + 1e-8)
    if any(len(polygon) > 2 for polygon in found.region.polygons):
        assert any(inside(polygon, (alpha, beta, gamma)) for polygon in found.region.polygons)


def inside(polygon: Any, triple: Any) -> bool:
    """Whether a triple lies in a convex polygon of triples, in the plane of (ln beta, ln gamma)."""
    points = np.log(np.array(polygon))[:, 1:]
    edges = np.roll(points, -1, axis=0) - points
    to_triple = np.log(np.array(triple))[1:] - points
    turns = edges[:, 0] * to_triple[:, 1] - edges[:, 1] * to_triple[:, 0]
    slack = 1e-8 * np.hypot(edges[:, 0], edges[:, 1]) + 1e-16
    return bool(np.all(turns >= -slack) or np.all(turns <= slack))


@given(known_grids())
def test_at_the_known_triple_the_known_phis_are_in_their_intervals(known: Any) -> None:
    bases, phis, grid, options = known
    found = invert(B0, grid, **options, **bases).solution
    assert found is not None
    for name, phi in phis.items():
        low, high = found.intervals[name]
        slack = 1e-7 if options["rounding"].coefficient_rounding == CoefficientRounding.NONE else 1e-12
        assert low - slack <= phi <= high + slack


@given(known_grids())
def test_the_central_triple_gives_the_grid(known: Any) -> None:
    _, _, grid, options = known
    found: Inversion = invert(B0, grid, **options)
    solution = found.solution
    assert solution is not None
    assert math.isclose(solution.alpha * solution.beta**2 * solution.gamma**2, 2, rel_tol=1e-12)
    bases = {"alpha": solution.alpha, "beta": solution.beta, "gamma": solution.gamma}
    for entry in grid:
        for phi in (solution.phi[entry.name], *solution.intervals[entry.name]):
            made = scale(B0, CompoundCoefficients(**bases, phi=phi), found.rounding)
            assert made.image_size == entry.image_size
            assert made.derivation is not None
            if found.match == Match.COEFFICIENTS:
                scaling = made.derivation.scaling
                assert math.isclose(scaling.depth_coefficient, entry.depth_coefficient, rel_tol=3e-9)
                assert math.isclose(scaling.width_coefficient, entry.width_coefficient, rel_tol=3e-9)


# The linear program, held against scipy's solver


@st.composite
def boxes(draw: st.DrawFn) -> Box:
    box = {}
    for dimension in Dimension:
        middle = draw(st.floats(min_value=-1.5, max_value=2.5))
        half = draw(st.floats(min_value=0.02, max_value=0.8))
        box[dimension] = LogInterval(middle - half, middle + half)
    assume(any(0.0 not in interval for interval in box.values()))
    return box


def solver_finds_a_point(some: list[Box], grown: float) -> bool:
    """Ask HiGHS, for every pattern of signs of phi, with intervals grown (or shrunk) at both ends."""
    count = len(some)
    for signs in product((1, -1), repeat=count):
        rows = []
        for index, (box, sign) in enumerate(zip(some, signs, strict=True)):
            for k, interval in enumerate(box.values()):
                for factor, end in ((1, interval.high + grown), (-1, interval.low - grown)):
                    row = np.zeros(3 + count)
                    row[k], row[3 + index] = factor * sign, -factor * end
                    rows.append(row)
        reach = math.log(1e6)
        found = linprog(
            np.zeros(3 + count),
            A_ub=np.array(rows),
            b_ub=np.zeros(len(rows)),
            A_eq=[[1, 2, 2] + [0] * count],
            b_eq=[math.log(2)],
            bounds=[(-reach, reach)] * 3 + [(0, None)] * count,
        )
        if found.status == 0:
            return True
    return False


@given(st.lists(boxes(), min_size=1, max_size=3))
def test_clipping_and_scipys_solver_agree(some: list[Box]) -> None:
    ours = is_possible(some, FREE)
    assert ours <= solver_finds_a_point(some, 1e-5)
    assert ours >= solver_finds_a_point(some, -1e-5)


@given(st.lists(boxes(), min_size=1, max_size=4))
def test_the_central_point_keeps_its_margin(some: list[Box]) -> None:
    found = central_point(some, FREE)
    assert (found is not None) == is_possible(some, FREE)
    if found is not None:
        point, margin = found
        for box in some:
            shrunk = {dimension: interval.shrunk(margin * 0.999) for dimension, interval in box.items()}
            assert phi_range(shrunk, point) is not None


@given(st.lists(boxes(), min_size=1, max_size=4), st.integers(0, 10**6))
def test_every_point_of_a_polygon_serves_every_box(some: list[Box], seed: int) -> None:
    generator = np.random.default_rng(seed)
    for signs in phi_signs(some):
        polygon = feasible_polygon(some, signs, FREE, 1e-6)
        if polygon:
            first, second, third = generator.dirichlet(np.ones(len(polygon))) @ np.array(polygon)
            assert all(phi_range(box, (first, second, third)) is not None for box in some)


# Conflicts


@st.composite
def grids(draw: st.DrawFn) -> list[GridEntry]:
    count = draw(st.integers(2, 5))
    return [
        GridEntry(
            name=f"v{number}",
            depth_coefficient=draw(st.integers(5, 40)) / 10,
            width_coefficient=draw(st.integers(5, 40)) / 10,
            image_size=draw(st.integers(100, 900)),
        )
        for number in range(count)
    ]


@given(grids(), st.sampled_from(CoefficientRounding))
def test_a_conflict_is_infeasible_and_every_part_of_it_is_feasible(
    grid: list[GridEntry], coefficient_rounding: CoefficientRounding
) -> None:
    found = invert(B0, grid, RoundingRules(coefficient_rounding=coefficient_rounding))
    assert (found.solution is None) != (found.conflict is None)
    if found.conflict is None:
        return
    variants, dimensions = found.conflict.variants, found.conflict.dimensions

    def solvable(names: list[str], among: list[Dimension]) -> bool:
        return is_solvable({name: {d: found.asked[name][d] for d in among} for name in names}, FREE)

    assert not solvable(list(variants), list(dimensions))
    for left_out in variants:
        assert solvable([name for name in variants if name != left_out], list(dimensions))
    for omitted in dimensions:
        assert solvable(list(variants), [d for d in dimensions if d != omitted])
