"""Directions: shares of log-cost, the unit square, and the bases they stand for."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scaling.errors import SpecError
from scaling.targets.directions import Direction

UNIT = st.floats(min_value=0, max_value=1)


@given(s=UNIT, v=UNIT, target=st.floats(min_value=1.01, max_value=64))
def test_square_triangle_and_surface_are_one(s: float, v: float, target: float) -> None:
    direction = Direction.of_square(s, v)
    bases = direction.bases(target, phi=1.0)
    assert min(bases.alpha, bases.beta, bases.gamma) >= 1
    assert bases.alpha * bases.beta**2 * bases.gamma**2 == pytest.approx(target, rel=1e-12)
    assert bases.nominal_factor == pytest.approx(target, rel=1e-12)
    again = Direction.of_bases(bases.alpha, bases.beta, bases.gamma)
    assert again.shares == pytest.approx(direction.shares, abs=1e-11)
    s_again, v_again = direction.square()
    assert 0 <= v_again <= 1
    assert s_again == pytest.approx(s, abs=1e-12)
    if direction.depth_share < 1 - 1e-6:
        assert v_again == pytest.approx(v, abs=1e-9)


def test_shares_and_bases_from_elsewhere_lie_in_the_square() -> None:
    for depth, part in np.random.default_rng(0).random((2000, 2)):
        width = (1 - depth) * part
        assert max(Direction.of_shares((depth, width, max(0.0, 1 - depth - width))).square()) <= 1
        assert Direction.of_shares((depth, 1 - depth, 0.0)).square()[1] <= 1
        assert Direction.of_bases(2.0**depth, 2.0 ** ((1 - depth) / 2), 1.0).square()[1] <= 1


def test_a_uniform_square_is_a_uniform_triangle() -> None:
    # 40,000 points: a mean share has standard deviation sqrt(1/18 / 40,000) = 0.0012; 0.006 is five of them.
    points = np.random.default_rng(0).random((40_000, 2))
    shares = np.array([Direction.of_square(s, v).shares for s, v in points])
    assert shares.mean(axis=0) == pytest.approx([1 / 3] * 3, abs=0.006)
    # Uniform over the triangle, every share alike has P(share > x) = (1 - x)^2 and any two correlate by -1/2.
    for x in (0.1, 0.5, 0.9):
        assert (shares > x).mean(axis=0) == pytest.approx([(1 - x) ** 2] * 3, abs=0.0125)
    assert np.corrcoef(shares.T)[np.triu_indices(3, 1)] == pytest.approx([-0.5] * 3, abs=0.025)


def test_corners_are_the_single_axes() -> None:
    corners = {(0.0, 0.0): (0, 0, 1), (0.0, 1.0): (0, 1, 0), (1.0, 0.0): (1, 0, 0), (1.0, 1.0): (1, 0, 0)}
    assert {point: Direction.of_square(*point).shares for point in corners} == corners
    assert Direction.of_square(1.0, 0.3).square() == (1.0, 0.5)


@pytest.mark.parametrize(
    ("made", "arguments", "message"),
    [
        *((Direction.of_shares, ((one, 0.5, two),), "cost shares must") for one, two in
          ((0.5, 0.5), (1.2, -0.7), (math.nan, 0.5), (0.2, 0.2))),
        (Direction.of_bases, (0.9, 1.1, 1.1), "bases must be at least 1"),
        (Direction.of_bases, (1.0, 1.0, 1.0), "bases must be at least 1"),
        *((lambda factor: Direction.of_square(0.5, 0.5).bases(factor, phi=1.0), (factor,), "above 1")
          for factor in (1.0, 0.5, -2.0, math.nan)),
    ],
)  # fmt: skip
def test_what_is_no_direction_is_refused(made: Any, arguments: tuple[Any, ...], message: str) -> None:
    with pytest.raises(SpecError, match=message):
        made(*arguments)
