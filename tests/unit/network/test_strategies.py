"""Strategies as data, and each brought on target by its achieved cost, or refused with the reason."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scaling import RoundingRules, variant
from scaling.errors import ConfigError, SpecError
from scaling.network.rounding import CoefficientRounding
from scaling.network.strategies import (
    TINYNETS,
    Points,
    Shares,
    compound,
    fast,
    named_strategies,
    slow_resolution,
    strategy_named,
    tinynet,
)
from scaling.targets.realise import realise_strategy
from scaling.targets.target import LatencyModel, Limits, Metric, Target

EXACT = RoundingRules(coefficient_rounding=CoefficientRounding.NONE)
B0 = variant("b0")
LATENCY = LatencyModel(base_ms=0.5, ms_per_gmac=3.0, ms_per_mactivation=0.7)
GROWING = [name for name in named_strategies() if name != "tinynet"]


@pytest.mark.parametrize("name", GROWING)
@given(log_cost=st.floats(-3, 3))
def test_the_formula_keeps_its_promise(name: str, log_cost: float) -> None:
    found = strategy_named(name).multipliers(log_cost)
    volume = found.depth_coefficient * (found.width_coefficient * found.resolution_coefficient) ** 2
    assert math.log(volume) == pytest.approx(log_cost, abs=1e-9)


@pytest.mark.parametrize(
    ("factor", "metric"),
    [(0.5, Metric.MACS), (4.0, Metric.MACS), *((2.0, metric) for metric in Metric)],
)
@pytest.mark.parametrize("name", list(named_strategies()))
def test_every_strategy_is_on_target_or_says_why_not(name: str, factor: float, metric: Metric) -> None:
    limits = Limits(max_macs=2_000_000_000) if metric == Metric.PARAMS else Limits()
    target = Target(factor=factor, metric=metric, latency=LATENCY, limits=limits)
    if name == "tinynet" and factor > 1:
        with pytest.raises(SpecError, match=r"for 0\.0349 to 0\.882 times"):
            realise_strategy(strategy_named(name), B0, target, EXACT)
        return
    found = realise_strategy(strategy_named(name), B0, target, EXACT)
    assert found.achieved_factor == target.amount(found.spec) / target.amount(B0)
    assert found.feasible == (
        abs(found.achieved_factor / factor - 1) <= 0.03 and target.within_limits(found.spec)
    )
    if metric != Metric.PARAMS:
        assert found.feasible
    if name == "resolution" and metric == Metric.PARAMS:
        assert not found.feasible  # params do not change with the image


def test_smaller_networks_are_smaller_in_no_dimension_larger() -> None:
    found = realise_strategy(strategy_named("compound"), B0, Target(factor=0.5), EXACT)
    assert found.feasible
    assert found.spec.image_size < B0.image_size
    for own, scaled in zip(B0.stages, found.spec.stages, strict=True):
        assert scaled.repeats <= own.repeats
        assert scaled.out_channels <= own.out_channels


def test_fast_scaling_has_the_published_exponents() -> None:
    """arXiv:2103.06877, Table 4: d = s^((1-α)/2), w = s^(α/2), r = s^((1-α)/4), α = .8."""
    found = fast().multipliers(math.log(16))
    assert found.depth_coefficient == pytest.approx(16**0.1)
    assert found.width_coefficient == pytest.approx(16**0.4)
    assert found.resolution_coefficient == pytest.approx(16**0.05)
    uniform = fast(1 / 3)
    assert (uniform.depth, uniform.width, uniform.resolution) == pytest.approx((1 / 3,) * 3)


def test_tinynet_goes_through_its_five_networks() -> None:
    for side, width, depth in TINYNETS:
        found = tinynet().multipliers(math.log(depth * (width * side) ** 2))
        values = (found.resolution_coefficient, found.width_coefficient, found.depth_coefficient)
        assert values == pytest.approx((side, width, depth))
    with pytest.raises(SpecError, match=r"for 0\.0349 to 0\.882 times"):
        tinynet().multipliers(math.log(2))


@pytest.mark.peers
def test_the_five_tinynets_are_timms() -> None:
    import timm  # noqa: PLC0415

    for name, (side, width, depth) in zip("edcba", TINYNETS, strict=True):
        model = timm.create_model(f"tinynet_{name}")
        assert model.default_cfg["input_size"][1] == round(224 * side)
        blocks = [max(1, round(depth * repeats)) for repeats in (2, 2, 3, 3, 4)]
        assert [len(stage) for stage in model.blocks][1:6] == blocks
        assert model.blocks[5][0].conv_pwl.out_channels == pytest.approx(192 * width, abs=8)


def test_slow_resolution_halves_the_share_and_keeps_the_proportion_of_the_rest() -> None:
    slow, paper = slow_resolution(), compound(name="paper")
    assert slow.resolution == pytest.approx(paper.resolution / 2)
    assert slow.depth / slow.width == pytest.approx(paper.depth / paper.width)
    assert "ours" in slow.source


def test_points_are_a_path_from_the_baseline() -> None:
    path = Points(name="mine", points=((4.0, 2.0, 1.2, 1.1), (2.0, 1.5, 1.0, 1.0)))
    assert path.multipliers(0.0).depth_coefficient == 1
    assert path.multipliers(math.log(4)).width_coefficient == pytest.approx(1.2)
    assert path.multipliers(math.log(2)).depth_coefficient == pytest.approx(1.5)
    with pytest.raises(SpecError, match="for 1 to 4 times"):
        path.multipliers(math.log(8))
    found = realise_strategy(path, B0, Target(factor=3.0), EXACT)
    assert found.feasible


def test_a_function_of_the_users_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "mine.py"
    file.write_text(
        "import math\ndef wide(log_cost):\n    return 1, math.exp(log_cost / 2), 1\n"
        "def bad(log_cost):\n    return 1 / 0\ndef two(log_cost):\n    return 1, 2\nnumber = 3\n"
    )
    found = realise_strategy(strategy_named(f"{file}:wide"), B0, Target(factor=2.0), EXACT)
    width = realise_strategy(strategy_named("width"), B0, Target(factor=2.0), EXACT)
    assert found.spec == width.spec
    monkeypatch.syspath_prepend(tmp_path)
    assert strategy_named("mine:wide").name == "wide"
    for name in ("bad", "two"):
        with pytest.raises(SpecError, match="should return depth, width and resolution"):
            strategy_named(f"{file}:{name}").multipliers(1.0)
    for place, words in (
        (f"{file}:number", "is no function"),
        (f"{file}:nothing", "has no attribute 'nothing'"),
        (f"{tmp_path}/none.py:f", "none.py"),
        ("no_such_module:f", "No module named"),
        ("deep", "expected a strategy among compound, depth"),
    ):
        with pytest.raises(ConfigError, match=words):
            strategy_named(place)


@pytest.mark.parametrize(
    "make",
    [
        lambda: Shares(name="x", depth=0.5, width=0.5, resolution=0.5),
        lambda: Shares(name="x", depth=-0.5, width=1.0, resolution=0.5),
        lambda: Shares(name="x", depth=math.nan, width=1.0, resolution=0.5),
        lambda: compound(1.0, 1.0, 1.0, name="x"),
        lambda: compound(0.9, 1.0, 1.2, name="x"),
        lambda: fast(1.2),
        lambda: Points(name="x", points=()),
        lambda: Points(name="x", points=((2.0, 1.0, 0.0, 1.0),)),
        lambda: Points(name="x", points=((2.0, 1.0, 1.0, 1.0), (2.0, 2.0, 1.0, 1.0))),
    ],
)
def test_what_cannot_be_is_refused(make: object) -> None:
    with pytest.raises(SpecError):
        make()  # type: ignore[operator]
