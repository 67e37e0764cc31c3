"""Peak memory of the maps of many networks at once: `memory` over numpy arrays."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from scaling.cost.memory import BYTES
from scaling.cost.vectorised import Array, Candidates
from scaling.network.architecture import POOL_KERNEL, ArchitectureSpec, BlockKind, StageSpec


def peak_activation_bytes_of(baseline: ArchitectureSpec, candidates: Candidates) -> Array:
    """Estimate the peak memory of activations of many networks; equal to `peak_activation_bytes` of each.

    Args:
        baseline: gives kernels, strides, expand and squeeze ratios and image channels.
        candidates: repeats, channels and image sizes.

    >>> from scaling import variant
    >>> specs = [variant("b0"), variant("b7")]
    >>> peak_activation_bytes_of(variant("b0"), Candidates.of(specs, baseline=variant("b0")))[0].item()
    13934976
    """
    channels, size = candidates.channels.T, candidates.image_size
    image = baseline.in_channels * size**2
    side = -(-size // baseline.stem.stride)
    stem = channels[0] * side**2
    padded = _padded(size, baseline.stem.kernel_size, baseline.stem.stride) ** 2 * baseline.in_channels
    peak = image + stem + np.maximum(stem, padded)
    if baseline.stem.has_pool:
        padded = _padded(side, POOL_KERNEL, baseline.stem.pool_stride) ** 2 * channels[0]
        side = -(-side // baseline.stem.pool_stride)
        pooled = channels[0] * side**2
        peak, stem = np.maximum(peak, image + stem + padded + 3 * pooled), pooled
    for number, stage in enumerate(baseline.stages):
        into, out_channels = channels[number], channels[number + 1]
        held = image + (stem if number else 0)
        for alive in _block(stage, into, out_channels, side, stage.stride):
            peak = np.maximum(peak, held + alive)
        stage_input = into * side**2
        side = -(-side // stage.stride)
        again = candidates.repeats.T[number] > 1
        for alive in _block(stage, out_channels, out_channels, side, 1):
            peak = np.where(again, np.maximum(peak, held + stage_input + alive), peak)
    last, head = channels[-2] * side**2, channels[-1] * side**2
    found: Array = BYTES * np.maximum(peak, image + last + 2 * head)
    return found


def _block(stage: StageSpec, into: Array, out_channels: Array, side: Array, stride: int) -> Iterator[Array]:
    """Yield the elements alive in each step of a block, its input included: `memory`, step by step."""
    out: Array = -(-side // stride)
    narrows = stage.kind == BlockKind.BOTTLENECK
    wide: Array = out_channels // stage.expand_ratio if narrows else into * stage.expand_ratio
    entered: Array = into * side * side
    # With an expand ratio of 1 the depthwise convolution reads the block's input itself.
    expanded: Array = wide * side * side if stage.expand_ratio != 1 or narrows else np.zeros_like(side)
    inside: Array = wide * out * out
    projected: Array = out_channels * out * out
    yield entered + 2 * expanded
    if stride > 1:
        padded = _padded(side, stage.kernel_size, stride)
        yield entered + expanded + wide * padded * padded + inside
    yield entered + expanded + 2 * inside
    yield entered + 2 * inside + (wide if stage.se_ratio else 0)
    yield entered + inside + 2 * projected
    projects: Array = narrows & ((stride > 1) | (into != out_channels))
    yield entered + (2 + projects) * projected


def _padded(side: Array, kernel_size: int, stride: int) -> Array:
    """Side of the padded copy that SAME padding makes; 0 where none is made."""
    if 1 in (stride, kernel_size):
        return np.zeros_like(side)
    out = -(-side // stride)
    padded: Array = side + np.maximum((out - 1) * stride + kernel_size - side, 0)
    return padded
