"""Sums of decaying powers: error = E + Σ A_k · x_k^(−p_k), fitted by variable projection.

Given the exponents, E and the A are linear: non-negative least squares gives them exactly. Only the exponents
are searched, from several starts, so that no valley between E, A and p has to be walked along.
"""

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
HUBER = 1.345
"""Residuals beyond so many standard deviations count linearly: 95 % efficiency where noise is normal.

Source: Huber 1981, Robust Statistics; Holland & Welsch 1977, doi:10.1080/03610927708827533.
"""
SCANNED = {1: 48, 3: 128}
"""Exponents that a scan looks at, for so many powers."""
STARTS = 4
"""Places of the scan from which a fit is started."""
STEPS, SETTLED, MOST_DAMPING, TINY = 100, 1e-10, 1e10, 1e-300
"""Of a search: most steps, the share gained and the damping that end it, what keeps a slope of 0 solvable."""
NEGATIVE, SMALLEST = 0.2, 0.03
"""Share of a scan's exponents below 0, and its smallest above."""
LEAST_NOISE = 1e-6
"""Fraction: keeps the weights finite where data lie on the curve exactly."""
NEAR_BOUND = 1e-4
"""Of E and A (fractions) and of exponents: a figure nearer than this to its bound lies on it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PowerSum:
    """A fitted sum of powers.

    Args:
        floor: E, the error that no scale removes, 0 or more.
        amplitudes: A_k, each 0 or more: what is above E at x_k = 1.
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
        exponents, linear = self.parts()
        return _terms(np.log(scale), exponents) @ linear

    def parts(self) -> tuple[Array, Array]:
        """Return the exponents, and E with the A."""
        return np.array(self.exponents), np.array([self.floor, *self.amplitudes])

    def on_bound(self) -> str | None:
        """Name what lies on its bound, E, an A or an exponent, or return None: the data say only how far."""
        for name, value in (
            ("E", self.floor),
            *((f"A {n}", one) for n, one in enumerate(self.amplitudes, 1)),
        ):
            if value < NEAR_BOUND:
                return f"{name} is 0"
        low, high = EXPONENTS[0] + NEAR_BOUND, EXPONENTS[1] - NEAR_BOUND
        at = next((one for one in self.exponents if not low < one < high), None)
        return None if at is None else f"an exponent is {at:.0f}"


def fit_power_sum(scale: Array, error: Array, noise: Array, *, near: PowerSum | None = None) -> PowerSum:
    """Fit a sum of powers with Huber's loss by variable projection.

    Args:
        scale: (N, K) relative scales, above 0.
        error: (N,) mean errors, fractions.
        noise: (N,) standard deviation of each mean; weights are its inverse square.
        near: starts the search from its exponents; None: from the best places of a scan over exponents of
            both signs (a Sobol sequence, the same every time), and the best end wins.

    Raises:
        ResultsError: there are fewer points than parameters.

    Source: variable projection: Golub & Pereyra 1973, doi:10.1137/0710036, with Kaufman's Jacobian (1975,
        doi:10.1007/BF01932995); the form and the robust loss: Hoffmann et al. 2022, arXiv:2203.15556, section
        3.3 (they take logarithms); sums of powers: Rosenfeld et al. 2020, arXiv:1909.12673.

    >>> cost = np.array([[1.0], [2.0], [4.0], [8.0], [16.0]])
    >>> truth = PowerSum(floor=0.1, amplitudes=(0.3,), exponents=(0.5,))
    >>> found = fit_power_sum(cost, truth.predict(cost), np.full(5, 0.001))
    >>> round(found.floor, 6), round(found.exponents[0], 6)
    (0.1, 0.5)
    """
    powers = scale.shape[1]
    if len(error) < 1 + 2 * powers:
        raise ResultsError(f"{1 + 2 * powers} parameters need as many points, got {len(error)}")
    logs, weight = np.log(scale), 1 / np.maximum(noise, LEAST_NOISE)
    starts = _scan(logs, error, weight) if near is None else [np.array(near.exponents)]
    ends = [_search(logs, error, weight, start) for start in starts]
    return min(ends, key=lambda law: _loss(logs, error, weight, *law.parts()))


