"""Closed-form cost: known figures, names of pieces, and what changes which count."""

from __future__ import annotations

from dataclasses import replace

import pytest

from scaling import (
    ArchitectureSpec,
    HeadSpec,
    ScalingCoefficients,
    StageSpec,
    StemSpec,
    count_cost,
    scale,
    variant,
)
from scaling.cost.vectorised import Candidates, count_costs
from scaling.errors import SpecError
from scaling.network.rounding import SqueezeRounding
from scaling.network.sides import input_sides

B0 = variant("b0")


def by(depth: float = 1.0, width: float = 1.0, resolution: float = 1.0) -> ScalingCoefficients:
    return ScalingCoefficients(
        depth_coefficient=depth, width_coefficient=width, resolution_coefficient=resolution
    )


# arXiv:1905.11946, Figure 3, single axes from B0, in billions; exact arithmetic gives these three decimals.
WIDTHS = [(1.0, 0.386), (1.4, 0.744), (1.8, 1.176), (2.6, 2.391), (3.8, 5.060), (5.0, 8.712)]
DEPTHS = [(1.0, 0.386), (2.0, 0.782), (3.0, 1.179), (4.0, 1.575), (6.0, 2.368), (8.0, 3.161)]
RESOLUTIONS = [
    (1.0, 0.386),
    (1.3, 0.718),
    (1.5, 0.893),
    (1.7, 1.129),
    (1.9, 1.458),
    (2.2, 1.923),
    (2.5, 2.447),
]


@pytest.mark.parametrize(("width", "billions"), WIDTHS)
def test_macs_of_wider_networks(width: float, billions: float) -> None:
    assert count_cost(scale(B0, by(width=width))).macs / 1e9 == pytest.approx(billions, abs=5.01e-4)


@pytest.mark.parametrize(("depth", "billions"), DEPTHS)
def test_macs_of_deeper_networks(depth: float, billions: float) -> None:
    assert count_cost(scale(B0, by(depth=depth))).macs / 1e9 == pytest.approx(billions, abs=5.01e-4)


@pytest.mark.parametrize(("resolution", "billions"), RESOLUTIONS)
def test_macs_at_finer_images(resolution: float, billions: float) -> None:
    assert count_cost(scale(B0, by(resolution=resolution))).macs / 1e9 == pytest.approx(billions, abs=5.01e-4)


def test_pieces_by_name() -> None:
    cost = count_cost(B0)
    assert [piece.name for piece in cost.by_stage] == [
        "stem",
        *(f"stage{number}" for number in range(1, 8)),
        "head",
        "classifier",
    ]
    blocks = [piece.name for piece in cost.by_block]
    assert blocks[:5] == ["stem", "block1a", "block2a", "block2b", "block3a"]
    assert blocks[-3:] == ["block7a", "head", "classifier"]
    assert len(blocks) == 19


def test_stem_and_classifier_by_hand() -> None:
    stem, *_, classifier = count_cost(B0).by_stage
    assert (stem.macs, stem.params, stem.activations) == (
        112 * 112 * 27 * 32,
        27 * 32 + 64,
        112 * 112 * 32,
    )
    assert (classifier.macs, classifier.params, classifier.activations) == (1_280_000, 1_281_000, 1000)


def test_input_sides_round_up_at_every_stride() -> None:
    assert input_sides(replace(B0, image_size=225)) == (113, 113, 57, 29, 15, 15, 8, 8)
    stride_1 = replace(B0, image_size=33, stem=StemSpec(out_channels=32, stride=1))
    assert input_sides(stride_1) == (33, 33, 17, 9, 5, 5, 3, 3)


@pytest.mark.parametrize("rounding", SqueezeRounding)
def test_squeeze_channels_of_every_width_are_rounded_alike_in_both_forms(rounding: SqueezeRounding) -> None:
    specs = [
        ArchitectureSpec(
            stem=StemSpec(out_channels=channels),
            stages=(
                StageSpec(
                    repeats=2,
                    kernel_size=3,
                    stride=1,
                    expand_ratio=1,
                    in_channels=channels,
                    out_channels=channels,
                    squeeze_rounding=rounding,
                ),
            ),
            head=HeadSpec(out_channels=8),
            image_size=8,
        )
        for channels in range(1, 101)
    ]
    found = count_costs(specs[0], Candidates.of(specs, baseline=specs[0]))
    assert found.params.tolist() == [count_cost(spec).params for spec in specs]


def test_many_candidates_are_counted_in_chunks_and_in_order() -> None:
    sizes = [*range(8, 4097)] * 5
    specs = [replace(B0, image_size=size) for size in sizes[:4089]]
    one_round = count_costs(B0, Candidates.of(specs, baseline=B0)).macs.tolist()
    candidates = Candidates.of(specs * 5, baseline=B0)
    assert len(candidates) == len(sizes) > 16_384
    assert count_costs(B0, candidates).macs.tolist() == one_round * 5
    assert one_round[224 - 8] == count_cost(B0).macs


def test_candidates_of_another_skeleton_are_refused() -> None:
    kernels = tuple(replace(stage, kernel_size=3) for stage in B0.stages)
    with pytest.raises(SpecError, match="kernels, strides"):
        Candidates.of([replace(B0, stages=kernels)], baseline=B0)
