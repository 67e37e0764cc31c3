"""1x1 convolutions as products of matrices where that is faster."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from scaling.model.depthwise import Kernel, KernelTable


class PointwiseConv2d(nn.Conv2d):
    """A 1x1 convolution at stride 1; parameters and state dict are those of `nn.Conv2d`.

    On small maps oneDNN's convolutions waste much of their time; in channels_last the same sums are one
    product of (N·H·W, in) with (in, out).
    """

    def __init__(self, in_channels: int, out_channels: int, *, bias: bool, kernels: KernelTable) -> None:
        super().__init__(in_channels, out_channels, 1, bias=bias)
        self.choices = kernels.by_side(1, 1)

    def forward(self, x_NCHW: Tensor) -> Tensor:
        """Convolve (N, in, H, W) to (N, out, H, W)."""
        height, width = int(x_NCHW.shape[2]), int(x_NCHW.shape[3])
        device = x_NCHW.device.type
        dtype = torch.get_autocast_dtype(device) if torch.is_autocast_enabled(device) else x_NCHW.dtype
        kernel = self.choices.get((height, dtype)) if height == width else None
        if kernel != Kernel.MATRIX or not x_NCHW.is_contiguous(memory_format=torch.channels_last):
            return super().forward(x_NCHW)
        out_NHWC = functional.linear(x_NCHW.permute(0, 2, 3, 1), self.weight.flatten(1), self.bias)
        return out_NHWC.permute(0, 3, 1, 2)
