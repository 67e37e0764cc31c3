"""A network lowered to operations: one table of rows, which cost, memory, time, layers and weights fold over.

Channels, sides and repeats are numbers, or int64 (N,) arrays for many networks that share the rest: the
lowering is the same. A new kind of block is its rows here, its module, and its piece of the drawings.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from typing import Any, NamedTuple, assert_never

import numpy as np

from scaling.network.architecture import POOL_KERNEL, Activation, ArchitectureSpec, BlockKind
from scaling.network.rounding import SqueezeRounding, squeeze_channels
from scaling.network.sides import out_size


class OperationKind(StrEnum):
    """What an operation computes."""

    CONVOLUTION = "convolution"
    DEPTHWISE = "depthwise"
    LINEAR = "linear"
    MAX_POOL = "max-pool"
    MEAN = "mean"
    """Of every channel: a map becomes a vector."""
    MULTIPLY = "multiply"
    """Every channel of a map by the sigmoid of its gate."""
    ADD = "add"


class Part(StrEnum):
    """What an operation is for in the network."""

    STEM = "stem"
    STEM_POOL = "stem-pool"
    EXPAND = "expand"
    DEPTHWISE = "depthwise"
    REDUCE = "reduce"
    """Squeeze-excitation's pooling, and its first convolution."""
    GATE = "gate"
    """The second, back to all channels, and the product with the map."""
    PROJECT = "project"
    """The last of a branch."""
    SKIP = "skip"
    """The input added to an MBConv's branch."""
    POINTWISE = "pointwise"
    """The second of a separable block."""
    NARROW = "narrow"
    """The first of a bottleneck."""
    SPATIAL = "spatial"
    """The second, k x k."""
    SHORTCUT = "shortcut"
    SUM = "sum"
    """Branch and shortcut of a bottleneck added."""
    HEAD = "head"
    CLASSIFIER = "classifier"


class Operation(NamedTuple):
    """One row: an operation on one image, and the batch norm and activation behind it.

    A tuple, as every count of a network makes a hundred.

    Args:
        kind: what it computes.
        part: what it is for.
        in_channels: of its input; an array for many networks, as are the next three, groups and present.
        out_channels: of its output.
        in_side: of its input in pixels, without padding; 1 for a vector.
        out_side: of its output.
        kernel_size: of a convolution or pooling.
        stride: likewise.
        groups: of a convolution.
        bias: whether it has one.
        norm: whether batch norm follows.
        activation: that follows, if any.
        present: False in networks of the arrays that do without it; one network has no such rows.
        stage: number of its stage, from 1; 0 outside, as is the next.
        block: index of its block in the stage, from 0.
    """

    kind: OperationKind
    part: Part
    in_channels: Any
    out_channels: Any
    in_side: Any
    out_side: Any
    kernel_size: int = 1
    stride: int = 1
    groups: Any = 1
    bias: bool = False
    norm: bool = False
    activation: Activation | None = None
    present: Any = True
    stage: int = 0
    block: int = 0

    @property
    def inputs(self) -> Any:
        """Elements of its input."""
        return self.in_channels * self.in_side**2

    @property
    def outputs(self) -> Any:
        """Elements of its output."""
        return self.out_channels * self.out_side**2

    @property
    def weights(self) -> Any:
        """Weights of a convolution or linear layer, without bias; 0 for others."""
        match self.kind:
            case OperationKind.CONVOLUTION | OperationKind.LINEAR:
                return self.kernel_size**2 * self.in_channels * self.out_channels
            case OperationKind.DEPTHWISE:
                return self.kernel_size**2 * self.out_channels
            case OperationKind.MAX_POOL | OperationKind.MEAN | OperationKind.MULTIPLY | OperationKind.ADD:
                return 0
            case _:
                assert_never(self.kind)

    @property
    def params(self) -> Any:
        """Trainable parameters: weights, bias, and batch norm's two for each channel."""
        return self.weights + (self.bias + 2 * self.norm) * self.out_channels

    @property
    def on_vectors(self) -> bool:
        """Whether it works on pooled channels, as squeeze-excitation and the classifier do."""
        return self.part in _POOLED and self.kind in (OperationKind.CONVOLUTION, OperationKind.LINEAR)

    @property
    def pads_by_hand(self) -> bool:
        """Whether SAME padding makes a padded copy of its input."""
        return self.stride > 1 and self.kernel_size > 1

    @property
    def padded_side(self) -> Any:
        """Side of what it reads: of the padded copy where one is made, else of the map."""
        if not self.pads_by_hand:
            return self.in_side
        return np.maximum((self.out_side - 1) * self.stride + self.kernel_size, self.in_side)

    @property
    def padded_inputs(self) -> Any:
        """Elements of what it reads."""
        return self.in_channels * self.padded_side**2


