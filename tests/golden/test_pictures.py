"""Drawings look as the accepted pictures do."""

from __future__ import annotations

import numpy as np
import pytest
from pictures import FOLDER, PICTURES, picture, pixels

from scaling import variant
from scaling.diagrams import variant_drawing

LARGEST_MEAN = 0.001
"""Mean difference of lightness over a picture, 0 to 1; see the test of the tolerance."""


def difference(one: bytes, other: bytes) -> float:
    left, right = pixels(one), pixels(other)
    assert left.shape == right.shape
    return float(np.abs(left - right).mean())


@pytest.mark.parametrize("name", PICTURES)
def test_a_drawing_looks_as_accepted(name: str) -> None:
    accepted = (FOLDER / f"{name}.png").read_bytes()
    assert difference(picture(PICTURES[name]()), accepted) < LARGEST_MEAN


def test_the_tolerance_sees_one_changed_network() -> None:
    b3 = picture(variant_drawing(variant("b3")))
    assert difference(b3, (FOLDER / "b4.png").read_bytes()) > LARGEST_MEAN
