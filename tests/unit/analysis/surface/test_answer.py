from __future__ import annotations

import json
import math

import numpy as np
import pytest
from simulated_surfaces import FACTOR, TRUTHS, observed
from surface_coverage import cover

from scaling.analysis.surface import DIMENSIONS, Form, answer
from scaling.analysis.surface.answer import STEPS, optimum_region
from scaling.analysis.surface.comparing import compare_forms, preferred
from scaling.analysis.surface.observations import triangle

FOUND = answer(observed(TRUTHS["edge"], np.random.default_rng(0)), factor=FACTOR)


def test_the_answer_is_plain_data_with_the_keys_that_scripts_read() -> None:
    document = json.loads(json.dumps(FOUND.document()))
    assert set(document["gains"]) == set(DIMENSIONS)
    assert set(document["gains"]["depth"]) == {"points_per_doubling", "low", "high"}
    assert list(document["contrasts"]) == ["resolution-depth", "width-depth", "resolution-width"]
    assert {"shares", "region", "alpha", "beta", "gamma"} <= set(document["optimum"])
    assert 0 <= document["interior_probability"] <= 1
    assert {one["form"] for one in document["forms"]} == {form.value for form in Form}


def test_contrasts_are_the_differences_of_gains() -> None:
    gains = {name: one.value for name, one in FOUND.gains.items()}
    for name, one in FOUND.contrasts.items():
        better, worse = name.split("-")
        assert one.value == pytest.approx(gains[better] - gains[worse], abs=1e-9)
        assert one.low < one.value < one.high


def test_bases_keep_the_paper_s_product() -> None:
    bases = FOUND.optimum.bases()
    product = bases["alpha"].value * bases["beta"].value ** 2 * bases["gamma"].value ** 2
    assert product == pytest.approx(2)
    assert all(one.low <= one.high for one in bases.values())


def test_the_region_holds_the_expected_optimum() -> None:
    shares = np.array(FOUND.optimum.shares)
    assert np.abs(FOUND.optimum.region - shares).sum(1).min() < 1e-9
    assert sum(shares) == pytest.approx(1)


def test_a_network_is_as_good_as_itself() -> None:
    same = FOUND.difference(np.array([1.0, 0.5, 0.5]), np.array([1.0, 0.5, 0.5]))
    assert (same.value, same.low, same.high) == (0, 0, 0)


def test_the_region_takes_the_likeliest_cells_until_they_hold_95_percent() -> None:
    cells = triangle(STEPS)
    chance = np.zeros(len(cells))
    chance[[0, 1, 230]] = 0.6, 0.36, 0.04
    assert optimum_region(cells, chance).tolist() == [0, 1]


def test_the_form_of_the_truth_is_not_significantly_worse() -> None:
    forms = compare_forms(observed(TRUTHS["edge"], np.random.default_rng(1)))
    assert preferred(forms) == Form.POWERS
    assert forms[0].error <= forms[-1].error


@pytest.mark.parametrize("name", TRUTHS)
def test_regions_and_intervals_cover_in_a_few_simulated_searches(name: str) -> None:
    region, gains = cover(name, 20)
    assert region >= 0.75  # 20 of 95 %: 0.75 or less has a chance of 0.3 %
    assert gains >= 0.8


@pytest.mark.slow
@pytest.mark.parametrize("name", TRUTHS)
def test_regions_cover_as_they_say_in_200_simulated_searches(name: str) -> None:
    region, gains = cover(name, 200)
    error = math.sqrt(0.98 * 0.02 / 200)  # of a coverage of 98 % in 200 searches
    assert region >= 0.9
    assert region <= 0.98 + 2 * error or name == "corner"
    assert 0.92 <= gains <= 0.99
