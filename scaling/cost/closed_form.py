"""What a network costs, from its spec by arithmetic alone: exact to the unit, no tensor."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from scaling.cost import formulas
from scaling.cost.formulas import Counts
from scaling.cost.memory import peak_activation_bytes
from scaling.html_views import html_of
from scaling.network.architecture import ArchitectureSpec
from scaling.network.decomposition import block_letters
from scaling.network.sides import out_size


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

    def __repr__(self) -> str:
        """Say in one line what it costs."""
        return (
            f"<Cost of {self.spec.name} at {self.spec.image_size} px: {self.macs:,} macs, "
            f"{self.params:,} params, {self.activations:,} activations>"
        )

    def _repr_html_(self) -> str | None:
        """Show the cost of every stage in a notebook."""
        return html_of(self)

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


def _stage_pieces(spec: ArchitectureSpec) -> Iterator[PieceCost]:
    repeats = [stage.repeats for stage in spec.stages]
    for name, counts in formulas.pieces(spec, spec.channels, repeats, spec.image_size):
        yield _piece(name, counts)


def _block_pieces(spec: ArchitectureSpec) -> Iterator[PieceCost]:
    stem, *ends = (piece for piece in _stage_pieces(spec) if not piece.name.startswith("stage"))
    yield stem
    for number, (stage, side) in enumerate(zip(spec.stages, input_sides(spec), strict=False), start=1):
        for index, block in enumerate(stage.blocks()):
            inside = side if index == 0 else out_size(side, stage.stride)
            counts = formulas.block(stage, block.in_channels, block.out_channels, inside, block.stride)
            yield _piece(f"block{number}{block_letters(index)}", counts)
    yield from ends
