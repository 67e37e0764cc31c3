"""alpha, beta, gamma, phi to multipliers: values and refusals."""

from __future__ import annotations

import math

import pytest

from scaling import CompoundCoefficients, ScalingCoefficients, SpecError
from scaling.network.coefficients import UNSCALED

PAPER = {"alpha": 1.2, "beta": 1.1, "gamma": 1.15}


def test_the_papers_bases_cost_1_9203_times_as_much() -> None:
    assert CompoundCoefficients(**PAPER, phi=1).nominal_factor == pytest.approx(1.92027, abs=1e-9)


def test_multipliers_are_powers_of_phi() -> None:
    found = CompoundCoefficients(**PAPER, phi=2.5).scaling_coefficients()
    assert found.depth_coefficient == pytest.approx(1.2**2.5, rel=1e-15)
    assert found.width_coefficient == pytest.approx(1.1**2.5, rel=1e-15)
    assert found.resolution_coefficient == pytest.approx(1.15**2.5, rel=1e-15)


@pytest.mark.parametrize("phi", [0, 0.0, -0.0])
def test_phi_0_is_the_baseline(phi: float) -> None:
    assert CompoundCoefficients(**PAPER, phi=phi).scaling_coefficients() == UNSCALED


@pytest.mark.parametrize("name", ["alpha", "beta", "gamma", "phi"])
@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, 0.0, -0.0, -1.2])
def test_bases_are_finite_and_above_0_and_phi_is_finite(name: str, value: float) -> None:
    if name == "phi" and math.isfinite(value):
        assert CompoundCoefficients(**PAPER, phi=value).nominal_factor <= 1
        return
    problem = "above 0" if math.isfinite(value) else "a finite number"
    with pytest.raises(SpecError, match=rf"^{name} must be {problem}, got"):
        CompoundCoefficients(**{**PAPER, "phi": 1, name: value})


@pytest.mark.parametrize("name", ["depth_coefficient", "width_coefficient", "resolution_coefficient"])
@pytest.mark.parametrize("value", [math.nan, math.inf, 0.0, -1.0, 1.1e6])
def test_multipliers_have_a_range(name: str, value: float) -> None:
    values = {"depth_coefficient": 1.0, "width_coefficient": 1.0, "resolution_coefficient": 1.0, name: value}
    with pytest.raises(SpecError, match=name):
        ScalingCoefficients(**values)


@pytest.mark.parametrize("phi", [1e9, -1e9, 5000.0, -5000.0])
def test_powers_that_leave_the_range_are_refused_in_one_line(phi: float) -> None:
    with pytest.raises(SpecError) as caught:
        CompoundCoefficients(**PAPER, phi=phi).scaling_coefficients()
    assert "\n" not in str(caught.value)


def test_bases_of_any_size_give_a_factor_or_a_spec_error() -> None:
    huge = CompoundCoefficients(alpha=1, beta=1e200, gamma=1, phi=0)
    try:
        assert huge.nominal_factor == 1
    except SpecError as error:
        assert "\n" not in str(error)  # noqa: PT017 - either answer will do, an OverflowError will not
