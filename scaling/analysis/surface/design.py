"""Which network to train next, so that a surface answers most: a star first, then where it is least sure.

The star: corners, edge midpoints and centre of the triangle of shares, at the square root of the wanted cost
factor once and at the factor itself twice, beside a baseline that is trained several times. After it, each
next training is the one that is expected to take most variance, for what it costs, from what is asked: how
far every place that may be the optimum is from the one that seems to be, and the three contrasts of gains.
That is V-optimal design on the draws of the posterior (a normal approximation); trainings that still run are
conditioned on first, so several workers do not ask the same.

Source: Chaloner & Verdinelli 1995, Statistical Science 10, 273-304, for designs that target a function of
the coefficients; docs/decisions.md for the comparison with Thompson sampling and repeated stars.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from scaling.analysis.surface.answer import contrasts_of, gains_of
from scaling.analysis.surface.observations import Array, Observations, star, triangle
from scaling.analysis.surface.posterior import Draws, fit, refusal_of

STEPS = 6
"""Candidates lie on a triangle of this many steps, corners, edges and centre among them."""
DRAWS = 1000
NEAR = 0.2
"""Doublings, each way, within which a training counts as the star's."""
SAME = 1e-6
REACH = 1.959964
"""Of a normal 95 % interval, in standard deviations."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """A network to train, as a direction and a cost.

    Args:
        shares: of log-cost for depth, width, resolution; they sum to 1.
        factor: of the baseline's cost; at 1 it is the baseline.
    """

    shares: tuple[float, float, float]
    factor: float

    @property
    def x(self) -> Array:
        """Doublings by depth, width, resolution as asked for, before rounding: (3,)."""
        return np.array(self.shares) * math.log2(self.factor)


def star_points(factor: float) -> tuple[Point, ...]:
    """Return the networks that every design begins with, the dear ones first: they take longest.

    >>> len(star_points(4.0)), star_points(4.0)[0].shares
    (21, (1.0, 0.0, 0.0))
    """
    corners = [(float(depth), float(width), float(resolution)) for depth, width, resolution in star()]
    at_factor = [Point(shares=shares, factor=factor) for shares in corners]
    between = [Point(shares=shares, factor=math.sqrt(factor)) for shares in corners]
    return (*at_factor, *at_factor, *between)


@lru_cache(maxsize=8)
def candidates(factor: float) -> tuple[Point, ...]:
    """Return what may be trained next: a grid at the factor and at its root, and the baseline."""
    shares = [(float(depth), float(width), float(resolution)) for depth, width, resolution in triangle(STEPS)]
    scaled = [Point(shares=one, factor=cost) for cost in (factor, math.sqrt(factor)) for one in shares]
    return (Point(shares=(1 / 3, 1 / 3, 1 / 3), factor=1.0), *scaled)


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What a search has trained and asked for so far.

    Args:
        observations: trainings that have ended.
        running: coordinates (3,) of those that have not.
        asked: coordinates (3,) as asked for of all of them, and of what could not be built.
        impossible: coordinates (3,) as asked for of what could not be built.
    """

    observations: Observations
    running: Sequence[Array] = ()
    asked: Sequence[Array] = ()
    impossible: Sequence[Array] = ()


def missing_of_star(asked: Sequence[Array], factor: float) -> list[Point]:
    """Return the points of the star near which nothing was asked yet; the paper's shares count as centre."""
    there, missing = list(asked), []
    for point in star_points(factor):
        near = next((at for at, x in enumerate(there) if np.abs(x - point.x).max() < NEAR), None)
        if near is None:
            missing.append(point)
        else:
            del there[near]
    return missing


def next_point(seen: Seen, *, factor: float, seed: int) -> Point:
    """Return the next network of a search: what the star lacks, then what narrows the answer most.

    Args:
        seen: so far.
        factor: at which the optimum is sought.
        seed: of the draws.
    """
    missing = missing_of_star(seen.asked, factor)
    if missing:
        return missing[0]
    possible = [
        one
        for one in candidates(factor)
        if not any(np.abs(one.x - other).max() < SAME for other in seen.impossible)
    ]
    if refusal_of(seen.observations) is not None:  # most trainings failed: spread out
        return possible[len(seen.asked) % len(possible)]
    draws = fit(seen.observations).draw(DRAWS, seed=seed)
    value = worth(draws, np.array([one.x for one in possible]), seen.running, factor)
    return possible[int((value / np.array([one.factor for one in possible])).argmax())]


