"""What a network costs, from its spec by arithmetic alone: exact to the unit, no tensor."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from scaling.cost import formulas
from scaling.cost.formulas import Counts
from scaling.cost.memory import peak_activation_bytes
from scaling.network.architecture import ArchitectureSpec, BlockSpec, StageSpec, out_size
from scaling.network.decomposition import block_letters


@dataclass(frozen=True, slots=True, kw_only=True)
class PieceCost:
    """Cost of a named piece of a network.

    Args:
        name: `stem`, `stage1` …, `head` (if there is one), `classifier`; for blocks `block1a` ….
        macs: multiply-adds of convolutions and linear layers, one image.
        params: trainable parameters.
        activations: outputs of convolutions and linear layers, one image.
    """

    name: str
    macs: int
    params: int
    activations: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """Cost of a whole network for one image at its own image size.

    Args:
        macs: multiply-adds of convolutions and linear layers (the paper's and fvcore's "FLOPs").
        params: trainable parameters.
        activations: outputs of convolutions and linear layers (pycls's convention).
        by_stage: stem, every stage, head if there is one, classifier; sums to the total.
        spec: the network counted.
    """

    macs: int
    params: int
    activations: int
    by_stage: tuple[PieceCost, ...]
    spec: ArchitectureSpec

    @property
    def peak_activation_bytes(self) -> int:
        """Estimated peak memory of activations at inference: one image, float32 (see `cost.memory`)."""
        return peak_activation_bytes(self.spec)

    @property
    def by_block(self) -> tuple[PieceCost, ...]:
        """The same with stages split into blocks; sums to the total. Counted when asked for."""
        return tuple(_block_pieces(self.spec))


def count_cost(spec: ArchitectureSpec) -> Cost:
    """Count a network exactly: no rounding, no approximation, no tensor.

    Source: equal to fvcore's conv and linear operators and to half of torch's FlopCounterMode (tested).

    >>> from scaling import variant
    >>> cost = count_cost(variant("b0"))
    >>> cost.macs, cost.params, cost.activations
    (385814752, 5288548, 6748036)
    """
    by_stage = tuple(_stage_pieces(spec))
    return Cost(
        macs=sum(piece.macs for piece in by_stage),
        params=sum(piece.params for piece in by_stage),
        activations=sum(piece.activations for piece in by_stage),
        by_stage=by_stage,
        spec=spec,
    )


def input_sides(spec: ArchitectureSpec) -> tuple[int, ...]:
    """Return the side of each stage's input map, and of the head's (the map that is pooled), in pixels.

    >>> from scaling import variant
    >>> input_sides(variant("b0"))
    (112, 112, 56, 28, 14, 14, 7, 7)
    """
    sides = [out_size(stem_side(spec), spec.stem.pool_stride)]
    for stage in spec.stages:
        sides.append(out_size(sides[-1], stage.stride))
    return tuple(sides)


def stem_side(spec: ArchitectureSpec) -> int:
    """Return the side of the stem convolution's output, before any pooling."""
    return out_size(spec.image_size, spec.stem.stride)


def _piece(name: str, counts: Counts[int]) -> PieceCost:
    macs, params, activations = counts
    return PieceCost(name=name, macs=macs, params=params, activations=activations)


def _block(block: BlockSpec, side: int) -> Counts[int]:
    return formulas.block(
        block.kind,
        block.in_channels,
        block.out_channels,
        block.squeeze_channels or None,
        side,
        kernel_size=block.kernel_size,
        stride=block.stride,
        expand_ratio=block.expand_ratio,
    )


def _stage(stage: StageSpec, side: int) -> Counts[int]:
    """First block once, the repeats all alike: the cost of any depth in two evaluations."""
    blocks = stage.blocks()
    total = _block(next(blocks), side)
    repeat = next(blocks, None)
    if repeat is None:
        return total
    again = _block(repeat, out_size(side, stage.stride))
    return formulas.add(total, formulas.times(again, stage.repeats - 1))


def _stem(spec: ArchitectureSpec) -> PieceCost:
    stem = spec.stem
    return _piece(
        "stem",
        formulas.convolution(spec.in_channels, stem.out_channels, stem.kernel_size, stem_side(spec)),
    )


def _ends(spec: ArchitectureSpec) -> Iterator[PieceCost]:
    """The head where there is one, and the classifier."""
    head = spec.head.out_channels
    if head:
        last = spec.stages[-1].out_channels
        yield _piece("head", formulas.convolution(last, head, 1, input_sides(spec)[-1]))
    yield _piece("classifier", formulas.linear(spec.feature_channels, spec.num_classes))


def _stage_pieces(spec: ArchitectureSpec) -> Iterator[PieceCost]:
    yield _stem(spec)
    for number, (stage, side) in enumerate(zip(spec.stages, input_sides(spec), strict=False), start=1):
        yield _piece(f"stage{number}", _stage(stage, side))
    yield from _ends(spec)


def _block_pieces(spec: ArchitectureSpec) -> Iterator[PieceCost]:
    yield _stem(spec)
    for number, (stage, side) in enumerate(zip(spec.stages, input_sides(spec), strict=False), start=1):
        for index, block in enumerate(stage.blocks()):
            inside = side if index == 0 else out_size(side, stage.stride)
            yield _piece(f"block{number}{block_letters(index)}", _block(block, inside))
    yield from _ends(spec)
