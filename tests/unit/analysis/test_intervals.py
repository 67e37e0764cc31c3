"""Intervals, power and the parts of a spread: against SciPy, printed tables, and simulated truth."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from scaling.analysis import (
    NoiseFloor,
    mean_interval,
    noise_floor,
    paired_difference,
    ranked,
)
from scaling.analysis.intervals import Interval
from scaling.analysis.power import power_of, seeds_to_tell
from scaling.analysis.spread import split_spread, validation_error
from scaling.errors import ResultsError
from scaling.runs.trials_table import trials_frame

VALUES = [0.801, 0.812, 0.795, 0.820, 0.809]


def covers(interval: Interval, truth: float) -> bool:
    return interval.low <= truth <= interval.high


def test_the_t_interval_is_scipys() -> None:
    expected = stats.ttest_1samp(VALUES, 0.0).confidence_interval(0.95)
    found = mean_interval(VALUES)
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high), rel=1e-12)
    assert found.value == pytest.approx(np.mean(VALUES))
    assert (found.count, found.method) == (5, "t")


def test_the_paired_interval_is_scipys() -> None:
    others = [0.79, 0.80, 0.80, 0.80, 0.79]
    expected = stats.ttest_rel(VALUES, others).confidence_interval(0.95)
    found = paired_difference(VALUES, others)
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high), rel=1e-12)
    assert found.method == "paired t"


def test_pairing_removes_what_pairs_share() -> None:
    rng = np.random.default_rng(0)
    shared = rng.normal(0, 1, 20)
    ours, theirs = shared + 0.1 + rng.normal(0, 0.01, 20), shared + rng.normal(0, 0.01, 20)
    found = paired_difference(list(ours), list(theirs))
    assert 0 < found.low < 0.1 < found.high < 0.2
    alone = mean_interval(list(ours))
    assert alone.high - alone.low > 20 * (found.high - found.low)


@pytest.mark.parametrize("count", [2, 3, 5])
def test_the_t_interval_covers_the_truth_as_often_as_it_says(count: int) -> None:
    rng = np.random.default_rng(count)
    covered = [covers(mean_interval(list(row)), 0.8) for row in rng.normal(0.8, 0.01, (2000, count))]
    low, high = stats.binom.interval(0.999, 2000, 0.95)
    assert low <= sum(covered) <= high


@pytest.mark.parametrize(
    ("values", "message"),
    [([0.5], "at least 2 values, got 1"), ([0.5, math.nan], "finite"), ([], "got 0")],
)
def test_bad_values_are_refused(values: list[float], message: str) -> None:
    with pytest.raises(ResultsError, match=message):
        mean_interval(values)


def test_unequal_pairs_are_refused() -> None:
    with pytest.raises(ResultsError, match="got 5 and 2"):
        paired_difference(VALUES, [0.8, 0.8])


# Cohen 1988, table 2.4.1: n a group at two-sided .05 and power .80, for d = .2, .5, .8, 1.0
@pytest.mark.parametrize(("effect", "expected"), [(0.2, 394), (0.5, 64), (0.8, 26), (1.0, 17)])
def test_seeds_are_those_of_the_printed_table(effect: float, expected: int) -> None:
    assert seeds_to_tell(effect, standard_deviation=1.0) == expected


def test_seeds_are_the_fewest_that_reach_the_power() -> None:
    for effect in (0.05, 0.3, 1.5, 4.0, 40.0):
        seeds = seeds_to_tell(effect, standard_deviation=1.0)
        assert seeds is not None
        assert power_of(seeds, difference=effect, standard_deviation=1.0) >= 0.8
        assert seeds == 2 or power_of(seeds - 1, difference=effect, standard_deviation=1.0) < 0.8


def test_power_is_what_simulated_tests_reach() -> None:
    rng = np.random.default_rng(7)
    ours, theirs = rng.normal(0.02, 0.01, (2, 4000, 6)) - np.array([0.0, 0.02])[:, None, None]
    found = int((stats.ttest_ind(ours, theirs, axis=1).pvalue < 0.05).sum())
    expected = power_of(6, difference=0.02, standard_deviation=0.01)
    low, high = stats.binom.interval(0.999, 4000, expected)
    assert low <= found <= high


def test_extremes_of_power() -> None:
    assert seeds_to_tell(0.01, standard_deviation=0.0) == 2
    assert seeds_to_tell(1e-6, standard_deviation=1.0) is None
    with pytest.raises(ResultsError, match="difference above 0"):
        seeds_to_tell(0.0, standard_deviation=1.0)
    with pytest.raises(ResultsError):
        seeds_to_tell(0.1, standard_deviation=math.nan)


def test_limits_of_a_spread_cover_the_truth_as_often_as_they_say() -> None:
    rng = np.random.default_rng(3)
    spreads = rng.normal(0, 0.02, (2000, 5)).std(axis=1, ddof=1)
    floors = [
        NoiseFloor(standard_deviation=float(spread), degrees_of_freedom=4).limits() for spread in spreads
    ]
    low, high = stats.binom.interval(0.999, 2000, 0.95)
    assert low <= sum(below <= 0.02 <= above for below, above in floors) <= high


def test_parts_of_the_spread_find_the_truth() -> None:
    """Networks whose true accuracies differ by 2 points, judged on 400 images of unequal difficulty."""
    rng = np.random.default_rng(11)
    totals, samplings, trainings = [], [], []
    for _ in range(300):
        chance = np.clip(rng.beta(6, 2, 400) + rng.normal(0, 0.02, (5, 1)), 0, 1)
        parts = split_spread(rng.random((5, 400)) < chance)
        assert parts.total == pytest.approx(parts.sampling + parts.training)
        totals.append(parts.total), samplings.append(parts.sampling), trainings.append(parts.training)
    chance = rng.beta(6, 2, 100_000)
    assert np.mean(samplings) == pytest.approx(float((chance * (1 - chance)).mean()) / 400, rel=0.05)
    assert np.mean(trainings) == pytest.approx(0.02**2, rel=0.2)
    assert np.mean(totals) == pytest.approx(np.mean(samplings) + np.mean(trainings))


def test_equal_networks_have_no_training_part() -> None:
    rng = np.random.default_rng(1)
    found = [split_spread(rng.random((4, 500)) < 0.8) for _ in range(200)]
    assert abs(np.mean([parts.training for parts in found])) < 0.1 * np.mean(
        [parts.sampling for parts in found]
    )
    assert np.mean([parts.sampling for parts in found]) == pytest.approx(
        validation_error(0.8, 500) ** 2, rel=0.02
    )


def test_a_spread_needs_seeds_and_images() -> None:
    with pytest.raises(ResultsError, match=r"\(1, 9\)"):
        split_spread(np.zeros((1, 9), bool))
    with pytest.raises(ResultsError, match="at least one image"):
        validation_error(0.5, 0)


def test_rankings_carry_intervals_with_the_pooled_spread() -> None:
    rows = [
        {"trial": trial, "seed": seed, "top1": top1, "state": "complete", "architecture": f"a{trial}"}
        for trial, values in enumerate([(0.60, 0.61, 0.62), (0.70, 0.74)])
        for seed, top1 in enumerate(values)
    ]
    trials = trials_frame(rows)
    frame = ranked(trials, noise_floor(trials)).set_index("trial")
    # Referee: pooled variance (2 · .0001 + .0008) / 3, Student's quantile at 3 degrees of freedom.
    spread, quantile = math.sqrt(0.001 / 3), 3.182446305284263
    for trial, mean, seeds in ((0, 0.61, 3), (1, 0.72, 2)):
        reach = quantile * spread / math.sqrt(seeds)
        assert frame.loc[trial, "low"] == pytest.approx(mean - reach)
        assert frame.loc[trial, "high"] == pytest.approx(mean + reach)
    assert ranked(trials, None)[["low", "high"]].isna().all(axis=None)
