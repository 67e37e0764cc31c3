"""A law with the intervals of its parameters, and every scale predicted by a law of those below it."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
from scipy import stats

from scaling.analysis.intervals import LEVEL, Estimate, estimate_of
from scaling.analysis.law_networks import Network, scales_of
from scaling.analysis.power_sum import Array, PowerSum, fit_power_sum

LEAST_FACTOR = 4.0
"""Largest over smallest cost: below, E and A·C^(−a) trade places within any noise."""
SPARE = 2
"""Networks beyond the number of parameters: to contradict them."""
APART = 1.05
"""Costs nearer than this ratio are one scale."""
RESAMPLES, LEAST_DRAWS = 400, 20
EARLIER_SHARE = 4
"""A law of fewer scales has a quarter of the resamples: only its spread is wanted."""
MOST_EARLIER = 6
"""Scales that are predicted, at most: of more, every second, third, … and always the largest."""
TRIES = 1000
"""Draws before a resample with enough distinct networks is given up: it is never near."""
NORMAL = float(stats.norm.ppf((1 + LEVEL) / 2))
QUARTILES = 2 * float(stats.norm.ppf(0.75))
"""Distance of the quartiles of a normal distribution, in standard deviations."""
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
    """A scale, predicted by a law fitted to the smaller ones.

    Args:
        networks: how many.
        cost: their geometric mean.
        fitted_below: largest cost of the law's networks.
        observed: their mean error (fraction).
        predicted: the law's, with the interval of one such mean: of resamples, model error and noise.
    """

    networks: int
    cost: float
    fitted_below: float
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
        earlier: fits without the largest scales.
        rolling: scales predicted from those below them, smallest first; empty where too few would be left.
    """

    law: PowerSum
    draws: tuple[PowerSum, ...]
    residual: float
    earlier: tuple[Fit, ...] = ()
    rolling: tuple[HeldOut, ...] = ()

    def estimate(self, figure: Callable[[PowerSum], float], noise: float = 0.0) -> Estimate:
        """Return a figure of the law with its interval: of the resamples, widened by model error.

        A law of the right form changes by chance alone when its largest scales are left out, by the variance
        of the smaller fit less that of the larger. What it changes beyond that is model error.

        Args:
            figure: of a law.
            noise: a further standard deviation, of what the figure is compared with.

        Source: the variance of a difference to an efficient estimate: Hausman 1978, doi:10.2307/1913827.
        """
        found = estimate_of(figure(self.law), [figure(draw) for draw in self.draws])
        own = self._variance(figure)
        excess = [
            (figure(one.law) - found.value) ** 2 - max(0.0, one._variance(figure) - own)
            for one in self.earlier
        ]
        model = sum(max(0.0, one) for one in excess) / max(1, len(excess))
        reach = NORMAL * math.sqrt(model + noise**2)
        return Estimate(
            value=found.value,
            low=found.value - math.hypot(max(0.0, found.value - found.low), reach),
            high=found.value + math.hypot(max(0.0, found.high - found.value), reach),
        )

    def _variance(self, figure: Callable[[PowerSum], float]) -> float:
        """Return the variance over resamples, by quartiles: a few resamples fix nothing and fly away."""
        low, high = np.quantile([figure(draw) for draw in self.draws], [0.25, 0.75])
        return float((high - low) / QUARTILES) ** 2


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
    scale, error = axes(networks), np.array([one.error for one in networks])
    counts = np.array([len(one.errors) for one in networks])
    spread = noise
    if spread is None:
        spread = _residual(fit_power_sum(scale, error, np.ones(len(error))), scale, error)
    deviation = spread / np.sqrt(counts)
    law = fit_power_sum(scale, error, deviation)
    random = np.random.default_rng(bootstrap.seed)
    draws = []
    for _ in range(bootstrap.resamples):
        chosen = _chosen(scale, random)
        drawn = np.array([_drawn(networks[index], noise, random) for index in chosen])
        draws.append(fit_power_sum(scale[chosen], drawn, deviation[chosen], near=law))
        bootstrap.advance()
    return Fit(law=law, draws=tuple(draws), residual=_residual(law, scale, error))


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


