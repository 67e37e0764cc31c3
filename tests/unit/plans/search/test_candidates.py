"""Candidates: references, proposals, realised shares and their row of the table."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from search_runs import configuration

from scaling.cost import count_cost
from scaling.network.coefficients import ScalingCoefficients
from scaling.runs.trials_table import TRIAL_COLUMNS
from scaling.search.candidate import PAPER_BASES, Candidate, references
from scaling.targets.directions import Direction
from scaling.targets.realise import realise
from scaling.targets.shares import compound_of, realised_shares
from scaling.targets.space import on_target, specs_of

CONFIG = configuration()
BASELINE = CONFIG.baseline_spec


def proposal(s: float = 0.4, v: float = 0.6) -> Candidate:
    direction = Direction.of_square(s, v)
    return Candidate.of_proposal(
        direction, realise(direction, BASELINE, CONFIG.target, CONFIG.rounding_rules)
    )


def test_references_stand_where_the_nominal_formula_puts_them() -> None:
    found = {candidate.name: candidate for candidate in references(CONFIG)}
    assert list(found) == ["baseline", "depth", "width", "resolution", "compound"]
    assert found["baseline"].spec == BASELINE
    nominal = {name: c.compound.nominal_factor for name, c in found.items() if c.compound}
    assert nominal["compound"] == pytest.approx(1.2 * 1.1**2 * 1.15**2) == pytest.approx(1.9203, abs=1e-4)
    assert [nominal[name] for name in ("depth", "width", "resolution")] == pytest.approx([2, 2, 2])
    assert all(candidate.kind == "reference" for candidate in found.values())


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
def test_candidates_survive_the_database(s: float, v: float) -> None:
    candidate = proposal(s, v)
    again = Candidate.of_document(json.loads(json.dumps(candidate.document())))
    assert again.spec == candidate.spec
    assert again.row(CONFIG) == candidate.row(CONFIG)
    assert again.feasible == candidate.feasible


@given(s=st.floats(0, 1), v=st.floats(0, 1))
def test_rows_are_of_the_network_itself(s: float, v: float) -> None:
    candidate = proposal(s, v)
    row, cost = candidate.row(CONFIG), count_cost(candidate.spec)
    assert set(row) <= set(TRIAL_COLUMNS)
    assert (row["params"], row["macs"], row["activations"]) == (cost.params, cost.macs, cost.activations)
    assert row["achieved_factor"] == cost.macs / count_cost(BASELINE).macs
    assert row["alpha"] * row["beta"] ** 2 * row["gamma"] ** 2 == pytest.approx(2)
    assert row["nominal_factor"] == pytest.approx(2 ** row["phi"])
    for prefix in ("", "realised_"):
        shares = [row[f"{prefix}{name}_share"] for name in ("depth", "width", "resolution")]
        assert sum(shares) == pytest.approx(1)
        assert min(shares) >= 0
    assert (row["kind"], row["experiment"], row["fidelity_epochs"]) == ("search", "tiny", 1)


def test_the_baselines_row_claims_no_shares() -> None:
    row = next(references(CONFIG)).row(CONFIG)
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


def test_enumerated_networks_have_coefficients_that_give_them_again() -> None:
    space = on_target(BASELINE, CONFIG.target, CONFIG.rounding_rules)
    for spec in specs_of(BASELINE, space, CONFIG.rounding_rules):
        row = Candidate.of_spec(spec, BASELINE, 2.0).row(CONFIG)
        assert row["alpha"] ** row["phi"] == pytest.approx(row["depth_coefficient"])
        assert row["beta"] ** row["phi"] == pytest.approx(row["width_coefficient"])
        assert abs(row["achieved_factor"] / 2 - 1) <= CONFIG.target.tolerance
