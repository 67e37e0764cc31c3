"""Drawings and charts look as the accepted pictures do."""

from __future__ import annotations

import numpy as np
import pytest
from pictures import FOLDER, PICTURES, picture, pixels, run_chart_picture

from scaling import variant
from scaling.drawings import variant_drawing

LARGEST_MEAN = 0.001
"""Mean difference of lightness over a picture, 0 to 1; see the test of the tolerance."""


def difference(one: bytes, other: bytes) -> float:
    left, right = pixels(one), pixels(other)
    assert left.shape == right.shape
    return float(np.abs(left - right).mean())


@pytest.mark.parametrize("name", PICTURES)
def test_a_picture_looks_as_accepted(name: str) -> None:
    accepted = (FOLDER / f"{name}.png").read_bytes()
    assert difference(PICTURES[name](), accepted) < LARGEST_MEAN


def test_the_tolerance_sees_one_changed_network() -> None:
    b3 = picture(variant_drawing(variant("b3")))
    assert difference(b3, (FOLDER / "b4.png").read_bytes()) > LARGEST_MEAN


def test_the_tolerance_sees_another_chart_of_the_same_size() -> None:
    other = run_chart_picture("run_methods")
    assert pixels(other).shape == pixels(run_chart_picture("run_flops")).shape
    assert difference(other, run_chart_picture("run_flops")) > LARGEST_MEAN
