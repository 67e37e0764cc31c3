"""Official names, generation by name, warnings and refusals."""

from __future__ import annotations

import math
import warnings
from dataclasses import replace
from typing import Any

import pytest

from scaling import RoundingRules, ScalingCoefficients, SpecError, generate, scale, variant
from scaling.errors import CoefficientWarning
from scaling.network.baselines import EFFICIENTNET_B0
from scaling.network.families import lite_coefficients, named, official_name, released_coefficients
from scaling.network.generation import scaled_dropout

PAPER: dict[str, Any] = {"alpha": 1.2, "beta": 1.1, "gamma": 1.15}


@pytest.mark.parametrize("name", [*released_coefficients(), *lite_coefficients()])
def test_aliases_and_capitals_name_the_same_variant(name: str) -> None:
    assert variant(f"efficientnet-{name}") == variant(name) == variant(name.upper())
    assert variant(f"EfficientNet-{name.upper()}").name == name
    assert official_name(variant(name)) == name


@pytest.mark.parametrize(
    "name", ["b9", "", "b", "efficientnet-", "efficientnet-efficientnet-b0", "resnet", " b0"]
)
def test_unknown_variants_are_refused_with_the_known_ones(name: str) -> None:
    with pytest.raises(SpecError, match=r"unknown variant .*b0, b1, .*l2") as caught:
        variant(name)
    assert repr(name) in str(caught.value)


@pytest.mark.parametrize(("name", "phi"), [("b1", 0.479), ("b2", 1.053), ("b3", 2.08), ("b4", 3.775)])
def test_the_papers_bases_with_coefficient_rounding_realise_b1_to_b4(name: str, phi: float) -> None:
    found = generate(**PAPER, phi=phi)
    assert (found, found.name, found.dropout) == (variant(name), name, variant(name).dropout)
    assert generate(**PAPER, phi=phi, coefficient_rounding="none") != variant(name)


def test_b3s_dropout_is_the_released_one_not_the_formulas() -> None:
    b3 = scale(
        EFFICIENTNET_B0,
        ScalingCoefficients(depth_coefficient=1.4, width_coefficient=1.2, resolution_coefficient=300 / 224),
    )
    assert b3.dropout == scaled_dropout(1.2) != 0.3
    assert (named(b3).name, named(b3).dropout) == ("b3", 0.3)


def test_other_networks_keep_their_own_name_and_the_formulas_dropout() -> None:
    found = generate(**PAPER, phi=1)
    assert official_name(found) is None
    assert found.dropout == scaled_dropout(1.1)
    assert found.stochastic_depth == 0.2
    assert named(found) is found


def test_other_classes_or_channels_are_not_the_official_network() -> None:
    assert official_name(replace(variant("b0"), num_classes=10)) is None
    assert official_name(replace(variant("b0"), in_channels=1)) is None
    assert official_name(replace(variant("b0"), image_size=225)) is None


@pytest.mark.parametrize("phi", [0, -0.0, 0.0])
def test_phi_0_is_b0_whatever_the_bases(phi: float) -> None:
    found = generate(alpha=1.7, beta=1.9, gamma=3.1, phi=phi)
    assert (found == variant("b0"), found.name) == (True, "b0")


def test_coefficient_rounding_is_explicit() -> None:
    released = generate(**PAPER, phi=0.6)
    none = generate(**PAPER, phi=0.6, coefficient_rounding="none")
    assert released.derivation is not None
    assert none.derivation is not None
    assert released.derivation.scaling.depth_coefficient == 1.1  # 1.2^.6 = 1.1156
    assert none.derivation.scaling.depth_coefficient == pytest.approx(1.2**0.6, rel=1e-11)
    assert none.derivation.rounding.coefficient_rounding == "none"


def test_rules_given_whole_replace_coefficient_rounding() -> None:
    rules = RoundingRules(coefficient_rounding="none", image_size_step=32)  # type: ignore[arg-type]
    found = generate(**PAPER, phi=1, rounding=rules)
    assert found.derivation is not None
    assert found.derivation.rounding == rules
    assert found.image_size == 256


def test_a_variant_or_a_spec_can_be_the_baseline() -> None:
    assert generate(alpha=1, beta=1, gamma=1.5, phi=1, baseline="b1").image_size == 360
    ten = replace(variant("b0"), num_classes=10)
    assert generate(**PAPER, phi=0, baseline=ten) == ten


@pytest.mark.parametrize("name", ["alpha", "beta", "gamma"])
@pytest.mark.parametrize("value", [math.nan, math.inf, 0.0, -1.0])
def test_impossible_bases_are_refused_in_one_line_and_without_a_warning(name: str, value: float) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(SpecError, match=rf"^{name} must be") as caught:
            generate(**{**PAPER, "phi": 1.0, name: value})
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["alpha", "beta", "gamma"])
def test_a_base_below_1_warns_once_and_names_itself(name: str) -> None:
    with pytest.warns(CoefficientWarning, match=rf"^{name} = 0.9 is below 1") as caught:
        generate(**{**PAPER, "phi": 1.0, name: 0.9})
    assert len(caught) == 1
    assert caught[0].filename == __file__


def test_a_base_of_1_does_not_warn() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        generate(alpha=1, beta=1, gamma=1, phi=1)


def test_unknown_baseline_and_rounding_are_refused() -> None:
    with pytest.raises(SpecError, match="'alexnet'"):
        generate(**PAPER, phi=1, baseline="alexnet")
    with pytest.raises(SpecError, match=r"^coefficient_rounding must be one of released, none, got 'up'$"):
        generate(**PAPER, phi=1, coefficient_rounding="up")
