"""What a surface is fitted to: one row a training, its doublings of cost, and what it reached."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum
from typing import assert_never

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from scaling.errors import ResultsError

Array = NDArray[np.float64]
DIMENSIONS = ("depth", "width", "resolution")
COORDINATES = tuple(f"x_{name}" for name in DIMENSIONS)
"""Columns: doublings of multiply-adds that each dimension brings, after rounding."""


class Response(StrEnum):
    """What is explained; more is better in all of them."""

    TOP1 = "top1"
    """Validation accuracy in points: per cent, so a gain of 1 is one point."""
    ERROR = "error"
    """Minus 100 times the natural logarithm of the validation error: a gain of 1 is about 1 % of the
    error."""
    LOSS = "validation_loss"
    """Minus the validation cross-entropy in nats."""

    @property
    def ceiling(self) -> float | None:
        """The best that can be: noise shrinks on the way to it. None where noise is alike everywhere."""
        match self:
            case Response.TOP1:
                return 100.0
            case Response.LOSS:
                return 0.0
            case Response.ERROR:
                return None
            case _:
                assert_never(self)

    @property
    def unit(self) -> str:
        """The unit of a gain."""
        return {Response.TOP1: "points", Response.ERROR: "% of error", Response.LOSS: "nats"}[self]


@dataclass(frozen=True, slots=True, kw_only=True)
class Observations:
    """N trainings of M networks.

    Args:
        x: (N, 3): doublings of cost by depth, width, resolution; 0 for the baseline.
        y: (N,): the response.
        network: int (N,): 0 to M - 1, which trainings are of one network.
        ceiling: of the response.
    """

    x: Array
    y: Array
    network: NDArray[np.int64]
    ceiling: float | None = None

    def __len__(self) -> int:
        """Return N."""
        return len(self.y)

    @property
    def networks(self) -> int:
        """M."""
        return len(np.unique(self.network))

    def without(self, network: int) -> Observations:
        """Return the trainings of all other networks."""
        kept = self.network != network
        return Observations(x=self.x[kept], y=self.y[kept], network=self.network[kept], ceiling=self.ceiling)


def observations_of(trials: pd.DataFrame, response: Response = Response.TOP1) -> Observations:
    """Return the complete trainings of a table of trials that have coordinates.

    Args:
        trials: with columns `state`, `architecture`, `x_depth`, `x_width`, `x_resolution`, and `top1`
            (fraction) or `validation_loss` (nats).
        response: what is explained.

    Raises:
        ResultsError: the table has no coordinates.
    """
    missing = [column for column in COORDINATES if column not in trials.columns]
    if missing:
        raise ResultsError(f"the table of trials has no column {missing[0]!r}: no surface can be fitted")
    column = Response.LOSS if response == Response.LOSS else Response.TOP1
    usable = (
        (trials["state"] == "complete")
        & trials[column].notna()
        & trials[list(COORDINATES)].notna().all(axis=1)
    )
    kept = trials[usable]
    values = kept[column].to_numpy(np.float64)
    return Observations(
        x=kept[list(COORDINATES)].to_numpy(np.float64).reshape(-1, 3),
        y=_goodness(values, response),
        network=pd.factorize(kept["architecture"])[0].astype(np.int64),
        ceiling=response.ceiling,
    )


def _goodness(values: Array, response: Response) -> Array:
    match response:
        case Response.TOP1:
            return 100 * values
        case Response.LOSS:
            return -values
        case Response.ERROR:
            least = 1e-6  # a network without one wrong answer has an error below what the images can show
            return -100 * np.log(np.maximum(1 - values, least))
        case _:
            assert_never(response)


def standard_points(factor: float) -> Array:
    """Return the design over which gains are averaged, (18, 3) in doublings.

    The baseline four times; corners, edge midpoints and centre of the triangle at the square root of the
    factor once and at the factor twice, less the repeats that add nothing: weights are what counts, so
    repeats stay.

    Args:
        factor: of the cost, above 1.

    >>> standard_points(4.0).shape, float(standard_points(4.0).sum(1).max())
    ((25, 3), 2.0)
    """
    points = star()
    total = math.log2(factor)
    return np.concatenate([np.zeros((4, 3)), points * total / 2, points * total, points * total])


def star() -> Array:
    """Return corners, edge midpoints and centre of the triangle of shares, (7, 3)."""
    corners = np.eye(3)
    edges = [(corners[i] + corners[j]) / 2 for i, j in ((0, 1), (0, 2), (1, 2))]
    return np.array([*corners, *edges, np.full(3, 1 / 3)])


def triangle(steps: int) -> Array:
    """Return a grid of shares, ((steps + 1)(steps + 2) / 2, 3).

    >>> triangle(20).shape
    (231, 3)
    """
    return np.array(
        [
            (depth / steps, width / steps, (steps - depth - width) / steps)
            for depth in range(steps + 1)
            for width in range(steps + 1 - depth)
        ]
    )
