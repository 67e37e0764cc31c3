"""How achieved cost goes with accuracy where the search did not hold it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import stats

RESAMPLES = 2000


@dataclass(frozen=True, slots=True, kw_only=True)
class CostCorrelation:
    """How far achieved cost spread over the proposals, and how it goes with their ranking.

    Args:
        networks: how many.
        least, most: achieved factor, × baseline.
        spearman: rank correlation of achieved factor and top1.
        low, high: its 95 % interval; nan below five networks.
    """

    networks: int
    least: float
    most: float
    spearman: float
    low: float
    high: float


def cost_correlation(trials: pd.DataFrame) -> CostCorrelation | None:
    """Return how cost spread and went with accuracy over trained proposals; None below three of them.

    The interval is a percentile bootstrap over networks (2,000 resamples, fixed seed), seeds averaged before.

    Args:
        trials: the table of trials.
    """
    rows = trials[(trials["kind"] == "search") & (trials["state"] == "complete")]
    means = rows.groupby("trial").agg(top1=("top1", "mean"), factor=("achieved_factor", "first"))
    if len(means) < 3 or means["factor"].nunique() < 2 or means["top1"].nunique() < 2:
        return None
    factor, top1 = means["factor"].to_numpy(float), means["top1"].to_numpy(float)
    low, high = _interval(factor, top1) if len(means) >= 5 else (np.nan, np.nan)
    return CostCorrelation(
        networks=len(means),
        least=float(factor.min()),
        most=float(factor.max()),
        spearman=_spearman(factor, top1),
        low=low,
        high=high,
    )


def _spearman(first: np.ndarray, second: np.ndarray) -> float:
    # Ranks by hand: spearmanr warns of a resample in which everything is equal.
    ranks = stats.rankdata(first), stats.rankdata(second)
    if min(np.ptp(ranks[0]), np.ptp(ranks[1])) == 0:
        return 0.0
    return float(np.corrcoef(*ranks)[0, 1])


def _interval(factor: np.ndarray, top1: np.ndarray) -> tuple[float, float]:
    random = np.random.default_rng(0)
    draws = random.integers(0, len(factor), (RESAMPLES, len(factor)))
    values = [_spearman(factor[draw], top1[draw]) for draw in draws]
    return float(np.quantile(values, 0.025)), float(np.quantile(values, 0.975))
