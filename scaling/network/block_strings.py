"""Stages as the classic block strings: `r2_k5_s22_e6_i24_o40_se0.25`.

Letters: r repeats, k kernel_size, s stride twice (rows, columns), e expand_ratio, i in_channels,
o out_channels, se se_ratio (left out when 0). Ours alone: `sqround` for the rounded squeeze, and at the
end a kind, `separable` or `bottleneck`, for blocks that are not MBConv: `r3_k3_s22_e4_i64_o256_bottleneck`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from scaling.errors import SpecError
from scaling.network.architecture import BlockKind, StageSpec
from scaling.network.rounding import SqueezeRounding

_OTHERS = "|".join(kind for kind in BlockKind if kind != BlockKind.MBCONV)
_PATTERN = re.compile(
    r"r(?P<repeats>\d{1,9})_k(?P<kernel_size>\d{1,9})_s(?P<stride>\d)(?P<stride_columns>\d)"
    r"_e(?P<expand_ratio>\d{1,9})_i(?P<in_channels>\d{1,9})_o(?P<out_channels>\d{1,9})"
    rf"(?:_se(?P<se_ratio>[0-9.e+-]{{1,40}}))?(?P<squeeze>_sqround)?(?:_(?P<kind>{_OTHERS}))?"
)


def stage_to_string(stage: StageSpec) -> str:
    """Write a stage as a block string.

    >>> from scaling import variant
    >>> stage_to_string(variant("b0").stages[2])
    'r2_k5_s22_e6_i24_o40_se0.25'
    """
    text = (
        f"r{stage.repeats}_k{stage.kernel_size}_s{stage.stride}{stage.stride}_e{stage.expand_ratio}"
        f"_i{stage.in_channels}_o{stage.out_channels}"
    )
    if stage.se_ratio:
        text += f"_se{stage.se_ratio!r}"
    if stage.squeeze_rounding == SqueezeRounding.ROUND:
        text += "_sqround"
    return text if stage.kind == BlockKind.MBCONV else f"{text}_{stage.kind}"


def stage_from_string(text: str) -> StageSpec:
    """Read a block string.

    Source: tensorflow/tpu efficientnet_builder.py (BlockDecoder).

    Raises:
        SpecError: the string has another form, unequal strides, or a value out of range.

    >>> stage_from_string("r1_k3_s11_e1_i32_o16_se0.25").out_channels
    16
    """
    match = _PATTERN.fullmatch(text)
    if match is None:
        raise SpecError(f"expected a block string like r2_k5_s22_e6_i24_o40_se0.25, got {text!r}")
    groups = match.groupdict()
    if groups["stride"] != groups["stride_columns"]:
        raise SpecError(f"strides of rows and columns must be equal, got {text!r}")
    names = ("repeats", "kernel_size", "stride", "expand_ratio", "in_channels", "out_channels")
    try:
        se_ratio = float(groups["se_ratio"] or 0)
    except ValueError:
        raise SpecError(f"expected a number after 'se', got {groups['se_ratio']!r} in {text!r}") from None
    return StageSpec(
        **{name: int(groups[name]) for name in names},
        se_ratio=se_ratio,
        squeeze_rounding=SqueezeRounding.ROUND if groups["squeeze"] else SqueezeRounding.FLOOR,
        kind=BlockKind(groups["kind"] or BlockKind.MBCONV),
    )


def stages_from_strings(texts: Iterable[str]) -> tuple[StageSpec, ...]:
    """Read the stages of a network from block strings, in order."""
    return tuple(stage_from_string(text) for text in texts)