_POOLED = (Part.REDUCE, Part.GATE, Part.CLASSIFIER)


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """Equal pieces of a network, one after another: the stem, a stage's first block, its others, head, top.

    Args:
        rows: of one piece; `stage` and `block` are not set in them.
        stage: its number, from 1; 0 outside.
        first: index in its stage of the first of these blocks.
        number: of pieces; for many networks some may have none.
    """

    rows: tuple[Operation, ...]
    stage: int = 0
    first: int = 0
    number: Any = 1

    @property
    def piece(self) -> str:
        """`stem`, `stage1` …, `head`, `classifier`."""
        return f"stage{self.stage}" if self.stage else self.rows[0].part.value


def operations(spec: ArchitectureSpec) -> tuple[Operation, ...]:
    """Lower a network to its operations, in the order of its modules.

    >>> from scaling import variant
    >>> rows = operations(variant("b0"))
    >>> [(row.kind.value, row.part.value, row.out_channels, row.out_side) for row in rows[:2]]
    [('convolution', 'stem', 32, 112), ('depthwise', 'depthwise', 32, 112)]
    >>> sum(row.params for row in rows)
    5288548
    """
    return tuple(row for piece in pieces(spec) for row in piece)


def pieces(spec: ArchitectureSpec) -> Iterator[tuple[Operation, ...]]:
    """Yield the same one piece at a time: the stem, every block, the head if there is one, the classifier."""
    for run in runs(spec):
        for block in range(run.first, run.first + run.number):
            yield tuple(row._replace(stage=run.stage, block=block) for row in run.rows)


def runs(spec: ArchitectureSpec) -> tuple[Run, ...]:
    """Lower a network to runs of equal pieces: any depth takes two blocks a stage."""
    return tuple(lowered(spec, spec.channels, [stage.repeats for stage in spec.stages], spec.image_size))


def lowered(
    spec: ArchitectureSpec, channels: Sequence[Any], repeats: Sequence[Any], size: Any
) -> Iterator[Run]:
    """Lower one network or many.

    Args:
        spec: gives what scaling leaves alone.
        channels: of stem, every stage, head.
        repeats: of every stage.
        size: of the image, in pixels.
    """
    stem, act = spec.stem, spec.activation
    rows_of = _rows_of_numbers if isinstance(size, int) else _rows
    yield Run(rows=tuple(_stem(spec, channels[0], size)))
    side = out_size(out_size(size, stem.stride), stem.pool_stride)
    for number, stage in enumerate(spec.stages, start=1):
        into, out, later = channels[number - 1], channels[number], repeats[number - 1] - 1
        squeeze = (stage.se_ratio, stage.squeeze_rounding)
        same = (stage.kind, stage.kernel_size, stage.expand_ratio, *squeeze, act)
        yield Run(rows=rows_of(_Block(*same, stage.stride, into, out, side)), stage=number)
        side = out_size(side, stage.stride)
        if not isinstance(later, int) or later:
            rows = rows_of(_Block(*same, 1, out, out, side))
            yield Run(rows=rows, stage=number, first=1, number=later)
    features = channels[-2]
    if spec.head.out_channels:
        features = channels[-1]
        yield Run(rows=(_convolution(Part.HEAD, channels[-2], features, side, activation=act),))
    pool = Operation(OperationKind.MEAN, Part.CLASSIFIER, features, features, side, 1)
    linear = Operation(OperationKind.LINEAR, Part.CLASSIFIER, features, spec.num_classes, 1, 1, bias=True)
    yield Run(rows=(pool, linear))


def _stem(spec: ArchitectureSpec, out: Any, size: Any) -> Iterator[Operation]:
    stem = spec.stem
    yield _convolution(
        Part.STEM, spec.in_channels, out, size, stem.kernel_size, stem.stride, activation=spec.activation
    )
    if stem.has_pool:
        side, stride = out_size(size, stem.stride), stem.pool_stride
        after = out_size(side, stride)
        yield Operation(OperationKind.MAX_POOL, Part.STEM_POOL, out, out, side, after, POOL_KERNEL, stride)


