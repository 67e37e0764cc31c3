"""Hypothesis strategies: random networks and rounding rules."""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import strategies as st

from scaling import ArchitectureSpec, HeadSpec, RoundingRules, StageSpec, StemSpec
from scaling.network.architecture import Activation, BlockKind
from scaling.network.rounding import ChannelRule, CoefficientRounding, HeadRule, RepeatRule, SqueezeRounding

KERNELS = st.sampled_from([1, 3, 5, 7])
SE_RATIOS = st.one_of(st.just(0.0), st.just(0.25), st.floats(min_value=0.01, max_value=1.0))
NAMES = st.text(st.characters(exclude_categories=["C", "Z"]), max_size=12)
"""What can be printed."""
MBCONV = (BlockKind.MBCONV,)
EVERY_KIND = (BlockKind.MBCONV, *BlockKind)
"""MBConv twice: it has the most to vary."""


@st.composite
def stages(
    draw: st.DrawFn,
    in_channels: int,
    *,
    most_repeats: int = 3,
    widest: int = 20,
    kinds: Sequence[BlockKind] = EVERY_KIND,
) -> StageSpec:
    kind = draw(st.sampled_from(kinds))
    ratio = 1 if kind == BlockKind.SEPARABLE else draw(st.integers(1, 6))
    # Equal channels often: only then has a first block of stride 1 a skip connection.
    out_channels = draw(st.one_of(st.just(in_channels), st.integers(1, widest)))
    if kind == BlockKind.BOTTLENECK:
        out_channels = -(-out_channels // ratio) * ratio
    return StageSpec(
        repeats=draw(st.integers(1, most_repeats)),
        kernel_size=draw(KERNELS),
        stride=draw(st.integers(1, 4)),
        expand_ratio=ratio,
        in_channels=in_channels,
        out_channels=out_channels,
        se_ratio=draw(SE_RATIOS) if kind == BlockKind.MBCONV else 0,
        squeeze_rounding=draw(st.sampled_from(SqueezeRounding)),
        kind=kind,
    )


@st.composite
def architectures(
    draw: st.DrawFn,
    *,
    largest_image: int = 65,
    most_stages: int = 4,
    widest: int = 20,
    kinds: Sequence[BlockKind] = EVERY_KIND,
) -> ArchitectureSpec:
    """A small random network: any strides and kinds of blocks, with and without pooling, squeeze, head."""
    stem = StemSpec(
        out_channels=draw(st.integers(1, widest)),
        kernel_size=draw(KERNELS),
        stride=draw(st.sampled_from([1, 2, 2, 3, 4])),
        pool_stride=draw(st.sampled_from([1, 1, 2, 3])),
    )
    run: list[StageSpec] = []
    for _ in range(draw(st.integers(1, most_stages))):
        channels = run[-1].out_channels if run else stem.out_channels
        run.append(draw(stages(channels, widest=widest, kinds=kinds)))
    return ArchitectureSpec(
        stem=stem,
        stages=tuple(run),
        head=HeadSpec(out_channels=draw(st.integers(0, 2 * widest))),
        image_size=draw(st.integers(8, largest_image)),
        in_channels=draw(st.integers(1, 4)),
        num_classes=draw(st.integers(1, 12)),
        activation=draw(st.sampled_from(Activation)),
        name=draw(NAMES),
        dropout=draw(st.floats(min_value=0, max_value=0.9)),
        stochastic_depth=draw(st.floats(min_value=0, max_value=0.9)),
    )


def rounding_rules() -> st.SearchStrategy[RoundingRules]:
    return st.builds(
        RoundingRules,
        coefficient_rounding=st.sampled_from(CoefficientRounding),
        channel_rule=st.sampled_from(ChannelRule),
        channel_divisor=st.sampled_from([1, 2, 4, 7, 8, 16]),
        repeat_rule=st.sampled_from(RepeatRule),
        head_rule=st.sampled_from(HeadRule),
        squeeze_rounding=st.sampled_from(SqueezeRounding),
        image_size_step=st.sampled_from([1, 2, 4, 7, 32]),
        scaled_stem_and_head=st.booleans(),
        scaled_end_repeats=st.booleans(),
    )
