"""The enumerated space against an independent brute force."""

from __future__ import annotations

import math
from itertools import islice, product

import numpy as np
import pytest
from tiny_networks import TINY, TINY_RULES

from scaling import ArchitectureSpec, RoundingRules, variant
from scaling.cost import count_cost
from scaling.network.generation import scaled_to
from scaling.network.rounding import ChannelRule, CoefficientRounding, HeadRule, RepeatRule
from scaling.network.serialization import architecture_key
from scaling.targets.space import image_sizes, on_target, specs_of
from scaling.targets.target import Target

B0 = variant("b0")
EXACT = RoundingRules(coefficient_rounding=CoefficientRounding.NONE)


def brute_force(
    baseline: ArchitectureSpec, target: Target, rules: RoundingRules, most: int, steps: int = 2500
) -> set[str]:
    """Scale by a dense grid of coefficients, keep what is on target: no enumeration of steps involved."""
    values = np.linspace(1.0, target.factor * 1.6, steps).tolist()
    deeper = [scaled_to(baseline, depth=one, width=1, image_size=16, rounding=rules) for one in values]
    wider = [scaled_to(baseline, depth=1, width=one, image_size=16, rounding=rules) for one in values]
    depths = {spec.stages: one for spec, one in zip(deeper, values, strict=True)}
    widths = {spec.channels: one for spec, one in zip(wider, values, strict=True)}
    macs, keys = count_cost(baseline).macs, set()
    for depth, width in product(depths.values(), widths.values()):
        for size in range(baseline.image_size, most + 1, rules.image_size_step):
            spec = scaled_to(baseline, depth=depth, width=width, image_size=size, rounding=rules)
            if count_cost(spec).macs > target.factor * macs * 1.2:
                break
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


@pytest.mark.parametrize("rules", [RoundingRules(), EXACT])
def test_specs_of_b0_are_distinct_on_target_and_what_the_rows_say(rules: RoundingRules) -> None:
    target, macs = Target(), count_cost(B0).macs
    space = on_target(B0, target, rules)
    specs = list(islice(specs_of(B0, space, rules), 400))
    assert len({architecture_key(spec) for spec in specs}) == len(specs) > 0
    for row, spec in enumerate(specs):
        assert target.met_by(count_cost(spec).macs / macs)
        assert spec.image_size == space.candidates.image_size[row] >= B0.image_size
        assert tuple(space.candidates.repeats[row]) == tuple(stage.repeats for stage in spec.stages)
        assert tuple(space.candidates.channels[row]) == spec.channels


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
