"""What a data set is: a split of images with labels, and what is known of the whole."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, assert_never, get_args

import numpy as np
from PIL import Image

from scaling.errors import DataError

SplitName = Literal["train", "validation", "test"]
SPLIT_NAMES: tuple[SplitName, ...] = get_args(SplitName)


@dataclass(frozen=True, slots=True, kw_only=True)
class SplitRequest:
    """Which images of a data set are asked for, and from where; fields as the arguments of `load_split`."""

    split: SplitName
    image_size: int
    count: int | None
    seed: int
    data_dir: Path | None = None
    cache_dir: Path | None = None
    allow_upsampling: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Split:
    """One split at one image size.

    Args:
        images: uint8, (N, C, H, W), C-contiguous, 0 to 255.
        labels: int64, (N,), 0 to num_classes - 1.

    Raises:
        DataError: shape, type or layout is another.

    >>> split = Split(images=np.zeros((2, 1, 4, 4), np.uint8), labels=np.zeros(2, np.int64))
    >>> len(split), split.image_size
    (2, 4)
    """

    images: np.ndarray
    labels: np.ndarray

    def __post_init__(self) -> None:
        images, labels = self.images, self.labels
        if images.dtype != np.uint8 or images.ndim != 4 or not images.flags.c_contiguous:
            raise DataError(
                f"images must be contiguous uint8 (N, C, H, W), got {images.dtype} {images.shape}"
            )
        if labels.dtype != np.int64 or labels.shape != images.shape[:1]:
            raise DataError(f"labels must be int64 ({len(images)},), got {labels.dtype} {labels.shape}")

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def image_size(self) -> int:
        """Side of an image in pixels."""
        return int(self.images.shape[-1])


@dataclass(frozen=True, slots=True, kw_only=True)
class DatasetInfo:
    """What is known of a data set before any of it is loaded.

    Args:
        native_size: side of the stored images in pixels; None where images are drawn from vectors, so that
            any size is true resolution, or where each picture has a size of its own.
        class_names: one per label, from 0.
        mean: per channel, 1 for grey or 3 for colour, of pixels in [0, 1] over the training split.
        std: likewise, above 0.

    Raises:
        DataError: there are not as many std as mean, or one is not above 0.
    """

    name: str
    native_size: int | None
    class_names: tuple[str, ...]
    mean: tuple[float, ...]
    std: tuple[float, ...]
    licence: str
    source: str

    def __post_init__(self) -> None:
        if len(self.mean) != len(self.std) or not min(self.std) > 0:
            raise DataError(
                f"{self.name} needs a mean and a std above 0 for each channel, got {self.mean} and {self.std}"
            )

    @property
    def num_classes(self) -> int:
        """Labels run from 0 to one less."""
        return len(self.class_names)

    @property
    def in_channels(self) -> int:
        """Of an image."""
        return len(self.mean)


def shuffled_indices(split: SplitName, *, train: int, validation: int, test: int, seed: int) -> np.ndarray:
    """Return the indices of a split into its images, in the seed's order, of which a count takes the first.

    Train and validation are the two parts of one permutation of the training images.

    >>> parts = [shuffled_indices(name, train=9, validation=3, test=5, seed=0) for name in SPLIT_NAMES]
    >>> [len(part) for part in parts], len({*parts[0], *parts[1]})
    ([6, 3, 5], 9)
    """
    match split:
        case "train":
            return np.random.default_rng((seed, 0)).permutation(train)[validation:]
        case "validation":
            return np.random.default_rng((seed, 0)).permutation(train)[:validation]
        case "test":
            return np.random.default_rng((seed, 1)).permutation(test)
        case _:
            assert_never(split)


def first_indices(name: str, request: SplitRequest, indices: np.ndarray) -> np.ndarray:
    """Return as many indices of a split as are asked for.

    Raises:
        DataError: there are fewer.
    """
    if request.count is not None and request.count > len(indices):
        raise DataError(
            f"{name} has {len(indices):,} images in its {request.split} split, got count {request.count:,}"
        )
    return indices[: request.count]


def resize(images: np.ndarray, image_size: int) -> np.ndarray:
    """Resize square images, uint8 (N, C, H, H), with a triangle filter as wide as a new pixel.

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


def checksum(split: Split) -> str:
    """Return the SHA-256 of labels (little-endian) and images, in hexadecimal, for provenance.

    >>> one = Split(images=np.zeros((1, 1, 2, 2), np.uint8), labels=np.zeros(1, np.int64))
    >>> checksum(one)[:8]
    '15ec7bf0'
    """
    digest = hashlib.sha256(split.labels.astype("<i8").tobytes())
    digest.update(split.images.data)
    return digest.hexdigest()


def channel_statistics(split: Split) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Return mean and standard deviation of each channel, of pixels in [0, 1], over all images of a split.

    >>> half = np.repeat(np.array([[0], [255]], np.uint8), 4, axis=1).reshape(2, 1, 2, 2)
    >>> channel_statistics(Split(images=half, labels=np.zeros(2, np.int64)))
    ((0.5,), (0.5,))
    """
    # A histogram is exact and needs no copy of the images as floats.
    levels = np.arange(256) / 255
    shares = [
        np.bincount(split.images[:, channel].ravel(), minlength=256) / split.images[:, channel].size
        for channel in range(split.images.shape[1])
    ]
    means = [float(share @ levels) for share in shares]
    deviations = [
        float(np.sqrt(share @ (levels - mean) ** 2)) for share, mean in zip(shares, means, strict=True)
    ]
    return tuple(means), tuple(deviations)
