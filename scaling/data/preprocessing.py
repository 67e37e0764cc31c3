"""From a picture to a network's input, as the source of the weights does it.

Weights reach their printed accuracy only with the resize, crop, mean and deviation they were evaluated with.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

import numpy as np
from PIL.Image import Image, Resampling

from scaling.data.imagefolder import as_rgb
from scaling.errors import ConfigError, DataError
from scaling.network.conventions import Peer
from scaling.network.published import published
from scaling.network.rounding import choice

if TYPE_CHECKING:
    import torch

MOST_PIXELS = 4096 * 4096
"""Of a resized picture: a strip of one pixel by thousands would grow without bound."""


_OF_PEER = {
    Peer.TENSORFLOW: "tensorflow",
    Peer.TORCHVISION: "torchvision",
    Peer.TIMM: "timm",
    Peer.TIMM_TF: "timm-tf",
    Peer.GEFFNET: "timm-tf",  # geffnet's README: the crops of timm's tf_* weights
    Peer.GEFFNET_TF: "timm-tf",
    Peer.EFFICIENTNET_PYTORCH: "tensorflow",  # the released code's weights, as Keras's
    Peer.KERAS: "tensorflow",
}
"""Whose weights go with which rows."""


class Interpolation(StrEnum):
    """How pixels between pixels are made; both filters are widened when they shrink (antialiasing)."""

    BICUBIC = "bicubic"
    BILINEAR = "bilinear"


@dataclass(frozen=True, slots=True, kw_only=True)
class Preprocessing:
    """How pictures become inputs: one of two orders, then (x / 255 - mean) / std per channel.

    Either the centre is cropped to size / (size + crop_padding) of the short side and resized to the image
    size, or the short side is resized to `resize` and the centre cropped to `crop`.

    Args:
        name: of the source of the weights, such as tensorflow.
        resize: short side in pixels after resizing, or None.
        crop: side in pixels of the centre crop that follows, or None.
        crop_padding: in pixels at the image size, or None.
        interpolation: of the resize.
        mean: of red, green and blue, of values in [0, 1].
        std: likewise, above 0.
        source: the released file.

    Raises:
        ConfigError: neither order is complete, both are, or a value is out of range.
    """

    name: str
    resize: int | None
    crop: int | None
    crop_padding: int | None
    interpolation: Interpolation
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    source: str

    def __post_init__(self) -> None:
        by_sides = self.resize is not None and self.crop is not None
        if by_sides == (self.crop_padding is not None) or (self.resize is None) != (self.crop is None):
            raise ConfigError(f"preprocessing {self.name} needs either resize and crop, or crop_padding")
        if self.resize is not None and self.crop is not None and not 1 <= self.crop <= self.resize:
            raise ConfigError(f"crop must be between 1 and resize = {self.resize}, got {self.crop}")
        if self.crop_padding is not None and self.crop_padding < 0:
            raise ConfigError(f"crop_padding must be 0 or more, got {self.crop_padding}")
        if not min(self.std) > 0:
            raise ConfigError(f"std must be above 0, got {self.std}")

    def image_size(self, native: int) -> int:
        """Return the side of the inputs in pixels: the crop's if the source fixes one, else the native one.

        >>> preprocessing_named("torchvision", "b2").image_size(260)
        288
        """
        return native if self.crop is None else self.crop


def preprocessing_names(variant: str) -> tuple[str, ...]:
    """Return the names of every preprocessing that is known for a variant.

    >>> preprocessing_names("b8")
    ('tensorflow', 'advprop', 'timm-tf')
    """
    return tuple(row["name"] for row in _rows(variant))


def preprocessing_named(name: str, variant: str) -> Preprocessing:
    """Return how a source prepares the pictures for its weights of one variant.

    Args:
        name: tensorflow, advprop, lite, torchvision, torchvision-v2, timm or timm-tf.
        variant: such as b4.

    Raises:
        ConfigError: the source says nothing of that variant.

    Source: scaling/published/preprocessing.csv, each row with the file it was read from.

    >>> preprocessing_named("torchvision", "b4").resize
    384
    """
    for row in _rows(variant):
        if row["name"] == name:
            return _parsed(row)
    known = ", ".join(preprocessing_names(variant))
    raise ConfigError(f"the preprocessing for {variant} must be one of {known}, got {name!r}")


def preprocessing_for(peer: str, variant: str) -> Preprocessing:
    """Return the preprocessing that belongs to an implementation's weights of a variant.

    EfficientNet-Lite has one, whoever carries the weights. AdvProp's weights look like any others: ask for
    `preprocessing_named("advprop", …)`.

    Raises:
        ConfigError: the implementation has no weights of that variant of its own.
        SpecError: no such implementation is known.

    >>> preprocessing_for("keras", "b0").name, preprocessing_for("geffnet-tf", "b8").name
    ('tensorflow', 'timm-tf')
    """
    known = choice(Peer, peer, "source")
    if variant.startswith("lite"):
        return preprocessing_named("lite", variant)
    return preprocessing_named(_OF_PEER[known], variant)


def preprocess(image: Image, preprocessing: Preprocessing, image_size: int) -> torch.Tensor:
    """Turn a picture into an input: float32, (3, image_size, image_size), red green blue.

    Resizing rounds to 8 bits, as torchvision and timm do on Pillow images. The released TensorFlow code
    resizes without antialiasing and keeps fractions, so its inputs, and some of its answers, differ slightly.

    Args:
        image: of any mode and size.
        preprocessing: how.
        image_size: side of the input in pixels; where the preprocessing fixes a crop, that.

    Raises:
        DataError: the picture is too thin to resize, or the preprocessing is for another image size.

    >>> from PIL import Image
    >>> grey = Image.new("RGB", (320, 240), (127, 127, 127))
    >>> x = preprocess(grey, preprocessing_named("lite", "lite0"), 224)
    >>> tuple(x.shape), float(x.abs().max()) < 1e-6
    ((3, 224, 224), True)
    """
    import torch  # noqa: PLC0415  listing preprocessings needs no torch

    if preprocessing.image_size(image_size) != image_size:
        raise DataError(
            f"preprocessing {preprocessing.name} gives images of {preprocessing.crop} px, got {image_size}"
        )
    colour = as_rgb(image)
    if preprocessing.crop_padding is None:
        square = _resized_then_cropped(colour, preprocessing)
    else:
        square = _cropped_then_resized(colour, preprocessing, image_size)
    pixels = np.asarray(square, dtype=np.float32) / np.float32(255)
    mean, std = (np.asarray(three, dtype=np.float32) for three in (preprocessing.mean, preprocessing.std))
    scaled = (pixels - mean) / std
    return torch.from_numpy(np.ascontiguousarray(scaled.transpose(2, 0, 1)))


def _cropped_then_resized(image: Image, preprocessing: Preprocessing, image_size: int) -> Image:
    """As tensorflow/tpu preprocessing.py: the crop is truncated, an odd margin larger before than after."""
    assert preprocessing.crop_padding is not None
    side = max(1, int(image_size / (image_size + preprocessing.crop_padding) * min(image.size)))
    left, top = ((length - side + 1) // 2 for length in image.size)
    crop = image.crop((left, top, left + side, top + side))
    return crop.resize((image_size, image_size), Resampling[preprocessing.interpolation.name])


def _resized_then_cropped(image: Image, preprocessing: Preprocessing) -> Image:
    """As torchvision's Resize and CenterCrop: the long side is truncated, half pixels go to the even side."""
    assert preprocessing.resize is not None
    assert preprocessing.crop is not None
    short = min(image.size)
    width, height = (
        preprocessing.resize if length == short else int(preprocessing.resize * length / short)
        for length in image.size
    )
    if width * height > MOST_PIXELS:
        raise DataError(f"a picture of {image.width} x {image.height} px is too thin to resize and crop")
    resized = image.resize((width, height), Resampling[preprocessing.interpolation.name])
    left, top = (round((length - preprocessing.crop) / 2) for length in resized.size)
    return resized.crop((left, top, left + preprocessing.crop, top + preprocessing.crop))


def _rows(variant: str) -> list[dict[str, str]]:
    """Return the rows for a variant; a row's variant is a shell pattern: * is any, b* and lite* a family."""
    return [row for row in published("preprocessing") if fnmatchcase(variant, row["variant"])]


def _parsed(row: dict[str, str]) -> Preprocessing:
    return Preprocessing(
        name=row["name"],
        resize=_optional(row["resize"]),
        crop=_optional(row["crop"]),
        crop_padding=_optional(row["crop_padding"]),
        interpolation=Interpolation(row["interpolation"]),
        mean=_triple(row["mean"]),
        std=_triple(row["std"]),
        source=row["source"],
    )


def _optional(text: str) -> int | None:
    return int(text) if text else None


def _triple(text: str) -> tuple[float, float, float]:
    red, green, blue = (float(number) for number in text.split())
    return red, green, blue
