"""The arithmetic of cost, once, for Python integers and numpy arrays alike.

A piece is counted as (macs, params, activations): multiply-adds and outputs of convolutions and linear
layers, and trainable parameters with batch-norm's two per channel. Sides are in pixels of a square map.

Source: arXiv:1905.11946 (FLOPs as multiply-adds); facebookresearch/pycls and fvcore (activations).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, assert_never

import numpy as np

from scaling.network.architecture import ArchitectureSpec, BlockKind, StageSpec
from scaling.network.rounding import SqueezeRounding, squeeze_channels
from scaling.network.sides import Whole, out_size

Counts = tuple[Whole, Whole, Whole]


def add(left: Counts[Whole], right: Counts[Whole]) -> Counts[Whole]:
    """Add two counts, piece by piece."""
    return left[0] + right[0], left[1] + right[1], left[2] + right[2]


def times(counts: Counts[Whole], number: Whole) -> Counts[Whole]:
    """Count the same piece several times."""
    return counts[0] * number, counts[1] * number, counts[2] * number


def convolution(in_channels: Whole, out_channels: Whole, kernel_size: int, side: Whole) -> Counts[Whole]:
    """Count a dense convolution without bias and its batch norm; `side` is the output's.

    >>> convolution(3, 32, 3, 112)
    (10838016, 928, 401408)
    """
    weights = kernel_size**2 * in_channels * out_channels
    return side * side * weights, weights + 2 * out_channels, side * side * out_channels


def depthwise(channels: Whole, kernel_size: int, side: Whole) -> Counts[Whole]:
    """Count a depthwise convolution without bias and its batch norm; `side` is the output's."""
    weights = kernel_size**2 * channels
    return side * side * weights, weights + 2 * channels, side * side * channels


def squeeze_excitation(channels: Whole, squeeze: Whole) -> Counts[Whole]:
    """Count both 1x1 convolutions of a squeeze-excitation branch, with biases."""
    weights = 2 * channels * squeeze
    return weights, weights + squeeze + channels, squeeze + channels


def linear(in_features: Whole, out_features: Whole) -> Counts[Whole]:
    """Count the classifier, with bias."""
    weights = in_features * out_features
    return weights, weights + out_features, out_features


def mbconv(
    stage: StageSpec, in_channels: Whole, out_channels: Whole, side: Whole, stride: int
) -> Counts[Whole]:
    """Count one MBConv block; arguments as for `block`."""
    expanded = in_channels * stage.expand_ratio
    out = out_size(side, stride)
    total = add(depthwise(expanded, stage.kernel_size, out), convolution(expanded, out_channels, 1, out))
    if stage.expand_ratio != 1:
        total = add(total, convolution(in_channels, expanded, 1, side))
    if stage.se_ratio:
        total = add(total, squeeze_excitation(expanded, squeeze_of(stage, in_channels)))
    return total


def bottleneck(
    stage: StageSpec, in_channels: Whole, out_channels: Whole, side: Whole, stride: int
) -> Counts[Whole]:
    """Count one bottleneck, the 1x1 convolution in its shortcut included where shapes differ."""
    inner, out = out_channels // stage.expand_ratio, out_size(side, stride)
    total = add(convolution(in_channels, inner, 1, side), convolution(inner, inner, stage.kernel_size, out))
    total = add(total, convolution(inner, out_channels, 1, out))
    shortcut = convolution(in_channels, out_channels, 1, out)
    if stride > 1:
        return add(total, shortcut)
    return add(total, times(shortcut, 1 - (in_channels == out_channels)))


def block(
    stage: StageSpec, in_channels: Whole, out_channels: Whole, side: Whole, stride: int
) -> Counts[Whole]:
    """Count one block of a stage.

    Args:
        stage: gives kind, kernel size, expand and squeeze ratios.
        in_channels: of the block's input.
        out_channels: of its output.
        side: of its INPUT map.
        stride: of its k x k convolution.
    """
    match stage.kind:
        case BlockKind.MBCONV | BlockKind.SEPARABLE:  # which neither expands nor squeezes
            return mbconv(stage, in_channels, out_channels, side, stride)
        case BlockKind.BOTTLENECK:
            return bottleneck(stage, in_channels, out_channels, side, stride)
        case _:
            assert_never(stage.kind)


def squeeze_of(stage: StageSpec, in_channels: Any) -> Any:
    """Return the squeeze channels of a block, for a number or an array of input channels.

    >>> from scaling import variant
    >>> squeeze_of(variant("b0").stages[1], 16), squeeze_of(variant("b0").stages[1], np.array([24])).tolist()
    (4, [6])
    """
    if not isinstance(in_channels, np.ndarray):
        return squeeze_channels(in_channels, stage.se_ratio, stage.squeeze_rounding)
    if stage.se_ratio == 0:
        return np.zeros_like(in_channels)
    scaled = stage.se_ratio * in_channels
    rounded = {SqueezeRounding.FLOOR: np.floor, SqueezeRounding.ROUND: np.rint}[stage.squeeze_rounding](
        scaled
    )
    return np.maximum(1, rounded.astype(np.int64))


def pieces(
    spec: ArchitectureSpec, channels: Sequence[Whole], repeats: Sequence[Whole], image_size: Whole
) -> Iterator[tuple[str, Counts[Whole]]]:
    """Yield the name and the counts of stem, every stage, head if there is one, classifier.

    Args:
        spec: gives what scaling leaves alone.
        channels: of stem, every stage, head.
        repeats: of every stage.
        image_size: in pixels.
    """
    side = out_size(image_size, spec.stem.stride)
    image, classes = side * 0 + spec.in_channels, side * 0 + spec.num_classes
    yield "stem", convolution(image, channels[0], spec.stem.kernel_size, side)
    side = out_size(side, spec.stem.pool_stride)
    for index, stage in enumerate(spec.stages):
        into, out = channels[index], channels[index + 1]
        first = block(stage, into, out, side, stage.stride)
        side = out_size(side, stage.stride)
        # The repeats are all alike: any depth takes two evaluations.
        yield f"stage{index + 1}", add(first, times(block(stage, out, out, side, 1), repeats[index] - 1))
    features = channels[-2]
    if spec.head.out_channels:
        features = channels[-1]
        yield "head", convolution(channels[-2], features, 1, side)
    yield "classifier", linear(features, classes)
