"""The layers of an EfficientNet as torch modules. Tensors carry shape suffixes: x_NCHW."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import torch
from torch import Tensor, nn
from torch.nn import functional

from scaling.model.depthwise import DepthwiseConv2d, KernelTable
from scaling.model.numerics import Numerics, pads_by_hand, same_padding
from scaling.model.pointwise import PointwiseConv2d
from scaling.network.architecture import Activation
from scaling.network.operation import Operation, OperationKind, Part


class SamePaddingConv2d(nn.Conv2d):
    """A convolution that pads by TensorFlow's SAME rule, whatever the size of its input."""

    def forward(self, x_NCHW: Tensor) -> Tensor:
        """Convolve (N, C, H, W) to (N, out, ceil(H / stride), ceil(W / stride))."""
        kernel, stride = int(self.kernel_size[0]), int(self.stride[0])
        height, width = int(x_NCHW.shape[2]), int(x_NCHW.shape[3])
        padding = (*same_padding(width, kernel, stride), *same_padding(height, kernel, stride))
        return super().forward(functional.pad(x_NCHW, padding))


def convolution(
    in_channels: int,
    out_channels: int,
    kernel_size: int,
    stride: int,
    groups: int,
    numerics: Numerics,
    kernels: KernelTable | None = None,
) -> nn.Conv2d:
    """Make a convolution without bias, padded as the numerics say, computed as a table of kernels says."""
    if kernel_size == stride == groups == 1 and kernels is not None:
        return PointwiseConv2d(in_channels, out_channels, bias=False, kernels=kernels)
    if groups == in_channels > 1 and kernels is not None:
        padding = numerics.padding
        return DepthwiseConv2d(in_channels, kernel_size, stride=stride, padding=padding, kernels=kernels)
    # A kernel of 1 pads nothing, and the plain convolution needs no extra copy.
    by_hand = pads_by_hand(numerics.padding, stride) and kernel_size > 1
    kind, edge = (SamePaddingConv2d, 0) if by_hand else (nn.Conv2d, (kernel_size - 1) // 2)
    return kind(
        in_channels, out_channels, kernel_size, stride=stride, padding=edge, groups=groups, bias=False
    )


def activation_layer(activation: Activation | None) -> nn.Module:
    """Make an activation; None is the identity.

    Out of place: in place clones the activation in training.
    """
    if activation is None:
        return nn.Identity()
    return _ACTIVATIONS[activation]()


_ACTIVATIONS: dict[Activation, type[nn.Module]] = {
    Activation.SILU: nn.SiLU,
    Activation.RELU6: nn.ReLU6,
    Activation.RELU: nn.ReLU,
}


class ConvolutionNorm(nn.Module):
    """A convolution of the table of operations, with its batch norm and its activation, if any."""

    def __init__(self, row: Operation, *, numerics: Numerics, kernels: KernelTable | None = None) -> None:
        super().__init__()
        self.conv = convolution(
            row.in_channels, row.out_channels, row.kernel_size, row.stride, row.groups, numerics, kernels
        )
        self.norm = nn.BatchNorm2d(
            row.out_channels, eps=numerics.batch_norm_epsilon, momentum=numerics.batch_norm_momentum
        )
        self.activation = activation_layer(row.activation)

    def forward(self, x_NCHW: Tensor) -> Tensor:
        """Map (N, in, H, W) to (N, out, H', W')."""
        out: Tensor = self.activation(self.norm(self.conv(x_NCHW)))
        return out


def _pointwise(in_channels: int, out_channels: int, kernels: KernelTable | None) -> nn.Conv2d:
    if kernels is None:
        return nn.Conv2d(in_channels, out_channels, 1)
    return PointwiseConv2d(in_channels, out_channels, bias=True, kernels=kernels)


class SqueezeExcitation(nn.Module):
    """Channel attention: pool, squeeze, activation, expand, sigmoid, multiply; both convolutions have biases.

    Source: arXiv:1709.01507; tensorflow/tpu efficientnet_model.py.
    """

    def __init__(
        self,
        channels: int,
        squeeze: int,
        *,
        activation: Activation | None = Activation.SILU,
        kernels: KernelTable | None = None,
    ) -> None:
        super().__init__()
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.reduce = _pointwise(channels, squeeze, kernels)
        self.activation = activation_layer(activation)
        self.expand = _pointwise(squeeze, channels, kernels)

    def forward(self, x_NCHW: Tensor) -> Tensor:
        """Scale every channel of (N, C, H, W)."""
        gate_NC11 = torch.sigmoid(self.expand(self.activation(self.reduce(self.pool(x_NCHW)))))
        return x_NCHW * gate_NC11


class StochasticDepth(nn.Module):
    """Drop a block's residual branch for whole samples while training (TensorFlow: drop_connect).

    Args:
        survival: probability that a sample keeps the branch, in (0, 1]; kept branches are divided by it.

    Source: arXiv:1603.09382.
    """

    def __init__(self, survival: float) -> None:
        super().__init__()
        self.survival = survival

    def forward(self, x_NCHW: Tensor) -> Tensor:
        """Return (N, C, H, W), whole samples zeroed in training."""
        if not self.training or self.survival >= 1:
            return x_NCHW
        keep_N111 = torch.rand(x_NCHW.shape[0], 1, 1, 1, device=x_NCHW.device) < self.survival
        return x_NCHW * (keep_N111.to(x_NCHW.dtype) / self.survival)

    def extra_repr(self) -> str:
        """Show the survival probability."""
        return f"survival={self.survival:g}"


class MBConv(nn.Module):
    """Inverted bottleneck: [expand], depthwise, [squeeze-excitation], project, [stochastic depth, add].

    Source: arXiv:1801.04381; arXiv:1905.11946 section 5.
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
        row_of = {row.part: row for row in rows if row.kind != OperationKind.MEAN}
        self.expand: nn.Module = make(row_of[Part.EXPAND]) if Part.EXPAND in row_of else nn.Identity()
        self.depthwise = make(row_of[Part.DEPTHWISE])
        self.squeeze_excitation: nn.Module = nn.Identity()
        if reduce := row_of.get(Part.REDUCE):
            self.squeeze_excitation = SqueezeExcitation(
                reduce.in_channels, reduce.out_channels, activation=reduce.activation, kernels=kernels
            )
        self.project = make(row_of[Part.PROJECT])
        self.stochastic_depth = StochasticDepth(survival) if Part.SKIP in row_of else None

    def forward(self, x_NCHW: Tensor) -> Tensor:
        """Map (N, in, H, W) to (N, out, ceil(H / stride), ceil(W / stride))."""
        out_NCHW: Tensor = self.project(self.squeeze_excitation(self.depthwise(self.expand(x_NCHW))))
        if self.stochastic_depth is None:
            return out_NCHW
        shortcut_NCHW: Tensor = x_NCHW + self.stochastic_depth(out_NCHW)
        return shortcut_NCHW
