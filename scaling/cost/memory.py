"""How much memory the maps of one inference take, from the spec alone."""

from __future__ import annotations

from collections.abc import Iterator

from scaling.network.architecture import POOL_KERNEL, ArchitectureSpec, BlockKind, BlockSpec, out_size

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
    image = spec.in_channels * spec.image_size**2
    side = out_size(spec.image_size, spec.stem.stride)
    stem = spec.stem.out_channels * side**2
    padded = _padded(spec.image_size, spec.stem.kernel_size, spec.stem.stride) ** 2 * spec.in_channels
    peak = image + stem + max(stem, padded)
    if spec.stem.has_pool:
        padded = _padded(side, POOL_KERNEL, spec.stem.pool_stride) ** 2 * spec.stem.out_channels
        side = out_size(side, spec.stem.pool_stride)
        pooled = spec.stem.out_channels * side**2
        # torch's max pooling also makes the places of the maxima, 8 bytes each.
        peak, stem = max(peak, image + stem + padded + 3 * pooled), pooled
    for number, stage in enumerate(spec.stages):
        stage_input = stage.in_channels * side**2
        for index, block in enumerate(stage.blocks()):
            # A caller holds the arguments of a call for as long as it runs: the stages' and the stage's.
            held = image + stem * (number > 0) + stage_input * (index > 0)
            peak = max(peak, held + max(_block(block, side)))
            side = out_size(side, block.stride)
    last, head = spec.stages[-1].out_channels * side**2, spec.head.out_channels * side**2
    return BYTES * max(peak, image + last + 2 * head)


def _block(block: BlockSpec, side: int) -> Iterator[int]:
    """Yield the elements alive in each step of a block, its input included."""
    out = out_size(side, block.stride)
    into, expanded = block.in_channels * side**2, block.expanded_channels * side**2
    inside, projected = block.expanded_channels * out**2, block.out_channels * out**2
    if block.expand_ratio == 1 and block.kind != BlockKind.BOTTLENECK:
        expanded = 0  # the depthwise convolution reads the block's input itself
    yield into + 2 * expanded
    if block.stride > 1:
        padded = block.expanded_channels * _padded(side, block.kernel_size, block.stride) ** 2
        yield into + expanded + padded + inside
    yield into + expanded + 2 * inside
    yield into + 2 * inside + (block.expanded_channels if block.squeeze_channels else 0)
    yield into + inside + 2 * projected
    yield into + (3 if block.projects_shortcut else 2) * projected


def _padded(side: int, kernel_size: int, stride: int) -> int:
    """Side of the padded copy that SAME padding makes; 0 where none is made."""
    if 1 in (stride, kernel_size):
        return 0
    return side + max((out_size(side, stride) - 1) * stride + kernel_size - side, 0)
