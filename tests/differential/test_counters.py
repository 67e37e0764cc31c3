"""The closed form against fvcore and torch's counter on the built module, for every official variant."""

from __future__ import annotations

import pytest
from reference_counts import reference_counts

from scaling import build_model, count_cost, variant
from scaling.cost.traced import count_with_fvcore, count_with_torch
from scaling.model import TENSORFLOW, TORCHVISION, Numerics
from scaling.network.families import released_coefficients

AFFORDABLE = ("b0", "b1", "b2")
TRACED = [
    pytest.param(name, marks=[] if name in AFFORDABLE else pytest.mark.slow)
    for name in (f"b{number}" for number in range(8))
]


@pytest.mark.parametrize("numerics", [TENSORFLOW, TORCHVISION], ids=["same", "symmetric"])
@pytest.mark.parametrize("name", released_coefficients())
def test_torchs_counter_is_exactly_twice_the_macs(name: str, numerics: Numerics) -> None:
    spec = variant(name)
    model = build_model(spec, numerics=numerics, device="meta")
    assert count_with_torch(model, (1, 3, spec.image_size, spec.image_size)) == 2 * count_cost(spec).macs
    assert sum(parameter.numel() for parameter in model.parameters()) == count_cost(spec).params


@pytest.mark.parametrize("name", TRACED)
def test_fvcore_operator_by_operator(name: str) -> None:
    spec = variant(name)
    found = count_with_fvcore(build_model(spec), (1, 3, spec.image_size, spec.image_size))
    reference, classifier = reference_counts(spec), spec.head.out_channels * spec.num_classes
    assert found.by_operator == {
        "conv": count_cost(spec).macs - classifier,
        "linear": classifier,
        "batch_norm": 2 * reference.norm_elements,
        "adaptive_avg_pool2d": reference.pooled_elements,
    }
    assert found.total == reference.fvcore_total
    assert found.macs == count_cost(spec).macs
