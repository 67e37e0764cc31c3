"""What a surface says: what a doubling is worth, where the optimum lies, how sure that is."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from scaling.analysis.intervals import LEVEL, Estimate, estimate_of
from scaling.analysis.surface.comparing import FormError, compare_forms, preferred
from scaling.analysis.surface.forms import Form
from scaling.analysis.surface.observations import (
    DIMENSIONS,
    Array,
    Observations,
    standard_points,
    triangle,
)
from scaling.analysis.surface.posterior import Draws, fit, refusal_of
from scaling.errors import ResultsError

STEPS = 20
"""The triangle of shares is looked at every 5 %."""
SMOOTHING = 0.13
"""Width, in shares, of the kernel that orders the cells of a region. Chosen in simulated searches:
narrower ones cover too rarely where the optimum is flat."""
CONTRASTS = (("resolution", "depth"), ("width", "depth"), ("resolution", "width"))
POWERS_OF_BASES = {"alpha": 1, "beta": 2, "gamma": 2}


@dataclass(frozen=True, slots=True, kw_only=True)
class Optimum:
    """Where a surface is highest at one cost.

    Args:
        shares: of log-cost for depth, width, resolution, where the expected surface is highest.
        intervals: 95 % interval of each share.
        region: (R, 3): the cells of the triangle of shares that hold the optimum with 95 %.
        interior: probability that it lies inside the triangle: all three dimensions are scaled.
        beats_single: probability that it beats each dimension alone.
        regret: how far the expected optimum is below the true one, on average, in the response's unit.
    """

    shares: tuple[float, float, float]
    intervals: tuple[Estimate, Estimate, Estimate]
    region: Array
    interior: float
    beats_single: Mapping[str, float]
    regret: float

    def bases(self) -> dict[str, Estimate]:
        """Return alpha, beta, gamma with alpha·beta²·gamma² = 2."""
        return {
            name: _power(one, power)
            for (name, power), one in zip(POWERS_OF_BASES.items(), self.intervals, strict=True)
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class SurfaceAnswer:
    """What the trainings of a run say together.

    Args:
        factor: the cost at which the optimum is sought, times the baseline's.
        trainings: that were fitted.
        networks: that they are of.
        gains: a doubling of cost by each dimension is worth so much, averaged between baseline and factor.
        contrasts: differences of gains, named `resolution-depth` and so on.
        optimum: at that factor.
        spread: from seed to seed.
        forms: each form's error in predicting networks that it has not seen.
        form: of which the answer is.
        draws: of the surface, for charts and for comparing networks.
    """

    factor: float
    trainings: int
    networks: int
    gains: Mapping[str, Estimate]
    contrasts: Mapping[str, Estimate]
    optimum: Optimum
    spread: Estimate
    forms: tuple[FormError, ...]
    form: Form
    draws: Draws

    def difference(self, x: Array, other: Array) -> Estimate:
        """Return how much better one network is expected to be than another, from their coordinates (3,)."""
        first, second = self.draws.predict(np.array([x, other]))
        return estimate_of(float((first - second).mean()), first - second)

    def document(self) -> dict[str, Any]:
        """Return the answer as plain data, as result.json has it."""
        return {
            "factor": self.factor,
            "trainings": self.trainings,
            "networks": self.networks,
            "gains": {
                name: {"points_per_doubling": one.value, "low": one.low, "high": one.high}
                for name, one in self.gains.items()
            },
            "contrasts": {name: asdict(one) for name, one in self.contrasts.items()},
            "optimum": {
                "shares": dict(zip(DIMENSIONS, self.optimum.shares, strict=True)),
                "intervals": {
                    name: asdict(one) for name, one in zip(DIMENSIONS, self.optimum.intervals, strict=True)
                },
                "region": self.optimum.region.round(4).tolist(),
                **{name: asdict(one) for name, one in self.optimum.bases().items()},
                "beats_single": dict(self.optimum.beats_single),
                "expected_regret": self.optimum.regret,
            },
            "interior_probability": self.optimum.interior,
            "spread_between_seeds": asdict(self.spread),
            "form": self.form.value,
            "forms": [one.document() for one in self.forms],
        }


def _power(share: Estimate, power: int) -> Estimate:
    value, low, high = (2 ** (end / power) for end in (share.value, share.low, share.high))
    return Estimate(value=value, low=low, high=high)


def answer(observations: Observations, *, factor: float, least_spread: float = 0.0) -> SurfaceAnswer:
    """Fit a surface and say what it means.

    Args:
        observations: trainings.
        factor: the cost at which the optimum is sought, times the baseline's, above 1.
        least_spread: floor under the noise from seed to seed, in the response's unit: what chance in the
            choice of the validation images makes of one accuracy.

    Raises:
        ResultsError: no surface can be fitted; the message says why.
    """
    refusal = refusal_of(observations)
    if refusal is not None:
        raise ResultsError(refusal)
    forms = compare_forms(observations)
    form = preferred(forms)
    draws = fit(observations, form).draw(least_spread=least_spread)
    slopes = gains_of(draws, factor)
    return SurfaceAnswer(
        factor=factor,
        trainings=len(observations),
        networks=observations.networks,
        gains={name: _estimate(own) for name, own in zip(DIMENSIONS, slopes, strict=True)},
        contrasts={
            f"{one}-{other}": _estimate(own)
            for (one, other), own in zip(CONTRASTS, contrasts_of(slopes), strict=True)
        },
        optimum=optimum_of(draws, factor),
        spread=_estimate(draws.spread),
        forms=forms,
        form=form,
        draws=draws,
    )


def _estimate(draws: Array) -> Estimate:
    return estimate_of(float(draws.mean()), draws)


def gains_of(draws: Draws, factor: float) -> Array:
    """Return the slopes of the plane that comes nearest to each draw over the standard points, (3, S).

    A gain so defined is what a doubling of cost by one dimension is worth on average between the baseline
    and the factor, whichever networks happened to be trained.
    """
    points = standard_points(factor)
    plane = np.hstack([np.ones((len(points), 1)), points])
    return np.asarray(np.linalg.pinv(plane) @ draws.predict(points))[1:]


def contrasts_of(slopes: Array) -> Array:
    """Return the differences of gains (3, S) in the order of `CONTRASTS`: (3, S).

    >>> contrasts_of(np.array([[1.0], [2.0], [4.0]])).ravel().tolist()
    [3.0, 1.0, 2.0]
    """
    place = {name: at for at, name in enumerate(DIMENSIONS)}
    return np.array([slopes[place[one]] - slopes[place[other]] for one, other in CONTRASTS])


def optimum_of(draws: Draws, factor: float) -> Optimum:
    """Return where the surface is highest at a factor of the baseline's cost."""
    cells = triangle(STEPS)
    heights = draws.predict(cells * math.log2(factor))
    highest = heights.argmax(0)
    expected = heights.mean(1)
    choice = int(expected.argmax())
    found = cells[highest]
    ends = [estimate_of(float(cells[choice, at]), found[:, at]) for at in range(3)]
    corners = {name: int(cells[:, at].argmax()) for at, name in enumerate(DIMENSIONS)}
    depth, width, resolution = cells[choice].tolist()
    return Optimum(
        shares=(depth, width, resolution),
        intervals=(ends[0], ends[1], ends[2]),
        region=cells[optimum_region(cells, np.bincount(highest, minlength=len(cells)) / len(highest))],
        interior=float((found.min(1) > 0).mean()),
        beats_single={name: float((heights[choice] > heights[at]).mean()) for name, at in corners.items()},
        regret=float((heights.max(0) - heights[choice]).mean()),
    )


def optimum_region(cells: Array, probability: Array) -> Array:
    """Return which cells hold the optimum with 95 %, the likeliest neighbourhoods first.

    Args:
        cells: (K, 3) of the triangle.
        probability: (K,): of holding the optimum; sums to 1.

    >>> optimum_region(np.eye(3), np.array([0.97, 0.02, 0.01])).tolist()
    [0]
    """
    apart = ((cells[:, None] - cells[None]) ** 2).sum(-1)
    density = np.exp(-apart / (2 * SMOOTHING**2)) @ probability
    order = np.argsort(-density, kind="stable")
    count = int(np.searchsorted(np.cumsum(probability[order]), LEVEL)) + 1
    return np.sort(order[:count])
