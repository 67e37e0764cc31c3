"""Comparisons paired by seed: randomised blocks against scipy, and against pure noise."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from study_rows import rows

from scaling.analysis.blocks import blocks_of, contrast, corrected
from scaling.errors import ResultsError

MEANS = {"baseline": 0.7, "a@2": 0.8, "b@2": 0.75, "c@2": 0.7501}


def test_two_networks_are_scipys_paired_t_test() -> None:
    trials = rows({"a": 0.7, "b": 0.71}, seeds=6)
    a, b = (trials[trials["name"] == name]["top1"].to_numpy() for name in "ab")
    found = contrast(blocks_of(trials), ["b"], ["a"])
    referee = stats.ttest_rel(b, a)
    assert found.p == pytest.approx(float(referee.pvalue))
    interval = referee.confidence_interval(0.95)
    assert (found.low, found.high) == pytest.approx((interval.low, interval.high))


def test_a_difference_of_differences_weighs_four_networks() -> None:
    blocks = blocks_of(rows(MEANS))
    found = contrast(blocks, ["a@2", "a@2"], ["baseline", "b@2"])
    single = contrast(blocks, ["a@2"], ["b@2"])
    assert found.value == pytest.approx(
        2 * blocks.means["a@2"] - blocks.means["baseline"] - blocks.means["b@2"]
    )
    assert (found.high - found.low) / (single.high - single.low) == pytest.approx(3**0.5)


def test_a_network_without_a_seed_that_others_have_is_left_out() -> None:
    trials = rows(MEANS)
    torn = trials[~((trials["name"] == "b@2") & (trials["seed"] == 1))]
    assert blocks_of(torn).left_out == ("b@2",)
    with pytest.raises(ResultsError, match="two seeds in common"):
        blocks_of(trials[trials["seed"] == 0])
    with pytest.raises(ResultsError, match="no comparison"):
        contrast(blocks_of(torn), ["b@2"], ["a@2"])


def test_pure_noise_is_significant_as_often_as_promised() -> None:
    random, told = np.random.default_rng(3), 0
    for _ in range(100):
        values = random.standard_normal((4, 3))
        frame = pd.DataFrame(
            [{"name": str(i), "seed": j, "top1": values[i, j]} for i in range(4) for j in range(3)]
        )
        blocks = blocks_of(frame)
        found = corrected([contrast(blocks, [str(i)], ["0"]) for i in (1, 2, 3)])
        told += any(one.told for one in found)
    assert told / 100 < 0.1  # a family-wise error of 5 % at most, and what a hundred draws allow
