"""Sides of maps: what a convolution of a stride leaves of a side, for one network or for many."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from scaling.network.architecture import ArchitectureSpec

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Whole = TypeVar("Whole", int, "NDArray[np.int64]")
"""A number, or one of each of many networks."""


def out_size(size: Whole, stride: int) -> Whole:
    """Side of a map, or of many maps, after a convolution: ceil(size / stride).

    SAME padding and symmetric padding of (kernel - 1) / 2 give the same for every odd kernel.

    >>> out_size(225, 2)
    113
    """
    return -(-size // stride)


def input_sides(spec: ArchitectureSpec) -> tuple[int, ...]:
    """Return the side of each stage's input map, and of the head's (the map that is pooled), in pixels.

    >>> from scaling import variant
    >>> input_sides(variant("b0"))
    (112, 112, 56, 28, 14, 14, 7, 7)
    """
    sides = [out_size(out_size(spec.image_size, spec.stem.stride), spec.stem.pool_stride)]
    for stage in spec.stages:
        sides.append(out_size(sides[-1], stage.stride))
    return tuple(sides)
