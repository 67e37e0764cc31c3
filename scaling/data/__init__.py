"""Data sets by name: what they are, and splits of them at any image size."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

from scaling.data import cifar, fashion_mnist, folders, glyphs
from scaling.data.dataset import (
    SPLIT_NAMES,
    DatasetInfo,
    Split,
    SplitName,
    SplitRequest,
    channel_statistics,
    checksum,
)
from scaling.errors import DataError

__all__ = [
    "SPLIT_NAMES",
    "DatasetInfo",
    "Split",
    "SplitName",
    "channel_statistics",
    "checksum",
    "dataset_info",
    "dataset_names",
    "load_split",
]

SMALLEST_IMAGE, LARGEST_IMAGE = 8, 4096
"""As in a spec, in pixels."""

LARGEST_SEED = 2**32 - 1
"""One word of numpy's seed sequence, so that no two seeds share a stream."""

LARGEST_SPLIT = 8 * 2**30
"""Bytes: a split lies in memory."""


def _cifar(name: str, request: SplitRequest) -> Split:
    return cifar.load(cifar.ARCHIVES[name], request)


_SETS: dict[str, tuple[DatasetInfo, Callable[[SplitRequest], Split]]] = {
    glyphs.INFO.name: (glyphs.INFO, glyphs.load),
    fashion_mnist.INFO.name: (fashion_mnist.INFO, fashion_mnist.load),
    **{name: (archive.info, partial(_cifar, name)) for name, archive in cifar.ARCHIVES.items()},
}
"""What is known of each data set, and how a split of it is loaded."""


def dataset_names() -> tuple[str, ...]:
    """Return the names that `load_split` knows.

    >>> dataset_names()
    ('glyphs', 'fashion-mnist', 'cifar10', 'cifar100')
    """
    return tuple(_SETS)


def dataset_info(name: str) -> DatasetInfo:
    """Return what is known of a data set without loading any of it.

    Raises:
        DataError: the name is unknown, or the folder is missing or without class folders.

    >>> dataset_info("fashion-mnist").native_size
    28
    """
    if name.startswith(folders.PREFIX):
        return folders.folder_info(name)
    if name not in _SETS:
        known = ", ".join((*_SETS, f"{folders.PREFIX}PATH"))
        raise DataError(f"the data set must be one of {known}, got {name!r}")
    return _SETS[name][0]


def load_split(
    name: str,
    split: SplitName,
    *,
    image_size: int,
    count: int | None,
    seed: int,
    data_dir: Path | None = None,
    cache_dir: Path | None = None,
    allow_upsampling: bool = False,
) -> Split:
    """Load a split at one image size; the same arguments give the same bytes.

    An index is the same scene at every image size, and a smaller count gives the first of the same images.
    Train and validation never overlap for any one seed; the test split is held out from both for every seed.
    Glyphs are drawn at the size itself; all others are resampled with antialiasing and rounded to 8 bits, a
    folder's pictures cut to their middle.

    Args:
        name: of the data set.
        split: train, validation or test.
        image_size: side in pixels, 8 to 4096.
        count: of images, 1 or more; None gives all (glyphs: 12,000 train, 4,000 validation, 4,000 test).
        seed: 0 to 2^32 - 1: chooses the subset and the split, and draws the scenes of glyphs.
        data_dir: the user's own data sets; default the environment variable SCALING_DATA.
        cache_dir: for generated and fetched data; default SCALING_CACHE, else the operating system's place.
        allow_upsampling: whether image sizes above the native one, which add no detail, are given at all.

    Raises:
        DataError: an argument is out of range, the split holds fewer images, or the data is missing or
            damaged.

    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     split = load_split("glyphs", "train", image_size=24, count=3, seed=0, cache_dir=Path(folder))
    >>> split.images.shape, [dataset_info("glyphs").class_names[label] for label in split.labels]
    ((3, 1, 24, 24), ['M', 'F', 'M'])
    """
    info = dataset_info(name)
    _check(info, split, image_size, count, seed)
    if info.native_size is not None and image_size > info.native_size and not allow_upsampling:
        raise DataError(
            f"{name} is {info.native_size} px: image size {image_size} would enlarge it and add no detail; "
            f"choose at most {info.native_size} or allow upsampling"
        )
    request = SplitRequest(
        split=split,
        image_size=image_size,
        count=count,
        seed=seed,
        data_dir=data_dir,
        cache_dir=cache_dir,
        allow_upsampling=allow_upsampling,
    )
    if name.startswith(folders.PREFIX):
        return folders.load(name, request)
    return _SETS[name][1](request)


def _check(info: DatasetInfo, split: str, image_size: int, count: int | None, seed: int) -> None:
    if split not in SPLIT_NAMES:
        raise DataError(f"the split must be one of {', '.join(SPLIT_NAMES)}, got {split!r}")
    if not SMALLEST_IMAGE <= image_size <= LARGEST_IMAGE:
        raise DataError(f"image size must be between {SMALLEST_IMAGE} and {LARGEST_IMAGE}, got {image_size}")
    if count is not None and count < 1:
        raise DataError(f"count must be at least 1, got {count}")
    if not 0 <= seed <= LARGEST_SEED:
        raise DataError(f"the seed must be between 0 and {LARGEST_SEED}, got {seed}")
    size = (count or 0) * info.in_channels * image_size**2
    if size > LARGEST_SPLIT:
        raise DataError(
            f"{count:,} images of {image_size} px need {size / 2**30:.1f} GiB; "
            f"a split may take {LARGEST_SPLIT // 2**30} GiB"
        )
