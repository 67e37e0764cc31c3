"""How far a cheap proxy ranks networks as a dear training does.

Every figure has a percentile bootstrap interval over networks: they are drawn again with replacement, with
their proxy and anchor values together. Noise of the anchors themselves is in it only as far as it shows in
which networks agree.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from scaling.analysis.intervals import LEVEL, Estimate, estimate_of
from scaling.errors import ResultsError

RESAMPLES = 2000
FEWEST = 4
"""Networks below which a rank correlation says nothing."""

Values = NDArray[np.float64]
Statistic = Callable[..., Values]


@dataclass(frozen=True, slots=True, kw_only=True)
class RankAgreement:
    """How a proxy's ranking agrees with the anchors'.

    Args:
        networks: that have both.
        spearman: rank correlation, −1 to 1; 0 where all proxy values are equal.
        kendall: tau-b, likewise.
        precision: share of the proxy's best k that are among the anchors' best k; ties are broken by order.
        regret: anchor top1 (fraction) that is lost by taking the proxy's best network.
        best: k.
    """

    networks: int
    spearman: Estimate
    kendall: Estimate
    precision: Estimate
    regret: Estimate
    best: int


def agreement(proxy: Sequence[float], anchor: Sequence[float], *, best: int, seed: int = 0) -> RankAgreement:
    """Compare a proxy's values with the anchors', network by network; higher is better in both.

    Args:
        proxy: of at least four networks; -inf is worse than everything.
        anchor: of the same, finite.
        best: k of precision at k, 1 to all networks.
        seed: of the bootstrap.

    Raises:
        ResultsError: lengths differ, there are too few networks, or a value is missing.

    Source: scipy.stats.bootstrap; correlations as scipy.stats.spearmanr and kendalltau (tested).

    >>> found = agreement([1, 2, 3, 4, 5], [0.1, 0.2, 0.3, 0.5, 0.4], best=2)
    >>> round(found.spearman.value, 2), found.precision.value, round(found.regret.value, 2)
    (0.9, 1.0, 0.1)
    """
    cheap, dear = np.asarray(proxy, np.float64), np.asarray(anchor, np.float64)
    if len(cheap) != len(dear) or len(cheap) < FEWEST:
        raise ResultsError(
            f"an audit compares at least {FEWEST} networks that have both values, got {len(cheap)} and "
            f"{len(dear)}"
        )
    if np.isnan(cheap).any() or not np.isfinite(dear).all():
        raise ResultsError("an audit needs a value of every network, got nan or inf")
    if not 1 <= best <= len(cheap):
        raise ResultsError(f"precision at k needs k between 1 and {len(cheap)}, got {best}")
    ranks = stats.rankdata(cheap)  # -inf has no place in a correlation
    return RankAgreement(
        networks=len(cheap),
        spearman=_estimate(spearman, ranks, dear, seed),
        kendall=_estimate(kendall, ranks, dear, seed),
        precision=_estimate(lambda p, a, axis=-1: precision_at(p, a, best), ranks, dear, seed),  # noqa: ARG005
        regret=_estimate(regret, ranks, dear, seed),
        best=best,
    )


def spearman(proxy: Values, anchor: Values, axis: int = -1) -> Values:
    """Return the rank correlation along the last axis; 0 where a side does not vary."""
    del axis
    return _pearson(stats.rankdata(proxy, axis=-1), stats.rankdata(anchor, axis=-1))


def kendall(proxy: Values, anchor: Values, axis: int = -1) -> Values:
    """Return Kendall's tau-b along the last axis; 0 where a side does not vary.

    It is the correlation of the signs of all differences.
    """
    del axis
    signs = [np.sign(v[..., :, None] - v[..., None, :]) for v in (proxy, anchor)]
    return _pearson(*(one.reshape(*one.shape[:-2], -1) for one in signs))


def _pearson(first: Values, second: Values) -> Values:
    centred = [one - one.mean(-1, keepdims=True) for one in (first, second)]
    product = (centred[0] * centred[1]).sum(-1)
    size = np.sqrt((centred[0] ** 2).sum(-1) * (centred[1] ** 2).sum(-1))
    found: Values = np.where(size > 0, product / np.where(size > 0, size, 1.0), 0.0)
    return found


def precision_at(proxy: Values, anchor: Values, best: int) -> Values:
    """Return the share of the proxy's best k that are among the anchors' best k, along the last axis.

    >>> float(precision_at(np.array([3.0, 2.0, 1.0]), np.array([0.9, 0.5, 0.8]), 2))
    0.5
    """
    first, second = (np.argsort(-values, axis=-1, kind="stable")[..., :best] for values in (proxy, anchor))
    shared = (first[..., :, None] == second[..., None, :]).any(-1)
    found: Values = shared.mean(-1)
    return found


def regret(proxy: Values, anchor: Values, axis: int = -1) -> Values:
    """Return what the proxy's best network lacks of the best anchor, along the last axis; of ties, the mean.

    >>> round(float(regret(np.array([1.0, 2.0]), np.array([0.9, 0.7]))), 3)
    0.2
    """
    del axis
    chosen = proxy == proxy.max(-1, keepdims=True)
    found: Values = anchor.max(-1) - (anchor * chosen).sum(-1) / chosen.sum(-1)
    return found


def _estimate(statistic: Statistic, proxy: Values, anchor: Values, seed: int) -> Estimate:
    limits = stats.bootstrap(
        (proxy, anchor),
        statistic,
        paired=True,
        vectorized=True,
        n_resamples=RESAMPLES,
        confidence_level=LEVEL,
        method="percentile",
        rng=np.random.default_rng(seed),
    ).confidence_interval
    return Estimate(value=float(statistic(proxy, anchor)), low=float(limits.low), high=float(limits.high))


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgedProxy:
    """A proxy, what it costs and how it agrees.

    Args:
        name: of the proxy.
        cost: its training multiply-adds as a share of the anchors'.
        agreement: with the anchors.
    """

    name: str
    cost: float
    agreement: RankAgreement

    def holds(self, least: float) -> bool:
        """Whether the low end of the interval of Spearman's correlation is at least this."""
        return self.agreement.spearman.low >= least


def cheapest(judged: Sequence[JudgedProxy], least: float) -> JudgedProxy | None:
    """Return the proxy of the least cost whose ranking holds; None where none does."""
    holding = [one for one in judged if one.holds(least)]
    return min(holding, key=lambda one: one.cost) if holding else None


def reliability(by_seed: Sequence[Sequence[float]], *, seed: int = 0) -> Estimate | None:
    """Return how the anchors agree with themselves: mean Spearman of one seed and the others' mean.

    No proxy can be expected to agree with the anchors better than this. None with a single seed.

    Args:
        by_seed: top1 of each network, one row a seed.
        seed: of the bootstrap.
    """
    table = np.asarray(by_seed, np.float64)
    if len(table) < 2:
        return None

    def mean_of(columns: Values) -> Values:
        others = [np.delete(columns, row, axis=0).mean(0) for row in range(len(columns))]
        found: Values = np.mean([spearman(one, other) for one, other in zip(columns, others, strict=True)], 0)
        return found

    draws = np.random.default_rng(seed).integers(0, table.shape[1], (RESAMPLES, table.shape[1]))
    return estimate_of(float(mean_of(table)), mean_of(table[:, draws]))


def plain(estimate: Estimate | None) -> dict[str, float] | None:
    """Return an estimate as plain data."""
    if estimate is None or math.isnan(estimate.value):
        return None
    return {"value": estimate.value, "low": estimate.low, "high": estimate.high}
