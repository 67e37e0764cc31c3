"""Budgets: the Pareto set against brute force, how limits bind, and the command."""

from __future__ import annotations

import json
import time
from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from click.testing import CliRunner

from scaling import count_cost, variant
from scaling.cli import group
from scaling.cost.latency_model import LatencyModel
from scaling.cost.peak_memory import peak_bytes
from scaling.errors import SpecError
from scaling.network.families import generate
from scaling.network.rounding import RoundingRules
from scaling.targets.budget import Budget, Family, Networks, cosines, nearest, spend

MODEL = LatencyModel(base_ms=1.0, ms_per_gmac=1.5, ms_per_mactivation=0.1)


@cache
def family() -> Family:
    """B0's, whole: nothing here changes it."""
    return Family(variant("b0"), latency=MODEL)


def brute_force(small: Family, limits: dict[str, float]) -> tuple[int, set[tuple[int, int, int]]]:
    """Look at every network one by one: how many keep the limits, and which no other one exceeds."""
    grid = np.indices((*small.steps.shape, len(small.steps.sizes))).reshape(3, -1)
    kept = small.amounts("macs", *grid) <= small.most_macs
    for name, most in limits.items():
        kept &= small.amounts(name, *grid) <= most
    points = grid[:, kept].T
    larger = (points[None] >= points[:, None]).all(2) & (points[None] > points[:, None]).any(2)
    return len(points), {tuple(point) for point in points[~larger.any(1)].tolist()}


@pytest.mark.parametrize(
    "limits",
    [
        {"macs": 8e8},
        {"macs": 9e8, "params": 7e6, "memory_bytes": 6e7},
        {"activations": 1.2e7, "latency_ms": 3.0, "image_size": 288},
        {"params": 5.3e6, "macs": 2e9},
    ],
)
def test_the_set_is_what_brute_force_finds(limits: dict[str, float]) -> None:
    small = Family(variant("b0"), RoundingRules(image_size_step=32), MODEL)
    whole, near = small.steps, small.steps.sizes <= 700  # brute force looks at all of them
    small.steps = replace(
        whole, sizes=whole.sizes[near], repeats=whole.repeats[:12], channels=whole.channels[:8]
    )
    small.within = np.minimum(small.within, near.sum() - 1)[:12, :8]
    small._largest.clear()
    small._largest["family", small.most_macs] = small.within
    answer = spend(small, Budget(**limits))
    sizes = np.searchsorted(small.steps.sizes, answer.pareto.image_size)
    points = zip(answer.pareto.depth.tolist(), answer.pareto.width.tolist(), sizes.tolist(), strict=True)
    assert (answer.feasible, set(points)) == brute_force(small, limits)


def test_the_family_is_whole_distinct_and_quick() -> None:
    started = time.process_time()
    whole = Family(variant("b0"))
    answer = spend(whole, Budget(macs=2e9, params=1e7))
    assert time.process_time() - started < 3  # 0.6 s alone on a core; a target of 1 s, and a busy machine
    assert len(whole) == answer.family == 703_803
    steps = whole.steps
    assert len(np.unique(steps.repeats, axis=0)) == len(steps.repeats)
    assert len(np.unique(steps.channels, axis=0)) == len(steps.channels)
    for name in ("b1", "b4", "b7"):
        spec = variant(name)
        repeats, channels = [s.repeats for s in spec.stages], [s.out_channels for s in spec.stages]
        depth = np.flatnonzero((steps.repeats == repeats).all(1))
        width = np.flatnonzero((steps.channels[:, 1:-1] == channels).all(1))
        assert steps.sizes[whole.within[depth, width]] >= spec.image_size


def test_every_member_of_the_set_is_the_generators_and_keeps_the_limits() -> None:
    limits = Budget(macs=1.5e9, params=9e6, activations=2.4e7, memory_bytes=8e7, latency_ms=6.0)
    answer = spend(family(), limits)
    assert len(answer.pareto) > 3
    for index in range(len(answer.pareto)):
        spec = family().spec(answer.pareto, index)
        cost, amounts = count_cost(spec), answer.pareto.amounts
        assert (cost.macs, cost.params, cost.activations) == tuple(
            int(amounts[name][index]) for name in ("macs", "params", "activations")
        )
        memory = peak_bytes(spec)
        assert amounts["memory_bytes"][index] == memory
        assert amounts["latency_ms"][index] == pytest.approx(MODEL.predict(cost))
        assert cost.macs <= 1.5e9
        assert memory <= 8e7


