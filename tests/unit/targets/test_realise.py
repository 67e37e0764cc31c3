"""From directions to networks on target."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tiny_networks import TINY, TINY_RULES, TINY_TARGET

from scaling import RoundingRules, SpecError, variant
from scaling.cost import count_cost
from scaling.network.rounding import CoefficientRounding, RepeatRule
from scaling.network.serialization import architecture_key
from scaling.targets.directions import Direction
from scaling.targets.realise import Realisation, realise
from scaling.targets.space import on_target, specs_of
from scaling.targets.target import Target

EXACT = RoundingRules(coefficient_rounding=CoefficientRounding.NONE)
B0 = variant("b0")


def proposals(count: int, seed: int = 1) -> list[Direction]:
    return [Direction.of_square(s, v) for s, v in np.random.default_rng(seed).random((count, 2))]


@pytest.fixture(scope="module")
def realised() -> list[tuple[Direction, Realisation]]:
    return [(one, realise(one, B0, Target(), EXACT)) for one in proposals(300)]


def test_nearly_every_direction_of_b0_ends_on_target(realised: list[tuple[Direction, Realisation]]) -> None:
    macs = count_cost(B0).macs
    on = [found for _, found in realised if abs(count_cost(found.spec).macs / macs / 2 - 1) <= 0.03]
    assert len(on) >= 297
    assert all(found.feasible for found in on)


def test_what_is_reported_is_what_was_built(realised: list[tuple[Direction, Realisation]]) -> None:
    macs = count_cost(B0).macs
    for direction, found in realised:
        assert found.achieved_factor == count_cost(found.spec).macs / macs
        assert found.feasible == Target().met_by(found.achieved_factor)
        compound = found.compound
        shares = Direction.of_bases(compound.alpha, compound.beta, compound.gamma).shares
        assert shares == pytest.approx(direction.shares, abs=1e-9)
        assert compound.phi >= 0


def test_no_dimension_ever_shrinks(realised: list[tuple[Direction, Realisation]]) -> None:
    for _, found in realised:
        assert found.spec.image_size >= B0.image_size
        assert found.spec.stem.out_channels >= B0.stem.out_channels
        assert found.spec.head.out_channels >= B0.head.out_channels
        for own, scaled in zip(B0.stages, found.spec.stages, strict=True):
            assert scaled.repeats >= own.repeats
            assert scaled.out_channels >= own.out_channels


def test_every_feasible_network_is_in_the_enumerated_space(
    realised: list[tuple[Direction, Realisation]],
) -> None:
    keys = {architecture_key(spec) for spec in specs_of(B0, on_target(B0, Target(), EXACT), EXACT)}
    assert {architecture_key(found.spec) for _, found in realised if found.feasible} <= keys


def test_directions_of_a_proxy_give_many_networks_in_its_space() -> None:
    baseline, target, rules = TINY, TINY_TARGET, TINY_RULES
    keys = {architecture_key(spec) for spec in specs_of(baseline, on_target(baseline, target, rules), rules)}
    found = [realise(one, baseline, target, rules) for one in proposals(150)]
    reached = {architecture_key(one.spec) for one in found if one.feasible}
    assert reached <= keys
    assert len(reached) > 10


@settings(max_examples=25)
@given(
    s=st.floats(0, 1),
    v=st.floats(0, 1),
    cap=st.integers(224, 330),
    step=st.sampled_from([1, 4, 7, 32]),
    factor=st.sampled_from([1.3, 2.0, 4.0]),
    released=st.booleans(),
)
def test_the_image_stays_between_baseline_and_cap(
    s: float, v: float, cap: int, step: int, factor: float, released: bool
) -> None:
    rules = RoundingRules(
        coefficient_rounding=CoefficientRounding.RELEASED if released else CoefficientRounding.NONE,
        image_size_step=step,
        repeat_rule=RepeatRule.ROUND,
    )
    target = Target(factor=factor, largest_image_size=cap)
    found = realise(Direction.of_square(s, v), B0, target, rules)
    assert 224 <= found.spec.image_size <= cap
    assert found.feasible == target.met_by(found.achieved_factor)


def test_resolution_alone_under_a_cap_of_the_baseline_is_infeasible_or_becomes_width() -> None:
    found = realise(Direction.of_square(0.0, 0.0), B0, Target(largest_image_size=224), EXACT)
    assert found.spec.image_size == 224
    assert found.feasible == Target().met_by(found.achieved_factor)


@pytest.mark.parametrize(
    "target", [{"factor": 1.0}, {"factor": float("inf")}, {"factor": float("nan")}, {"factor": -2.0},
               {"tolerance": 0.0}, {"tolerance": 1.0}, {"tolerance": float("nan")}]
)  # fmt: skip
def test_targets_that_cannot_be_are_refused(target: dict[str, float]) -> None:
    with pytest.raises(SpecError, match="must be"):
        Target(**target)
