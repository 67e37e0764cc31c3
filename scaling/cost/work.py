"""What a network gives a processor to do, by kind of layer: the terms of a time model.

Not a count of cost: nothing here is compared with other counters. Every quantity rises with depth, width and
image size, so a model with coefficients of at least 0 does too.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any, assert_never

import numpy as np

from scaling.cost.formulas import squeeze_of
from scaling.cost.vectorised import Candidates
from scaling.network.architecture import POOL_KERNEL, Activation, ArchitectureSpec, BlockKind, StageSpec
from scaling.network.sides import out_size

NAMES = (
    "calls",
    "dense_macs",
    "pointwise_macs",
    "depthwise_macs",
    "linear_macs",
    "convolution_elements",
    "depthwise_elements",
    "elementwise_elements",
    "silu_elements",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """One image's work by kind of layer; each an int, or int64 (N,) for many networks.

    Args:
        calls: operations that are started: convolutions, norms, activations, additions, copies.
        dense_macs: multiply-adds of convolutions over all channels with kernels above 1x1.
        pointwise_macs: of 1x1 convolutions on maps.
        depthwise_macs: of depthwise convolutions.
        linear_macs: on single vectors: squeeze-excitation, classifier.
        convolution_elements: read and written by dense and pointwise convolutions.
        depthwise_elements: likewise by depthwise ones.
        elementwise_elements: read and written by norms, ReLU, additions, gates, poolings, padding.
        silu_elements: that SiLU maps.
    """

    calls: Any = 0
    dense_macs: Any = 0
    pointwise_macs: Any = 0
    depthwise_macs: Any = 0
    linear_macs: Any = 0
    convolution_elements: Any = 0
    depthwise_elements: Any = 0
    elementwise_elements: Any = 0
    silu_elements: Any = 0

    def __add__(self, other: Work) -> Work:
        """Add two works, kind by kind."""
        return Work(**{name: _sum(getattr(self, name), getattr(other, name)) for name in NAMES})

    def times(self, number: Any) -> Work:
        """Return the same work several times."""
        return Work(**{name: getattr(self, name) * number for name in NAMES})


assert tuple(one.name for one in fields(Work)) == NAMES


def _sum(left: Any, right: Any) -> Any:
    """Add; most kinds are absent from a layer, and an array of zeros need not be made for them."""
    if isinstance(right, int) and right == 0:
        return left
    return right if isinstance(left, int) and left == 0 else left + right


def count_work(spec: ArchitectureSpec) -> Work:
    """Count the work of one network.

    >>> from scaling import variant
    >>> work = count_work(variant("b0"))
    >>> work.dense_macs + work.pointwise_macs + work.depthwise_macs + work.linear_macs
    385814752
    """
    work = _walk(spec, spec.channels, [stage.repeats for stage in spec.stages], spec.image_size)
    return Work(**{name: int(getattr(work, name)) for name in NAMES})


def count_works(baseline: ArchitectureSpec, candidates: Candidates) -> Work:
    """Count the work of many networks, int64 (N,) each; equal to `count_work` of each.

    Args:
        baseline: gives kernels, strides, expand and squeeze ratios, image channels and classes.
        candidates: repeats, channels and image sizes.

    >>> from scaling import variant
    >>> specs = [variant("b0"), variant("b7")]
    >>> count_works(variant("b0"), Candidates.of(specs, baseline=variant("b0"))).calls.tolist()
    [243, 819]
    """
    return _walk(baseline, candidates.channels.T, candidates.repeats.T, candidates.image_size)


def _walk(spec: ArchitectureSpec, channels: Any, repeats: Any, size: Any) -> Work:
    """Walk a network; `spec` gives what scaling leaves alone."""
    act, stem = spec.activation, spec.stem
    side = out_size(size, stem.stride)
    total = _spatial(spec.in_channels, channels[0], stem.kernel_size, size, stem.stride)
    total += _norm(channels[0], side, act)
    if stem.has_pool:
        padding = _padding(channels[0], side, POOL_KERNEL, stem.pool_stride)
        total, side = total + padding + _pooling(channels[0], side), out_size(side, stem.pool_stride)
    for number, stage in enumerate(spec.stages):
        into, out = channels[number], channels[number + 1]
        total += _block(stage, into, out, side, stage.stride, act)
        side = out_size(side, stage.stride)
        again = _block(stage, out, out, side, 1, act)
        if stage.kind == BlockKind.MBCONV:
            # A first block's addition is left out: channels that round to equal ones would make work fall.
            again += _addition(out, side)
        total += again.times(repeats[number] - 1)
    features = channels[-2]
    if spec.head.out_channels:
        features = channels[-1]
        total += _pointwise(channels[-2], features, side) + _norm(features, side, act)
    return total + _pooling(features, side) + _linear(features, spec.num_classes)


def _block(stage: StageSpec, into: Any, out: Any, side: Any, stride: int, act: Activation) -> Work:
    """Count one block, the addition of an MBConv left out."""
    smaller = out_size(side, stride)
    match stage.kind:
        case BlockKind.MBCONV:
            return _mbconv(stage, into, out, side, stride, act)
        case BlockKind.SEPARABLE:
            work = _depthwise(into, stage.kernel_size, side, stride) + _norm(into, smaller, act)
            return work + _pointwise(into, out, smaller) + _norm(out, smaller, act)
        case BlockKind.BOTTLENECK:
            inner = out // stage.expand_ratio
            work = _pointwise(into, inner, side) + _norm(inner, side, act)
            work += _spatial(inner, inner, stage.kernel_size, side, stride) + _norm(inner, smaller, act)
            work += _pointwise(inner, out, smaller) + _norm(out, smaller, act) + _addition(out, smaller)
            shortcut = _spatial(into, out, 1, side, stride) + _norm(out, smaller, None)
            return work + shortcut.times(1 if stride > 1 else 1 * (into != out))
        case _:
            assert_never(stage.kind)


def _mbconv(stage: StageSpec, into: Any, out: Any, side: Any, stride: int, act: Activation) -> Work:
    smaller, wide, work = out_size(side, stride), into * stage.expand_ratio, Work()
    if stage.expand_ratio != 1:
        work += _pointwise(into, wide, side) + _norm(wide, side, act)
    work += _depthwise(wide, stage.kernel_size, side, stride) + _norm(wide, smaller, act)
    if stage.se_ratio:
        squeeze = squeeze_of(stage, into)
        gate = Work(calls=3, elementwise_elements=2 * wide * smaller**2)  # activation, sigmoid, product
        work += _pooling(wide, smaller) + _linear(wide, squeeze) + _linear(squeeze, wide) + gate
    return work + _pointwise(wide, out, smaller) + _norm(out, smaller, None)


def _addition(channels: Any, side: Any) -> Work:
    return Work(calls=1, elementwise_elements=3 * channels * side**2)


def _depthwise(channels: Any, kernel_size: int, side: Any, stride: int) -> Work:
    smaller = out_size(side, stride)
    return _padding(channels, side, kernel_size, stride) + Work(
        calls=1,
        depthwise_macs=kernel_size**2 * channels * smaller**2,
        depthwise_elements=channels * (side**2 + smaller**2),
    )


def _spatial(into: Any, out: Any, kernel_size: int, side: Any, stride: int) -> Work:
    """Count a convolution over all channels that may stride."""
    smaller = out_size(side, stride)
    macs = kernel_size**2 * into * out * smaller**2
    kind = {"pointwise_macs": macs} if kernel_size == 1 else {"dense_macs": macs}
    own = Work(calls=1, convolution_elements=into * side**2 + out * smaller**2, **kind)
    return _padding(into, side, kernel_size, stride) + own


def _pointwise(into: Any, out: Any, side: Any) -> Work:
    return _spatial(into, out, 1, side, 1)


def _norm(channels: Any, side: Any, activation: Activation | None) -> Work:
    """Count a batch norm and the activation after it."""
    elements = channels * side**2
    match activation:
        case None:
            return Work(calls=1, elementwise_elements=2 * elements)
        case Activation.SILU:
            return Work(calls=2, elementwise_elements=2 * elements, silu_elements=elements)
        case Activation.RELU | Activation.RELU6:
            return Work(calls=2, elementwise_elements=4 * elements)
        case _:
            assert_never(activation)


def _padding(channels: Any, side: Any, kernel_size: int, stride: int) -> Work:
    """Count the copy that SAME padding makes at strides above 1."""
    if 1 in (stride, kernel_size):
        return Work()
    padded = padded_side(side, kernel_size, stride)
    return Work(calls=1, elementwise_elements=channels * (side**2 + padded**2))


def padded_side(side: Any, kernel_size: int, stride: int) -> Any:
    """Return the side of what a convolution reads: of a padded copy where one is made, else of the map.

    >>> int(padded_side(224, 3, 2)), padded_side(14, 5, 1)
    (225, 14)
    """
    if 1 in (stride, kernel_size):
        return side
    return side + np.maximum((out_size(side, stride) - 1) * stride + kernel_size - side, 0)


def _pooling(channels: Any, side: Any) -> Work:
    return Work(calls=1, elementwise_elements=channels * side**2)


def _linear(into: Any, out: Any) -> Work:
    return Work(calls=1, linear_macs=into * out)
