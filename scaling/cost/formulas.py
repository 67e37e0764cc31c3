"""The arithmetic of cost, once, for Python integers and numpy arrays alike.

A piece is counted as (macs, params, activations): multiply-adds and outputs of convolutions and linear
layers, and trainable parameters with batch-norm's two per channel. Sides are in pixels of a square map.

Source: arXiv:1905.11946 (FLOPs as multiply-adds); facebookresearch/pycls and fvcore (activations).
"""

from __future__ import annotations

from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from scaling.network.architecture import BlockKind

Integers = TypeVar("Integers", int, NDArray[np.int64])
Counts = tuple[Integers, Integers, Integers]


def add(left: Counts[Integers], right: Counts[Integers]) -> Counts[Integers]:
    """Add two counts, piece by piece."""
    return left[0] + right[0], left[1] + right[1], left[2] + right[2]


def times(counts: Counts[Integers], number: Integers) -> Counts[Integers]:
    """Count the same piece several times."""
    return counts[0] * number, counts[1] * number, counts[2] * number


def convolution(
    in_channels: Integers, out_channels: Integers, kernel_size: int, side: Integers
) -> Counts[Integers]:
    """Count a dense convolution without bias and its batch norm; `side` is the output's.

    >>> convolution(3, 32, 3, 112)
    (10838016, 928, 401408)
    """
    weights = kernel_size**2 * in_channels * out_channels
    return side * side * weights, weights + 2 * out_channels, side * side * out_channels


def depthwise(channels: Integers, kernel_size: int, side: Integers) -> Counts[Integers]:
    """Count a depthwise convolution without bias and its batch norm; `side` is the output's."""
    weights = kernel_size**2 * channels
    return side * side * weights, weights + 2 * channels, side * side * channels


def squeeze_excitation(channels: Integers, squeeze: Integers) -> Counts[Integers]:
    """Count both 1x1 convolutions of a squeeze-excitation branch, with biases."""
    weights = 2 * channels * squeeze
    return weights, weights + squeeze + channels, squeeze + channels


def linear(in_features: Integers, out_features: Integers) -> Counts[Integers]:
    """Count the classifier, with bias."""
    weights = in_features * out_features
    return weights, weights + out_features, out_features


def mbconv(
    in_channels: Integers,
    out_channels: Integers,
    squeeze: Integers | None,
    side: Integers,
    *,
    kernel_size: int,
    stride: int,
    expand_ratio: int,
) -> Counts[Integers]:
    """Count one MBConv block.

    Args:
        in_channels: of the block's input.
        out_channels: of its output.
        squeeze: squeeze channels; None leaves the squeeze-excitation branch out.
        side: of the block's INPUT map.
        kernel_size: of the depthwise convolution.
        stride: of the depthwise convolution.
        expand_ratio: 1 leaves the expansion out.
    """
    expanded = in_channels * expand_ratio
    out = -(-side // stride)
    total = add(depthwise(expanded, kernel_size, out), convolution(expanded, out_channels, 1, out))
    if expand_ratio != 1:
        total = add(total, convolution(in_channels, expanded, 1, side))
    if squeeze is not None:
        total = add(total, squeeze_excitation(expanded, squeeze))
    return total


def bottleneck(
    in_channels: Integers,
    out_channels: Integers,
    side: Integers,
    *,
    kernel_size: int,
    stride: int,
    expand_ratio: int,
) -> Counts[Integers]:
    """Count one bottleneck, the 1x1 convolution in its shortcut included where shapes differ.

    Args:
        in_channels: of the block's input.
        out_channels: of its output.
        side: of the block's INPUT map.
        kernel_size: of the middle convolution.
        stride: of the middle convolution, and of the shortcut's.
        expand_ratio: output channels over those of the middle convolution.
    """
    inner, out = out_channels // expand_ratio, -(-side // stride)
    total = add(convolution(in_channels, inner, 1, side), convolution(inner, inner, kernel_size, out))
    total = add(total, convolution(inner, out_channels, 1, out))
    shortcut = convolution(in_channels, out_channels, 1, out)
    if stride > 1:
        return add(total, shortcut)
    return add(total, times(shortcut, 1 - (in_channels == out_channels)))


def block(
    kind: BlockKind,
    in_channels: Integers,
    out_channels: Integers,
    squeeze: Integers | None,
    side: Integers,
    *,
    kernel_size: int,
    stride: int,
    expand_ratio: int,
) -> Counts[Integers]:
    """Count one block of any kind; arguments as for `mbconv`.

    A separable block counts as an MBConv that neither expands nor squeezes.
    """
    if kind == BlockKind.BOTTLENECK:
        return bottleneck(
            in_channels,
            out_channels,
            side,
            kernel_size=kernel_size,
            stride=stride,
            expand_ratio=expand_ratio,
        )
    return mbconv(
        in_channels,
        out_channels,
        squeeze,
        side,
        kernel_size=kernel_size,
        stride=stride,
        expand_ratio=expand_ratio,
    )
