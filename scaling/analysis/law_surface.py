"""A law in depth, width and resolution, and the bases that it implies.

error = E + A_d·d^(−p) + A_w·w^(−q) + A_r·r^(−s). The powers add up, they do not multiply: with a product,
log(error − E) is a plane, and the best direction at constant cost is always a corner, one dimension alone.
`docs/laws.md` derives the bases.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import optimize

from scaling.analysis.intervals import Estimate
from scaling.analysis.law_fits import Bootstrap, Fit, HeldOut, fit_scales, not_identified, short_range
from scaling.analysis.law_networks import DIMENSIONS, Network
from scaling.analysis.power_sum import Array, PowerSum

PARAMETERS = 7
LEAST_COSTS = 4
LEAST_SPAN = 1.5
"""Largest over smallest coefficient of each dimension."""
LEAST_VALUES = 3
"""Distinct coefficients of each dimension: two give no curvature."""
LEAST_SPREAD = 0.1
"""Smallest over largest singular value of the centred log coefficients: below, dimensions moved together."""
COST_POWERS = (1.0, 2.0, 2.0)
"""Cost grows with d·w²·r² (the paper's equation 3)."""
Bases = tuple[float, float, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class SurfaceLaw:
    """A law in depth, width and resolution, or why there is none.

    Args:
        networks: how many have all three coefficients.
        refusal: why the data hold no law; None where they do.
        fit: the fit; None where none was tried.
    """

    networks: int
    refusal: str | None
    fit: Fit | None = None

    @property
    def held_out(self) -> HeldOut | None:
        """The largest scale, predicted from those below it; None where too few would be left."""
        return self.fit.rolling[-1] if self.fit is not None and self.fit.rolling else None

    def exponents(self) -> dict[str, Estimate]:
        """Return p, q and s by dimension, with intervals; empty without a fit."""
        return self._by_dimension(lambda law: law.exponents)

    def amplitudes(self) -> dict[str, Estimate]:
        """Return A_d, A_w and A_r (fractions) by dimension, with intervals; empty without a fit."""
        return self._by_dimension(lambda law: law.amplitudes)

    def _by_dimension(self, figures: Callable[[PowerSum], Sequence[float]]) -> dict[str, Estimate]:
        return dict(zip(DIMENSIONS, _estimates(self.fit, figures) if self.fit else (), strict=False))

    def bases(self, *, first_step: bool = False) -> tuple[Estimate, Estimate, Estimate] | None:
        """Return alpha, beta, gamma with intervals, or None where the law does not stand.

        Args:
            first_step: the best step from the baseline to twice its cost, which the amplitudes shape too;
                else the constant bases that ever larger networks approach.
        """
        if self.fit is None or self.refusal is not None:
            return None
        alpha, beta, gamma = _estimates(self.fit, first_step_bases if first_step else _limit_of)
        return alpha, beta, gamma


def _estimates(fit: Fit, figures: Callable[[PowerSum], Sequence[float]]) -> list[Estimate]:
    """Return three figures of a law, each with its interval."""
    return [fit.estimate(lambda law, at=at: figures(law)[at]) for at in range(3)]  # type: ignore[misc]


def _limit_of(law: PowerSum) -> Bases:
    return limit_bases(_three(law.exponents))


def _three(values: Sequence[float]) -> Bases:
    depth, width, resolution = values
    return depth, width, resolution


def limit_bases(exponents: Bases, factor: float = 2.0) -> Bases:
    """Return the constant alpha, beta, gamma that an additive law asks for at large scale.

    alpha = T^(1/p / S), beta = T^(1/q / S), gamma = T^(1/s / S) with S = 1/p + 2/q + 2/s, so that
    alpha·beta²·gamma² = T. What decreases slowest must grow fastest.

    Args:
        exponents: p, q, s; a dimension whose exponent is not above 0 does not help, and gets 1.
        factor: T, above 1.

    >>> [round(base, 4) for base in limit_bases((1.0, 1.0, 1.0))]
    [1.1487, 1.1487, 1.1487]
    """
    slowness = [1 / exponent if exponent > 0 else 0.0 for exponent in exponents]
    total = sum(power * one for power, one in zip(COST_POWERS, slowness, strict=True))
    if total == 0:
        return 1.0, 1.0, 1.0
    alpha, beta, gamma = (factor ** (one / total) for one in slowness)
    return alpha, beta, gamma


def first_step_bases(law: PowerSum, factor: float = 2.0) -> Bases:
    """Return the coefficients of least error at a factor of the baseline's cost, none below 1.

    Args:
        law: in depth, width, resolution.
        factor: d·w²·r², above 1.

    >>> law = PowerSum(floor=0.0, amplitudes=(0.2, 0.0, 0.0), exponents=(1.0, 1.0, 1.0))
    >>> [round(base, 3) for base in first_step_bases(law)]
    [2.0, 1.0, 1.0]
    """
    gains = np.array(law.amplitudes) * np.array(law.exponents) / np.array(COST_POWERS)
    rates = np.array(law.exponents)
    helpful = (gains > 0) & (rates > 0)
    if not helpful.any():
        return 1.0, 1.0, 1.0

    def logs(price: float) -> Array:
        """Return the log coefficients at which each dimension's gain a unit of log-cost is the price."""
        found = np.zeros(3)
        found[helpful] = np.maximum(0.0, np.log(gains[helpful]) - price) / rates[helpful]
        return found

    def excess(price: float) -> float:
        return float(logs(price) @ np.array(COST_POWERS)) - math.log(factor)

    top = float(np.log(gains[helpful]).max())
    bottom = top - 1.0
    while excess(bottom) < 0:
        bottom -= 2 * (top - bottom)
    return _three(np.exp(logs(optimize.brentq(excess, bottom, top))).tolist())


def fit_surface(
    networks: Sequence[Network], noise: float | None, bootstrap: Bootstrap | None = None
) -> SurfaceLaw:
    """Fit error = E + A_d·d^(−p) + A_w·w^(−q) + A_r·r^(−s), or refuse where the networks cannot tell.

    Args:
        networks: of every strategy; those without coefficients are left out.
        noise: standard deviation of an error from seed to seed (fraction); None: from the residuals.
        bootstrap: seed and number of resamples; None for the default.

    Source: sums of powers in several dimensions: Rosenfeld et al. 2020, arXiv:1909.12673; Hoffmann et al.
        2022, arXiv:2203.15556, equation 2.
    """
    known = [one for one in networks if one.coefficients is not None]
    refusal, fit = _refused(known), None
    if refusal is None:
        fit = fit_scales(known, _coefficients, noise, bootstrap or Bootstrap(), _refused)
        refusal = not_identified(fit, [f"{name}'s exponent" for name in DIMENSIONS])
    return SurfaceLaw(networks=len(known), refusal=refusal, fit=fit)


def _coefficients(networks: Sequence[Network]) -> Array:
    return np.array([one.coefficients for one in networks], dtype=np.float64).reshape(-1, 3)


def _refused(networks: Sequence[Network]) -> str | None:
    """Say why the networks cannot fix seven parameters, or return None."""
    if (short := short_range(networks, PARAMETERS, LEAST_COSTS)) is not None:
        return f"{short} (networks of known depth, width and resolution count)"
    logs = np.log(_coefficients(networks))
    for name, column in zip(DIMENSIONS, logs.T, strict=True):
        span, values = math.exp(np.ptp(column)), len(np.unique(column.round(3)))
        if span < LEAST_SPAN or values < LEAST_VALUES:
            return (
                f"{name} varies too little: {values} values over a factor {span:.2f}, a surface "
                f"needs {LEAST_VALUES} or more over {LEAST_SPAN:g}"
            )
    spread = np.linalg.svd(logs - logs.mean(0), compute_uv=False)
    if spread[-1] < LEAST_SPREAD * spread[0]:
        return (
            "depth, width and resolution grew together: their shares in the error cannot be separated; add "
            "networks scaled in one dimension alone"
        )
    return None
