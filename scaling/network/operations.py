"""A network lowered to operations: one table of rows, which cost, memory, time, layers and weights fold over.

The same lowering serves many networks at once: channels, sides and repeats are then arrays.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from scaling.network.architecture import POOL_KERNEL, ArchitectureSpec
from scaling.network.block_operations import Block, block_operations
from scaling.network.operation import Operation, OperationKind, Part, convolution
from scaling.network.sides import out_size


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
    yield Run(rows=tuple(_stem(spec, channels[0], size)))
    side = out_size(out_size(size, stem.stride), stem.pool_stride)
    for number, stage in enumerate(spec.stages, start=1):
        into, out, later = channels[number - 1], channels[number], repeats[number - 1] - 1
        squeeze = (stage.se_ratio, stage.squeeze_rounding)
        same = (stage.kind, stage.kernel_size, stage.expand_ratio, *squeeze, act)
        yield Run(rows=block_operations(Block(*same, stage.stride, into, out, side)), stage=number)
        side = out_size(side, stage.stride)
        if not isinstance(later, int) or later:
            rows = block_operations(Block(*same, 1, out, out, side))
            yield Run(rows=rows, stage=number, first=1, number=later)
    features = channels[-2]
    if spec.head.out_channels:
        features = channels[-1]
        yield Run(rows=(convolution(Part.HEAD, channels[-2], features, side, activation=act),))
    pool = Operation(OperationKind.MEAN, Part.CLASSIFIER, features, features, side, 1)
    linear = Operation(OperationKind.LINEAR, Part.CLASSIFIER, features, spec.num_classes, 1, 1, bias=True)
    yield Run(rows=(pool, linear))


def _stem(spec: ArchitectureSpec, out: Any, size: Any) -> Iterator[Operation]:
    stem = spec.stem
    yield convolution(
        Part.STEM, spec.in_channels, out, size, stem.kernel_size, stem.stride, activation=spec.activation
    )
    if stem.has_pool:
        side, stride = out_size(size, stem.stride), stem.pool_stride
        after = out_size(side, stride)
        yield Operation(OperationKind.MAX_POOL, Part.STEM_POOL, out, out, side, after, POOL_KERNEL, stride)
