"""Specs as torch modules. Floor 3."""

from scaling.model.build import EfficientNet, build_model
from scaling.model.depthwise import FIXED_KERNELS, DepthwiseConv2d, Kernel, KernelShape, KernelTable
from scaling.model.layers import MBConv, SqueezeExcitation, StochasticDepth
from scaling.model.numerics import TENSORFLOW, TORCHVISION, Numerics, Padding, numerics_of
from scaling.model.pointwise import PointwiseConv2d

__all__ = [
    "FIXED_KERNELS",
    "TENSORFLOW",
    "TORCHVISION",
    "DepthwiseConv2d",
    "EfficientNet",
    "Kernel",
    "KernelShape",
    "KernelTable",
    "MBConv",
    "Numerics",
    "Padding",
    "PointwiseConv2d",
    "SqueezeExcitation",
    "StochasticDepth",
    "build_model",
    "numerics_of",
]
