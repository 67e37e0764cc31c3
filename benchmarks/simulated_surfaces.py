"""Searches whose truth is known: networks of a star and their accuracies, drawn from a surface."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from scaling.analysis.surface import Observations
from scaling.analysis.surface.observations import Array, standard_points

Truth = Callable[[Array], Array]
FACTOR = 4.0


def powers(floor: float, amplitudes: tuple[float, ...], exponents: tuple[float, ...]) -> Truth:
    """Return accuracy in percent: 100 less the floor and a falling power of each dimension."""

    def at(x: Array) -> Array:
        return np.asarray(100 - floor - (np.array(amplitudes) * np.exp2(-np.array(exponents) * x)).sum(-1))

    return at


def synergy(x: Array) -> Array:
    """Return accuracy in percent that is no sum of powers: dimensions help each other."""
    depth, width, resolution = np.moveaxis(x, -1, 0)
    squares = depth**2 + width**2 + resolution**2
    products = depth * width + depth * resolution + width * resolution
    return np.asarray(70 + 4 * depth + 5 * width + 6 * resolution - 1.2 * squares + 0.8 * products)


TRUTHS: dict[str, Truth] = {
    "interior": powers(5, (12, 13, 14), (0.9, 0.9, 0.9)),
    "interior, synergy": synergy,
    "edge": powers(6, (3, 12, 16), (0.5, 0.9, 0.9)),
    "corner": powers(5, (5, 8, 25), (0.4, 0.5, 0.5)),
}
"""By where the optimum at four times the cost lies; about 9 points a doubling at the baseline."""


def observed(
    truth: Truth,
    generator: np.random.Generator,
    *,
    seed_spread: float = 3.0,
    network_spread: float = 0.6,
    rounding: float = 0.08,
) -> Observations:
    """Return the 25 trainings of a star.

    Args:
        truth: accuracy in percent by doublings.
        generator: of all noise.
        seed_spread: from seed to seed in points, where the error is 30 %; elsewhere in proportion to it.
        network_spread: what a network is worth beyond its coordinates, in points.
        rounding: how far networks are from the star, in doublings.
    """
    points = standard_points(FACTOR)
    unique, network = np.unique(points, axis=0, return_inverse=True)
    network = network.reshape(-1)
    built = np.where(
        unique.sum(1, keepdims=True) > 0, unique + generator.normal(0, rounding, unique.shape), 0
    )
    built = np.maximum(built, 0)
    own = truth(built) + generator.normal(0, network_spread, len(built))
    x, expected = built[network], own[network]
    noise = generator.normal(size=len(x)) * seed_spread * (100 - expected) / 30
    return Observations(x=x, y=expected + noise, network=network.astype(np.int64), ceiling=100.0)
