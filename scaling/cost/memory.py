"""How much memory the maps of one inference take, from the spec alone."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, assert_never

import numpy as np

from scaling.cost.vectorised import Candidates
from scaling.cost.work import padded_side
from scaling.network.architecture import POOL_KERNEL, ArchitectureSpec, BlockKind, StageSpec
from scaling.network.sides import out_size

BYTES = 4
"""float32."""


def peak_activation_bytes(spec: ArchitectureSpec) -> int:
    """Estimate the peak memory of activations at inference: one image, float32, eager, weights left out.

    Walks the module as it runs: a layer's input, its convolution's output (and padded copy where the stride
    is above 1) and its norm's output are alive together, beside the inputs of the block, of the stage, of all
    stages and of the network. Workspaces of convolution kernels and the allocator's slack are not in it.

    >>> from scaling import variant
    >>> peak_activation_bytes(variant("b0"))
    13934976
    """
    return int(_peak(spec, spec.channels, [stage.repeats for stage in spec.stages], spec.image_size))


def peak_activation_bytes_of(baseline: ArchitectureSpec, candidates: Candidates) -> Any:
    """Estimate the same of many networks, int64 (N,); equal to `peak_activation_bytes` of each.

    Args:
        baseline: gives kernels, strides, expand and squeeze ratios and image channels.
        candidates: repeats, channels and image sizes.
    """
    return _peak(baseline, candidates.channels.T, candidates.repeats.T, candidates.image_size)


def _peak(spec: ArchitectureSpec, channels: Any, repeats: Any, size: Any) -> Any:
    """Walk a network; `spec` gives what scaling leaves alone."""
    image = spec.in_channels * size**2
    side = out_size(size, spec.stem.stride)
    stem = channels[0] * side**2
    padded = spec.in_channels * _copied(size, spec.stem.kernel_size, spec.stem.stride)
    peak = image + stem + np.maximum(stem, padded)
    if spec.stem.has_pool:
        padded = channels[0] * _copied(side, POOL_KERNEL, spec.stem.pool_stride)
        side = out_size(side, spec.stem.pool_stride)
        pooled = channels[0] * side**2
        # torch's max pooling also makes the places of the maxima, 8 bytes each.
        peak, stem = np.maximum(peak, image + stem + padded + 3 * pooled), pooled
    for number, stage in enumerate(spec.stages):
        into, out = channels[number], channels[number + 1]
        # A caller holds the arguments of a call for as long as it runs: the stages' and the stage's.
        held = image + (stem if number else 0)
        for alive in _block(stage, into, out, side, stage.stride):
            peak = np.maximum(peak, held + alive)
        held, side = held + into * side**2, out_size(side, stage.stride)
        for alive in _block(stage, out, out, side, 1):
            peak = np.where(repeats[number] > 1, np.maximum(peak, held + alive), peak)
    last, head = channels[-2] * side**2, channels[-1] * side**2
    return BYTES * np.maximum(peak, image + last + 2 * head)


def _block(stage: StageSpec, into: Any, out: Any, side: Any, stride: int) -> Iterator[Any]:
    """Yield the elements alive in each step of a block, its input included."""
    smaller = out_size(side, stride)
    wide, projects = _width(stage, into, out, stride)
    entered, inside, projected = into * side**2, wide * smaller**2, out * smaller**2
    expanded = 0 if stage.starts_depthwise else wide * side**2
    yield entered + 2 * expanded
    if stride > 1:
        yield entered + expanded + wide * _copied(side, stage.kernel_size, stride) + inside
    yield entered + expanded + 2 * inside
    yield entered + 2 * inside + (wide if stage.se_ratio else 0)
    yield entered + inside + 2 * projected
    yield entered + (2 + projects) * projected


def _width(stage: StageSpec, into: Any, out: Any, stride: int) -> tuple[Any, Any]:
    """Return the channels of a block's k x k convolution, and whether its shortcut is projected."""
    match stage.kind:
        case BlockKind.MBCONV | BlockKind.SEPARABLE:
            return into * stage.expand_ratio, False
        case BlockKind.BOTTLENECK:
            return out // stage.expand_ratio, (stride > 1) | (into != out)
        case _:
            assert_never(stage.kind)


def _copied(side: Any, kernel_size: int, stride: int) -> Any:
    """Return the elements of a channel in the padded copy that SAME padding makes; 0 where none is made."""
    return 0 if 1 in (stride, kernel_size) else padded_side(side, kernel_size, stride) ** 2
