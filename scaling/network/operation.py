"""One operation of a network: a row of the table that `scaling.network.operations` makes.

Channels and sides are numbers, or int64 (N,) arrays for many networks that share the rest.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Any, NamedTuple, assert_never

import numpy as np

from scaling.network.architecture import Activation
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
                inputs = self.in_channels if self.groups == 1 else self.in_channels // self.groups
                pairs = inputs * self.out_channels
                return pairs if self.kernel_size == 1 else self.kernel_size**2 * pairs
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


def convolution(
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
