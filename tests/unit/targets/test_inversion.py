"""The inverse problem: what the official grid has, what it has not, and what bad input gets."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from itertools import combinations
from typing import Any

import pytest

from scaling import ArchitectureSpec, ConfigError, RoundingRules, SpecError, generate, variant
from scaling.network.families import COMPOUND_FAMILY
from scaling.network.rounding import CoefficientRounding
from scaling.targets.explanation import released_grid
from scaling.targets.inversion import (
    Dimension,
    GridEntry,
    Inversion,
    LogInterval,
    Match,
    Solution,
    evidence,
    grid_from_json,
    invert,
)
from scaling.targets.inversion.answer import minimal_conflict
from scaling.targets.inversion.preimage import preimages
from scaling.targets.inversion.solve import is_solvable
from scaling.targets.inversion.surface import search_surface

B0 = variant("b0")
PAPER: dict[str, Any] = {"alpha": 1.2, "beta": 1.1, "gamma": 1.15}
UNROUNDED = RoundingRules(coefficient_rounding=CoefficientRounding.NONE)


def solve(*names: str, rounding: RoundingRules | None = None, **options: Any) -> Inversion:
    return invert(B0, released_grid(names or COMPOUND_FAMILY), rounding or RoundingRules(), **options)


def given(*names: str, **options: Any) -> Solution:
    found = solve(*names, **options)
    assert (found.solution is None) != (found.conflict is None)
    assert found.solution is not None
    return found.solution


def conflicting(*names: str, **options: Any) -> tuple[str, ...]:
    found = solve(*names, **options).conflict
    return () if found is None else found.variants


def made(by: Solution, phi: float, rounding: RoundingRules | None = None) -> ArchitectureSpec:
    return generate(
        alpha=by.alpha, beta=by.beta, gamma=by.gamma, phi=phi, rounding=rounding or RoundingRules()
    )


@pytest.fixture(scope="module")
def family() -> Solution:
    return given()


# What exists


def test_one_triple_gives_the_whole_family(family: Solution) -> None:
    assert family.alpha * family.beta**2 * family.gamma**2 == pytest.approx(2, rel=1e-12)
    assert (family.alpha, family.beta, family.gamma) == pytest.approx((1.19, 1.11, 1.17), abs=0.005)
    assert family.phi["b0"] == 0
    assert list(family.phi.values()) == sorted(family.phi.values())
    assert family.phi["b7"] == pytest.approx(6.4, abs=0.1)


@pytest.mark.parametrize("name", COMPOUND_FAMILY)
def test_phi_and_both_ends_of_its_interval_give_the_variant(family: Solution, name: str) -> None:
    low, high = family.intervals[name]
    assert low <= family.phi[name] <= high
    for phi in (family.phi[name], low, high):
        assert made(family, phi) == variant(name)
        assert made(family, phi).name == name
    for outside in (low - 1e-9, high + 1e-9):
        assert made(family, outside) != variant(name)


def test_the_centre_keeps_its_margin_to_every_edge(family: Solution) -> None:
    """Moving every base by a fair part of the margin must not lose the grid."""
    assert family.margin > 0.03
    for base in ("alpha", "beta", "gamma"):
        for by in (0.99995, 1.00005):
            bases = {name: getattr(family, name) for name in ("alpha", "beta", "gamma")}
            given(**{**bases, base: bases[base] * by})


@pytest.mark.parametrize("step", [1, 4])
@pytest.mark.parametrize("match", ["realised", "coefficients"])
def test_the_family_exists_at_one_and_at_four_pixels(step: int, match: str) -> None:
    rounding = RoundingRules(image_size_step=step)
    found = given(rounding=rounding, match=match)
    for name, phi in found.phi.items():
        network = made(found, phi, rounding)
        assert network == variant(name)
        if match == "coefficients":
            (own, printed) = (one.derivation.scaling for one in (network, variant(name)) if one.derivation)
            assert own.depth_coefficient == printed.depth_coefficient
            assert own.width_coefficient == printed.width_coefficient


@pytest.mark.parametrize("name", ["b8", "l2"])
def test_b8_and_l2_exist_alone_but_not_with_the_family(name: str) -> None:
    alone = given("b0", name)
    assert made(alone, alone.phi[name]).name == name
    assert name in conflicting(*COMPOUND_FAMILY, name)


@pytest.mark.parametrize("match", ["realised", "coefficients"])
def test_without_coefficient_rounding_b1_forbids_the_family(match: str) -> None:
    assert "b1" in conflicting(rounding=UNROUNDED, match=match)


# What the paper's bases give


KNOWN_PHIS = {"b1": 0.479, "b2": 1.053, "b3": 2.08, "b4": 3.773}


@pytest.mark.parametrize("name", [*COMPOUND_FAMILY[1:], "b8", "l2"])
def test_published_bases(name: str) -> None:
    assert (conflicting(name, **PAPER) == ()) == (name in KNOWN_PHIS)
    assert (conflicting(name, match="coefficients", **PAPER) == ()) == (name in {"b1", "b2"})
    assert conflicting(name, rounding=UNROUNDED, **PAPER) == (name,)
    if name in KNOWN_PHIS:
        realised = given(name, **PAPER)
        assert (realised.alpha, realised.beta, realised.gamma) == (1.2, 1.1, 1.15)
        assert realised.region.polygons == (((1.2, 1.1, 1.15),),)
        low, high = realised.intervals[name]
        assert low - 1e-3 <= KNOWN_PHIS[name] <= high


def test_given_bases_stay_and_the_product_holds(family: Solution) -> None:
    (low, high), _, _ = family.region.bounds()
    found = given(alpha=(low + high) / 2)
    assert found.alpha == (low + high) / 2
    assert found.alpha * found.beta**2 * found.gamma**2 == pytest.approx(2, rel=1e-12)
    assert [len(polygon) for polygon in found.region.polygons] == [2]
    assert conflicting(alpha=low - 1e-6)
    assert conflicting(alpha=high + 1e-6)
    assert given("b1", alpha=1.2, beta=1.1).gamma == pytest.approx(math.sqrt(2 / (1.2 * 1.1**2)))


def test_every_vertex_of_the_region_is_on_the_surface_and_just_inside_it_all_is_feasible(
    family: Solution,
) -> None:
    centre = (family.alpha, family.beta, family.gamma)
    for vertex in (one for polygon in family.region.polygons for one in polygon):
        alpha, beta, gamma = vertex
        assert alpha * beta**2 * gamma**2 == pytest.approx(2, rel=1e-12)
        for part, feasible in ((0.999, True), (1.001, False)):
            a, b, g = (c * (v / c) ** part for c, v in zip(centre, vertex, strict=True))
            assert (conflicting(alpha=a, beta=b, gamma=g) == ()) is feasible


def test_bases_of_one_give_the_baseline_at_any_phi_and_nothing_else() -> None:
    ones: dict[str, Any] = {"alpha": 1.0, "beta": 1.0, "gamma": 1.0}
    assert given("b0", **ones).intervals["b0"] == (-1e6, 1e6)
    assert conflicting("b0", "b1", **ones) == ("b1",)


def test_a_grid_of_pure_width_without_rounding_has_its_triple() -> None:
    """alpha = 1 is all that keeps depth at 1 for phis of both signs: a sliver of 12 digits."""
    widths = {"half": 0.5, "same": 1.0, "twice": 2.0}
    grid = [
        GridEntry(name=name, depth_coefficient=1, width_coefficient=width, image_size=224)
        for name, width in widths.items()
    ]
    found = invert(B0, grid, UNROUNDED).solution
    assert found is not None
    assert found.alpha == pytest.approx(1, abs=1e-9)
    assert found.phi["half"] * found.phi["twice"] < 0


# Why nothing exists


def infeasible() -> list[Inversion]:
    return [
        solve(rounding=UNROUNDED),
        solve(rounding=UNROUNDED, match="coefficients"),
        solve(*COMPOUND_FAMILY, "b8"),
        solve(*COMPOUND_FAMILY, "l2"),
        solve(*COMPOUND_FAMILY, "b8", rounding=RoundingRules(image_size_step=4)),
        solve("b5", **PAPER),
        solve(alpha=1.2),
        solve("b5", "b6", beta=1.2, gamma=1.1),
        solve("b0", "b1", alpha=1, beta=1, gamma=1),
    ]


@pytest.mark.parametrize("found", infeasible(), ids=lambda found: f"{found.match}-{len(found.grid)}")
def test_a_conflict_is_irreducible_and_two_ranges_of_one_quantity_prove_it(found: Inversion) -> None:
    conflict, surface, shown = found.conflict, search_surface(found.fixed), evidence(found)
    assert conflict is not None

    def solvable(variants: Sequence[str], dimensions: Sequence[Dimension]) -> bool:
        return is_solvable({n: {d: found.asked[n][d] for d in dimensions} for n in variants}, surface)

    assert not solvable(conflict.variants, conflict.dimensions)
    for fewer in combinations(conflict.variants, len(conflict.variants) - 1):
        assert solvable(fewer, conflict.dimensions)
    for some in combinations(conflict.dimensions, len(conflict.dimensions) - 1):
        assert solvable(conflict.variants, some)
    assert (shown is None) == (found.fixed == (1, 1, 1))
    if shown is not None:
        (first_low, first_high), (second_low, second_high) = shown.ranges.values()
        assert first_high < second_low or second_high < first_low


def test_the_ratio_that_b1_forbids_is_what_its_printed_numbers_say() -> None:
    """By hand: width 1 keeps 1280 channels, so |phi·ln beta| < 4/1280; 240 px bound phi·ln gamma."""
    shown = evidence(solve("b1", "b2", rounding=UNROUNDED))
    assert shown is not None
    assert shown.quantity == "ln beta / ln gamma"
    low, high = shown.ranges["b1"]
    assert high == pytest.approx(math.log(1284 / 1280) / math.log(239.5 / 224), rel=1e-6)
    assert low == pytest.approx(math.log(1276 / 1280) / math.log(239.5 / 224), rel=1e-6)


def test_three_variants_can_contradict_each_other_where_no_two_do() -> None:
    free, one, two = LogInterval(0.01, 9), LogInterval(1, 1.01), LogInterval(2, 2.02)
    asked = {
        "a": dict(zip(Dimension, (one, one, free), strict=True)),
        "b": dict(zip(Dimension, (free, one, one), strict=True)),
        "c": dict(zip(Dimension, (two, free, one), strict=True)),
        "d": dict(zip(Dimension, (free, free, free), strict=True)),
    }
    surface = search_surface((None, None, None))
    found = minimal_conflict(asked, lambda some: is_solvable(some, surface))
    assert found.variants == ("a", "b", "c")
    assert found.dimensions == tuple(Dimension)


@pytest.mark.parametrize(
    ("entry", "options", "dimension"),
    [
        ((1, 226), {"rounding": RoundingRules(image_size_step=4)}, Dimension.RESOLUTION),
        ((1.14, 224), {"match": "coefficients"}, Dimension.DEPTH),
    ],
)
def test_what_no_multiplier_gives_conflicts_alone(
    entry: tuple[float, int], options: dict[str, Any], dimension: Dimension
) -> None:
    depth, size = entry
    odd = GridEntry(name="odd", depth_coefficient=depth, width_coefficient=1, image_size=size)
    found = invert(B0, [*released_grid(["b0", "b4"]), odd], **options)
    assert found.conflict is not None
    assert (found.conflict.variants, found.conflict.dimensions) == (("odd",), (dimension,))
    assert evidence(found) is None
    assert invert(B0, [odd], UNROUNDED, match="coefficients").solution is not None


# Intervals


def test_preimages_of_b4_by_hand() -> None:
    """Depth: ceil(4d) = 8 and ceil(3d) = 6 ask 1.75 < d <= 2; at one decimal that is 1.75 … 2.05."""
    (b4,) = released_grid(["b4"])
    found = preimages(B0, b4, RoundingRules(), Match.REALISED)
    depth, resolution = found[Dimension.DEPTH], found[Dimension.RESOLUTION]
    assert depth is not None
    assert resolution is not None
    assert (math.exp(depth.low), math.exp(depth.high)) == pytest.approx((1.75, 2.05))
    assert (math.exp(resolution.low), math.exp(resolution.high)) == pytest.approx((379.5 / 224, 380.5 / 224))
    exact = preimages(B0, b4, UNROUNDED, Match.REALISED)[Dimension.DEPTH]
    assert exact is not None
    assert (math.exp(exact.low), math.exp(exact.high)) == pytest.approx((1.75, 2.0))


# Bad input

ENTRY = {"name": "a", "depth_coefficient": 1.1, "width_coefficient": 1.0, "image_size": 240}


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[", "Invalid JSON"),
        ("[]", "at least one entry"),
        ("{}", "array"),
        ("\xff", "JSON"),
        (json.dumps([{k: v for k, v in ENTRY.items() if k != "image_size"}]), "0.image_size"),
        *(
            (json.dumps([{**ENTRY, key: value}]), says)
            for key, value, says in (
                ("phi", 1, "0.phi"), ("name", " ", "name"), ("image_size", "240", "got '240'"),
                ("image_size", 240.5, "got 240.5"), ("image_size", True, "got True"),
                ("image_size", 4097, "got 4097"), ("depth_coefficient", "1.1", "got '1.1'"),
                ("depth_coefficient", 0, "got 0"), ("width_coefficient", -1, "got -1"),
                ("width_coefficient", math.inf, "width_coefficient"),
            )
        ),
        (json.dumps([ENTRY, ENTRY]), "'a' 2 times"),
    ],
)  # fmt: skip
def test_bad_grids(text: str, says: str) -> None:
    with pytest.raises(ConfigError) as error:
        grid_from_json(text.encode("latin-1"))
    assert says in str(error.value)
    assert "\n" not in str(error.value)


def test_a_grid_too_large_to_build_says_which_entry() -> None:
    entry = GridEntry(name="deep", depth_coefficient=200, width_coefficient=1, image_size=224)
    with pytest.raises(SpecError, match=r"'deep'.*blocks"):
        invert(B0, [entry])


@pytest.mark.parametrize("bad", [0.0, -1.0, math.nan, math.inf])
@pytest.mark.parametrize("base", ["alpha", "beta", "gamma"])
def test_bad_bases(base: str, bad: Any) -> None:
    with pytest.raises(SpecError, match=base):
        solve("b1", **{base: bad})


@pytest.mark.parametrize("bases", [{"alpha": 1e308}, {"beta": 1e-300}, {"alpha": 1e-300, "gamma": 1e150}])
def test_extreme_bases_give_the_baseline_and_not_b1(bases: dict[str, Any]) -> None:
    assert given("b0", **bases).phi == {"b0": 0}
    assert conflicting("b1", **bases) == ("b1",)


def test_bases_that_nothing_balances() -> None:
    with pytest.raises(SpecError, match=r"nothing balances the given 1e\+300, 1e\+300"):
        solve("b0", alpha=1e300, beta=1e300)