def fit_scales(
    networks: Sequence[Network],
    axes: Axes,
    noise: float | None,
    bootstrap: Bootstrap,
    refused: Callable[[Sequence[Network]], str | None],
) -> Fit:
    """Fit networks of all scales; predict each scale from those below it wherever these may have a law.

    Args:
        networks: more than parameters.
        axes: relative scales of networks.
        noise: standard deviation of an error from seed to seed (fraction); None: from the residuals.
        bootstrap: of the whole fit and of that without the largest scale.
        refused: says why networks cannot have a law; None where they can.
    """
    scales = scales_of(networks, apart=APART)
    few = Bootstrap(seed=bootstrap.seed, resamples=max(LEAST_DRAWS, bootstrap.resamples // EARLIER_SHARE))
    earlier: list[Fit] = []
    rolling: list[HeldOut] = []
    cuts = [cut for cut in range(1, len(scales)) if refused(_joined(scales[:cut])) is None]
    cuts = cuts[::-1][:: max(1, math.ceil(len(cuts) / MOST_EARLIER))][::-1]
    for cut, end in pairwise([*cuts, len(scales)]):
        below, held = _joined(scales[:cut]), _joined(scales[cut:end])
        fit = fit_networks(below, axes, noise, bootstrap if end == len(scales) else few)
        fit = replace(fit, earlier=tuple(earlier))
        rolling.append(_held_out(held, below, fit, axes, fit.residual if noise is None else noise))
        earlier.append(fit)
    whole = fit_networks(networks, axes, noise, bootstrap)
    return replace(whole, earlier=tuple(earlier), rolling=tuple(rolling))


def _joined(scales: Sequence[Sequence[Network]]) -> list[Network]:
    return [one for scale in scales for one in scale]


def _held_out(
    held: Sequence[Network], below: Sequence[Network], fit: Fit, axes: Axes, noise: float
) -> HeldOut:
    scale, costs = axes(held), [one.cost for one in held]
    error_of_mean = noise * math.sqrt(sum(1 / len(one.errors) for one in held)) / len(held)
    return HeldOut(
        networks=len(held),
        cost=math.exp(math.fsum(map(math.log, costs)) / len(held)),
        fitted_below=max(one.cost for one in below),
        observed=math.fsum(one.error for one in held) / len(held),
        predicted=fit.estimate(lambda law: float(law.predict(scale).mean()), error_of_mean),
    )


def short_range(networks: Sequence[Network], parameters: int, least_costs: int) -> str | None:
    """Say why networks are too few, or their costs too few or too near, for a law, or return None."""
    needed, count = parameters + SPARE, len(networks)
    amounts = [one.cost for one in networks] or [1.0]
    factor = max(amounts) / min(amounts)
    if factor < LEAST_FACTOR:
        return f"the range of cost is too short: {factor:.3g}-fold, a law needs {LEAST_FACTOR:g}-fold or more"
    if count < needed:
        return f"too few networks: {count}, {parameters} parameters need {needed} or more"
    costs = len(scales_of(networks, apart=APART))
    if costs < least_costs:
        return f"too few scales: {costs} distinct costs, a law needs {least_costs} or more"
    return None


def not_identified(fit: Fit, names: Sequence[str]) -> str | None:
    """Say which exponent's sign is open, or what lies on its bound, or return None.

    Args:
        fit: of a law.
        names: of its exponents.
    """
    for at, name in enumerate(names):
        found = fit.estimate(lambda law, at=at: law.exponents[at])  # type: ignore[misc]
        if found.includes_zero:
            return f"the interval of {name}, {found.low:.2f} to {found.high:.2f}, includes 0"
    bound = fit.law.on_bound()
    return None if bound is None else f"not identified: {bound}, the end of its range"
