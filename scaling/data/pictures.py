"""A picture file's pixels in one colour space."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from PIL.Image import Image


def as_rgb(image: Image) -> Image:
    """Return a picture in red, green, blue; transparency is dropped, orientation tags are not applied.

    >>> from PIL import Image
    >>> as_rgb(Image.new("L", (2, 2), 7)).getpixel((0, 0))
    (7, 7, 7)
    """
    # Pillow warns when it drops the transparency of a palette in one step.
    transparent = image.mode == "P" and "transparency" in image.info
    return (image.convert("RGBA") if transparent else image).convert("RGB")
