"""Fashion-MNIST: the real images, from a folder, the system package or a download."""

from __future__ import annotations

import gzip
import hashlib
import logging
import math
import struct
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from scaling.data.dataset import (
    DatasetInfo,
    Split,
    SplitName,
    SplitRequest,
    first_indices,
    resize,
    shuffled_indices,
)
from scaling.data.locations import cache_folder, download, first_file, places_of
from scaling.errors import DataError

_log = logging.getLogger(__name__)

NATIVE_SIZE = 28
VALIDATION_COUNT = 10_000
"""Of the 60,000 training images, chosen by the seed; training never touches them."""

SYSTEM_FOLDER = Path("/usr/share/datasets/fashion-mnist")
"""Where Debian's package dataset-fashion-mnist puts its files."""

MIRRORS = ("https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion/",)
"""The repository of the data set; the other address that its README names has no TLS."""

INFO = DatasetInfo(
    name="fashion-mnist",
    native_size=NATIVE_SIZE,
    class_names=(
        "T-shirt/top",
        "Trouser",
        "Pullover",
        "Dress",
        "Coat",
        "Sandal",
        "Shirt",
        "Sneaker",
        "Bag",
        "Ankle boot",
    ),
    mean=(0.2860,),  # of all 60,000 training images; a test computes both from the files
    std=(0.3530,),
    licence="MIT, Zalando SE",
    source="https://github.com/zalandoresearch/fashion-mnist (arXiv:1708.07747)",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class IdxFile:
    """One file of the data set: its name without .gz, and the dimensions of what it holds."""

    name: str
    md5: str
    """Of the uncompressed bytes, because packagers compress anew."""
    shape: tuple[int, ...]

    @property
    def bytes(self) -> int:
        """Uncompressed."""
        return 4 + 4 * len(self.shape) + math.prod(self.shape)


# md5: of the uncompressed files of Debian's dataset-fashion-mnist 0.0~git20200523, which are upstream's
TRAIN_FILES = (
    IdxFile(name="train-images-idx3-ubyte", md5="f4a8712d7a061bf5bd6d2ca38dc4d50a", shape=(60_000, 28, 28)),
    IdxFile(name="train-labels-idx1-ubyte", md5="9018921c3c673c538a1fc5bad174d6f9", shape=(60_000,)),
)
TEST_FILES = (
    IdxFile(name="t10k-images-idx3-ubyte", md5="8181f5470baa50b63fa0f6fddb340f0a", shape=(10_000, 28, 28)),
    IdxFile(name="t10k-labels-idx1-ubyte", md5="15d484375f8d13e6eb1aabb0c3f46965", shape=(10_000,)),
)


def load(request: SplitRequest) -> Split:
    """Load a split; see `scaling.data.load_split`. Sizes other than 28 px are resampled with antialiasing."""
    chosen = first_indices(INFO.name, request, split_indices(request.split, seed=request.seed))
    files = {"train": TRAIN_FILES, "validation": TRAIN_FILES, "test": TEST_FILES}[request.split]
    found = (obtain(file, data_dir=request.data_dir, cache_dir=request.cache_dir) for file in files)
    images, labels = (
        parse_idx(raw, shape=file.shape, where=str(path))
        for file, (path, raw) in zip(files, found, strict=True)
    )
    pixels = resize(images[chosen, None], request.image_size)
    return Split(images=pixels, labels=labels[chosen].astype(np.int64))


def split_indices(split: SplitName, *, seed: int) -> np.ndarray:
    """Return the indices of a split into its file; see `shuffled_indices`.

    >>> train, validation = (split_indices(name, seed=3) for name in ("train", "validation"))
    >>> len(train), len(validation), len(np.intersect1d(train, validation))
    (50000, 10000, 0)
    """
    train, test = TRAIN_FILES[0].shape[0], TEST_FILES[0].shape[0]
    return shuffled_indices(split, train=train, validation=VALIDATION_COUNT, test=test, seed=seed)


def obtain(file: IdxFile, *, data_dir: Path | None, cache_dir: Path | None) -> tuple[Path, bytes]:
    """Find one file, fetching it if need be, and verify it; return its place and uncompressed bytes.

    A damaged download is fetched again; a damaged file of the user's or the system's is an error.

    Raises:
        DataError: it is found but is another file, or it is nowhere and cannot be fetched.
    """
    downloads = cache_folder(cache_dir) / INFO.name
    path = locate(file, data_dir=data_dir, cache_dir=cache_dir)
    if path is None:
        return fetch(file, downloads, mirrors=MIRRORS)
    try:
        return path, _verified(path, file)
    except DataError as error:
        if path.parent != downloads:
            raise
        _log.warning("%s; it is fetched again", error)
        path.unlink(missing_ok=True)
        return fetch(file, downloads, mirrors=MIRRORS)


def at_hand(*, data_dir: Path | None = None, cache_dir: Path | None = None) -> bool:
    """Tell whether all four files are on this computer; their contents are not looked at."""
    files = (*TRAIN_FILES, *TEST_FILES)
    return all(locate(file, data_dir=data_dir, cache_dir=cache_dir) is not None for file in files)


def locate(file: IdxFile, *, data_dir: Path | None, cache_dir: Path | None) -> Path | None:
    """Return the first copy here: the user's, the system package's, a download; None without one."""
    *owned, downloads = places_of(INFO.name, data_dir, cache_dir)
    torchvisions = [own / "FashionMNIST" / "raw" for own in owned[:1]]
    return first_file([*owned, *torchvisions, SYSTEM_FOLDER, downloads], file.name, f"{file.name}.gz")


def _verified(path: Path, file: IdxFile) -> bytes:
    try:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as stream:
            raw = stream.read(file.bytes + 1)  # however much it would become
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(f"{path} cannot be read: {error}") from None
    found = hashlib.md5(raw, usedforsecurity=False).hexdigest()
    if found != file.md5:
        raise DataError(f"{path} is not {file.name}: expected md5 {file.md5} uncompressed, got {found}")
    return raw


def fetch(file: IdxFile, folder: Path, *, mirrors: Sequence[str]) -> tuple[Path, bytes]:
    """Download one file into a folder and verify it; return its place and uncompressed bytes.

    Raises:
        DataError: no mirror gave the file; the message names the three ways to get it.
    """
    reasons, kept = [], folder / f"{file.name}.gz"
    for mirror in mirrors:
        try:
            download(f"{mirror}{kept.name}", kept, most=2 * file.bytes)
            return kept, _verified(kept, file)
        except DataError as error:
            kept.unlink(missing_ok=True)
            reasons.append(str(error))
    raise DataError(
        f"fashion-mnist was not found ({file.name}): put its four files into a folder and name that as "
        "data_dir or in SCALING_DATA; or install the system package (apt-get install dataset-fashion-mnist); "
        f"or let it be downloaded, which failed now ({'; '.join(reasons)})"
    )


def parse_idx(raw: bytes, *, shape: tuple[int, ...], where: str) -> np.ndarray:
    """Parse an idx file of unsigned bytes that must have this very shape.

    Raises:
        DataError: magic number, dimensions or length differ.

    Source: the idx description on the MNIST page: two zero bytes, type, number of dimensions, then each
        dimension as a big-endian 32-bit integer, then the values.

    >>> parse_idx(bytes([0, 0, 8, 1, 0, 0, 0, 2, 5, 7]), shape=(2,), where="example")
    array([5, 7], dtype=uint8)
    """
    header = 4 + 4 * len(shape)
    magic = bytes([0, 0, 8, len(shape)])  # 8: unsigned bytes
    if raw[:4] != magic:
        raise DataError(
            f"{where} must begin with the bytes {magic.hex(' ')}, got {raw[:4].hex(' ') or 'none'}"
        )
    if len(raw) < header:
        raise DataError(f"{where} ends inside its header of {header} bytes, got {len(raw)}")
    found = struct.unpack(f">{len(shape)}I", raw[4:header])
    if found != shape:
        raise DataError(f"{where} must have the dimensions {shape}, got {found}")
    if len(raw) != header + math.prod(shape):
        raise DataError(f"{where} must be {header + math.prod(shape):,} bytes long, got {len(raw):,}")
    return np.frombuffer(raw, np.uint8, offset=header).reshape(shape)
