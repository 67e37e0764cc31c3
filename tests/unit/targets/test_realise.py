"""From directions to networks on target, by any metric, and limits beside it."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tiny_networks import TINY, TINY_RULES, TINY_TARGET

from scaling import ArchitectureSpec, RoundingRules, SpecError, variant
from scaling.cost import count_cost
from scaling.cost.latency_model import LatencyModel
from scaling.cost.vectorised import Candidates, count_costs
from scaling.errors import ConfigError
from scaling.network.rounding import CoefficientRounding, RepeatRule
from scaling.network.serialization import architecture_key
from scaling.targets.directions import Direction
from scaling.targets.realise import Realisation, realise, realise_nominally
from scaling.targets.space import on_target, specs_of
from scaling.targets.target import Limits, Metric, Target

EXACT = RoundingRules(coefficient_rounding=CoefficientRounding.NONE)
B0 = variant("b0")
LATENCY = LatencyModel(base_ms=0.5, ms_per_gmac=3.0, ms_per_mactivation=0.7)


def directions(count: int, seed: int = 1) -> list[Direction]:
    return [Direction.of_square(s, v) for s, v in np.random.default_rng(seed).random((count, 2))]


def space(baseline: ArchitectureSpec, target: Target, rules: RoundingRules) -> list[ArchitectureSpec]:
    return list(specs_of(baseline, on_target(baseline, target, rules), rules))


def reached(found: list[Realisation]) -> set[str]:
    return {architecture_key(one.spec) for one in found if one.feasible}


def test_nearly_every_direction_of_b0_ends_on_target_and_nothing_shrinks() -> None:
    proposed, macs = directions(300), count_cost(B0).macs
    realised = [realise(one, B0, Target(), EXACT) for one in proposed]
    for direction, found in zip(proposed, realised, strict=True):
        spec, compound = found.spec, found.compound
        assert found.achieved_factor == count_cost(spec).macs / macs
        assert found.feasible == Target().met_by(found.achieved_factor)
        shares = Direction.of_bases(compound.alpha, compound.beta, compound.gamma).shares
        assert shares == pytest.approx(direction.shares, abs=1e-9)
        assert compound.phi >= 0
        assert spec.image_size >= B0.image_size
        assert all(one >= two for one, two in zip(spec.channels, B0.channels, strict=True))
        assert all(one.repeats >= two.repeats for one, two in zip(spec.stages, B0.stages, strict=True))
    assert sum(abs(one.achieved_factor / 2 - 1) <= 0.03 for one in realised) >= 297
    assert reached(realised) <= {architecture_key(spec) for spec in space(B0, Target(), EXACT)}


def test_directions_of_a_proxy_give_many_networks_in_its_space() -> None:
    found = [realise(one, TINY, TINY_TARGET, TINY_RULES) for one in directions(150)]
    keys = {architecture_key(spec) for spec in space(TINY, TINY_TARGET, TINY_RULES)}
    assert reached(found) <= keys
    assert len(reached(found)) > 10


@settings(max_examples=25)
@given(
    s=st.floats(0, 1),
    v=st.floats(0, 1),
    cap=st.integers(224, 330),
    step=st.sampled_from([1, 4, 7, 32]),
    factor=st.sampled_from([1.3, 2.0, 4.0]),
    rounding=st.sampled_from(CoefficientRounding),
)
def test_the_image_stays_between_baseline_and_cap(
    s: float, v: float, cap: int, step: int, factor: float, rounding: CoefficientRounding
) -> None:
    rules = RoundingRules(coefficient_rounding=rounding, image_size_step=step, repeat_rule=RepeatRule.ROUND)
    target = Target(factor=factor, largest_image_size=cap)
    found = realise(Direction.of_square(s, v), B0, target, rules)
    assert 224 <= found.spec.image_size <= cap
    assert found.feasible == target.met_by(found.achieved_factor)


@pytest.mark.parametrize("metric", list(Metric))
def test_most_directions_of_b0_meet_any_metric(metric: Metric) -> None:
    target = Target(metric=metric, latency=LATENCY, limits=Limits(max_macs=1_600_000_000))
    found = [realise(direction, B0, target, EXACT) for direction in directions(60, seed=3)]
    assert all(one.achieved_factor == target.amount(one.spec) / target.amount(B0) for one in found)
    met = [one for one in found if one.feasible]
    assert all(abs(one.achieved_factor / 2 - 1) <= 0.03 for one in met)
    assert all(count_cost(one.spec).macs <= 1_600_000_000 for one in met)
    # Params do not rise with the image: directions that spend most on resolution never double them.
    assert len(met) >= (30 if metric == Metric.PARAMS else 57)


@pytest.mark.parametrize("metric", list(Metric))
def test_the_space_of_any_metric_holds_what_is_realised(metric: Metric) -> None:
    latency = LatencyModel(ms_per_gmac=3.0, ms_per_mactivation=0.7)  # so small a network has no base
    target = Target(tolerance=0.05, metric=metric, latency=latency, largest_image_size=24)
    specs = space(TINY, target, TINY_RULES)
    keys = {architecture_key(spec) for spec in specs}
    assert len(keys) == len(specs) > 0
    assert all(target.met_by(target.amount(spec) / target.amount(TINY)) for spec in specs)
    assert reached([realise(one, TINY, target, TINY_RULES) for one in directions(60, seed=3)]) <= keys


LIMITED = {
    "max_macs": lambda cost: cost.macs,
    "max_params": lambda cost: cost.params,
    "max_activations": lambda cost: cost.activations,
    "max_latency_ms": LATENCY.predict,
    "max_memory_bytes": lambda cost: cost.peak_activation_bytes,
}


@pytest.mark.parametrize("limit", LIMITED)
def test_limits_cut_the_space_exactly(limit: str) -> None:
    free = space(TINY, Target(tolerance=0.05), TINY_RULES)
    amounts = [LIMITED[limit](count_cost(spec)) for spec in free]
    most = float(np.median(amounts))
    target = Target(tolerance=0.05, latency=LATENCY, limits=Limits(**{limit: most}))  # type: ignore[arg-type]
    kept = space(TINY, target, TINY_RULES)
    assert kept == [spec for spec, amount in zip(free, amounts, strict=True) if amount <= most]
    assert 0 < len(kept) < len(free)
    assert kept == [spec for spec in free if target.within_limits(spec)]


def test_what_is_beyond_a_limit_is_infeasible() -> None:
    limits = Limits(max_params=count_cost(B0).params + 1)
    found = [realise(one, B0, Target(limits=limits), EXACT) for one in directions(8, seed=3)]
    assert not any(one.feasible for one in found if count_cost(one.spec).params > count_cost(B0).params + 1)
    assert any(not one.feasible for one in found)


def test_nominal_networks_are_where_the_formula_puts_them() -> None:
    compound = Direction.of_square(0.4, 0.5).bases(2.0, phi=1.0)
    found = realise_nominally(compound, B0, Target(), EXACT)
    assert found.feasible
    assert found.achieved_factor == count_cost(found.spec).macs / count_cost(B0).macs
    capped = realise_nominally(compound, B0, Target(largest_image_size=224), EXACT)
    assert (capped.spec, capped.feasible) == (found.spec, False)


def test_predictions_of_one_and_of_many_agree() -> None:
    specs = [variant("b0"), variant("b3")]
    costs = count_costs(B0, Candidates.of(specs, baseline=B0))
    assert LATENCY.predict(costs).tolist() == [LATENCY.predict(count_cost(spec)) for spec in specs]


@pytest.mark.parametrize("tolerance", [0.0, 1.0, math.nan])
def test_tolerances_that_cannot_be_are_refused(tolerance: float) -> None:
    with pytest.raises(SpecError, match="must be between 0 and 1"):
        Target(tolerance=tolerance)


@pytest.mark.parametrize("factor", [1.0, math.inf, math.nan, -2.0, 1000])
def test_factors_that_cannot_be_are_refused(factor: float) -> None:
    with pytest.raises(SpecError, match="must be above 0, not 1, and at most 128"):
        Target(factor=factor)


def test_spaces_too_large_to_list_are_refused_in_words() -> None:
    with pytest.raises(SpecError, match=r"at 64× are more than 500,000: lower the target factor"):
        on_target(B0, Target(factor=64), EXACT)


@pytest.mark.parametrize(
    ("search", "message"),
    [
        ({"metric": "params"}, "metric params leaves the image size free"),
        ({"metric": "latency"}, "predicted latency needs search.latency"),
        ({"limits": {"max_latency_ms": 1.0}}, "predicted latency needs search.latency"),
        ({"limits": {"max_params": 0}}, "max_params must be above 0"),
        ({"limits": {"max_params": 10}}, "the baseline itself is beyond"),
        ({"limits": {"max_param": 10}}, "unknown key 'search.limits.max_param'; did you mean 'max_params'?"),
        ({"latency": {"base_ms": -1}}, "latency base_ms must be at least 0"),
        ({"metric": "flops"}, "'macs', 'params', 'activations' or 'latency'"),
        ({"sampler": "exhaustive", "cost": "nominal"}, "cost nominal has none: use grid"),
    ],
)
def test_targets_of_a_search_that_make_no_sense_are_refused(search: dict[str, Any], message: str) -> None:
    from search_runs import configuration  # noqa: PLC0415

    with pytest.raises(ConfigError) as caught:
        configuration(search=search)
    assert message in str(caught.value)
