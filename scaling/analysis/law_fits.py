"""A law with the intervals of its parameters, and its largest scale held out."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from scaling.analysis.intervals import Estimate, estimate_of
from scaling.analysis.law_networks import Network, distinct_costs
from scaling.analysis.power_sum import Array, PowerSum, fit_power_sum

LEAST_FACTOR = 4.0
"""Largest over smallest cost: below, E and A·C^(−a) trade places within any noise."""
LEAST_COSTS = 4
"""Three parameters, and one cost to contradict them."""
APART = 1.05
"""Costs nearer than this ratio are one scale."""
RESAMPLES = 400
STEPS = 15
"""Of a resample's fit, from the best place of its scan."""
TRIES = 1000
"""Draws before a resample with enough distinct networks is given up: it is never near."""
Axes = Callable[[Sequence[Network]], Array]
"""Networks to relative scales (N, K)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bootstrap:
    """How intervals are made.

    Args:
        seed: of every draw.
        resamples: how many, 20 or more.
        advance: called after each.
    """

    seed: int = 0
    resamples: int = RESAMPLES
    advance: Callable[[], None] = lambda: None


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldOut:
    """The largest scale, foretold by a law fitted without it.

    Args:
        networks: how many.
        cost: their geometric mean.
        observed: their mean error (fraction).
        predicted: the law's, with the interval of one such mean: bootstrap of the fit, and noise.
    """

    networks: int
    cost: float
    observed: float
    predicted: Estimate

    @property
    def inside(self) -> bool:
        """Whether the observed error lies in the interval."""
        return self.predicted.low <= self.observed <= self.predicted.high


@dataclass(frozen=True, slots=True, kw_only=True)
class Fit:
    """A sum of powers with what its intervals are made of.

    Args:
        law: the fit to every network.
        draws: the fit to each resample.
        residual: root mean square of the deviations (fraction), parameters counted off.
    """

    law: PowerSum
    draws: tuple[PowerSum, ...]
    residual: float

    def estimate(self, figure: Callable[[PowerSum], float]) -> Estimate:
        """Return a figure of the law with its interval."""
        return estimate_of(figure(self.law), [figure(draw) for draw in self.draws])


def fit_networks(networks: Sequence[Network], axes: Axes, noise: float | None, bootstrap: Bootstrap) -> Fit:
    """Fit a sum of powers and bootstrap it over networks, and over the seeds of each.

    A resample draws networks with replacement (again if too few differ), then seeds of each; deviations of
    n seeds are stretched by √(n/(n − 1)), a single seed gets normal noise. Both levels together are wider
    than either, never narrower.

    Args:
        networks: more than parameters.
        axes: relative scales of networks.
        noise: standard deviation of an error from seed to seed (fraction); None: from the residuals.
        bootstrap: seed and number.

    Raises:
        ResultsError: there are fewer networks than parameters.

    Source: Davison & Hinkley 1997, Bootstrap Methods and their Application, sections 3.8 and 6.2.4.
    """
    scale, error = axes(networks), _errors(networks)
    counts = np.array([len(one.errors) for one in networks])
    spread = noise
    if spread is None:
        first = fit_power_sum(scale, error, np.ones(len(error)))
        spread = _residual(first, scale, error)
    deviation = spread / np.sqrt(counts)
    law = fit_power_sum(scale, error, deviation)
    random = np.random.default_rng(bootstrap.seed)
    draws = []
    for _ in range(bootstrap.resamples):
        chosen = _chosen(scale, random)
        drawn = np.array([_drawn(networks[index], noise, random) for index in chosen])
        draws.append(
            fit_power_sum(scale[chosen], drawn, deviation[chosen], near=law, starts=1, most_steps=STEPS)
        )
        bootstrap.advance()
    return Fit(law=law, draws=tuple(draws), residual=_residual(law, scale, error))


def _errors(networks: Sequence[Network]) -> Array:
    return np.array([one.error for one in networks])


def _residual(law: PowerSum, scale: Array, error: Array) -> float:
    free = max(1, len(error) - 1 - 2 * scale.shape[1])
    return math.sqrt(float(((law.predict(scale) - error) ** 2).sum()) / free)


def _chosen(scale: Array, random: np.random.Generator) -> np.ndarray:
    """Draw networks with replacement until as many differ as there are parameters."""
    least = min(1 + 2 * scale.shape[1], len(np.unique(scale, axis=0)))
    for _ in range(TRIES):
        chosen = random.integers(0, len(scale), len(scale))
        if len(np.unique(scale[chosen], axis=0)) >= least:
            return chosen
    return np.arange(len(scale))


def _drawn(network: Network, noise: float | None, random: np.random.Generator) -> float:
    errors = np.array(network.errors)
    if len(errors) == 1:
        return float(errors[0] + (random.normal(0, noise) if noise else 0))
    mean = errors.mean()
    again = random.choice(errors, len(errors)).mean()
    return float(mean + math.sqrt(len(errors) / (len(errors) - 1)) * (again - mean))


def hold_out(
    networks: Sequence[Network], axes: Axes, noise: float | None, bootstrap: Bootstrap
) -> HeldOut | None:
    """Foretell the largest scale by a law fitted without it, or None where too little would be left.

    Args:
        networks: all of them; those within 5 % of the largest cost are held out.
        axes: relative scales of networks.
        noise: standard deviation of an error from seed to seed (fraction); None: from the residuals.
        bootstrap: seed and number.
    """
    largest = max(one.cost for one in networks)
    held = [one for one in networks if one.cost * APART >= largest]
    rest = [one for one in networks if one.cost * APART < largest]
    parameters = 1 + 2 * axes(networks).shape[1]
    if distinct_costs(rest, apart=APART) < LEAST_COSTS or len(rest) <= parameters:
        return None
    fit = fit_networks(rest, axes, noise, bootstrap)
    spread = fit.residual if noise is None else noise
    error_of_mean = spread * math.sqrt(sum(1 / len(one.errors) for one in held)) / len(held)
    random = np.random.default_rng([bootstrap.seed, 1])
    scale = axes(held)
    foretold = [float(draw.predict(scale).mean()) + random.normal(0, error_of_mean) for draw in fit.draws]
    return HeldOut(
        networks=len(held),
        cost=math.exp(math.fsum(math.log(one.cost) for one in held) / len(held)),
        observed=float(_errors(held).mean()),
        predicted=estimate_of(float(fit.law.predict(scale).mean()), foretold),
    )


def short_range(costs: int, factor: float) -> str | None:
    """Say why a range of costs is too short for a law, or return None.

    Args:
        costs: distinct ones.
        factor: largest over smallest.

    >>> short_range(9, 2.2)
    'the range of cost is too short to tell: 2.2-fold, a law needs 4-fold or more'
    """
    if factor < LEAST_FACTOR:
        return (
            f"the range of cost is too short to tell: {factor:.3g}-fold, a law needs {LEAST_FACTOR:g}-fold "
            "or more"
        )
    if costs < LEAST_COSTS:
        return f"too few scales to tell: {costs} distinct costs, a law needs {LEAST_COSTS} or more"
    return None


def untold(what: str, exponent: Estimate) -> str | None:
    """Say that an exponent's sign cannot be told, or return None."""
    if not exponent.includes_zero:
        return None
    return (
        f"the data cannot tell: the interval of {what}, {exponent.low:.2f} to {exponent.high:.2f}, includes 0"
    )
