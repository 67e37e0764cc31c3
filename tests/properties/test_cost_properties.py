"""Cost: closed form, its vectorised twin, a count by hand, fvcore and torch's counter all say the same."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from reference_counts import reference_counts
from spec_strategies import architectures, rounding_rules

from scaling import (
    ArchitectureSpec,
    RoundingRules,
    ScalingCoefficients,
    SpecError,
    build_model,
    count_cost,
    scale,
    variant,
)
from scaling.cost.traced import count_with_fvcore, count_with_torch
from scaling.cost.vectorised import Candidates, count_costs
from scaling.model import TENSORFLOW, TORCHVISION, Numerics
from scaling.network.decomposition import layers

NUMERICS = st.sampled_from([TENSORFLOW, TORCHVISION])
LARGE = architectures(largest_image=1024, widest=500, most_stages=6)
AXES = ["depth_coefficient", "width_coefficient", "resolution_coefficient"]
COEFFICIENTS = st.builds(
    ScalingCoefficients,
    depth_coefficient=st.floats(min_value=0.06, max_value=4),
    width_coefficient=st.floats(min_value=0.06, max_value=4),
    resolution_coefficient=st.floats(min_value=0.2, max_value=4),
)


@given(spec=LARGE)
def test_the_closed_form_is_the_count_by_hand(spec: ArchitectureSpec) -> None:
    cost, reference = count_cost(spec), reference_counts(spec)
    assert (cost.macs, cost.params, cost.activations) == (
        reference.macs,
        reference.params,
        reference.activations,
    )
    assert all(type(count) is int for count in (cost.macs, cost.params, cost.activations))


@given(spec=LARGE)
def test_every_block_is_the_count_by_hand(spec: ArchitectureSpec) -> None:
    found = [(piece.macs, piece.params, piece.activations) for piece in count_cost(spec).by_block]
    assert found == list(reference_counts(spec).pieces().values())


@pytest.mark.parametrize("pieces", ["by_stage", "by_block"])
@given(spec=LARGE)
def test_named_pieces_sum_to_the_total(pieces: str, spec: ArchitectureSpec) -> None:
    cost = count_cost(spec)
    found = getattr(cost, pieces)
    for name in ("macs", "params", "activations"):
        assert sum(getattr(piece, name) for piece in found) == getattr(cost, name)
    names = [piece.name for piece in found]
    assert len(set(names)) == len(names)
    ends = ["head", "classifier"] if spec.head.out_channels else ["classifier"]
    assert (names[0], names[-len(ends) :]) == ("stem", ends)
    assert len(found) == 1 + len(ends) + (len(spec.stages) if pieces == "by_stage" else spec.num_blocks)


@given(spec=LARGE)
def test_the_layers_of_the_decomposition_have_the_networks_params(spec: ArchitectureSpec) -> None:
    assert sum(layer.params for layer in layers(spec, include_top=True)) == count_cost(spec).params


@given(
    spec=architectures(widest=60), many=st.lists(COEFFICIENTS, min_size=1, max_size=6), rules=rounding_rules()
)
def test_the_vectorised_form_counts_scaled_networks(
    spec: ArchitectureSpec, many: list[ScalingCoefficients], rules: RoundingRules
) -> None:
    try:
        specs = [scale(spec, each, rules) for each in many]
    except SpecError:
        assume(False)
    # Scaling may change how squeeze channels are rounded, so one of the results is the pattern of the others.
    found = count_costs(specs[0], Candidates.of(specs, baseline=specs[0]))
    for name in ("macs", "params", "activations"):
        counts = getattr(found, name)
        assert counts.dtype == np.int64
        assert counts.tolist() == [getattr(count_cost(each), name) for each in specs]


def test_the_vectorised_form_counts_no_candidates_at_all() -> None:
    empty = Candidates(
        repeats=np.empty((0, 7), np.int64),
        channels=np.empty((0, 9), np.int64),
        image_size=np.empty(0, np.int64),
    )
    assert count_costs(variant("b0"), empty).macs.tolist() == []


@given(start=COEFFICIENTS, axis=st.sampled_from(AXES), more=st.floats(1, 3), rules=rounding_rules())
def test_cost_never_falls_when_one_coefficient_rises(
    start: ScalingCoefficients, axis: str, more: float, rules: RoundingRules
) -> None:
    try:
        low = count_cost(scale(variant("b0"), start, rules))
        high = count_cost(scale(variant("b0"), replace(start, **{axis: getattr(start, axis) * more}), rules))
    except SpecError:
        assume(False)
    assert low.macs <= high.macs
    assert low.activations <= high.activations
    assert low.params <= high.params
    if axis == "resolution_coefficient":
        assert low.params == high.params


@given(spec=architectures(), numerics=NUMERICS)
def test_torchs_counter_says_exactly_twice_the_macs(spec: ArchitectureSpec, numerics: Numerics) -> None:
    model = build_model(spec, numerics=numerics, device="meta")
    shape = (1, spec.in_channels, spec.image_size, spec.image_size)
    assert count_with_torch(model, shape) == 2 * count_cost(spec).macs


@given(spec=architectures(), numerics=NUMERICS)
def test_the_module_has_the_counted_params(spec: ArchitectureSpec, numerics: Numerics) -> None:
    model = build_model(spec, numerics=numerics, device="meta")
    assert sum(parameter.numel() for parameter in model.parameters()) == count_cost(spec).params


@settings(max_examples=15)
@given(spec=architectures(largest_image=41, most_stages=3), numerics=NUMERICS)
def test_fvcore_says_the_same_operator_by_operator(spec: ArchitectureSpec, numerics: Numerics) -> None:
    shape = (1, spec.in_channels, spec.image_size, spec.image_size)
    found, reference = count_with_fvcore(build_model(spec, numerics=numerics), shape), reference_counts(spec)
    classifier = spec.feature_channels * spec.num_classes
    assert found.by_operator == {
        "conv": reference.macs - classifier,
        "linear": classifier,
        "batch_norm": 2 * reference.norm_elements,
        "adaptive_avg_pool2d": reference.pooled_elements,
    }
    assert found.macs == count_cost(spec).macs
    assert found.total == reference.fvcore_total
