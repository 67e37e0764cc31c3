"""Smaller images from larger ones, by antialiased sampling."""

from __future__ import annotations

import numpy as np
from PIL import Image


def resize(images: np.ndarray, image_size: int) -> np.ndarray:
    """Resize square images with a triangle filter as wide as a new pixel; the same size is returned as it is.

    Values are rounded to 8 bits after each axis, in integer arithmetic: every computer gives the same bytes.

    Source: Pillow's Image.resize with BILINEAR, which widens its filter when it makes images smaller.

    >>> resize(np.full((1, 1, 4, 4), 7, np.uint8), 2).tolist()
    [[[[7, 7], [7, 7]]]]
    """
    if images.shape[-1] == image_size:
        return np.ascontiguousarray(images)
    resized = np.empty((*images.shape[:2], image_size, image_size), np.uint8)
    side = images.shape[-1]
    for plane, target in zip(
        images.reshape(-1, side, side), resized.reshape(-1, image_size, image_size), strict=True
    ):
        smaller = Image.fromarray(plane).resize((image_size, image_size), Image.Resampling.BILINEAR)
        target[...] = np.asarray(smaller)
    return resized
