"""Block strings: the classic form in and out."""

from __future__ import annotations

import pytest

from scaling import SpecError, variant
from scaling.network.architecture import BlockKind
from scaling.network.block_strings import stage_from_string, stage_to_string, stages_from_strings
from scaling.network.rounding import SqueezeRounding

# tensorflow/tpu efficientnet_builder.py, the released B0.
RELEASED = (
    "r1_k3_s11_e1_i32_o16_se0.25",
    "r2_k3_s22_e6_i16_o24_se0.25",
    "r2_k5_s22_e6_i24_o40_se0.25",
    "r3_k3_s22_e6_i40_o80_se0.25",
    "r3_k5_s11_e6_i80_o112_se0.25",
    "r4_k5_s22_e6_i112_o192_se0.25",
    "r1_k3_s11_e6_i192_o320_se0.25",
)


def test_the_released_strings_are_b0() -> None:
    assert stages_from_strings(RELEASED) == variant("b0").stages
    assert tuple(stage_to_string(stage) for stage in variant("b0").stages) == RELEASED


@pytest.mark.parametrize(
    ("text", "kind", "operator"),
    [
        ("r2_k3_s22_e1_i8_o16_separable", BlockKind.SEPARABLE, "Separable"),
        ("r3_k3_s22_e4_i64_o256_bottleneck", BlockKind.BOTTLENECK, "Bottleneck4"),
        ("r3_k3_s22_e6_i64_o256", BlockKind.MBCONV, "MBConv6"),
        ("r1_k3_s11_e1_i32_o16_se0.25_sqround", BlockKind.MBCONV, "MBConv1"),
    ],
)
def test_ends_of_the_string(text: str, kind: BlockKind, operator: str) -> None:
    stage = stage_from_string(text)
    assert (stage.se_ratio > 0) == ("_se0" in text)
    assert (stage.squeeze_rounding == SqueezeRounding.ROUND) == ("_sqround" in text)
    assert (stage.kind, stage.operator) == (kind, operator)
    assert stage_to_string(stage) == text


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("r1_k3_s11_e1_i8_o8_se0.25_separable", "a separable stage has no squeeze-excitation"),
        ("r1_k3_s11_e6_i8_o8_separable", "expand_ratio must be 1, got 6"),
        ("r1_k3_s11_e4_i8_o10_bottleneck", "must be a multiple of its expand_ratio 4, got 10"),
        ("r1_k3_s11_e4_i8_o8_residual", "expected a block string"),
    ],
)
def test_what_a_kind_cannot_be_is_refused(text: str, message: str) -> None:
    with pytest.raises(SpecError, match=message):
        stage_from_string(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "r1",
        "r1_k3_s1_e1_i32_o16_se0.25",
        "r1_k3_s11_e1_i32",
        "r1_k3_s11_e1_i32_o16_se0.25\n",
        " r1_k3_s11_e1_i32_o16",
        "r1_k3_s11_e1_i32_o16_se",
        "r1_k3_s11_e1_i32_o16_se0.25_noskip",
        "k3_r1_s11_e1_i32_o16",
        "r-1_k3_s11_e1_i32_o16",
        "r1.5_k3_s11_e1_i32_o16",
        "r1_k3_s12_e1_i32_o16",
        "r1_k3_s11_e1_i32_o16_se0..25",
        "r1_k3_s11_e1_i32_o16_se1e999",
        "r1_k3_s11_e1_i32_o16_se-0.25",
        "r0_k3_s11_e1_i32_o16",
        "r1_k4_s11_e1_i32_o16",
        "r1_k3_s00_e1_i32_o16",
        "r1_k3_s11_e1_i0_o16",
        "r" + "9" * 5000 + "_k3_s11_e1_i32_o16",
    ],
)
def test_other_texts_are_refused_in_one_line(text: str) -> None:
    with pytest.raises(SpecError) as caught:
        stage_from_string(text)
    assert "\n" not in str(caught.value)
