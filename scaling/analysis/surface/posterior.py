"""The posterior of a response surface: coefficients, shape, noise from seed to seed, spread between networks.

A training of network g reaches f(x_g) + b_g + e, with b_g ~ N(0, (tau·s_g)²), what a network is worth
beyond its coordinates, and e ~ N(0, s_g²), its seed. s_g = sigma · (distance to the ceiling)^h: seeds
spread less where networks are good. Given shape, tau and h all is a linear model with a closed posterior
(normal and inverse gamma); shape, tau and h are summed over a grid. So nothing is sampled by Markov
chains, and the same records give the same answer to the bit.

Why not a library: statsmodels' mixed models know neither unequal variances of this kind nor a prior, and
their intervals are asymptotic (a run has about twenty networks); Gaussian processes (BoTorch) have no
exponents and bring a second tensor engine's worth of dependencies for a linear solve.

Source: Gelman et al., Bayesian Data Analysis, 3rd edition, chapters 14 and 15; Harville 1977 for the
restricted likelihood, which is what is left when flat coefficients are integrated out.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from scaling.analysis.surface.forms import GAINS, Form, Shapes, shapes_of
from scaling.analysis.surface.observations import Array, Observations
from scaling.errors import ResultsError

BETWEEN = (0.0, 0.3, 0.6, 1.0, 1.5, 2.5)
"""tau: spread between networks over the spread from seed to seed."""
SHRINKING = (0.0, 0.5, 1.0, 1.5)
"""h: 0 for equal noise everywhere, 1 for noise in proportion to what is left to gain."""
LEAST_NETWORKS = 6
DRAWS = 4000


@dataclass(frozen=True, slots=True, kw_only=True)
class Draws:
    """S draws of a surface.

    Args:
        shapes: of the form.
        shape: int (S,): which shape each draw has.
        coefficients: (S, P).
        spread: (S,): standard deviation from seed to seed in the middle of the data.
        between: (S,): spread between networks, in the same unit.
    """

    shapes: Shapes
    shape: NDArray[np.int64]
    coefficients: Array
    spread: Array
    between: Array

    def predict(self, x: Array) -> Array:
        """Return the surface at x (K, 3), for every draw: (K, S)."""
        columns = self.shapes.columns(np.asarray(x, np.float64), self.shape)
        return np.asarray(np.einsum("skp,sp->ks", columns, self.coefficients))


@dataclass(frozen=True, slots=True, kw_only=True)
class Posterior:
    """A fitted surface: C combinations of shape, tau and h, and how likely each is.

    Args:
        shapes: of the form.
        shape: int (C,).
        between: (C,): tau.
        probability: (C,): sums to 1.
        mean: (C, P): of the coefficients.
        factor: (C, P, P): lower Cholesky factor of their precision in units of the noise.
        squares: (C,): what the fit leaves, in units of the noise.
        freedom: degrees of freedom of the noise.
    """

    shapes: Shapes
    shape: NDArray[np.int64]
    between: Array
    probability: Array
    mean: Array
    factor: Array
    squares: Array
    freedom: int

    def expected(self, x: Array) -> Array:
        """Return the posterior mean of the surface at x (K, 3): (K,)."""
        each = (self.shapes.columns(x, self.shape) * self.mean[:, None]).sum(2)
        return np.asarray(self.probability @ each)

    def draw(self, count: int = DRAWS, *, seed: int = 0, least_spread: float = 0.0) -> Draws:
        """Return draws; the same for the same seed.

        Args:
            count: how many.
            seed: of the generator.
            least_spread: floor under the noise from seed to seed, in the unit of the response.
        """
        generator = np.random.default_rng(seed)
        chosen = generator.choice(len(self.probability), count, p=self.probability)
        spread = np.sqrt(self.squares[chosen] / generator.chisquare(self.freedom, count))
        spread = np.maximum(spread, least_spread)
        normal = generator.standard_normal((count, self.mean.shape[1], 1))
        moved = np.linalg.solve(np.swapaxes(self.factor[chosen], 1, 2), normal)[..., 0]
        return Draws(
            shapes=self.shapes,
            shape=self.shape[chosen],
            coefficients=self.mean[chosen] + spread[:, None] * moved,
            spread=spread,
            between=spread * self.between[chosen],
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Networks:
    """Observations, one row a network: all that the model asks of them.

    Args:
        x: (M, 3).
        mean: (M,).
        count: (M,): trainings.
        squares: (M,): squared deviations from the mean.
        level: (M,): distance to the ceiling over its geometric mean; 1 where there is none.
    """

    x: Array
    mean: Array
    count: Array
    squares: Array
    level: Array


def refusal_of(observations: Observations) -> str | None:
    """Say why no surface can be fitted, or return None."""
    if observations.networks < LEAST_NETWORKS:
        return f"{observations.networks} networks are trained; a surface needs {LEAST_NETWORKS} or more"
    spread = np.linalg.svd(observations.x - observations.x.mean(0), compute_uv=False)
    if spread[-1] < 0.05 * max(1.0, spread[0]):
        return "depth, width and resolution did not vary apart from each other"
    if np.ptp(observations.y) == 0:
        return "all trainings reached the same"
    return None


def fit(observations: Observations, form: Form = Form.POWERS) -> Posterior:
    """Fit a surface.

    Args:
        observations: trainings.
        form: of the surface.

    Raises:
        ResultsError: they are too few, or all on one line.
    """
    refusal = refusal_of(observations)
    if refusal is not None:
        raise ResultsError(refusal)
    shapes, networks = shapes_of(form), _networks(observations)
    columns = shapes.columns(networks.x)
    shrinking = SHRINKING if observations.ceiling is not None else (0.0,)
    freedom = len(observations) - GAINS
    parts = [
        (tau, *_solve(columns, shapes.precision, networks, tau, h, freedom))
        for h in shrinking
        for tau in BETWEEN
    ]
    evidence = np.concatenate([part[1] for part in parts])
    weight = np.exp(evidence - evidence.max())
    return Posterior(
        shapes=shapes,
        shape=np.tile(np.arange(len(shapes)), len(parts)),
        between=np.repeat([part[0] for part in parts], len(shapes)),
        probability=weight / weight.sum(),
        mean=np.concatenate([part[2] for part in parts]),
        factor=np.concatenate([part[3] for part in parts]),
        squares=np.concatenate([part[4] for part in parts]),
        freedom=freedom,
    )


def _networks(observations: Observations) -> _Networks:
    labels = np.unique(observations.network, return_inverse=True)[1]
    count = np.bincount(labels).astype(np.float64)
    mean = np.bincount(labels, observations.y) / count
    squares = np.bincount(labels, (observations.y - mean[labels]) ** 2).astype(np.float64)
    x = np.stack([np.bincount(labels, column) / count for column in observations.x.T], axis=1)
    return _Networks(
        x=x, mean=mean, count=count, squares=squares, level=_level(x, mean, count, observations.ceiling)
    )


def _level(x: Array, mean: Array, count: Array, ceiling: float | None) -> Array:
    """Return how far each network is from the ceiling, by a plane, so that luck does not shape its noise."""
    if ceiling is None:
        return np.ones(len(mean))
    plane, weight = np.hstack([np.ones((len(x), 1)), x]), np.sqrt(count)
    found = plane @ np.linalg.lstsq(plane * weight[:, None], mean * weight, rcond=None)[0]
    left = ceiling - found
    usual = max(float(np.average(ceiling - mean, weights=count)), 1e-9)
    left = np.maximum(left, 0.05 * usual)
    return np.asarray(left / np.exp(np.average(np.log(left), weights=count)))


def _solve(
    columns: Array, precision: Array, networks: _Networks, tau: float, h: float, freedom: int
) -> tuple[Array, Array, Array, Array]:
    """Return log evidence (K,), means (K, P), Cholesky factors (K, P, P) and squares (K,) of all shapes."""
    own = networks.level ** (2 * h)
    variance = own * (1 / networks.count + tau**2)
    scaled = columns / np.sqrt(variance)[:, None]
    wanted = networks.mean / np.sqrt(variance)
    gram = np.einsum("knp,knq->kpq", scaled, scaled) + precision[:, :, None] * np.eye(columns.shape[2])
    factor = np.linalg.cholesky(gram)
    mean = np.linalg.solve(gram, np.einsum("knp,n->kp", scaled, wanted)[..., None])[..., 0]
    left = wanted - np.einsum("knp,kp->kn", scaled, mean)
    squares = (left**2).sum(1) + (precision * mean**2).sum(1) + (networks.squares / own).sum()
    squares = np.maximum(squares, 1e-12)
    half_log_variance = np.log(variance).sum() / 2 + ((networks.count - 1) * np.log(own)).sum() / 2
    proper = np.log(np.where(precision > 0, precision, 1.0)).sum(1) / 2
    # within a network of n trainings the determinant has a factor n beside that of the mean; it cancels
    evidence = (
        proper
        - half_log_variance
        - np.log(np.diagonal(factor, axis1=1, axis2=2)).sum(1)
        - freedom / 2 * np.log(squares)
    )
    return evidence, mean, factor, squares
