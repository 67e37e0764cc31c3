"""Specs as torch modules."""

from scaling.model.blocks import Bottleneck, MaxPool, Separable, last_norm_of_branch
from scaling.model.build import EfficientNet, build_model
from scaling.model.depthwise import FIXED_KERNELS, DepthwiseConv2d, Kernel, KernelShape, KernelTable
from scaling.model.layers import MBConv, SqueezeExcitation, StochasticDepth
from scaling.model.numerics import TENSORFLOW, TORCHVISION, Numerics, Padding, numerics_of
from scaling.model.pointwise import PointwiseConv2d

__all__ = [
    "FIXED_KERNELS",
    "TENSORFLOW",
    "TORCHVISION",
    "Bottleneck",
    "DepthwiseConv2d",
    "EfficientNet",
    "Kernel",
    "KernelShape",
    "KernelTable",
    "MBConv",
    "MaxPool",
    "Numerics",
    "Padding",
    "PointwiseConv2d",
    "Separable",
    "SqueezeExcitation",
    "StochasticDepth",
    "build_model",
    "last_norm_of_branch",
    "numerics_of",
]
