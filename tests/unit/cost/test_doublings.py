"""Realised doublings: how far each dimension was scaled, after rounding."""

from __future__ import annotations

from dataclasses import replace

import pytest

from scaling import RoundingRules, ScalingCoefficients, SpecError, count_cost, scale, variant
from scaling.cost.doublings import dimension_factors, doublings

B0 = variant("b0")
EXACT = RoundingRules(coefficient_rounding="none")


def scaled(depth: float = 1.0, width: float = 1.0, resolution: float = 1.0) -> tuple[float, float, float]:
    multipliers = ScalingCoefficients(
        depth_coefficient=depth, width_coefficient=width, resolution_coefficient=resolution
    )
    return doublings(scale(B0, multipliers, EXACT), B0)


def test_the_baseline_is_the_origin() -> None:
    assert doublings(B0, B0) == (0.0, 0.0, 0.0)


def test_one_dimension_moves_one_coordinate() -> None:
    depth, width, resolution = scaled(depth=2.0), scaled(width=2.0), scaled(resolution=2.0)
    assert depth[1:] == (0.0, 0.0)
    assert width[0] == width[2] == resolution[0] == resolution[1] == 0.0
    assert depth[0] == pytest.approx(1.0, abs=0.05)
    assert width[1] == pytest.approx(1.9, abs=0.1)  # depthwise convolutions grow with the width alone
    assert resolution[2] == pytest.approx(2.0, abs=0.02)


def test_a_coordinate_is_what_the_dimension_alone_costs() -> None:
    both = scaled(depth=1.5, resolution=1.25)
    assert both == (scaled(depth=1.5)[0], 0.0, scaled(resolution=1.25)[2])
    larger = replace(B0, image_size=300)
    assert dimension_factors(larger, B0)[2] == count_cost(larger).macs / count_cost(B0).macs


def test_a_smaller_network_has_negative_coordinates() -> None:
    assert scaled(resolution=0.5)[2] < -1.8


def test_another_network_has_none() -> None:
    with pytest.raises(SpecError, match="of 7 stages; got 6 stages"):
        doublings(replace(B0, stages=B0.stages[:-1]), B0)
