"""Statistics of an audit: against SciPy, on rankings whose answer is known, and at their edges."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from scaling.analysis.proxy_agreement import (
    JudgedProxy,
    agreement,
    cheapest,
    kendall,
    precision_at,
    regret,
    reliability,
    spearman,
)
from scaling.errors import ResultsError


def values(seed: int, *, ties: bool) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    proxy, anchor = random.normal(size=(2, 12))
    return (np.round(proxy, 0), np.round(anchor, 1)) if ties else (proxy, anchor)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("ties", [False, True])
def test_correlations_are_scipys(seed: int, ties: bool) -> None:
    proxy, anchor = values(seed, ties=ties)
    assert float(spearman(proxy, anchor)) == pytest.approx(stats.spearmanr(proxy, anchor).statistic)
    assert float(kendall(proxy, anchor)) == pytest.approx(stats.kendalltau(proxy, anchor).statistic)


def test_many_samples_at_once_are_as_each() -> None:
    proxy, anchor = np.random.default_rng(0).normal(size=(2, 6, 9))
    for statistic in (spearman, kendall, regret):
        alone = [float(statistic(*pair)) for pair in zip(proxy, anchor, strict=True)]
        assert statistic(proxy, anchor).tolist() == pytest.approx(alone)
    together = precision_at(proxy, anchor, 3).tolist()
    assert together == [float(precision_at(*pair, 3)) for pair in zip(proxy, anchor, strict=True)]


def test_a_perfect_a_reversed_and_a_blind_proxy() -> None:
    anchor = [0.5, 0.6, 0.7, 0.8, 0.9, 0.95]
    same = agreement(anchor, anchor, best=2)
    assert (same.spearman.value, same.kendall.value, same.precision.value, same.regret.value) == (1, 1, 1, 0)
    assert same.spearman.low == pytest.approx(1)
    back = agreement([-value for value in anchor], anchor, best=2)
    assert back.spearman.value == pytest.approx(-1)
    assert back.precision.value == 0
    assert back.regret.value == pytest.approx(0.45)
    blind = agreement([3.0] * 6, anchor, best=2)
    assert blind.spearman.value == 0
    assert blind.regret.value == pytest.approx(0.95 - np.mean(anchor))


def test_an_infinitely_bad_value_is_last() -> None:
    anchor = [0.5, 0.6, 0.7, 0.8, 0.9]
    assert agreement([-math.inf, 1, 2, 3, 4], anchor, best=2).spearman.value == pytest.approx(1)


def test_intervals_narrow_with_networks_and_hold_the_value() -> None:
    random = np.random.default_rng(3)
    widths = []
    for networks in (8, 80):
        anchor = random.normal(size=networks)
        found = agreement(anchor + random.normal(size=networks), anchor, best=3).spearman
        assert found.low <= found.value <= found.high
        widths.append(found.high - found.low)
    assert widths[1] < widths[0] / 2


@pytest.mark.parametrize(
    ("proxy", "anchor", "best", "message"),
    [
        ([1, 2, 3], [1, 2, 3], 1, "at least 4 networks that have both values, got 3 and 3"),
        ([1, 2, 3, 4], [1, 2, 3], 1, "got 4 and 3"),
        ([1, 2, 3, math.nan], [1, 2, 3, 4], 1, "got nan or inf"),
        ([1, 2, 3, 4], [1, 2, 3, math.inf], 1, "got nan or inf"),
        ([1, 2, 3, 4], [1, 2, 3, 4], 5, "k between 1 and 4, got 5"),
    ],
)
def test_what_cannot_be_compared_is_refused(
    proxy: list[float], anchor: list[float], best: int, message: str
) -> None:
    with pytest.raises(ResultsError) as caught:
        agreement(proxy, anchor, best=best)
    assert message in str(caught.value)


def test_the_cheapest_that_holds_is_chosen_or_none() -> None:
    anchor = list(np.linspace(0.5, 0.9, 10))
    noise = np.random.default_rng(0).normal(size=10)
    good, bad = agreement(anchor, anchor, best=3), agreement(list(noise), anchor, best=3)
    dear, cheap = (
        JudgedProxy(name="dear", cost=0.5, agreement=good),
        JudgedProxy(name="cheap", cost=0.1, agreement=good),
    )
    free = JudgedProxy(name="free", cost=0.0, agreement=bad)
    assert cheapest([free, cheap, dear], 0.5) == cheap
    assert cheapest([free], 0.5) is None


def test_reliability_is_that_of_one_seed_with_the_others() -> None:
    assert reliability([[0.1, 0.2, 0.3, 0.4]]) is None
    table = np.random.default_rng(1).normal(size=(2, 10))
    found = reliability(table.tolist())
    assert found is not None
    assert found.value == pytest.approx(stats.spearmanr(*table).statistic)
    assert found.low <= found.value <= found.high
