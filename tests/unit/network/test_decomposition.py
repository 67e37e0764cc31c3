"""Layers, modules and sub-blocks as the official drawings name them."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from itertools import groupby

import pytest

from scaling import ArchitectureSpec, HeadSpec, StageSpec, StemSpec, variant
from scaling.network.decomposition import block_letters, layers


def runs(spec: ArchitectureSpec) -> list[tuple[str, str, int]]:
    """(sub-block, module, number of layers) in order."""
    grouped = groupby(layers(spec), key=lambda layer: (layer.sub_block, layer.module))
    return [(sub_block, module, len(list(each))) for (sub_block, module), each in grouped]


def test_kinds_of_b0() -> None:
    kinds = {layer.sub_block: layer.kind for layer in layers(variant("b0")) if layer.sub_block}
    assert Counter(kinds.values()) == {1: 1, 2: 6, 3: 9}
    assert kinds["1a"] == 1
    assert [kinds[f"{number}a"] for number in range(2, 8)] == [2] * 6
    longer = replace(variant("b0").stages[0], repeats=2)
    deeper = replace(variant("b0"), stages=(longer, *variant("b0").stages[1:]))
    assert [layer.kind for layer in layers(deeper) if layer.name == "block1b_dwconv"] == [3]


def test_padding_stands_before_convolutions_of_stride_2_only() -> None:
    padded = [layer.name for layer in layers(variant("b0")) if layer.name.endswith("_pad")]
    assert padded == [
        "stem_conv_pad",
        "block2a_dwconv_pad",
        "block3a_dwconv_pad",
        "block4a_dwconv_pad",
        "block6a_dwconv_pad",
    ]


def test_names_shapes_and_params_of_block_2a() -> None:
    found = [
        (layer.name.removeprefix("block2a_"), layer.output_shape, layer.params, layer.statistics)
        for layer in layers(variant("b0"))
        if layer.sub_block == "2a"
    ]
    # keras.applications.EfficientNetB0().summary(): batch norm's 384 params are 192 trained, 192 statistics.
    assert found == [
        ("expand_conv", (112, 112, 96), 1536, 0),
        ("expand_bn", (112, 112, 96), 192, 192),
        ("expand_activation", (112, 112, 96), 0, 0),
        ("dwconv_pad", (113, 113, 96), 0, 0),
        ("dwconv", (56, 56, 96), 864, 0),
        ("bn", (56, 56, 96), 192, 192),
        ("activation", (56, 56, 96), 0, 0),
        ("se_squeeze", (96,), 0, 0),
        ("se_reshape", (1, 1, 96), 0, 0),
        ("se_reduce", (1, 1, 4), 388, 0),
        ("se_expand", (1, 1, 96), 480, 0),
        ("se_excite", (56, 56, 96), 0, 0),
        ("project_conv", (56, 56, 24), 2304, 0),
        ("project_bn", (56, 56, 24), 48, 48),
    ]


def test_a_first_sub_block_with_equal_channels_at_stride_1_ends_in_module_5() -> None:
    spec = ArchitectureSpec(
        stem=StemSpec(out_channels=16, stride=1),
        stages=(
            StageSpec(
                repeats=1,
                kernel_size=3,
                stride=1,
                expand_ratio=1,
                in_channels=16,
                out_channels=16,
                se_ratio=0,
            ),
        ),
        head=HeadSpec(out_channels=32),
        image_size=33,
    )
    assert runs(spec) == [("", "stem", 6), ("1a", "module1", 3), ("1a", "module5", 4), ("", "final", 3)]
    assert layers(spec)[-1].output_shape == (33, 33, 32)


def test_channels_and_classes_reach_the_layers() -> None:
    listed = layers(replace(variant("b0"), in_channels=1, num_classes=10), include_top=True)
    assert listed[0].output_shape == (224, 224, 1)
    assert (listed[-1].output_shape, listed[-1].params) == ((10,), 12_810)
    assert next(layer for layer in listed if layer.name == "normalization").statistics == 3


@pytest.mark.parametrize(
    ("index", "expected"), [(0, "a"), (25, "z"), (26, "aa"), (51, "az"), (52, "ba"), (701, "zz")]
)
def test_blocks_are_lettered_as_spreadsheet_columns(index: int, expected: str) -> None:
    assert block_letters(index) == expected


def test_stem_final_and_top_by_name() -> None:
    listed = [layer.name for layer in layers(variant("b0"), include_top=True)]
    assert listed[:7] == [
        "input",
        "rescaling",
        "normalization",
        "stem_conv_pad",
        "stem_conv",
        "stem_bn",
        "stem_activation",
    ]
    assert listed[-6:] == ["top_conv", "top_bn", "top_activation", "avg_pool", "top_dropout", "predictions"]
    assert len(set(listed)) == len(listed)
