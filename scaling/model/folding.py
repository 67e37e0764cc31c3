"""Networks for inference: batch norms folded into convolutions, activations in place. Floor 3."""

from __future__ import annotations

import copy

from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from scaling.model.build import EfficientNet
from scaling.model.layers import ConvolutionNorm


def fold_batch_norms(model: EfficientNet) -> EfficientNet:
    """Return a copy in evaluation mode whose convolutions do the work of their batch norms.

    The same function up to rounding; it has other parameters and cannot be trained further.

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
    for module in folded.modules():
        if isinstance(module, ConvolutionNorm) and isinstance(module.norm, nn.BatchNorm2d):
            module.conv = fuse_conv_bn_eval(module.conv, module.norm)
            module.register_module("norm", nn.Identity())
        elif isinstance(module, nn.SiLU | nn.ReLU | nn.ReLU6):
            module.inplace = True  # nothing else reads a convolution's output; saves a pass over memory
    return folded
