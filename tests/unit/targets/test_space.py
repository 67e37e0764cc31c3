"""The enumerated space against an independent brute force."""

from __future__ import annotations

import math
from itertools import product

import numpy as np
import pytest
from tiny_networks import TINY, TINY_RULES, TINY_TARGET

from scaling import ArchitectureSpec, RoundingRules, variant
from scaling.cost import count_cost
from scaling.network.coefficients import ScalingCoefficients
from scaling.network.generation import scale
from scaling.network.rounding import ChannelRule, CoefficientRounding, HeadRule, RepeatRule
from scaling.network.serialization import architecture_key
from scaling.targets.space import image_sizes, on_target, specs_of
from scaling.targets.target import Target

EXACT = RoundingRules(coefficient_rounding=CoefficientRounding.NONE)


def brute_force(
    baseline: ArchitectureSpec, target: Target, rules: RoundingRules, most: int, steps: int = 2500
) -> set[str]:
    """Scale by a dense grid of coefficients, keep what is on target: no enumeration of steps involved."""

    def distinct(axis: str) -> dict[object, float]:
        found: dict[object, float] = {}
        for value in np.linspace(1.0, target.factor * 1.6, steps):
            unscaled = {"depth_coefficient": 1.0, "width_coefficient": 1.0, "resolution_coefficient": 1.0}
            spec = scale(baseline, ScalingCoefficients(**{**unscaled, axis: float(value)}), rules)
            found.setdefault((spec.stages, spec.stem, spec.head), float(value))
        return found

    macs, keys = count_cost(baseline).macs, set()
    for depth, width in product(
        distinct("depth_coefficient").values(), distinct("width_coefficient").values()
    ):
        multipliers = ScalingCoefficients(
            depth_coefficient=depth, width_coefficient=width, resolution_coefficient=1.0
        )
        if count_cost(scale(baseline, multipliers, rules)).macs > target.factor * macs * 1.2:
            continue
        for size in range(baseline.image_size, most + 1, rules.image_size_step):
            spec = scale(
                baseline,
                ScalingCoefficients(
                    depth_coefficient=depth,
                    width_coefficient=width,
                    resolution_coefficient=size / baseline.image_size,
                ),
                rules,
            )
            if abs(count_cost(spec).macs / macs / target.factor - 1) <= target.tolerance:
                keys.add(architecture_key(spec))
    return keys


@pytest.mark.parametrize(
    ("rules", "target"),
    [
        (TINY_RULES, Target(tolerance=0.05)),
        (RoundingRules(), Target(tolerance=0.1)),
        (RoundingRules(coefficient_rounding="none", image_size_step=4), Target(tolerance=0.2)),
        (RoundingRules(channel_rule=ChannelRule.ROUND, head_rule=HeadRule.CHANNEL_RULE,
                       coefficient_rounding=CoefficientRounding.NONE, channel_divisor=4,
                       repeat_rule=RepeatRule.ROUND), Target(tolerance=0.08, largest_image_size=19)),
    ],
)  # fmt: skip
def test_the_space_is_complete(rules: RoundingRules, target: Target) -> None:
    most = target.largest_image_size or math.ceil(16 * math.sqrt(target.factor)) + 6
    space = on_target(TINY, target, rules)
    specs = list(specs_of(TINY, space, rules))
    assert {architecture_key(spec) for spec in specs} == brute_force(TINY, target, rules, most)
    assert len(specs) == len(space) > 0


@pytest.mark.parametrize(
    ("baseline", "rules"),
    [(variant("b0"), RoundingRules()), (variant("b0"), EXACT), (TINY, TINY_RULES)],
)
def test_specs_are_distinct_and_within_the_tolerance(
    baseline: ArchitectureSpec, rules: RoundingRules
) -> None:
    target = Target()
    specs = list(specs_of(baseline, on_target(baseline, target, rules), rules))[:400]
    assert len({architecture_key(spec) for spec in specs}) == len(specs) > 0
    macs = count_cost(baseline).macs
    for spec in specs:
        assert target.met_by(count_cost(spec).macs / macs)
        assert spec.image_size >= baseline.image_size


def test_specs_are_what_the_rows_say() -> None:
    space = on_target(TINY, TINY_TARGET, TINY_RULES)
    specs = list(specs_of(TINY, space, TINY_RULES))
    for row, spec in enumerate(specs):
        assert tuple(space.candidates.repeats[row]) == tuple(stage.repeats for stage in spec.stages)
        assert tuple(space.candidates.channels[row]) == spec.channels
        assert space.candidates.image_size[row] == spec.image_size


def test_sizes_end_at_the_cap_and_at_the_cost() -> None:
    rules = TINY_RULES
    assert image_sizes(TINY, Target(largest_image_size=18), rules) == [16, 17, 18]
    assert image_sizes(TINY, Target(largest_image_size=16), rules) == [16]
    sizes = image_sizes(TINY, Target(), rules)
    assert sizes == list(range(16, sizes[-1] + 1))
    assert 20 <= sizes[-1] <= 26


def test_a_space_can_be_empty() -> None:
    narrow = Target(tolerance=1e-9)
    assert len(on_target(TINY, narrow, RoundingRules())) == 0
