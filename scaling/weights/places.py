"""Where a network keeps its tensors, from its spec alone: convolutions, norms and the classifier in order."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import assert_never

from scaling.network.architecture import ArchitectureSpec, BlockKind, BlockSpec


class Part(StrEnum):
    """What a convolution (and the norm behind it) does in the network."""

    STEM = "stem"
    EXPAND = "expand"
    DEPTHWISE = "depthwise"
    REDUCE = "reduce"
    """The first convolution of squeeze-excitation."""
    GATE = "gate"
    """The second, back to all channels."""
    PROJECT = "project"
    """The last of a block's branch, in a separable block the pointwise one."""
    NARROW = "narrow"
    """The first of a bottleneck."""
    SPATIAL = "spatial"
    """The second, k x k."""
    SHORTCUT = "shortcut"
    HEAD = "head"
    CLASSIFIER = "classifier"


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """One module that holds tensors.

    Args:
        module: its path in our state dict, such as `stages.1.0.expand.conv`.
        part: what it does.
        norm: whether it is the batch norm behind that part.
        stages: number of stages of the network.
        stage: index of the stage, from 0; 0 outside the blocks, as are the next two.
        index: of the block in its stage, from 0.
        block: of the block in the network, from 0; their number at the head.
        expands: whether the block has an expansion.
        squeezes: whether it has squeeze-excitation.
    """

    module: str
    part: Part
    norm: bool
    stages: int
    stage: int = 0
    index: int = 0
    block: int = 0
    expands: bool = False
    squeezes: bool = False

    def tensors(self) -> tuple[str, ...]:
        """Return the names of its tensors in the order of a state dict."""
        if self.norm:
            return ("weight", "bias", "running_mean", "running_var", "num_batches_tracked")
        biased = self.part in (Part.REDUCE, Part.GATE, Part.CLASSIFIER)
        return ("weight", "bias") if biased else ("weight",)


def places(spec: ArchitectureSpec) -> Iterator[Place]:
    """Yield every module that holds tensors, in the order of the state dict.

    >>> from scaling import variant
    >>> [place.module for place in places(variant("b0"))][:4]
    ['stem.conv', 'stem.norm', 'stages.0.0.depthwise.conv', 'stages.0.0.depthwise.norm']
    """
    stages = len(spec.stages)
    for norm in (False, True):
        yield Place(module=_with_norm("stem", norm), part=Part.STEM, norm=norm, stages=stages)
    number = 0
    for stage_number, stage in enumerate(spec.stages):
        for index, block in enumerate(stage.blocks()):
            for part, module, norm in _block_modules(block):
                yield Place(
                    module=f"stages.{stage_number}.{index}.{module}",
                    part=part,
                    norm=norm,
                    stages=stages,
                    stage=stage_number,
                    index=index,
                    block=number,
                    expands=block.kind == BlockKind.MBCONV and block.expand_ratio != 1,
                    squeezes=block.squeeze_channels > 0,
                )
            number += 1
    if spec.head.out_channels:
        for norm in (False, True):
            yield Place(
                module=_with_norm("head", norm), part=Part.HEAD, norm=norm, stages=stages, block=number
            )
    yield Place(module="classifier", part=Part.CLASSIFIER, norm=False, stages=stages)


def _with_norm(module: str, norm: bool) -> str:
    return f"{module}.norm" if norm else f"{module}.conv"


def _block_modules(block: BlockSpec) -> Iterator[tuple[Part, str, bool]]:
    """Yield part, path within the block and whether it is the norm, of every module that holds tensors."""
    squeeze = ((Part.REDUCE, "reduce"), (Part.GATE, "expand")) if block.squeeze_channels else ()
    for part, module in _convolutions(block):
        if part == Part.PROJECT:
            yield from ((each, f"squeeze_excitation.{name}", False) for each, name in squeeze)
        yield from ((part, _with_norm(module, norm), norm) for norm in (False, True))


def _convolutions(block: BlockSpec) -> Iterator[tuple[Part, str]]:
    match block.kind:
        case BlockKind.MBCONV:
            if block.expand_ratio != 1:
                yield Part.EXPAND, "expand"
            yield from ((Part.DEPTHWISE, "depthwise"), (Part.PROJECT, "project"))
        case BlockKind.SEPARABLE:
            yield from ((Part.DEPTHWISE, "depthwise"), (Part.PROJECT, "pointwise"))
        case BlockKind.BOTTLENECK:
            yield from ((Part.NARROW, "reduce"), (Part.SPATIAL, "spatial"), (Part.PROJECT, "project"))
            if block.projects_shortcut:
                yield Part.SHORTCUT, "shortcut"
        case _:
            assert_never(block.kind)
