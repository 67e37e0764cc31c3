"""The published rounding forms, case by case."""

from __future__ import annotations

import pytest

from scaling import RoundingRules, ScalingCoefficients, SpecError
from scaling.network.rounding import (
    RELEASED,
    ChannelRule,
    CoefficientRounding,
    HeadRule,
    RepeatRule,
    SqueezeRounding,
    squeeze_channels,
)

B0_CHANNELS = (32, 16, 24, 40, 80, 112, 192, 320, 1280)
RELEASED_WIDTHS = (1.0, 1.1, 1.2, 1.4, 1.6, 1.8, 2.0, 2.2, 4.3)
RELEASED_DEPTHS = (1.0, 1.1, 1.2, 1.4, 1.8, 2.2, 2.6, 3.1, 3.6, 5.3)


def rule(**changes: object) -> RoundingRules:
    return RoundingRules(**changes)  # type: ignore[arg-type]


def test_without_the_minimum_only_the_16_channels_of_b3_change() -> None:
    # FACTS of the released code: google/automl's copy lacks the 0.9 rule; B3 gets 16 instead of 24.
    plain = rule(channel_rule=ChannelRule.WITHOUT_MINIMUM)
    different = {
        (channels, width)
        for channels in B0_CHANNELS
        for width in RELEASED_WIDTHS
        if plain.channels(channels, width) != RELEASED.channels(channels, width)
    }
    assert different == {(16, 1.2)}
    assert (RELEASED.channels(16, 1.2), plain.channels(16, 1.2)) == (24, 16)


def test_half_a_divisor_rounds_up_unless_the_rule_is_pythons_round() -> None:
    # 20 / 8 = 2.5: half up gives 24, half to even gives 16.
    assert RELEASED.channels(20, 1.0) == 24
    assert rule(channel_rule=ChannelRule.WITHOUT_MINIMUM).channels(20, 1.0) == 24
    assert rule(channel_rule=ChannelRule.ROUND).channels(20, 1.0) == 16
    assert rule(channel_rule=ChannelRule.ROUND).channels(28, 1.0) == 32


@pytest.mark.parametrize(
    ("depth", "expected"), [(1.0, [1, 2, 3, 4]), (1.1, [2, 3, 4, 5]), (3.1, [4, 7, 10, 13])]
)
def test_released_repeats_round_up(depth: float, expected: list[int]) -> None:
    assert [RELEASED.repeats(repeats, depth) for repeats in (1, 2, 3, 4)] == expected


def test_rounded_repeats_go_to_the_nearest_half_to_even_and_at_least_1() -> None:
    nearest = rule(repeat_rule=RepeatRule.ROUND)
    assert [nearest.repeats(repeats, 1.1) for repeats in (1, 2, 3, 4)] == [1, 2, 3, 4]
    assert nearest.repeats(1, 2.5) == 2
    assert nearest.repeats(1, 3.5) == 4
    assert nearest.repeats(1, 0.1) == 1


def test_both_head_rules_give_the_official_heads() -> None:
    last = rule(head_rule=HeadRule.LAST_STAGE)
    for width in RELEASED_WIDTHS:
        assert last.head_channels(1280, 320, width) == RELEASED.head_channels(1280, 320, width)


@pytest.mark.parametrize(
    ("in_channels", "ratio", "floor", "nearest"),
    [(32, 0.25, 8, 8), (18, 0.25, 4, 4), (19, 0.25, 4, 5), (22, 0.25, 5, 6), (1, 0.25, 1, 1), (32, 0, 0, 0)],
)
def test_squeeze_channels(in_channels: int, ratio: float, floor: int, nearest: int) -> None:
    assert squeeze_channels(in_channels, ratio, SqueezeRounding.FLOOR) == floor
    assert squeeze_channels(in_channels, ratio, SqueezeRounding.ROUND) == nearest


def test_released_coefficients_have_one_decimal_and_the_others_12_digits() -> None:
    assert RELEASED.coefficient(1.149) == 1.1
    assert RELEASED.coefficient(1.151) == 1.2
    exact = rule(coefficient_rounding=CoefficientRounding.NONE)
    assert exact.coefficient(1.149) == 1.149
    assert exact.coefficient(2.0000000000000004) == 2.0
    assert exact.repeats(1, exact.coefficient(2.0000000000000004)) == 2


@pytest.mark.parametrize("name", ["depth", "width"])
def test_a_coefficient_that_rounds_to_0_is_refused(name: str) -> None:
    values = {"depth_coefficient": 1.0, "width_coefficient": 1.0, "resolution_coefficient": 1.0}
    raw = ScalingCoefficients(**{**values, f"{name}_coefficient": 0.04})
    with pytest.raises(SpecError, match=rf"^{name} coefficient 0.04 rounds to 0.0 at one decimal"):
        RELEASED.coefficients(raw)
    assert rule(coefficient_rounding=CoefficientRounding.NONE).coefficients(raw) == raw


def test_the_resolution_coefficient_is_not_rounded() -> None:
    raw = ScalingCoefficients(depth_coefficient=1.14, width_coefficient=1.16, resolution_coefficient=1.0714)
    assert RELEASED.coefficients(raw) == ScalingCoefficients(
        depth_coefficient=1.1, width_coefficient=1.2, resolution_coefficient=1.0714
    )


@pytest.mark.parametrize(
    ("step", "coefficient", "expected"),
    [
        (1, 1.15, 258),
        (1, 240 / 224, 240),
        (4, 1.15, 256),
        (32, 1.15, 256),
        (32, 240 / 224, 256),
        (1, 224.5 / 224, 225),
    ],
)
def test_image_sizes_go_to_the_nearest_step_half_up(step: int, coefficient: float, expected: int) -> None:
    assert rule(image_size_step=step).image_size(224, coefficient) == expected


@pytest.mark.parametrize("name", ["channel_divisor", "image_size_step"])
@pytest.mark.parametrize("value", [0, -8, 1025, 8.5])
def test_steps_are_whole_numbers_in_a_range(name: str, value: float) -> None:
    with pytest.raises(SpecError, match=rf"^{name} must be .*got {value}$"):
        rule(**{name: value})


@pytest.mark.parametrize("name", ["scaled_stem_and_head", "scaled_end_repeats"])
def test_switches_are_truth_values(name: str) -> None:
    with pytest.raises(SpecError, match=f"{name} must be true or false, got 'no'"):
        rule(**{name: "no"})


@pytest.mark.parametrize(
    "name", ["coefficient_rounding", "channel_rule", "repeat_rule", "head_rule", "squeeze_rounding"]
)
def test_unknown_rules_are_refused_with_the_known_ones(name: str) -> None:
    with pytest.raises(SpecError, match=rf"^{name} must be one of .*, got 'nearest-prime'$"):
        rule(**{name: "nearest-prime"})
