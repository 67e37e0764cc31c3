"""The shapes that a surface may have: which columns a training's coordinates become.

Every form is linear in its coefficients once its *shape* is fixed: the exponents of the powers, or how
strong the curvature may be. A posterior goes over all shapes (`posterior.py`), so none of them has to be
chosen.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from enum import StrEnum
from typing import assert_never

import numpy as np
from numpy.typing import NDArray

from scaling.analysis.surface.observations import Array

EXPONENTS = (0.1, 0.3, 0.6, 1.0, 1.6, 2.8)
"""Of the powers: from almost straight, over what laws of the field have (0.2 to 1), to saturated at one
doubling."""
CURVATURES = (0.1, 0.25, 0.5, 1.0, 2.0, 4.0)
"""Prior standard deviation of a curvature or an interaction, in spreads from seed to seed."""
PAIRS = tuple(itertools.combinations_with_replacement(range(3), 2))
GAINS = 4
"""Coefficients under a flat prior: the baseline's value and three gains."""


class Form(StrEnum):
    """How the response depends on doublings of depth, width, resolution."""

    LINEAR = "log-linear"
    """A plane: every doubling of a dimension is worth the same."""
    QUADRATIC = "log-quadratic"
    """A plane with curvatures and interactions."""
    POWERS = "sum of powers"
    """Every dimension saturates by itself: error = E + A·2^(−p·x_depth) + B·2^(−q·x_width) + …."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shapes:
    """K shapes of one form, with the prior of their P coefficients.

    Args:
        form: which.
        exponents: (K, 3) of the powers; empty for the other forms.
        precision: (K, P): prior precision of the coefficients in units of the noise; 0 where flat.
    """

    form: Form
    exponents: Array
    precision: Array

    def __len__(self) -> int:
        """Return K."""
        return len(self.precision)

    def columns(self, x: Array, shape: NDArray[np.int64] | None = None) -> Array:
        """Return what coordinates become: (K, N, P) for x (N, 3), or (S, N, P) for some of the shapes.

        Args:
            x: doublings.
            shape: int (S,): which shapes; all if None.
        """
        count = len(self) if shape is None else len(shape)
        ones = np.ones((len(x), 1))
        match self.form:
            case Form.LINEAR:
                return np.broadcast_to(np.hstack([ones, x]), (count, len(x), GAINS))
            case Form.QUADRATIC:
                products = np.stack([x[:, i] * x[:, j] for i, j in PAIRS], axis=1)
                found = np.hstack([ones, x, products])
                return np.broadcast_to(found, (count, *found.shape))
            case Form.POWERS:
                exponents = self.exponents if shape is None else self.exponents[shape]
                gained = saturating(x[None], exponents[:, None])
                return np.concatenate([np.broadcast_to(ones, (count, len(x), 1)), gained], axis=2)
            case _:
                assert_never(self.form)


def saturating(x: Array, exponent: Array) -> Array:
    """Return (1 − 2^(−p·x)) / (1 − 2^(−p)): 0 at the baseline, 1 after one doubling.

    >>> saturating(np.array([0.0, 1.0, 2.0]), np.array(1.0)).tolist()
    [0.0, 1.0, 1.5]
    """
    return np.asarray((1 - np.exp2(-exponent * x)) / (1 - np.exp2(-exponent)))


def shapes_of(form: Form) -> Shapes:
    """Return all shapes of a form, each as likely as the others before the data."""
    match form:
        case Form.LINEAR:
            return Shapes(form=form, exponents=np.empty((1, 0)), precision=np.zeros((1, GAINS)))
        case Form.QUADRATIC:
            precision = np.zeros((len(CURVATURES), GAINS + len(PAIRS)))
            precision[:, GAINS:] = np.array(CURVATURES)[:, None] ** -2
            return Shapes(form=form, exponents=np.empty((len(CURVATURES), 0)), precision=precision)
        case Form.POWERS:
            exponents = np.array(list(itertools.product(EXPONENTS, repeat=3)))
            return Shapes(form=form, exponents=exponents, precision=np.zeros((len(exponents), GAINS)))
        case _:
            assert_never(form)
