"""The networks of a study: each on target, or with the reason why not."""

from __future__ import annotations

from typing import Any

import pytest
from tiny_study import FAMILY, LADDER, study_plan

from scaling.cost import count_cost
from scaling.errors import ConfigError
from scaling.plans.study.equality import check_plan, held_equal, training_words
from scaling.plans.study.networks import NOTHING, Found, directions, networks_of
from scaling.targets.target import Metric


def test_a_ladder_is_the_baseline_and_every_strategy_at_every_cost() -> None:
    design = {**LADDER, "strategies": ["depth", "mine"], "factors": [2.0, 3.0]}
    own = {**design, "own": [{"name": "mine", "shares": [0.0, 0.5, 0.5]}]}
    baseline, _, mine, *rest = study_plan(design=own).networks(NOTHING)
    assert [baseline.name, mine.name, *(one.name for one in rest)] == [
        "baseline",
        "mine@2",
        "depth@3",
        "mine@3",
    ]
    assert mine.shares is not None
    assert mine.shares.shares == (0, 0.5, 0.5)
    assert mine.spec.image_size > baseline.spec.image_size  # type: ignore[union-attr]


def test_what_cannot_be_on_target_says_so_and_is_not_trained() -> None:
    design = {**LADDER, "strategies": ["resolution", "tinynet"], "metric": "params", "largest_image_size": 16}
    plan = study_plan(design=design)
    _, resolution, tinynet = plan.networks(NOTHING)
    expected = "no network of resolution is within 20 % of 2 times the baseline's params"
    assert expected in str(resolution.problem)
    assert "tinynet is for" in str(tinynet.problem)
    assert [bool(trial.jobs) for trial in plan.trials(NOTHING)] == [True, False, False]


def test_a_grid_has_its_multipliers_within_the_limits() -> None:
    design = {"kind": "grid", "depths": [1.0, 2.0], "widths": [1.0, 2.0], "resolutions": [1.0, 3.0]}
    networks = study_plan(design={**design, "largest_image_size": 20}).networks(NOTHING)
    assert [one.name for one in networks if one.problem is None] == [
        "baseline", "d1-w2-r1", "d2-w1-r1", "d2-w2-r1",
    ]  # fmt: skip
    assert all("beyond the limits: 48 px" in one.problem for one in networks if one.problem is not None)


def test_the_lattice_holds_every_split_of_log_cost() -> None:
    found = directions(3)
    assert len(found) == 10
    assert {one.name for one in found} >= {"d3", "w3", "r3", "d1-w1-r1"}


def test_step_two_waits_for_all_directions_and_their_confirmations() -> None:
    plan = study_plan(design={**FAMILY, "strategies": ["compound"]})
    step1 = networks_of(plan.design, plan.space, NOTHING)
    assert {one.kind for one in step1[1:]} == {"search"}
    names = [one.name for one in step1 if one.kind == "search" and one.problem is None]
    searched = tuple((name, 0.5 + 0.01 * number) for number, name in enumerate(names))
    assert networks_of(plan.design, plan.space, Found(searched=searched[1:])) == step1
    first, second = sorted(names, key=lambda name: -dict(searched)[name])[:2]
    step2 = networks_of(plan.design, plan.space, Found(searched=searched))
    assert [one.name for one in step2 if one.kind == "confirm"] == [first, second]
    done = Found(searched=searched, confirmed=((first, 0.4), (second, 0.6)))
    family = networks_of(plan.design, plan.space, done)
    assert [one.name for one in family[-2:]] == ["winner@2", "compound@2"]
    (chosen,) = (one for one in family if one.kind == "confirm" and one.name == second)
    assert family[-2].shares == chosen.shares


@pytest.mark.parametrize("metric", [Metric.PARAMS, Metric.ACTIVATIONS])
def test_any_cost_can_be_what_is_equal(metric: Metric) -> None:
    plan = study_plan(design={**LADDER, "metric": metric.value})
    networks = plan.networks(NOTHING)
    for one in networks[1:]:
        if one.problem is None:
            assert one.spec is not None
            base = getattr(count_cost(plan.space.baseline), metric)
            assert getattr(count_cost(one.spec), metric) / base == pytest.approx(2, rel=0.2)
    assert held_equal(plan, networks)[0] == f"Equal {metric}."


def test_equal_compute_gives_a_dearer_network_fewer_epochs_and_says_so() -> None:
    plan = study_plan({"recipe": {"epochs": 8}}, design={**LADDER, "equal": "compute"})
    base = count_cost(plan.space.baseline).macs
    for trial in plan.trials(NOTHING):
        for job in trial.jobs.values():
            assert job.recipe.epochs == pytest.approx(8 * base / count_cost(job.spec).macs, abs=0.5)
    assert training_words(plan, plan.networks(NOTHING)).startswith("compute (epochs: 8 of the baseline")
    short = study_plan(design={**LADDER, "equal": "compute"})
    assert short.epochs(short.networks(NOTHING)[1]) == 1
    assert training_words(study_plan(), []) == "epochs (1)"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"metric": "latency"}, "needs a model of a device's time: scaling latency --calibrate writes one"),
        ({"limits": {"max_latency_ms": 1.0}}, "needs a model of a device's time"),
        ({"limits": {"max_params": 10}}, "the baseline itself is beyond design.limits"),
        ({"largest_image_size": 12}, "or design.largest_image_size"),
    ],
)
def test_a_study_that_cannot_be_is_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        check_plan(study_plan(design={**LADDER, **changes}))


def test_coefficients_without_a_calibration_have_no_known_error() -> None:
    plan = study_plan(design={**LADDER, "metric": "latency", "latency": {"ms_per_gmac": 2.0}})
    check_plan(plan)
    words = " ".join(held_equal(plan, plan.networks(NOTHING)))
    assert "came without a calibration: their error is not known" in words
