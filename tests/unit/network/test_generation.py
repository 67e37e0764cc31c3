"""Scaling a baseline: what changes, what never does, what is refused."""

from __future__ import annotations

from dataclasses import replace

import pytest

from scaling import (
    CompoundCoefficients,
    RoundingRules,
    ScalingCoefficients,
    SpecError,
    scale,
    variant,
)
from scaling.network.baselines import EFFICIENTNET_B0
from scaling.network.generation import scaled_dropout
from scaling.network.rounding import ChannelRule, CoefficientRounding, HeadRule, RepeatRule, SqueezeRounding


def by(depth: float = 1.0, width: float = 1.0, resolution: float = 1.0) -> ScalingCoefficients:
    return ScalingCoefficients(
        depth_coefficient=depth, width_coefficient=width, resolution_coefficient=resolution
    )


def test_each_coefficient_moves_its_own_dimension_only() -> None:
    b0 = EFFICIENTNET_B0
    deep, wide, fine = scale(b0, by(depth=2)), scale(b0, by(width=2)), scale(b0, by(resolution=2))
    assert [s.repeats for s in deep.stages] == [2 * s.repeats for s in b0.stages]
    assert replace(deep, stages=b0.stages) == b0
    assert [s.out_channels for s in wide.stages] == [2 * s.out_channels for s in b0.stages]
    assert [s.repeats for s in wide.stages] == [s.repeats for s in b0.stages]
    assert (wide.stem.out_channels, wide.head.out_channels, wide.image_size) == (64, 2560, 224)
    assert replace(fine, image_size=224) == b0
    assert fine.image_size == 448


def test_compound_coefficients_are_raised_then_rounded() -> None:
    compound = CompoundCoefficients(alpha=1.2, beta=1.1, gamma=1.15, phi=1)
    found = scale(EFFICIENTNET_B0, compound)
    assert found.image_size == 258
    assert found.derivation is not None
    assert found.derivation.compound == compound
    assert found.derivation.scaling == by(1.2, 1.1, 1.15)
    assert found.derivation.baseline == "efficientnet-b0"


def test_negative_phi_gives_networks_below_b0() -> None:
    found = scale(EFFICIENTNET_B0, CompoundCoefficients(alpha=1.2, beta=1.1, gamma=1.15, phi=-2))
    # 1.2^-2 = .69 -> .7, 1.1^-2 = .83 -> .8, 224 / 1.15^2 = 169.4
    assert found.derivation is not None
    assert (found.derivation.scaling.depth_coefficient, found.derivation.scaling.width_coefficient) == (
        0.7,
        0.8,
    )
    assert found.image_size == 169
    assert [s.repeats for s in found.stages] == [1, 2, 2, 3, 3, 3, 1]
    assert found.stem.out_channels == 24


def test_rules_reach_the_network() -> None:
    b3 = by(1.4, 1.2, 300 / 224)
    plain = scale(EFFICIENTNET_B0, b3, RoundingRules(channel_rule=ChannelRule.WITHOUT_MINIMUM))
    assert plain.stages[0].out_channels == 16
    assert replace(plain.stages[0], out_channels=24) == variant("b3").stages[0]
    nearest = scale(EFFICIENTNET_B0, b3, RoundingRules(repeat_rule=RepeatRule.ROUND))
    assert [s.repeats for s in nearest.stages] == [1, 3, 3, 4, 4, 6, 1]
    exact = RoundingRules(coefficient_rounding=CoefficientRounding.NONE)
    head = scale(EFFICIENTNET_B0, by(width=1.13), replace(exact, head_rule=HeadRule.LAST_STAGE))
    assert head.head.out_channels == 4 * head.stages[-1].out_channels == 1440
    assert scale(EFFICIENTNET_B0, by(width=1.13), exact).head.out_channels == 1448
    squeezed = scale(EFFICIENTNET_B0, by(), RoundingRules(squeeze_rounding=SqueezeRounding.ROUND))
    assert {s.squeeze_rounding for s in squeezed.stages} == {SqueezeRounding.ROUND}


@pytest.mark.parametrize(
    ("width", "expected"), [(0.1, 0.2), (1.0, 0.2), (2**0.5, 0.35), (2.0, 0.5), (4.3, 0.5), (1e6, 0.5)]
)
def test_dropout_grows_from_0_2_to_0_5_with_the_logarithm_of_width(width: float, expected: float) -> None:
    assert scaled_dropout(width) == pytest.approx(expected)
    assert 0.2 <= scaled_dropout(width) <= 0.5


@pytest.mark.parametrize("size", [7, 4097])
def test_image_sizes_outside_8_to_4096_are_refused(size: int) -> None:
    with pytest.raises(SpecError, match=rf"image size must be between 8 and 4096, got {size}\b"):
        scale(EFFICIENTNET_B0, by(resolution=size / 224))


def test_more_than_2000_blocks_are_refused() -> None:
    # 16 blocks of B0: 125 times as deep is 2,000 exactly.
    assert scale(EFFICIENTNET_B0, by(depth=125)).num_blocks == 2000
    with pytest.raises(SpecError, match=r"blocks must be between 1 and 2000, got 20\d\d"):
        scale(EFFICIENTNET_B0, by(depth=125.1))


def test_too_many_channels_are_refused_before_anything_is_built() -> None:
    with pytest.raises(SpecError, match=r"channels of the widest layer must be between 1 and 1000000"):
        scale(EFFICIENTNET_B0, by(width=1000))
