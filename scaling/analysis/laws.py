"""Scaling laws in one cost, a strategy at a time, and a plain no where the data cannot tell."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from scaling.analysis.intervals import Estimate
from scaling.analysis.law_fits import (
    APART,
    Bootstrap,
    Fit,
    HeldOut,
    fit_networks,
    hold_out,
    short_range,
    untold,
)
from scaling.analysis.law_networks import Network, distinct_costs
from scaling.analysis.power_sum import Array


@dataclass(frozen=True, slots=True, kw_only=True)
class CostLaw:
    """error = E + A·(C / smallest)^(−a) of one strategy, or why there is none.

    Args:
        strategy: how its networks were scaled.
        networks: how many.
        trainings: seeds of all.
        costs: distinct ones, 5 % apart.
        smallest: the cost that scales are relative to.
        factor: largest over smallest cost.
        refusal: why the data cannot tell; None for a law that stands.
        fit: the fit; None where none was tried.
        held_out: None where too few costs would be left.
    """

    strategy: str
    networks: int
    trainings: int
    costs: int
    smallest: float
    factor: float
    refusal: str | None
    fit: Fit | None = None
    held_out: HeldOut | None = None

    @property
    def exponent(self) -> Estimate | None:
        """a, with its interval."""
        return None if self.fit is None else self.fit.estimate(lambda law: law.exponents[0])

    @property
    def floor(self) -> Estimate | None:
        """E (fraction), with its interval."""
        return None if self.fit is None else self.fit.estimate(lambda law: law.floor)

    @property
    def amplitude(self) -> Estimate | None:
        """A (fraction), with its interval."""
        return None if self.fit is None else self.fit.estimate(lambda law: law.amplitudes[0])


def fit_cost_law(
    strategy: str, networks: Sequence[Network], noise: float | None, bootstrap: Bootstrap | None = None
) -> CostLaw:
    """Fit error = E + A·(C / smallest)^(−a), or refuse where the costs are too near to tell.

    Refused: a range below 4-fold, fewer than four distinct costs, an exponent whose interval includes 0.

    Args:
        strategy: for the report.
        networks: one or more.
        noise: standard deviation of an error from seed to seed (fraction); None: from the residuals.
        bootstrap: seed and number of resamples; None for the usual.

    Source: Hoffmann et al. 2022, arXiv:2203.15556, section 3.3, with one variable.
    """
    cost = np.array([one.cost for one in networks])
    smallest = float(cost.min())
    costs, factor = distinct_costs(networks, apart=APART), float(cost.max()) / smallest

    def axes(some: Sequence[Network]) -> Array:
        return np.array([[one.cost / smallest] for one in some])

    refusal, fit, held_out = short_range(costs, factor), None, None
    if refusal is None:
        draws = bootstrap or Bootstrap()
        fit = fit_networks(networks, axes, noise, draws)
        held_out = hold_out(networks, axes, noise, draws)
        refusal = untold("the exponent", fit.estimate(lambda law: law.exponents[0]))
    return CostLaw(
        strategy=strategy,
        networks=len(networks),
        trainings=sum(len(one.errors) for one in networks),
        costs=costs,
        smallest=smallest,
        factor=factor,
        refusal=refusal,
        fit=fit,
        held_out=held_out,
    )
