"""The Pareto front: networks that no other beats in cost and accuracy at once. Floor 6."""

from __future__ import annotations

import pandas as pd


def on_front(cost: pd.Series[float], value: pd.Series[float]) -> pd.Series[bool]:
    """Return which rows are on the front: none costs at most as much and has at least as high a value.

    Of rows that are equal in both, all are on it.

    Args:
        cost: less is better.
        value: more is better; same index.

    >>> on_front(pd.Series([1.0, 2, 3, 4]), pd.Series([0.5, 0.4, 0.7, 0.7])).tolist()
    [True, False, True, False]
    """
    front = []
    for one, other in zip(cost, value, strict=True):
        no_worse = (cost <= one) & (value >= other)
        better = (cost < one) | (value > other)
        front.append(not bool((no_worse & better).any()))
    return pd.Series(front, index=cost.index, dtype=bool)


def distinguishable_front(
    cost: pd.Series[float], low: pd.Series[float], high: pd.Series[float]
) -> pd.Series[bool]:
    """Return which rows could be on the front: no cheaper row's interval lies wholly above theirs.

    Args:
        cost: less is better.
        low: lower end of the value's interval.
        high: upper end; same index.

    >>> ends = pd.Series([0.45, 0.35, 0.65]), pd.Series([0.55, 0.50, 0.75])
    >>> distinguishable_front(pd.Series([1.0, 2.0, 3.0]), *ends).tolist()
    [True, True, True]
    """
    possible = []
    for one, top in zip(cost, high, strict=True):
        possible.append(not bool(((cost <= one) & (low > top)).any()))
    return pd.Series(possible, index=cost.index, dtype=bool)
