"""What the enumeration of a budget stands on: memory by array equals memory by spec, and never falls."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scaling import ScalingCoefficients, scale, variant
from scaling.cost.memory import peak_activation_bytes, peak_activation_bytes_of
from scaling.cost.peak_memory import MemoryUse, peak_bytes, peak_bytes_of
from scaling.cost.vectorised import Candidates

GROWTH = st.floats(min_value=1.0, max_value=3.0)


@given(depth=GROWTH, width=GROWTH, resolution=GROWTH, name=st.sampled_from(["b0", "lite0"]))
@settings(max_examples=60, deadline=None)
def test_memory_of_many_is_that_of_each(depth: float, width: float, resolution: float, name: str) -> None:
    baseline = variant(name)
    coefficients = ScalingCoefficients(
        depth_coefficient=depth, width_coefficient=width, resolution_coefficient=resolution
    )
    specs = [baseline, scale(baseline, coefficients)]
    candidates = Candidates.of(specs, baseline=baseline)
    found = peak_activation_bytes_of(baseline, candidates)
    assert found.tolist() == [peak_activation_bytes(spec) for spec in specs]
    for use in (MemoryUse(), MemoryUse(training=True, batch=8)):
        assert peak_bytes_of(baseline, candidates, use).tolist() == [peak_bytes(s, use) for s in specs]


@pytest.mark.parametrize("name", ["b0", "lite0"])
def test_memory_never_falls_with_the_image_size(name: str) -> None:
    baseline, sizes = variant(name), np.arange(32, 700)
    one = Candidates.of([baseline], baseline=baseline)
    many = Candidates(
        repeats=np.repeat(one.repeats, len(sizes), axis=0),
        channels=np.repeat(one.channels, len(sizes), axis=0),
        image_size=sizes,
    )
    assert (np.diff(peak_activation_bytes_of(baseline, many)) >= 0).all()
    assert (np.diff(peak_bytes_of(baseline, many, MemoryUse(training=True, batch=8))) >= 0).all()