def _terms(logs: Array, exponents: Array) -> Array:
    """Return what E and the A are multiplied by, (N, 1 + K)."""
    return np.hstack([np.ones((len(logs), 1)), np.exp(-logs * exponents)])


def _linear(terms: Array, error: Array, weight: Array) -> Array:
    """Return E and the A of least squares, none below 0."""
    found: Array = optimize.nnls(terms * weight[:, None], error * weight)[0]
    return found


def _search(logs: Array, error: Array, weight: Array, start: Array) -> PowerSum:
    """Return the law of least loss near some exponents: Levenberg and Marquardt's steps, projected.

    Huber's rule weights every point anew before each step (iteratively reweighted least squares).
    """
    exponents, damping = np.clip(start, *EXPONENTS), 1e-3
    linear = _linear(_terms(logs, exponents), error, weight)
    least = _loss(logs, error, weight, exponents, linear)
    for _ in range(STEPS):
        size = np.abs(_terms(logs, exponents) @ linear - error) * weight
        robust = weight * np.sqrt(HUBER / np.maximum(size, HUBER))
        linear = _linear(_terms(logs, exponents), error, robust)
        moved = np.clip(exponents + _step(logs, error, robust, exponents, linear, damping), *EXPONENTS)
        tried = _linear(_terms(logs, moved), error, robust)
        here = _loss(logs, error, weight, exponents, linear)
        there = _loss(logs, error, weight, moved, tried)
        gain, least = least - min(here, there), min(here, there)
        if there <= here:
            exponents, linear, damping = moved, tried, damping / 4
        else:
            damping *= 8
        if gain <= SETTLED * least and (there <= here or damping > MOST_DAMPING):
            break
    floor, *amplitudes = linear.tolist()
    return PowerSum(floor=floor, amplitudes=tuple(amplitudes), exponents=tuple(exponents.tolist()))


def _step(logs: Array, error: Array, weight: Array, exponents: Array, linear: Array, damping: float) -> Array:
    """Return a step of the exponents, of least squares once E and the A are always the best for them."""
    terms = _terms(logs, exponents)
    fitted, _ = np.linalg.qr(terms[:, linear > 0] * weight[:, None])
    moved = -logs * terms[:, 1:] * linear[1:] * weight[:, None]
    slopes = moved - fitted @ (fitted.T @ moved)
    curvature = slopes.T @ slopes
    curvature += np.diag(damping * curvature.diagonal() + TINY)
    step = np.linalg.solve(curvature, slopes.T @ ((error - terms @ linear) * weight))
    return np.asarray(np.clip(step, -1, 1), dtype=np.float64)


def _loss(logs: Array, error: Array, weight: Array, exponents: Array, linear: Array) -> float:
    """Return Huber's loss."""
    size = np.abs(_terms(logs, exponents) @ linear - error) * weight
    return float(np.where(size <= HUBER, size**2, 2 * HUBER * size - HUBER**2).sum())


def _scan(logs: Array, error: Array, weight: Array) -> list[Array]:
    """Return the best exponents of a scan: from 0.03 to the bound, and as far below 0 as allowed."""
    count, powers = SCANNED[logs.shape[1]], logs.shape[1]
    unit = qmc.Sobol(powers, scramble=False).random(count) if powers > 1 else _line(count)
    negative, share = unit < NEGATIVE, (unit - NEGATIVE) / (1 - NEGATIVE)
    rising = EXPONENTS[0] * (1 - unit / NEGATIVE) ** 2
    falling = SMALLEST * (EXPONENTS[1] / SMALLEST) ** np.clip(share, 0, 1)
    looked_at = np.where(negative, rising, falling)
    losses = [_loss(logs, error, weight, one, _linear(_terms(logs, one), error, weight)) for one in looked_at]
    return [looked_at[index] for index in np.argsort(losses, kind="stable")[:STARTS]]


def _line(count: int) -> Array:
    return ((np.arange(count) + 0.5) / count)[:, None]
