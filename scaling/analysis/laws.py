"""Scaling laws in one cost, a strategy at a time, and a plain no where the data do not hold one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from scaling.analysis.intervals import Estimate
from scaling.analysis.law_fits import (
    APART,
    SPARE,
    Bootstrap,
    Fit,
    HeldOut,
    fit_scales,
    not_identified,
    short_range,
)
from scaling.analysis.law_networks import Network, scales_of
from scaling.analysis.power_sum import Array, PowerSum

PARAMETERS = 3
LEAST_COSTS = PARAMETERS + SPARE


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
        refusal: why the data hold no law; None where they do.
        fit: the fit; None where none was tried.
    """

    strategy: str
    networks: int
    trainings: int
    costs: int
    smallest: float
    factor: float
    refusal: str | None
    fit: Fit | None = None

    @property
    def held_out(self) -> HeldOut | None:
        """The largest scale, predicted from those below it; None where too few would be left."""
        return self.fit.rolling[-1] if self.fit is not None and self.fit.rolling else None

    @property
    def exponent(self) -> Estimate | None:
        """a, with its interval."""
        return self._estimate(lambda law: law.exponents[0])

    @property
    def floor(self) -> Estimate | None:
        """E (fraction), with its interval."""
        found = self._estimate(lambda law: law.floor)
        return found and replace(found, low=max(0.0, found.low))

    @property
    def amplitude(self) -> Estimate | None:
        """A (fraction), with its interval."""
        return self._estimate(lambda law: law.amplitudes[0])

    def _estimate(self, figure: Callable[[PowerSum], float]) -> Estimate | None:
        return None if self.fit is None else self.fit.estimate(figure)


def fit_cost_law(
    strategy: str, networks: Sequence[Network], noise: float | None, bootstrap: Bootstrap | None = None
) -> CostLaw:
    """Fit error = E + A·(C / smallest)^(−a), or refuse where the networks do not hold a law.

    Refused: fewer than five networks or distinct costs, a range below 4-fold, an exponent whose interval
    includes 0, and E, A or the exponent on its bound.

    Args:
        strategy: for the report.
        networks: one or more.
        noise: standard deviation of an error from seed to seed (fraction); None: from the residuals.
        bootstrap: seed and number of resamples; None for the default.

    Source: Hoffmann et al. 2022, arXiv:2203.15556, section 3.3, with one variable.
    """
    costs = [one.cost for one in networks]
    smallest = min(costs)

    def axes(some: Sequence[Network]) -> Array:
        return np.array([[one.cost / smallest] for one in some])

    def refused(some: Sequence[Network]) -> str | None:
        return short_range(some, PARAMETERS, LEAST_COSTS)

    refusal, fit = refused(networks), None
    if refusal is None:
        fit = fit_scales(networks, axes, noise, bootstrap or Bootstrap(), refused)
        refusal = not_identified(fit, ("the exponent",))
    return CostLaw(
        strategy=strategy,
        networks=len(networks),
        trainings=sum(len(one.errors) for one in networks),
        costs=len(scales_of(networks, apart=APART)),
        smallest=smallest,
        factor=max(costs) / smallest,
        refusal=refusal,
        fit=fit,
    )
