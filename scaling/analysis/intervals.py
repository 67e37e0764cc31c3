"""Means and differences with their 95 % intervals; which method is said in the interval itself."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from scipy import stats

from scaling.errors import ResultsError

LEVEL = 0.95


class IntervalMethod(StrEnum):
    """How an interval was made."""

    T = "t"
    """Student's t on the mean: exact for normal values, for as few as two."""
    PAIRED_T = "paired t"
    """Student's t on differences of pairs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Interval:
    """A figure with its 95 % interval.

    Args:
        value: the figure.
        low: lower end.
        high: upper end.
        count: values it was made of.
        method: how.
    """

    value: float
    low: float
    high: float
    count: int
    method: IntervalMethod


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """A figure with the 95 % percentile interval of its bootstrap."""

    value: float
    low: float
    high: float

    @property
    def includes_zero(self) -> bool:
        """Whether the sign is open."""
        return self.low <= 0 <= self.high


def estimate_of(value: float, draws: Sequence[float] | np.ndarray) -> Estimate:
    """Return a figure with the percentile interval of its draws."""
    low, high = np.quantile(draws, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return Estimate(value=value, low=float(low), high=float(high))


def mean_interval(values: Sequence[float]) -> Interval:
    """Return a mean with its t interval.

    Args:
        values: two or more, independent.

    Raises:
        ResultsError: there are fewer than two, or one is not finite.

    Source: Student 1908, doi:10.2307/2331554.

    >>> found = mean_interval([0.80, 0.81, 0.82])
    >>> round(found.value, 3), round(found.low, 4), round(found.high, 4)
    (0.81, 0.7852, 0.8348)
    """
    return _t_interval(_checked(values, least=2), IntervalMethod.T)


def paired_difference(values: Sequence[float], others: Sequence[float]) -> Interval:
    """Return the mean of values minus others with the t interval of the differences.

    Pairs share what is alike in both, such as seed and validation images; that part of the noise cancels.

    Args:
        values: two or more.
        others: the partner of each.

    Raises:
        ResultsError: lengths differ, there are fewer than two pairs, or a value is not finite.

    >>> round(paired_difference([0.82, 0.81, 0.80], [0.80, 0.80, 0.77]).value, 3)
    0.02
    """
    if len(values) != len(others):
        raise ResultsError(f"pairs need equally many values, got {len(values)} and {len(others)}")
    differences = _checked(values, least=2) - _checked(others, least=2)
    return _t_interval(differences, IntervalMethod.PAIRED_T)


def _t_interval(values: np.ndarray, method: IntervalMethod) -> Interval:
    mean, count = float(values.mean()), len(values)
    error = float(values.std(ddof=1)) / math.sqrt(count)
    reach = float(stats.t.ppf((1 + LEVEL) / 2, count - 1)) * error
    return Interval(value=mean, low=mean - reach, high=mean + reach, count=count, method=method)


def _checked(values: Sequence[float], *, least: int) -> np.ndarray:
    found = np.asarray(values, dtype=np.float64)
    if len(found) < least:
        raise ResultsError(f"an interval needs at least {least} values, got {len(found)}")
    if not np.isfinite(found).all():
        raise ResultsError("an interval needs finite values, got nan or inf")
    return found
