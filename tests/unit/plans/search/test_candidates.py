"""Candidates: references, proposals, realised shares and their row of the table."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from search_runs import configuration

from scaling.cost import count_cost
from scaling.errors import SpecError
from scaling.network.coefficients import ScalingCoefficients
from scaling.network.strategies import PAPER_BASES
from scaling.plans.networks import PlannedNetwork, network_columns
from scaling.plans.search.candidates import enumerated, networks_planned, of_square, references
from scaling.plans.search.config import SearchConfig
from scaling.runs.trials_table import TRIAL_COLUMNS
from scaling.targets.grid import grid_of
from scaling.targets.shares import compound_of, realised_shares

CONFIG = configuration()
BASELINE = CONFIG.baseline_spec


def columns(network: PlannedNetwork, config: SearchConfig = CONFIG) -> dict[str, Any]:
    return network_columns(network, config.baseline_spec, config.target)


def test_references_are_at_the_achieved_cost_of_the_target() -> None:
    found = {candidate.name: candidate for candidate in references(CONFIG)}
    assert list(found) == ["baseline", "depth", "width", "resolution", "compound"]
    assert found["baseline"].spec == BASELINE
    for reference in list(found.values())[1:]:
        assert reference.spec is not None
        achieved = CONFIG.target.amount(reference.spec) / CONFIG.target.amount(BASELINE)
        assert CONFIG.target.met_by(achieved) == (reference.problem is None)
    assert all(candidate.kind == "reference" for candidate in found.values())


def test_with_nominal_cost_references_are_what_the_formula_gives() -> None:
    config = configuration(search={"cost": "nominal"})
    found = {candidate.name: candidate for candidate in references(config)}
    nominal = {name: c.compound.nominal_factor for name, c in found.items() if c.compound}
    assert nominal["compound"] == pytest.approx(1.2 * 1.1**2 * 1.15**2) == pytest.approx(1.9203, abs=1e-4)
    assert [nominal[name] for name in ("depth", "width", "resolution")] == pytest.approx([2, 2, 2])


def test_single_axes_change_one_dimension() -> None:
    found = {candidate.name: candidate.spec for candidate in references(CONFIG)}

    def shape(name: str) -> tuple[object, object, object]:
        spec = found[name]
        return (
            tuple(stage.repeats for stage in spec.stages),
            (spec.stem, tuple(stage.out_channels for stage in spec.stages), spec.head),
            spec.image_size,
        )

    changed = {
        name: [a != b for a, b in zip(shape(name), shape("baseline"), strict=True)]
        for name in ("depth", "width", "resolution")
    }
    assert changed == {
        "depth": [True, False, False],
        "width": [False, True, False],
        "resolution": [False, False, True],
    }


def test_realised_shares_of_single_axes_are_whole() -> None:
    found = {candidate.name: candidate.spec for candidate in references(CONFIG)}
    for place, name in enumerate(("depth", "width", "resolution")):
        shares = realised_shares(found[name], BASELINE)
        assert shares is not None
        assert shares[place] == pytest.approx(1.0)
    assert realised_shares(BASELINE, BASELINE) is None
    other = realised_shares(replace(BASELINE, image_size=20), BASELINE)
    assert other == pytest.approx((0, 0, 1))


@given(s=st.floats(0, 1), v=st.floats(0, 1))
def test_networks_survive_the_history(s: float, v: float) -> None:
    network = of_square(CONFIG, s, v)
    again = PlannedNetwork.of_document(json.loads(json.dumps(network.document())))
    assert again.spec == network.spec
    assert columns(again) == columns(network)
    assert again.problem == network.problem


@given(s=st.floats(0, 1), v=st.floats(0, 1))
def test_rows_are_of_the_network_itself(s: float, v: float) -> None:
    network = of_square(CONFIG, s, v)
    assert network.spec is not None
    row, cost = columns(network), count_cost(network.spec)
    assert set(row) <= set(TRIAL_COLUMNS)
    assert (row["params"], row["macs"], row["activations"]) == (cost.params, cost.macs, cost.activations)
    assert row["achieved_factor"] == cost.macs / count_cost(BASELINE).macs
    assert row["alpha"] * row["beta"] ** 2 * row["gamma"] ** 2 == pytest.approx(2)
    assert row["nominal_factor"] == pytest.approx(2 ** row["phi"])
    for prefix in ("", "realised_"):
        shares = [row[f"{prefix}{name}_share"] for name in ("depth", "width", "resolution")]
        assert sum(shares) == pytest.approx(1)
        assert min(shares) >= 0
    assert (row["kind"], row["name"]) == ("search", "search")


def test_the_baseline_s_row_has_no_shares() -> None:
    row = columns(next(references(CONFIG)))
    assert row["achieved_factor"] == row["nominal_factor"] == 1.0
    assert row["phi"] == 0.0
    assert (row["depth_coefficient"], row["width_coefficient"]) == (1.0, 1.0)
    for name in ("alpha", "beta", "gamma", "depth_share", "realised_depth_share"):
        assert row[name] is None


def test_the_papers_bases_are_the_papers() -> None:
    assert PAPER_BASES == (1.2, 1.1, 1.15)


@given(depth=st.floats(1, 4), width=st.floats(1, 3), resolution=st.floats(1, 3), factor=st.floats(1.2, 4))
def test_compounds_give_back_their_multipliers(
    depth: float, width: float, resolution: float, factor: float
) -> None:
    if depth * width**2 * resolution**2 < 1.01:
        return
    scaling = ScalingCoefficients(
        depth_coefficient=depth, width_coefficient=width, resolution_coefficient=resolution
    )
    compound = compound_of(scaling, factor)
    again = compound.scaling_coefficients()
    assert again.depth_coefficient == pytest.approx(depth)
    assert again.width_coefficient == pytest.approx(width)
    assert again.resolution_coefficient == pytest.approx(resolution)
    logs = math.log(compound.alpha) + 2 * math.log(compound.beta) + 2 * math.log(compound.gamma)
    assert logs == pytest.approx(math.log(factor))


@pytest.mark.parametrize("metric", ["macs", "activations"])
def test_listed_networks_have_coefficients_that_give_them_again(metric: str) -> None:
    config = configuration(search={"sampler": "exhaustive", "metric": metric})
    listed = enumerated(config) or ()
    assert len(listed) == networks_planned(config) > 5
    for network in listed:
        assert network.spec is not None
        row = columns(network, config)
        assert row["alpha"] ** row["phi"] == pytest.approx(row["depth_coefficient"])
        assert row["beta"] ** row["phi"] == pytest.approx(row["width_coefficient"])
        achieved = getattr(count_cost(network.spec), metric) / getattr(count_cost(BASELINE), metric)
        assert row["achieved_factor"] == achieved
        assert abs(achieved / 2 - 1) <= config.target.tolerance


def test_a_sampler_proposes_where_the_budget_is_smaller_than_the_space() -> None:
    config = configuration(search={"trials": 3})
    assert enumerated(config) is None
    assert networks_planned(config) == 3
    nominal = configuration(search={"cost": "nominal", "trials": 3, "tolerance": 1e-9})
    assert enumerated(nominal) is None  # it is not held to the target


@pytest.mark.parametrize("cost", ["achieved", "nominal"])
def test_the_grid_names_each_network_once(cost: str) -> None:
    config = configuration(search={"sampler": "grid", "trials": 0, "cost": cost, "grid_step": 0.1})
    listed = enumerated(config)
    assert listed is not None
    points = grid_of(2.0, step=0.1, tolerance=0.05)
    assert 5 < len({network.key for network in listed}) == len(listed) <= len(points)
    good = [network for network in listed if network.problem is None]
    factors = [columns(network, config)["achieved_factor"] for network in good]
    assert len(good) > 5
    if cost == "nominal":
        assert {network.compound for network in listed} <= set(points)
        assert len(good) == len(listed)
        assert max(factors) / min(factors) > 1.2  # the formula does not hold cost
    else:
        assert all(abs(factor / 2 - 1) <= 0.05 for factor in factors)


def test_the_grid_is_every_point_near_the_factor_and_holds_the_papers() -> None:
    points = grid_of(2.0, step=0.05, tolerance=0.05)
    assert (1.2, 1.1, 1.15) in {(point.alpha, point.beta, point.gamma) for point in points}
    assert all(abs(point.nominal_factor / 2 - 1) <= 0.05 for point in points)
    brute = [
        (a, b, c)
        for a in range(0, 30)
        for b in range(0, 15)
        for c in range(0, 15)
        if abs((1 + a / 20) * (1 + b / 20) ** 2 * (1 + c / 20) ** 2 / 2 - 1) <= 0.05
    ]
    assert len(points) == len(brute) == len(set(points))


def test_grids_without_end_or_without_points_are_refused() -> None:
    with pytest.raises(SpecError, match="make the step larger"):
        grid_of(2.0, step=1e-4, tolerance=0.05)
    with pytest.raises(SpecError, match="make the step smaller"):
        grid_of(2.0, step=0.3, tolerance=0.05)
