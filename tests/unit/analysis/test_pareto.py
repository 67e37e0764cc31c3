"""The Pareto front against a plain double loop; how cost goes with accuracy."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scaling.analysis.cost_correlation import cost_correlation
from scaling.analysis.pareto import pareto_front

POINTS = st.lists(st.tuples(st.integers(0, 6), st.integers(0, 4), st.integers(0, 4)), max_size=12)


@settings(max_examples=60)
@given(points=POINTS)
def test_the_front_is_what_nothing_beats(points: list[tuple[int, int, int]]) -> None:
    frame = pd.DataFrame(points, columns=["top1", "params", "ms"]).reset_index(names="row")
    front = pareto_front(frame, costs=["params", "ms"])

    def beats(one: tuple[int, int, int], other: tuple[int, int, int]) -> bool:
        good = one[0] >= other[0] and one[1] <= other[1] and one[2] <= other[2]
        return good and one != other

    expected = {row for row, point in enumerate(points) if not any(beats(one, point) for one in points)}
    assert set(front["row"]) == expected
    assert front["params"].is_monotonic_increasing


def test_noise_leaves_members_of_the_front_unsure() -> None:
    frame = pd.DataFrame({"top1": [0.70, 0.71, 0.80], "params": [1, 2, 3]})
    assert pareto_front(frame, costs=["params"])["sure"].tolist() == [True, True, True]
    assert pareto_front(frame, costs=["params"], least=[0.05] * 3)["sure"].tolist() == [True, False, True]


def test_networks_without_a_figure_are_left_out() -> None:
    frame = pd.DataFrame({"top1": [0.7, None], "params": [2, 1], "name": ["a", "b"]})
    assert pareto_front(frame, costs=["params"])["name"].tolist() == ["a"]


def trials(factors: list[float], top1: list[float]) -> pd.DataFrame:
    rows = [
        {"kind": "search", "state": "complete", "trial": n, "achieved_factor": f, "top1": accuracy}
        for n, (f, accuracy) in enumerate(zip(factors, top1, strict=True))
    ]
    return pd.DataFrame([*rows, *rows])  # two equal seeds


def test_cost_that_decides_the_ranking_shows() -> None:
    factors = np.linspace(1.8, 3.0, 12)
    found = cost_correlation(trials(factors.tolist(), (factors**2).tolist()))
    assert found is not None
    assert (found.networks, found.least, found.most) == (12, 1.8, 3.0)
    assert found.spearman == pytest.approx(1)
    assert found.low > 0.9


def test_cost_that_has_no_say_has_an_interval_around_zero() -> None:
    # 20 networks in which the ranks of cost and accuracy are uncorrelated by construction.
    factors = [float(n) for n in range(20)]
    top1 = [float(abs(n - 9.5)) + n / 1e6 for n in range(20)]
    found = cost_correlation(trials(factors, top1))
    assert found is not None
    assert abs(found.spearman) < 0.1
    assert found.low < 0 < found.high


def test_too_few_networks_say_nothing() -> None:
    assert cost_correlation(trials([1.0, 2.0], [0.1, 0.2])) is None
    few = cost_correlation(trials([1.0, 2.0, 3.0], [0.1, 0.2, 0.3]))
    assert few is not None
    assert np.isnan(few.low)
