"""Networks for inference: batch norms folded into convolutions, passes over memory left out."""

from __future__ import annotations

import copy

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils.fusion import fuse_conv_bn_eval

from scaling.model.build import EfficientNet
from scaling.model.depthwise import DepthwiseConv2d
from scaling.model.layers import ConvolutionNorm


class ProductPool(nn.Module):
    """The mean of every channel. In bfloat16 a product with ones: it sums in float32 and copies nothing."""

    def forward(self, x_NCHW: Tensor) -> Tensor:
        """Pool (N, C, H, W) to (N, C, 1, 1)."""
        if x_NCHW.dtype != torch.bfloat16:
            return functional.adaptive_avg_pool2d(x_NCHW, 1)
        count, channels, height, width = x_NCHW.shape
        pixels_NPC = x_NCHW.permute(0, 2, 3, 1).reshape(count, height * width, channels)
        ones_N1P = x_NCHW.new_ones(count, 1, height * width)
        return (torch.bmm(ones_N1P, pixels_NPC) / (height * width)).reshape(count, channels, 1, 1)


def fold_batch_norms(model: EfficientNet) -> EfficientNet:
    """Return a copy in evaluation mode whose convolutions do the work of their batch norms.

    The same function up to rounding; it has other parameters and cannot be trained further. Activations work
    in place, depthwise convolutions pad without a copy, and pools in bfloat16 do without one in float32.

    Args:
        model: left as it is.

    >>> import torch
    >>> from scaling import variant
    >>> from scaling.model import build_model
    >>> folded = fold_batch_norms(build_model(variant("b0"), seed=0))
    >>> any(isinstance(module, nn.BatchNorm2d) for module in folded.modules())
    False
    """
    folded = copy.deepcopy(model).eval()
    for module in list(folded.modules()):
        if isinstance(module, ConvolutionNorm) and isinstance(module.norm, nn.BatchNorm2d):
            module.conv = fuse_conv_bn_eval(module.conv, module.norm)
            module.register_module("norm", nn.Identity())
            if isinstance(module.conv, DepthwiseConv2d):
                module.conv.pads_by_taps = True
        elif isinstance(module, nn.SiLU | nn.ReLU | nn.ReLU6):
            module.inplace = True  # nothing else reads a convolution's output; saves a pass over memory
        for name, child in module.named_children():
            if isinstance(child, nn.AdaptiveAvgPool2d):
                module.register_module(name, ProductPool())
    return folded
