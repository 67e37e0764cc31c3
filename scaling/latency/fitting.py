"""Fits a time model to measured networks, and says how far off it is on others."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from scaling.cost import Cost
from scaling.cost.latency_model import BY_KIND, LatencyModel, amounts
from scaling.errors import ConfigError

FITTED = ("ms_per_mparam", *BY_KIND)
"""Coefficients that are fitted, beside the base: the totals of cost say nothing that kinds do not."""
FEWEST = 2 + len(FITTED)
"""Networks: one more than there are coefficients."""
RESAMPLES = 9999

Values = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Errors:
    """Relative errors |predicted / measured − 1| over networks.

    Args:
        median: of them.
        low, high: 95 % interval of the median, percentile bootstrap over networks; nan below five of them.
        ninth_decile: 90 % of the errors are at most this.
        networks: how many.
    """

    median: float
    low: float
    high: float
    ninth_decile: float
    networks: int


def fit(costs: Sequence[Cost], measured_ms: Sequence[float]) -> LatencyModel:
    """Fit every kind's coefficient, none below 0, so that relative errors are least in squares.

    Raises:
        ConfigError: there are too few networks, or a time is not above 0.

    Source: Lawson & Hanson 1974, by scipy.optimize.nnls.
    """
    times = np.asarray(measured_ms, np.float64)
    if len(costs) != len(times) or len(costs) < FEWEST - 1:
        raise ConfigError(
            f"a time model of {FEWEST - 1} coefficients needs as many networks and their times, got "
            f"{len(costs)} and {len(times)}"
        )
    if not (np.isfinite(times).all() and (times > 0).all()):
        raise ConfigError(f"measured times must be above 0, got {times.min()}")
    table = np.array([[1.0, *amounts(FITTED, cost).values()] for cost in costs], np.float64)
    names = ["base_ms", *(name for name in amounts(FITTED, costs[0]))]
    weighted = table / times[:, None]
    unit = np.where(weighted.max(0) > 0, weighted.max(0), 1.0)  # columns differ by powers of ten
    from scipy import optimize  # noqa: PLC0415  workers read models and fit none; it takes half a second

    found, _ = optimize.nnls(weighted / unit, np.ones(len(times)))
    return LatencyModel(**dict(zip(names, map(float, found / unit), strict=True)))


def one_factor(costs: Sequence[Cost], measured_ms: Sequence[float], term: str) -> LatencyModel:
    """Return the model that knows one cost alone: times in proportion to it, by the median ratio."""
    ratios = [time / amounts([term], cost)[term] for cost, time in zip(costs, measured_ms, strict=True)]
    return LatencyModel(**{term: float(np.median(ratios))})


def relative_errors(model: LatencyModel, costs: Sequence[Cost], measured_ms: Sequence[float]) -> Values:
    """Return predicted / measured − 1 of each network, float64 (N,)."""
    predicted = np.array([model.predict(cost) for cost in costs], np.float64)
    return predicted / np.asarray(measured_ms, np.float64) - 1


def summary(errors: Values) -> Errors:
    """Return the size of relative errors.

    >>> found = summary(np.array([0.1, -0.2, 0.3]))
    >>> round(found.median, 3), found.networks
    (0.2, 3)
    """
    sizes = np.abs(errors)
    low = high = float("nan")
    if len(sizes) >= 5:
        from scipy import stats  # noqa: PLC0415

        limits = stats.bootstrap(
            (sizes,), np.median, method="percentile", n_resamples=RESAMPLES, rng=np.random.default_rng(0)
        ).confidence_interval
        low, high = float(limits.low), float(limits.high)
    return Errors(
        median=float(np.median(sizes)),
        low=low,
        high=high,
        ninth_decile=float(np.quantile(sizes, 0.9)),
        networks=len(sizes),
    )
