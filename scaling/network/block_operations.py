"""The operations of each kind of block: a new kind is its rows here, its module, and its drawing piece."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np

from scaling.network.architecture import Activation, BlockKind
from scaling.network.operation import Operation, OperationKind, Part, convolution
from scaling.network.rounding import SqueezeRounding, squeeze_channels
from scaling.network.sides import out_size


class Block(NamedTuple):
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


def block_operations(block: Block) -> tuple[Operation, ...]:
    """Return the rows of a block, or of many alike; those that no network has are left out."""
    return _cached(block) if isinstance(block.side, int) else _rows(block)


def _rows(block: Block) -> tuple[Operation, ...]:
    return tuple(row for row in _ROWS[block.kind](block) if row.present is not False)


_cached = lru_cache(maxsize=4096)(_rows)
"""A search meets the same blocks in many networks."""


def _mbconv(block: Block) -> Iterator[Operation]:
    into, out, after, act = block.into, block.out, block.after, block.activation
    wide = into * block.expand_ratio
    if block.expand_ratio != 1:
        yield convolution(Part.EXPAND, into, wide, block.side, activation=act)
    yield _depthwise(block, wide)
    if block.se_ratio:
        yield from _squeeze_excitation(wide, block.squeezed, after, act)
    yield convolution(Part.PROJECT, wide, out, after)
    yield _addition(Part.SKIP, out, after, present=block.keeps_shape)


def _separable(block: Block) -> Iterator[Operation]:
    yield _depthwise(block, block.into)
    yield convolution(Part.POINTWISE, block.into, block.out, block.after, activation=block.activation)


def _bottleneck(block: Block) -> Iterator[Operation]:
    into, out, side, stride, act = block.into, block.out, block.side, block.stride, block.activation
    inner, after = out // block.expand_ratio, block.after
    yield convolution(Part.NARROW, into, inner, side, activation=act)
    yield convolution(Part.SPATIAL, inner, inner, side, block.kernel_size, stride, activation=act)
    yield convolution(Part.PROJECT, inner, out, after)
    yield convolution(Part.SHORTCUT, into, out, side, stride=stride, present=block.changes_shape)
    yield _addition(Part.SUM, out, after, activation=act)


_ROWS: dict[BlockKind, Callable[[Block], Iterator[Operation]]] = {
    BlockKind.MBCONV: _mbconv,
    BlockKind.SEPARABLE: _separable,
    BlockKind.BOTTLENECK: _bottleneck,
}


def _depthwise(block: Block, channels: Any) -> Operation:
    kernel, stride, act = block.kernel_size, block.stride, block.activation
    dense = convolution(Part.DEPTHWISE, channels, channels, block.side, kernel, stride, activation=act)
    return dense._replace(kind=OperationKind.DEPTHWISE, groups=channels)


def _squeeze_excitation(
    channels: Any, squeeze: Any, side: Any, activation: Activation
) -> Iterator[Operation]:
    dense = OperationKind.CONVOLUTION
    yield Operation(OperationKind.MEAN, Part.REDUCE, channels, channels, side, 1)
    yield Operation(dense, Part.REDUCE, channels, squeeze, 1, 1, bias=True, activation=activation)
    yield Operation(dense, Part.GATE, squeeze, channels, 1, 1, bias=True)
    yield Operation(OperationKind.MULTIPLY, Part.GATE, channels, channels, side, side)


def _addition(
    part: Part, channels: Any, side: Any, *, activation: Activation | None = None, present: Any = True
) -> Operation:
    kind = OperationKind.ADD
    return Operation(kind, part, channels, channels, side, side, activation=activation, present=present)
