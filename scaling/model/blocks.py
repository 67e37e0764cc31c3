"""Blocks of other networks than EfficientNets, and the pooling of their stems. Shapes: x_NCHW."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import partial
from typing import assert_never

from torch import Tensor, nn
from torch.nn import functional

from scaling.model.depthwise import KernelTable
from scaling.model.layers import ConvolutionNorm, MBConv, StochasticDepth, activation_layer
from scaling.model.numerics import Numerics, Padding, pads_by_hand, same_padding
from scaling.network.architecture import POOL_KERNEL, BlockKind
from scaling.network.operation import Operation, Part


class Separable(nn.Module):
    """Depthwise and pointwise convolution, batch norm and activation after each; no skip.

    Source: arXiv:1704.04861, Figure 3.
    """

    def __init__(
        self, rows: Sequence[Operation], *, numerics: Numerics, kernels: KernelTable | None = None
    ) -> None:
        super().__init__()
        depthwise, pointwise = rows
        self.depthwise = ConvolutionNorm(depthwise, numerics=numerics, kernels=kernels)
        self.pointwise = ConvolutionNorm(pointwise, numerics=numerics, kernels=kernels)

    def forward(self, x_NCHW: Tensor) -> Tensor:
        """Map (N, in, H, W) to (N, out, ceil(H / stride), ceil(W / stride))."""
        out_NCHW: Tensor = self.pointwise(self.depthwise(x_NCHW))
        return out_NCHW


class Bottleneck(nn.Module):
    """Reduce, k x k convolution (which strides), project; add the shortcut, then activate.

    Stochastic depth, where asked for, drops the branch before the addition.

    Source: arXiv:1512.03385, Figure 5; torchvision/models/resnet.py (stride in the k x k convolution).
    """

    def __init__(
        self,
        rows: Sequence[Operation],
        *,
        survival: float,
        numerics: Numerics,
        kernels: KernelTable | None = None,
    ) -> None:
        super().__init__()
        make = partial(ConvolutionNorm, numerics=numerics, kernels=kernels)
        row_of = {row.part: row for row in rows}
        self.reduce, self.spatial = make(row_of[Part.NARROW]), make(row_of[Part.SPATIAL])
        self.project = make(row_of[Part.PROJECT])
        self.shortcut: nn.Module = nn.Identity()
        if Part.SHORTCUT in row_of:
            self.shortcut = make(row_of[Part.SHORTCUT])
        self.stochastic_depth = StochasticDepth(survival)
        self.activation = activation_layer(row_of[Part.SUM].activation)

    def forward(self, x_NCHW: Tensor) -> Tensor:
        """Map (N, in, H, W) to (N, out, ceil(H / stride), ceil(W / stride))."""
        # No name for the branch: it would keep it alive beside the sum.
        sum_NCHW: Tensor = self.stochastic_depth(
            self.project(self.spatial(self.reduce(x_NCHW)))
        ) + self.shortcut(x_NCHW)
        out_NCHW: Tensor = self.activation(sum_NCHW)
        return out_NCHW


class MaxPool(nn.Module):
    """3x3 max pooling that ends a stem, with a stride above 1; padding never wins."""

    def __init__(self, stride: int, padding: Padding) -> None:
        super().__init__()
        self.stride, self.padding = stride, padding

    def forward(self, x_NCHW: Tensor) -> Tensor:
        """Map (N, C, H, W) to (N, C, ceil(H / stride), ceil(W / stride))."""
        if not pads_by_hand(self.padding, self.stride):
            return functional.max_pool2d(x_NCHW, POOL_KERNEL, self.stride, padding=POOL_KERNEL // 2)
        height, width = int(x_NCHW.shape[2]), int(x_NCHW.shape[3])
        edges = (
            *same_padding(width, POOL_KERNEL, self.stride),
            *same_padding(height, POOL_KERNEL, self.stride),
        )
        return functional.max_pool2d(functional.pad(x_NCHW, edges, value=-math.inf), POOL_KERNEL, self.stride)

    def extra_repr(self) -> str:
        """Show stride and padding."""
        return f"stride={self.stride}, padding={self.padding.value}"


def make_block(
    kind: BlockKind,
    rows: Sequence[Operation],
    *,
    survival: float,
    numerics: Numerics,
    kernels: KernelTable | None = None,
) -> MBConv | Separable | Bottleneck:
    """Make the module of a block from its operations."""
    match kind:
        case BlockKind.MBCONV:
            return MBConv(rows, survival=survival, numerics=numerics, kernels=kernels)
        case BlockKind.BOTTLENECK:
            return Bottleneck(rows, survival=survival, numerics=numerics, kernels=kernels)
        case BlockKind.SEPARABLE:
            return Separable(rows, numerics=numerics, kernels=kernels)
        case _:
            assert_never(kind)


def last_norm_of_branch(module: nn.Module) -> nn.BatchNorm2d | None:
    """Return the batch norm that ends a residual branch; None where a module has none."""
    if isinstance(module, Bottleneck) or (isinstance(module, MBConv) and module.stochastic_depth is not None):
        return module.project.norm
    return None