class _Block(NamedTuple):
    """What the rows of a block follow from."""

    kind: BlockKind
    kernel_size: int
    expand_ratio: int
    se_ratio: float
    squeeze_rounding: SqueezeRounding
    activation: Activation
    stride: int
    into: Any
    out: Any
    side: Any

    @property
    def after(self) -> Any:
        """Side of its output."""
        return out_size(self.side, self.stride)

    @property
    def keeps_shape(self) -> Any:
        """Whether input and output have one shape: a truth value, or an array of them."""
        return self.stride == 1 and (self.into is self.out or self.into == self.out)

    @property
    def changes_shape(self) -> Any:
        """Whether they have not."""
        return self.stride > 1 or (self.into is not self.out and self.into != self.out)

    @property
    def squeezed(self) -> Any:
        """Channels that squeeze-excitation squeezes to."""
        if not isinstance(self.into, np.ndarray):
            return squeeze_channels(self.into, self.se_ratio, self.squeeze_rounding)
        nearest = {SqueezeRounding.FLOOR: np.floor, SqueezeRounding.ROUND: np.rint}[self.squeeze_rounding]
        return np.maximum(1, nearest(self.se_ratio * self.into).astype(np.int64))


def _rows(block: _Block) -> tuple[Operation, ...]:
    """Return a block's rows; those that no network has are left out."""
    return tuple(row for row in _ROWS[block.kind](block) if row.present is not False)


# A search meets the same blocks in many networks.
_rows_of_numbers = lru_cache(maxsize=4096)(_rows)


def _mbconv(block: _Block) -> Iterator[Operation]:
    into, out, after, act = block.into, block.out, block.after, block.activation
    wide = into * block.expand_ratio
    if block.expand_ratio != 1:
        yield _convolution(Part.EXPAND, into, wide, block.side, activation=act)
    yield _depthwise(block, wide)
    if block.se_ratio:
        yield from _squeeze_excitation(wide, block.squeezed, after, act)
    yield _convolution(Part.PROJECT, wide, out, after)
    yield _addition(Part.SKIP, out, after, present=block.keeps_shape)


def _separable(block: _Block) -> Iterator[Operation]:
    yield _depthwise(block, block.into)
    yield _convolution(Part.POINTWISE, block.into, block.out, block.after, activation=block.activation)


def _bottleneck(block: _Block) -> Iterator[Operation]:
    into, out, side, stride, act = block.into, block.out, block.side, block.stride, block.activation
    inner, after = out // block.expand_ratio, block.after
    yield _convolution(Part.NARROW, into, inner, side, activation=act)
    yield _convolution(Part.SPATIAL, inner, inner, side, block.kernel_size, stride, activation=act)
    yield _convolution(Part.PROJECT, inner, out, after)
    yield _convolution(Part.SHORTCUT, into, out, side, stride=stride, present=block.changes_shape)
    yield _addition(Part.SUM, out, after, activation=act)


_ROWS: dict[BlockKind, Callable[[_Block], Iterator[Operation]]] = {
    BlockKind.MBCONV: _mbconv,
    BlockKind.SEPARABLE: _separable,
    BlockKind.BOTTLENECK: _bottleneck,
}


def _convolution(
    part: Part,
    into: Any,
    out: Any,
    side: Any,
    kernel_size: int = 1,
    stride: int = 1,
    *,
    activation: Activation | None = None,
    present: Any = True,
) -> Operation:
    """Return a convolution over all channels without bias, and its batch norm."""
    after, more = out_size(side, stride), {"norm": True, "activation": activation, "present": present}
    return Operation(OperationKind.CONVOLUTION, part, into, out, side, after, kernel_size, stride, **more)


def _depthwise(block: _Block, channels: Any) -> Operation:
    kernel, stride, act = block.kernel_size, block.stride, block.activation
    dense = _convolution(Part.DEPTHWISE, channels, channels, block.side, kernel, stride, activation=act)
    return dense._replace(kind=OperationKind.DEPTHWISE, groups=channels)


def _squeeze_excitation(
    channels: Any, squeeze: Any, side: Any, activation: Activation
) -> Iterator[Operation]:
    convolution = OperationKind.CONVOLUTION
    yield Operation(OperationKind.MEAN, Part.REDUCE, channels, channels, side, 1)
    yield Operation(convolution, Part.REDUCE, channels, squeeze, 1, 1, bias=True, activation=activation)
    yield Operation(convolution, Part.GATE, squeeze, channels, 1, 1, bias=True)
    yield Operation(OperationKind.MULTIPLY, Part.GATE, channels, channels, side, side)


def _addition(
    part: Part, channels: Any, side: Any, *, activation: Activation | None = None, present: Any = True
) -> Operation:
    kind = OperationKind.ADD
    return Operation(kind, part, channels, channels, side, side, activation=activation, present=present)