def test_bindings_say_what_each_limit_costs() -> None:
    answer = spend(family(), Budget(macs=2e9, params=1e7, memory_bytes=1e12))
    macs, params, memory = answer.bindings
    assert [one.limit for one in answer.bindings] == ["macs", "params", "memory_bytes"]
    assert macs.stops >= macs.alone > 0
    assert macs.largest_macs_without > 2e9 >= params.largest_macs_without
    assert params.feasible_without > answer.feasible
    assert (memory.stops, memory.alone) == (0, 0)
    assert (memory.feasible_without, memory.pareto_without) == (answer.feasible, len(answer.pareto))
    without = spend(family(), Budget(macs=2e9, memory_bytes=1e12))
    assert (params.feasible_without, params.pareto_without) == (without.feasible, len(without.pareto))


def test_b0_alone_and_nothing() -> None:
    exact = count_cost(variant("b0"))
    one = spend(family(), Budget(macs=exact.macs))
    assert (one.feasible, one.pareto.image_size.tolist()) == (1, [224])
    assert cosines(one.pareto, (1.2, 1.1, 1.15), 224).tolist() == [-1.0]
    none = spend(family(), Budget(macs=exact.macs - 1))
    assert (none.feasible, len(none.pareto)) == (0, 0)
    assert none.bindings[0].largest_macs_without > 1e9


def test_the_nearest_in_direction_has_the_smallest_angle() -> None:
    index = np.arange(3)
    networks = Networks(
        depth=index,
        width=index,
        depth_coefficient=np.array([4.0, 1.0, 1.44]),
        width_coefficient=np.array([1.0, 2.0, 1.21]),
        image_size=np.array([224, 224, 296]),
        amounts={},
    )
    assert nearest(networks, (1.2, 1.1, 1.15), 224) == 2
    assert nearest(networks, (2.0, 1.0, 1.0), 224) == 0
    with pytest.raises(SpecError, match="have no direction"):
        nearest(networks, (1.0, 1.0, 1.0), 224)


@pytest.mark.parametrize("value", [0.0, -1.0, float("inf"), float("nan")])
def test_unusable_limits_are_refused(value: float) -> None:
    with pytest.raises(SpecError, match="a limit must be above 0, got macs"):
        Budget(macs=value)


def test_other_baselines_have_a_family_too() -> None:
    lite = Family(variant("lite0"), RoundingRules(scaled_stem_and_head=False, scaled_end_repeats=False))
    answer = spend(lite, Budget(params=8.2e6))
    spec = lite.spec(answer.pareto, 0)
    assert spec.stem.out_channels == 32
    assert count_cost(generate(alpha=1, beta=1, gamma=1, phi=0, baseline="lite0")).params <= 8.2e6


# --- the command -------------------------------------------------------------------------------------------


def test_the_command_prints_networks_and_limits_in_sixty_columns() -> None:
    arguments = ["budget", "--macs", "2e9", "--params", "10e6", "--memory-gb", "5", "--top", "3"]
    found = CliRunner().invoke(group, arguments, env={"COLUMNS": "60"})
    assert found.exit_code == 0, found.output
    assert max(map(len, found.output.splitlines())) <= 60
    words = " ".join(found.output.split())
    assert "703,803 networks" in words
    assert "no accuracy model" in words
    assert "memory_bytes does not bind" in words


def test_json_holds_the_same_and_more() -> None:
    arguments = ["budget", "--macs", "2e9", "--latency-ms", "5", "--latency-model", "1,1.5,0.1", "--json"]
    document, by_angle = (
        json.loads(CliRunner().invoke(group, [*arguments, "--top", "2", "--order", order]).output)
        for order in ("macs", "direction")
    )
    assert len(document["networks"]) == 2
    assert document["networks"][0]["macs"] >= document["networks"][1]["macs"]
    assert all(one["latency_ms"] <= 5 for one in document["networks"])
    assert [one["limit"] for one in document["limits"]] == ["macs", "latency_ms"]
    assert 0 <= min(one["slack"] for one in document["limits"]) < 0.05
    assert by_angle["networks"][0] == by_angle["nearest"]


def test_a_budget_below_the_baseline_says_so() -> None:
    found = CliRunner().invoke(group, ["budget", "--params", "1e6"])
    assert found.exit_code == 0
    assert "The baseline itself is beyond a limit" in found.output
