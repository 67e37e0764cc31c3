"""Rounding rules: monotone, idempotent, divisible, never far below what was asked."""

from __future__ import annotations

import math

from hypothesis import assume, given
from hypothesis import strategies as st
from spec_strategies import rounding_rules

from scaling import RoundingRules
from scaling.network.rounding import (
    ChannelRule,
    CoefficientRounding,
    HeadRule,
    RepeatRule,
    SqueezeRounding,
    squeeze_channels,
)

RULES = rounding_rules()
CHANNELS = st.integers(1, 4096)
WIDTHS = st.floats(min_value=0.01, max_value=20)
DEPTHS = st.floats(min_value=0.01, max_value=50)


@given(rules=RULES, channels=CHANNELS, one=WIDTHS, other=WIDTHS)
def test_channels_are_monotone_in_width(
    rules: RoundingRules, channels: int, one: float, other: float
) -> None:
    low, high = sorted((one, other))
    assert rules.channels(channels, low) <= rules.channels(channels, high)


@given(rules=RULES, one=CHANNELS, other=CHANNELS, width=WIDTHS)
def test_channels_are_monotone_in_channels(rules: RoundingRules, one: int, other: int, width: float) -> None:
    low, high = sorted((one, other))
    assert rules.channels(low, width) <= rules.channels(high, width)


@given(channels=st.integers(1, 2000), step=st.integers(0, 1000))
def test_released_channels_are_monotone_in_small_steps_of_width(channels: int, step: int) -> None:
    # Hundredths of width meet every corner of the 0.9 rule, where floating point would show.
    low, high = step / 100 + 0.01, step / 100 + 0.02
    assert RoundingRules().channels(channels, low) <= RoundingRules().channels(channels, high)


@given(rules=RULES, channels=CHANNELS, width=WIDTHS)
def test_channels_are_a_positive_multiple_and_idempotent(
    rules: RoundingRules, channels: int, width: float
) -> None:
    found = rules.channels(channels, width)
    assert isinstance(found, int)
    assert found >= rules.channel_divisor
    assert found % rules.channel_divisor == 0
    assert rules.channels(found, 1.0) == found


@given(divisor=st.sampled_from([1, 2, 4, 7, 8, 16, 32]), channels=CHANNELS, width=WIDTHS)
def test_released_channels_never_lose_over_ten_percent(divisor: int, channels: int, width: float) -> None:
    assert RoundingRules(channel_divisor=divisor).channels(channels, width) >= 0.9 * channels * width


@given(rules=RULES, channels=CHANNELS, width=WIDTHS)
def test_channels_stay_within_a_divisor_of_what_was_asked(
    rules: RoundingRules, channels: int, width: float
) -> None:
    asked, divisor = channels * width, rules.channel_divisor
    # The minimum is the divisor itself, and the 0.9 rule may add one divisor to a nearest multiple.
    assert -divisor / 2 - 1e-9 <= rules.channels(channels, width) - asked <= 1.5 * divisor


@given(channels=CHANNELS, width=WIDTHS)
def test_the_three_published_rules_differ_by_one_divisor_at_most(channels: int, width: float) -> None:
    found = [RoundingRules(channel_rule=rule).channels(channels, width) for rule in ChannelRule]
    assert max(found) - min(found) in (0, 8)


@given(rule=st.sampled_from(RepeatRule), repeats=st.integers(1, 40), one=DEPTHS, other=DEPTHS)
def test_repeats_are_monotone_in_depth(rule: RepeatRule, repeats: int, one: float, other: float) -> None:
    rules, (low, high) = RoundingRules(repeat_rule=rule), sorted((one, other))
    assert 1 <= rules.repeats(repeats, low) <= rules.repeats(repeats, high)


@given(rule=st.sampled_from(RepeatRule), one=st.integers(1, 40), other=st.integers(1, 40), depth=DEPTHS)
def test_repeats_are_monotone_in_repeats(rule: RepeatRule, one: int, other: int, depth: float) -> None:
    rules, (low, high) = RoundingRules(repeat_rule=rule), sorted((one, other))
    assert rules.repeats(low, depth) <= rules.repeats(high, depth)


@given(repeats=st.integers(1, 40), depth=DEPTHS)
def test_released_repeats_are_never_fewer_than_asked_and_less_than_one_more(
    repeats: int, depth: float
) -> None:
    found = RoundingRules().repeats(repeats, depth)
    assert repeats * depth <= found < max(1.0, repeats * depth) + 1
    assert RoundingRules().repeats(repeats, 1.0) == repeats


@given(rules=RULES, one=WIDTHS, other=WIDTHS, last=st.integers(1, 512), ratio=st.integers(1, 8))
def test_head_channels_are_monotone_in_width(
    rules: RoundingRules, one: float, other: float, last: int, ratio: int
) -> None:
    low, high = sorted((one, other))
    assert rules.head_channels(ratio * last, last, low) <= rules.head_channels(ratio * last, last, high)


@given(width=WIDTHS, last=st.integers(1, 512), ratio=st.integers(1, 8))
def test_the_last_stage_head_keeps_its_ratio(width: float, last: int, ratio: int) -> None:
    rules = RoundingRules(head_rule=HeadRule.LAST_STAGE)
    assert rules.head_channels(ratio * last, last, width) == ratio * rules.channels(last, width)


@given(value=st.floats(min_value=0.06, max_value=100), other=st.floats(min_value=0.06, max_value=100))
def test_released_coefficients_are_monotone_idempotent_and_near(value: float, other: float) -> None:
    rules, (low, high) = RoundingRules(), sorted((value, other))
    found = rules.coefficient(value)
    assert abs(found - value) <= 0.05 + 1e-12
    assert rules.coefficient(found) == found
    assert float(f"{found:.1f}") == found
    assert rules.coefficient(low) <= rules.coefficient(high)


@given(value=st.floats(min_value=1e-6, max_value=1e6))
def test_unrounded_coefficients_keep_12_digits(value: float) -> None:
    rules = RoundingRules(coefficient_rounding=CoefficientRounding.NONE)
    assert math.isclose(rules.coefficient(value), value, rel_tol=1e-11)
    assert rules.coefficient(rules.coefficient(value)) == rules.coefficient(value)


@given(
    rules=RULES,
    size=st.integers(8, 1024),
    one=st.floats(min_value=0.1, max_value=8),
    other=st.floats(min_value=0.1, max_value=8),
)
def test_image_sizes_are_monotone_multiples_of_the_step(
    rules: RoundingRules, size: int, one: float, other: float
) -> None:
    low, high = sorted((one, other))
    found, step = rules.image_size(size, high), rules.image_size_step
    assert rules.image_size(size, low) <= found
    assert found % step == 0
    assume(size * high >= step)
    assert abs(found - size * high) <= step / 2 + 1e-6


@given(size=st.integers(8, 4096), wanted=st.integers(8, 4096))
def test_every_whole_image_size_survives_its_coefficient(size: int, wanted: int) -> None:
    assert RoundingRules().image_size(size, wanted / size) == wanted


@given(
    one=CHANNELS,
    other=CHANNELS,
    ratio=st.floats(min_value=0.01, max_value=1),
    rounding=st.sampled_from(SqueezeRounding),
)
def test_squeeze_channels_are_monotone_and_at_least_1(
    one: int, other: int, ratio: float, rounding: SqueezeRounding
) -> None:
    low, high = sorted((one, other))
    assert 1 <= squeeze_channels(low, ratio, rounding) <= squeeze_channels(high, ratio, rounding)
    assert squeeze_channels(high, ratio, rounding) <= max(1, high)
    assert squeeze_channels(high, 0.0, rounding) == 0
