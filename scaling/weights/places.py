"""Where a network keeps its tensors, from its operations: convolutions, norms and the classifier in order."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from scaling.network.architecture import ArchitectureSpec
from scaling.network.decomposition import layers
from scaling.network.operation import OperationKind, Part
from scaling.network.operations import pieces

_MODULES = {
    Part.REDUCE: "squeeze_excitation.reduce",
    Part.GATE: "squeeze_excitation.expand",
    Part.NARROW: "reduce",
}
"""Of our own networks; the others are named after their part."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """One module that holds tensors.

    Args:
        module: its path in our state dict, such as `stages.1.0.expand.conv`.
        layer: Keras's name, such as `block2a_expand_conv`.
        kind: of the convolution or linear layer.
        part: what it is for.
        norm: whether it is the batch norm behind that.
        bias: whether a convolution or linear layer has one.
        stages: number of stages of the network.
        stage: index of the stage, from 0; -1 outside the blocks.
        index: of the block in its stage, from 0.
        block: of the block in the network, from 0; their number behind the blocks.
        expands: whether the block has an expansion.
        squeezes: whether it has squeeze-excitation.
    """

    module: str
    layer: str
    kind: OperationKind
    part: Part
    norm: bool
    bias: bool
    stages: int
    stage: int
    index: int
    block: int
    expands: bool
    squeezes: bool

    def tensors(self) -> tuple[str, ...]:
        """Return the names of its tensors in the order of a state dict."""
        if self.norm:
            return ("weight", "bias", "running_mean", "running_var", "num_batches_tracked")
        return ("weight", "bias") if self.bias else ("weight",)


def places(spec: ArchitectureSpec) -> Iterator[Place]:
    """Yield every module that holds tensors, in the order of the state dict.

    >>> from scaling import variant
    >>> [place.module for place in places(variant("b0"))][:4]
    ['stem.conv', 'stem.norm', 'stages.0.0.depthwise.conv', 'stages.0.0.depthwise.norm']
    """
    names = iter([layer.name for layer in layers(spec, include_top=True) if layer.params])
    number = 0
    for rows in pieces(spec):
        stage, index, parts = rows[0].stage, rows[0].block, {row.part for row in rows}
        for row in (row for row in rows if row.params):
            path = _MODULES.get(row.part, row.part.value)
            path = f"stages.{stage - 1}.{index}.{path}" if stage else path
            for norm in (False, True)[: 1 + row.norm]:
                yield Place(
                    module=f"{path}.{'norm' if norm else 'conv'}" if row.norm else path,
                    layer=next(names),
                    kind=row.kind,
                    part=row.part,
                    norm=norm,
                    bias=row.bias,
                    stages=len(spec.stages),
                    stage=stage - 1,
                    index=index,
                    block=number,
                    expands=Part.EXPAND in parts,
                    squeezes=Part.REDUCE in parts,
                )
        number += stage > 0
