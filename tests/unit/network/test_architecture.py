"""What a spec is, and what it refuses to be."""

from __future__ import annotations

import math
from dataclasses import FrozenInstanceError, replace
from typing import Any

import pytest

from scaling import ArchitectureSpec, HeadSpec, SpecError, StageSpec, StemSpec, variant
from scaling.network.sides import out_size

STAGE = StageSpec(repeats=2, kernel_size=3, stride=2, expand_ratio=6, in_channels=16, out_channels=24)
SPEC = ArchitectureSpec(
    stem=StemSpec(out_channels=16), stages=(STAGE,), head=HeadSpec(out_channels=32), image_size=32
)


def test_a_spec_is_frozen() -> None:
    with pytest.raises(FrozenInstanceError):
        SPEC.image_size = 64  # type: ignore[misc]


def test_the_derivation_is_outside_equality_and_hash() -> None:
    b0 = variant("b0")
    assert b0.derivation is not None
    assert replace(b0, derivation=None) == b0
    assert hash(replace(b0, derivation=None)) == hash(b0)


@pytest.mark.parametrize(
    "changes",
    [
        {"image_size": 33},
        {"in_channels": 1},
        {"num_classes": 10},
        {"stem": StemSpec(out_channels=16, stride=1)},
        {"head": HeadSpec(out_channels=40)},
        {"stages": (replace(STAGE, se_ratio=0.0),)},
        {"stages": (replace(STAGE, kernel_size=5),)},
    ],
)
def test_architecture_is_inside_equality(changes: dict[str, Any]) -> None:
    assert replace(SPEC, **changes) != SPEC


@pytest.mark.parametrize(
    ("size", "stride", "expected"), [(224, 2, 112), (225, 2, 113), (7, 1, 7), (10, 4, 3)]
)
def test_out_size_rounds_up(size: int, stride: int, expected: int) -> None:
    assert out_size(size, stride) == expected


def test_survival_falls_linearly_from_1() -> None:
    b0 = variant("b0")
    survival = b0.block_survival()
    assert len(survival) == 16
    assert survival[0] == 1
    assert survival == pytest.approx([1 - 0.2 * index / 16 for index in range(16)])
    assert replace(b0, stochastic_depth=0.0).block_survival() == (1,) * 16


@pytest.mark.parametrize("size", [7, 4097, 0, -224, math.nan, math.inf])
def test_image_sizes_from_8_to_4096(size: Any) -> None:
    with pytest.raises(SpecError, match=r"^image size must be between 8 and 4096, got"):
        replace(SPEC, image_size=size)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("repeats", 0),
        ("repeats", 2001),
        ("kernel_size", 4),
        ("kernel_size", 17),
        ("kernel_size", 0),
        ("stride", 0),
        ("stride", 5),
        ("expand_ratio", 0),
        ("expand_ratio", 65),
        ("in_channels", 0),
        ("out_channels", 1_000_001),
        ("se_ratio", -0.1),
        ("se_ratio", 1.1),
        ("se_ratio", math.nan),
    ],
)
def test_stages_have_ranges(name: str, value: Any) -> None:
    with pytest.raises(SpecError, match=name) as caught:
        replace(STAGE, **{name: value})
    assert str(value) in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "name", ["repeats", "kernel_size", "stride", "expand_ratio", "in_channels", "out_channels"]
)
@pytest.mark.parametrize("value", [1.5, True])
def test_counts_of_a_stage_are_whole_numbers(name: str, value: Any) -> None:
    with pytest.raises(SpecError, match=name):
        replace(STAGE, **{name: value})


@pytest.mark.parametrize("name", ["image_size", "in_channels", "num_classes"])
@pytest.mark.parametrize("value", [32.5])
def test_counts_of_a_network_are_whole_numbers(name: str, value: Any) -> None:
    with pytest.raises(SpecError, match=name.replace("image_size", "image.size")):
        replace(SPEC, **{name: value})


def test_an_unknown_squeeze_rounding_is_refused() -> None:
    with pytest.raises(SpecError, match="squeeze_rounding"):
        replace(STAGE, squeeze_rounding="nearest-prime")  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["dropout", "stochastic_depth"])
@pytest.mark.parametrize("value", [-0.1, 1.0, math.nan])
def test_rates_are_at_least_0_and_below_1(name: str, value: Any) -> None:
    with pytest.raises(SpecError, match=rf"^{name} must be at least 0 and below 1, got"):
        replace(SPEC, **{name: value})


@pytest.mark.parametrize("name", ["in_channels", "num_classes"])
@pytest.mark.parametrize("value", [0, 1_000_001])
def test_ends_have_ranges(name: str, value: Any) -> None:
    with pytest.raises(SpecError, match=rf"^{name} must be between"):
        replace(SPEC, **{name: value})


def test_an_architecture_has_a_stage() -> None:
    with pytest.raises(SpecError, match="at least one stage"):
        replace(SPEC, stages=())


def test_the_first_stage_takes_what_the_stem_gives() -> None:
    with pytest.raises(SpecError, match=r"^stage 1 takes 16 channels but the stem gives 8$"):
        replace(SPEC, stem=StemSpec(out_channels=8))


def test_channels_chain_from_stage_to_stage() -> None:
    with pytest.raises(SpecError, match=r"^stage 2 takes 16 channels but stage 1 gives 24$"):
        replace(SPEC, stages=(STAGE, STAGE))


def test_two_thousand_blocks_are_the_most() -> None:
    long = replace(STAGE, repeats=1000)
    longer = replace(STAGE, repeats=1000, in_channels=24)
    assert replace(SPEC, stages=(long, longer)).num_blocks == 2000
    with pytest.raises(SpecError, match="at most 2000 blocks, got 2001"):
        replace(SPEC, stages=(long, replace(longer, repeats=1001)))


def test_counts_of_stem_and_head_are_whole_numbers() -> None:
    with pytest.raises(SpecError, match="stem out_channels"):
        StemSpec(out_channels=8.5)  # type: ignore[arg-type]
    with pytest.raises(SpecError, match="head out_channels"):
        HeadSpec(out_channels=8.5)  # type: ignore[arg-type]
