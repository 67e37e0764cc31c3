"""Sums of decaying powers: error = E + Σ A_k · x_k^(−p_k), fitted robustly from many starts."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import optimize
from scipy.stats import qmc

from scaling.errors import ResultsError

Array = NDArray[np.float64]
EXPONENTS = (-2.0, 6.0)
"""Bounds of an exponent. Below 0 the error grows with the scale: allowed, so that data can say so."""
MOST = 1.0
"""Bound of E and of every A: errors are fractions, and scales are relative to the smallest."""
HUBER = 1.345
"""Residuals beyond so many standard deviations count linearly: 95 % efficiency where noise is normal.

Source: Huber 1981, Robust Statistics; Holland & Welsch 1977, doi:10.1080/03610927708827533.
"""
SCANNED = {1: 48, 3: 128}
"""Exponents that a scan looks at, for so many powers."""
STARTS = 6
"""Places of the scan from which a fit is started."""
MOST_STEPS = 200
NEGATIVE, SMALLEST = 0.2, 0.03
"""Share of a scan's exponents below 0, and its smallest above."""
LEAST_NOISE = 1e-6
"""Fraction: keeps the weights finite where data lie on the curve exactly."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PowerSum:
    """A fitted sum of powers.

    Args:
        floor: E, the error that no scale removes, in [0, 1].
        amplitudes: A_k, each in [0, 1]: what is above it at x_k = 1.
        exponents: p_k, in [-2, 6].
    """

    floor: float
    amplitudes: tuple[float, ...]
    exponents: tuple[float, ...]

    def predict(self, scale: Array) -> Array:
        """Return the errors (fractions) at relative scales (N, K), above 0.

        >>> law = PowerSum(floor=0.1, amplitudes=(0.4,), exponents=(0.5,))
        >>> law.predict(np.array([[1.0], [4.0]])).round(3).tolist()
        [0.5, 0.3]
        """
        return _predict(np.array([self.floor, *self.amplitudes, *self.exponents]), np.log(scale))


def fit_power_sum(
    scale: Array,
    error: Array,
    noise: Array,
    *,
    near: PowerSum | None = None,
    starts: int = STARTS,
    most_steps: int = MOST_STEPS,
) -> PowerSum:
    """Fit a sum of powers by bounded least squares with Huber's loss, from many starts; the best end wins.

    A scan over exponents of both signs (a Sobol sequence, the same every time) takes E and A from
    non-negative least squares; the fit starts from its best places.

    Args:
        scale: (N, K) relative scales, above 0.
        error: (N,) mean errors, fractions.
        noise: (N,) standard deviation of each mean; weights are its inverse square.
        near: a further place to look at.
        starts: from how many places the fit is started.
        most_steps: of each, which matters only where a and A cannot be told apart.

    Raises:
        ResultsError: there are fewer points than parameters.

    Source: the form and the robust loss: Hoffmann et al. 2022, arXiv:2203.15556, section 3.3 (they take
        logarithms); sums of powers: Rosenfeld et al. 2020, arXiv:1909.12673.

    >>> cost = np.array([[1.0], [2.0], [4.0], [8.0], [16.0]])
    >>> truth = PowerSum(floor=0.1, amplitudes=(0.3,), exponents=(0.5,))
    >>> found = fit_power_sum(cost, truth.predict(cost), np.full(5, 0.001))
    >>> round(found.floor, 4), round(found.exponents[0], 4)
    (0.1, 0.5)
    """
    powers = scale.shape[1]
    if len(error) < 1 + 2 * powers:
        raise ResultsError(f"{1 + 2 * powers} parameters need as many points, got {len(error)}")
    logs, weight = np.log(scale), 1 / np.maximum(noise, LEAST_NOISE)
    low = np.array([0.0] * (1 + powers) + [EXPONENTS[0]] * powers)
    high = np.array([MOST] * (1 + powers) + [EXPONENTS[1]] * powers)
    begins = _begins(logs, error, weight, near)[:starts]
    inside = 1e-6 * (high - low)

    def deviations(at: Array) -> Array:
        return (_predict(at, logs) - error) * weight

    def slopes(at: Array) -> Array:
        return _slopes(at, logs) * weight[:, None]

    ends = [
        optimize.least_squares(
            deviations,
            np.clip(begin, low + inside, high - inside),
            jac=slopes,
            bounds=(low, high),
            loss="huber",
            f_scale=HUBER,
            x_scale=np.array([0.1] * (1 + powers) + [0.5] * powers),
            max_nfev=most_steps,
        )
        for begin in begins
    ]
    best = min(ends, key=lambda end: float(end.cost)).x
    return PowerSum(
        floor=float(best[0]),
        amplitudes=tuple(best[1 : 1 + powers].tolist()),
        exponents=tuple(best[1 + powers :].tolist()),
    )


def _predict(at: Array, logs: Array) -> Array:
    powers = logs.shape[1]
    sum_: Array = at[0] + np.exp(-logs * at[1 + powers :]) @ at[1 : 1 + powers]
    return sum_


def _slopes(at: Array, logs: Array) -> Array:
    powers = logs.shape[1]
    terms = np.exp(-logs * at[1 + powers :])
    return np.hstack([np.ones((len(logs), 1)), terms, -logs * terms * at[1 : 1 + powers]])


def _begins(logs: Array, error: Array, weight: Array, near: PowerSum | None) -> list[Array]:
    """Return starts, best first."""
    looked_at = _exponents(logs.shape[1])
    if near is not None:
        looked_at = np.vstack([looked_at, near.exponents])
    found = [_start(logs, error, weight, exponents) for exponents in looked_at]
    losses = [_loss((_predict(at, logs) - error) * weight) for at in found]
    return [found[index] for index in np.argsort(losses, kind="stable")]


def _loss(deviation: Array) -> float:
    size = np.abs(deviation)
    return float(np.where(size <= HUBER, size**2, 2 * HUBER * size - HUBER**2).sum())


def _exponents(powers: int) -> Array:
    """Return what a scan looks at: exponents from 0.03 to the bound, and as far below 0 as allowed."""
    unit = qmc.Sobol(powers, scramble=False).random(SCANNED[powers]) if powers > 1 else _line(SCANNED[1])
    negative, share = unit < NEGATIVE, (unit - NEGATIVE) / (1 - NEGATIVE)
    rising = EXPONENTS[0] * (1 - unit / NEGATIVE) ** 2
    falling = SMALLEST * (EXPONENTS[1] / SMALLEST) ** np.clip(share, 0, 1)
    spread: Array = np.where(negative, rising, falling)
    return spread


def _line(count: int) -> Array:
    return ((np.arange(count) + 0.5) / count)[:, None]


def _start(logs: Array, error: Array, weight: Array, exponents: Array) -> Array:
    columns = np.hstack([np.ones((len(logs), 1)), np.exp(-logs * exponents)])
    linear, _ = optimize.nnls(columns * weight[:, None], error * weight)
    return np.concatenate([np.minimum(linear, MOST), exponents])
