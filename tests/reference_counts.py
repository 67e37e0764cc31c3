"""A second opinion on cost: every convolution and linear layer of a network, one by one, then added up.

It reads a spec's stored fields only. Blocks, sides, squeeze widths and sums are worked out here anew, with
the textbook output size of a padded convolution, so that nothing of the package vouches for itself.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from scaling import ArchitectureSpec, StageSpec


@dataclass(frozen=True, kw_only=True)
class Operation:
    """One convolution or linear layer (a linear layer is a 1x1 convolution of one pixel)."""

    piece: str
    kernel: int
    into: int
    out: int
    side: int
    groups: int = 1
    bias: bool = False
    norm: bool = True

    @property
    def weights(self) -> int:
        return self.kernel * self.kernel * (self.into // self.groups) * self.out

    @property
    def macs(self) -> int:
        return self.side * self.side * self.weights

    @property
    def params(self) -> int:
        return self.weights + (self.out if self.bias else 0) + (2 * self.out if self.norm else 0)

    @property
    def activations(self) -> int:
        return self.side * self.side * self.out


@dataclass(frozen=True, kw_only=True)
class ReferenceCounts:
    operations: tuple[Operation, ...]
    pooled_elements: int

    @property
    def macs(self) -> int:
        return sum(operation.macs for operation in self.operations)

    @property
    def params(self) -> int:
        return sum(operation.params for operation in self.operations)

    @property
    def activations(self) -> int:
        return sum(operation.activations for operation in self.operations)

    @property
    def norm_channels(self) -> int:
        return sum(operation.out for operation in self.operations if operation.norm)

    @property
    def norm_elements(self) -> int:
        return sum(operation.activations for operation in self.operations if operation.norm)

    @property
    def fvcore_total(self) -> int:
        """fvcore, eval mode: batch norm is 2 per element, adaptive pooling 1 per input element."""
        return self.macs + 2 * self.norm_elements + self.pooled_elements

    def pieces(self) -> dict[str, tuple[int, int, int]]:
        """(macs, params, activations) of stem, every block, head and classifier."""
        sums: dict[str, tuple[int, int, int]] = {}
        for each in self.operations:
            macs, params, activations = sums.get(each.piece, (0, 0, 0))
            sums[each.piece] = macs + each.macs, params + each.params, activations + each.activations
        return sums


def convolved(side: int, kernel: int, stride: int) -> int:
    """Side after a convolution padded by (kernel - 1) / 2 on both ends."""
    padding = (kernel - 1) // 2
    return (side + 2 * padding - kernel) // stride + 1


def squeezed(stage: StageSpec, into: int) -> int:
    if stage.se_ratio == 0:
        return 0
    wanted = stage.se_ratio * into
    return max(1, int(wanted) if stage.squeeze_rounding == "floor" else round(wanted))


def _block(
    piece: str, stage: StageSpec, into: int, side: int, stride: int
) -> Iterator[Operation | tuple[int, int]]:
    """Yield the operations of a block, and (channels, side) of what its squeeze pools."""
    if stage.kind == "bottleneck":
        yield from _bottleneck(piece, stage, into, side, stride)
        return
    wide, out = into * stage.expand_ratio, stage.out_channels
    if stage.expand_ratio != 1:
        yield Operation(piece=piece, kernel=1, into=into, out=wide, side=side)
    after = convolved(side, stage.kernel_size, stride)
    yield Operation(piece=piece, kernel=stage.kernel_size, into=wide, out=wide, side=after, groups=wide)
    squeeze = squeezed(stage, into)
    if squeeze:
        yield wide, after
        yield Operation(piece=piece, kernel=1, into=wide, out=squeeze, side=1, bias=True, norm=False)
        yield Operation(piece=piece, kernel=1, into=squeeze, out=wide, side=1, bias=True, norm=False)
    yield Operation(piece=piece, kernel=1, into=wide, out=out, side=after)


def _bottleneck(piece: str, stage: StageSpec, into: int, side: int, stride: int) -> Iterator[Operation]:
    out, inner = stage.out_channels, stage.out_channels // stage.expand_ratio
    after = convolved(side, stage.kernel_size, stride)
    yield Operation(piece=piece, kernel=1, into=into, out=inner, side=side)
    yield Operation(piece=piece, kernel=stage.kernel_size, into=inner, out=inner, side=after)
    yield Operation(piece=piece, kernel=1, into=inner, out=out, side=after)
    if (stride, into) != (1, out):
        yield Operation(piece=piece, kernel=1, into=into, out=out, side=after)


def reference_counts(spec: ArchitectureSpec) -> ReferenceCounts:
    side = convolved(spec.image_size, spec.stem.kernel_size, spec.stem.stride)
    into = spec.stem.out_channels
    found: list[Operation | tuple[int, int]] = [
        Operation(piece="stem", kernel=spec.stem.kernel_size, into=spec.in_channels, out=into, side=side)
    ]
    if spec.stem.pool_stride > 1:
        side = convolved(side, 3, spec.stem.pool_stride)
    for number, stage in enumerate(spec.stages, start=1):
        for index in range(stage.repeats):
            stride = stage.stride if index == 0 else 1
            found += _block(f"block{number}.{index}", stage, into, side, stride)
            side, into = convolved(side, stage.kernel_size, stride), stage.out_channels
    if spec.head.out_channels:
        head = spec.head.out_channels
        found.append(Operation(piece="head", kernel=1, into=into, out=head, side=side))
        into = head
    found.append((into, side))
    found.append(
        Operation(
            piece="classifier", kernel=1, into=into, out=spec.num_classes, side=1, bias=True, norm=False
        )
    )
    return ReferenceCounts(
        operations=tuple(each for each in found if isinstance(each, Operation)),
        pooled_elements=sum(each[0] * each[1] ** 2 for each in found if isinstance(each, tuple)),
    )
