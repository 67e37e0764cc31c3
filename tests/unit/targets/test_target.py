"""Targets by any metric, and limits beside them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from tiny_networks import TINY, TINY_RULES

from scaling import RoundingRules, variant
from scaling.cost import count_cost
from scaling.cost.latency_model import LatencyModel
from scaling.cost.vectorised import Candidates, count_costs
from scaling.errors import ConfigError, SpecError
from scaling.network.rounding import CoefficientRounding
from scaling.network.serialization import architecture_key
from scaling.targets.directions import Direction
from scaling.targets.realise import realise, realise_nominally
from scaling.targets.space import on_target, specs_of
from scaling.targets.target import Limits, Metric, Target

EXACT = RoundingRules(coefficient_rounding=CoefficientRounding.NONE)
B0 = variant("b0")
LATENCY = LatencyModel(base_ms=0.5, ms_per_gmac=3.0, ms_per_mactivation=0.7)


def directions(count: int, seed: int = 3) -> list[Direction]:
    return [Direction.of_square(s, v) for s, v in np.random.default_rng(seed).random((count, 2))]


@pytest.mark.parametrize("metric", list(Metric))
def test_most_directions_of_b0_meet_any_metric(metric: Metric) -> None:
    target = Target(metric=metric, latency=LATENCY, limits=Limits(max_macs=1_600_000_000))
    met = 0
    for direction in directions(60):
        found = realise(direction, B0, target, EXACT)
        assert found.achieved_factor == target.amount(found.spec) / target.amount(B0)
        if found.feasible:
            met += 1
            assert abs(found.achieved_factor / 2 - 1) <= 0.03
            assert count_cost(found.spec).macs <= 1_600_000_000
    # Params do not rise with the image: directions that spend most on resolution never double them.
    assert met >= (30 if metric == Metric.PARAMS else 57)


@pytest.mark.parametrize("metric", list(Metric))
def test_the_space_of_any_metric_holds_what_is_realised(metric: Metric) -> None:
    baseline, rules = TINY, TINY_RULES
    latency = LatencyModel(
        ms_per_gmac=3.0, ms_per_mactivation=0.7
    )  # so small a network has no base to speak of
    target = Target(tolerance=0.05, metric=metric, latency=latency, largest_image_size=24)
    specs = list(specs_of(baseline, on_target(baseline, target, rules), rules))
    keys = {architecture_key(spec) for spec in specs}
    assert len(keys) == len(specs) > 0
    for spec in specs:
        assert target.met_by(target.amount(spec) / target.amount(baseline))
    found = [realise(direction, baseline, target, rules) for direction in directions(60)]
    assert {architecture_key(one.spec) for one in found if one.feasible} <= keys


LIMITED = {
    "max_macs": lambda cost: cost.macs,
    "max_params": lambda cost: cost.params,
    "max_activations": lambda cost: cost.activations,
    "max_latency_ms": LATENCY.predict,
    "max_memory_bytes": lambda cost: cost.peak_activation_bytes,
}


@pytest.mark.parametrize("limit", LIMITED)
def test_limits_cut_the_space_exactly(limit: str) -> None:
    baseline, rules = TINY, TINY_RULES
    free = list(specs_of(baseline, on_target(baseline, Target(tolerance=0.05), rules), rules))
    amounts = [LIMITED[limit](count_cost(spec)) for spec in free]
    most = float(np.median(amounts))
    target = Target(tolerance=0.05, latency=LATENCY, limits=Limits(**{limit: most}))  # type: ignore[arg-type]
    kept = list(specs_of(baseline, on_target(baseline, target, rules), rules))
    assert kept == [spec for spec, amount in zip(free, amounts, strict=True) if amount <= most]
    assert 0 < len(kept) < len(free)
    assert all(target.within_limits(spec) for spec in kept)
    beyond = next(spec for spec, amount in zip(free, amounts, strict=True) if amount > most)
    assert not target.within_limits(beyond)


def test_what_is_beyond_a_limit_is_infeasible() -> None:
    limits = Limits(max_params=count_cost(B0).params + 1)
    found = [realise(one, B0, Target(limits=limits), EXACT) for one in directions(8)]
    assert not any(one.feasible for one in found if count_cost(one.spec).params > count_cost(B0).params + 1)
    assert any(not one.feasible for one in found)


def test_nominal_networks_stand_where_the_formula_puts_them() -> None:
    compound = Direction.of_square(0.4, 0.5).bases(2.0, phi=1.0)
    found = realise_nominally(compound, B0, Target(), EXACT)
    assert found.feasible
    assert found.achieved_factor == count_cost(found.spec).macs / count_cost(B0).macs
    capped = realise_nominally(compound, B0, Target(largest_image_size=224), EXACT)
    assert capped.spec == found.spec
    assert not capped.feasible


def test_predictions_of_one_and_of_many_agree() -> None:
    specs = [variant("b0"), variant("b3")]
    costs = count_costs(B0, Candidates.of(specs, baseline=B0))
    assert LATENCY.predict(costs).tolist() == [LATENCY.predict(count_cost(spec)) for spec in specs]


def test_spaces_too_large_to_list_are_refused_in_words() -> None:
    with pytest.raises(SpecError, match=r"at 64× are more than 500,000: lower the target factor"):
        on_target(B0, Target(factor=64), EXACT)


def test_a_factor_beyond_any_network_is_refused() -> None:
    with pytest.raises(SpecError, match="at most 128, got 1000"):
        Target(factor=1000)


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
def test_targets_that_make_no_sense_are_refused(search: dict[str, Any], message: str) -> None:
    from search_runs import configuration  # noqa: PLC0415

    with pytest.raises(ConfigError) as caught:
        configuration(search=search)
    assert message in str(caught.value)
