"""How achieved cost goes with accuracy where the search did not hold it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from scaling.analysis.intervals import estimate_of
from scaling.analysis.proxy_agreement import RESAMPLES, spearman


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
    draws = np.random.default_rng(0).integers(0, len(factor), (RESAMPLES, len(factor)))
    found = estimate_of(float(spearman(factor, top1)), spearman(factor[draws], top1[draws]))
    known = len(means) >= 5
    return CostCorrelation(
        networks=len(means),
        least=float(factor.min()),
        most=float(factor.max()),
        spearman=found.value,
        low=found.low if known else np.nan,
        high=found.high if known else np.nan,
    )