def worth(draws: Draws, options: Array, running: Sequence[Array], factor: float) -> Array:
    """Return how much variance a training at each option (K, 3) would take from what is asked: (K,).

    Args:
        draws: of the surface.
        options: doublings.
        running: trainings whose results are to come.
        factor: at which the optimum is sought.
    """
    cells = triangle(STEPS) * math.log2(factor)
    known = np.array(running, np.float64).reshape(-1, 3)
    heights = draws.predict(np.concatenate([options, cells, known]))
    noise = float((draws.spread**2 + draws.between**2).mean())
    places = heights[len(options) : len(options) + len(cells)]
    asked = _centred(np.concatenate([_differences(places), _contrasts(draws, factor)]))
    seen = _centred(heights)
    for at in range(len(options) + len(cells), len(seen)):
        own = seen[at].copy()
        gain = 1 / (own @ own / len(own) + noise)
        asked = asked - np.outer(asked @ own / len(own) * gain, own)
        seen = seen - np.outer(seen @ own / len(own) * gain, own)
    covariance = asked @ seen[: len(options)].T / asked.shape[1]
    variance = (seen[: len(options)] ** 2).mean(1) + noise
    return np.asarray((covariance**2).sum(0) / variance)


def _differences(heights: Array) -> Array:
    """Return the expected best's lead over each cell, weighed by the chance that the cell is the best."""
    chance = np.bincount(heights.argmax(0), minlength=len(heights)) / heights.shape[1]
    choice = int(heights.mean(1).argmax())
    return np.asarray(np.sqrt(chance)[:, None] * (heights[choice] - heights))


def _contrasts(draws: Draws, factor: float) -> Array:
    """Return the three differences of gains, each with a third of the weight."""
    return np.asarray(contrasts_of(gains_of(draws, factor)) / math.sqrt(3))


def _centred(values: Array) -> Array:
    return np.asarray(values - values.mean(1, keepdims=True))


@dataclass(frozen=True, slots=True, kw_only=True)
class Sharpness:
    """How sure a surface is.

    Args:
        contrast: half the width of the widest 95 % interval of a contrast, in the response's unit a doubling.
        regret: how far the choice is expected to be below the true optimum, in the response's unit.
    """

    contrast: float
    regret: float


def sharpness(observations: Observations, *, factor: float, seed: int = 0) -> Sharpness | None:
    """Return how sure the surface is that trainings give; None where there is none yet."""
    if refusal_of(observations) is not None:
        return None
    draws = fit(observations).draw(DRAWS, seed=seed)
    low, high = np.quantile(contrasts_of(gains_of(draws, factor)), [0.025, 0.975], axis=1)
    heights = draws.predict(triangle(STEPS) * math.log2(factor))
    choice = int(heights.mean(1).argmax())
    return Sharpness(
        contrast=float((high - low).max() / 2), regret=float((heights.max(0) - heights[choice]).mean())
    )


def expected_reach(spread: float, *, factor: float, baseline: int, extra: int = 0) -> dict[str, float]:
    """Return half the width of the 95 % intervals that a design will give, before anything is trained.

    By the plane alone, noise alike everywhere: a first answer to which differences a budget can resolve.

    Args:
        spread: from seed to seed, in the response's unit.
        factor: at which the optimum is sought.
        baseline: trainings of the baseline.
        extra: trainings beyond the star, counted as further ones of it.

    >>> {name: round(reach, 2) for name, reach in expected_reach(2.3, factor=4.0, baseline=4).items()}
    {'gain': 1.63, 'contrast': 1.9}
    """
    star_ = np.array([one.x for one in star_points(factor)])
    more = np.array([star_[at % len(star_)] for at in range(extra)]).reshape(-1, 3)
    x = np.concatenate([np.zeros((baseline, 3)), star_, more])
    columns = np.hstack([np.ones((len(x), 1)), x])
    covariance = np.linalg.inv(columns.T @ columns)[1:, 1:]
    contrast = np.array([1.0, -1.0, 0.0])
    return {
        "gain": REACH * spread * math.sqrt(covariance[0, 0]),
        "contrast": REACH * spread * math.sqrt(contrast @ covariance @ contrast),
    }
