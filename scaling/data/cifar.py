"""CIFAR-10 and CIFAR-100: the published binary archives on the user's disk.

The Python versions of these archives are pickles, which can run any code; they are never opened.
"""

from __future__ import annotations

import tarfile
import zlib
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
from scaling.data.locations import download, first_file, md5_of, places_of
from scaling.errors import DataError

NATIVE_SIZE = 32
TRAIN_COUNT, TEST_COUNT = 50_000, 10_000
VALIDATION_COUNT = 5_000
"""Of the 50,000 training images, chosen by the seed; training never touches them."""

_PIXELS = 3 * NATIVE_SIZE**2
ADDRESS = "https://www.cs.toronto.edu/~kriz/"
MOST_BYTES = 2**28
"""Of an archive; they have 170 MB."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Archive:
    """One published archive.

    Args:
        md5: of the archive, as printed on the data set's page.
        train_files: in order; together they hold `train_count` images.
        label_bytes: before the pixels of each image; the last of them is the label.
    """

    info: DatasetInfo
    file_name: str
    md5: str
    folder: str
    train_files: tuple[str, ...]
    test_file: str
    label_bytes: int
    names_file: str
    train_count: int = TRAIN_COUNT
    test_count: int = TEST_COUNT


_CIFAR10_NAMES = "airplane automobile bird cat deer dog frog horse ship truck"
_CIFAR100_NAMES = """
apple aquarium_fish baby bear beaver bed bee beetle bicycle bottle bowl boy bridge bus butterfly
camel can castle caterpillar cattle chair chimpanzee clock cloud cockroach couch crab crocodile cup
dinosaur dolphin elephant flatfish forest fox girl hamster house kangaroo keyboard lamp lawn_mower
leopard lion lizard lobster man maple_tree motorcycle mountain mouse mushroom oak_tree orange orchid
otter palm_tree pear pickup_truck pine_tree plain plate poppy porcupine possum rabbit raccoon ray
road rocket rose sea seal shark shrew skunk skyscraper snail snake spider squirrel streetcar
sunflower sweet_pepper table tank telephone television tiger tractor train trout tulip turtle
wardrobe whale willow_tree wolf woman worm
"""


# Layout and sums: https://www.cs.toronto.edu/~kriz/cifar.html. Mean and deviation per channel: of the 50,000
# training images, as commonly printed; `scaling data fetch` prints the archive's own beside them.
def _info(name: str, class_names: str, mean: tuple[float, ...], std: tuple[float, ...]) -> DatasetInfo:
    return DatasetInfo(
        name=name,
        native_size=NATIVE_SIZE,
        class_names=tuple(class_names.split()),
        mean=mean,
        std=std,
        licence="none stated; the authors ask to cite Krizhevsky 2009",
        source="https://www.cs.toronto.edu/~kriz/cifar.html",
    )


CIFAR10 = Archive(
    info=_info("cifar10", _CIFAR10_NAMES, (0.4914, 0.4822, 0.4465), (0.2470, 0.2435, 0.2616)),
    file_name="cifar-10-binary.tar.gz",
    md5="c32a1d4ab5d03f1284b67883e8d87530",
    folder="cifar-10-batches-bin",
    train_files=tuple(f"data_batch_{number}.bin" for number in range(1, 6)),
    test_file="test_batch.bin",
    label_bytes=1,
    names_file="batches.meta.txt",
)

CIFAR100 = Archive(
    info=_info("cifar100", _CIFAR100_NAMES, (0.5071, 0.4865, 0.4409), (0.2673, 0.2564, 0.2762)),
    file_name="cifar-100-binary.tar.gz",
    md5="03b5dce01913d631647c71ecec9e9cb8",
    folder="cifar-100-binary",
    train_files=("train.bin",),
    test_file="test.bin",
    label_bytes=2,
    names_file="fine_label_names.txt",
)

ARCHIVES = {archive.info.name: archive for archive in (CIFAR10, CIFAR100)}


def load(archive: Archive, request: SplitRequest) -> Split:
    """Load a split; see `scaling.data.load_split`. Smaller sizes are resampled with antialiasing.

    Raises:
        DataError: the archive is missing, is another file, or is not laid out as published.
    """
    indices = split_indices(archive, request.split, seed=request.seed)
    chosen = first_indices(archive.info.name, request, indices)
    path = obtain(archive, data_dir=request.data_dir, cache_dir=request.cache_dir)
    training, test = (archive.train_files, archive.train_count), ((archive.test_file,), archive.test_count)
    names, total = {"train": training, "validation": training, "test": test}[request.split]
    images, labels = _read(archive, path, names, total)
    return Split(images=resize(images[chosen], request.image_size), labels=labels[chosen])


def split_indices(archive: Archive, split: SplitName, *, seed: int) -> np.ndarray:
    """Return the indices of a split into its files; a tenth validates. See `shuffled_indices`.

    >>> train, validation = (split_indices(CIFAR10, name, seed=3) for name in ("train", "validation"))
    >>> len(train), len(validation), len(np.intersect1d(train, validation))
    (45000, 5000, 0)
    """
    validation = archive.train_count * VALIDATION_COUNT // TRAIN_COUNT
    return shuffled_indices(
        split, train=archive.train_count, validation=validation, test=archive.test_count, seed=seed
    )


def locate(archive: Archive, *, data_dir: Path | None, cache_dir: Path | None) -> Path | None:
    """Return the first copy of an archive here: the user's, or a download; None without one."""
    return first_file(places_of(archive.info.name, data_dir, cache_dir), archive.file_name)


def obtain(archive: Archive, *, data_dir: Path | None, cache_dir: Path | None) -> Path:
    """Find an archive and verify it; nothing is downloaded.

    Raises:
        DataError: it is nowhere, or is another file; a pickled version in its place is named and refused.
    """
    path = locate(archive, data_dir=data_dir, cache_dir=cache_dir)
    if path is None:
        python_name = archive.file_name.replace("-binary", "-python")
        pickled = first_file(places_of(archive.info.name, data_dir, cache_dir), python_name)
        refused = f" ({pickled} is a pickle, which can run any code: it is not opened)" if pickled else ""
        raise DataError(
            f"{archive.info.name} was not found{refused}: put {archive.file_name} from {archive.info.source} "
            f"into a folder and name that as data_dir or in SCALING_DATA, or run scaling data fetch "
            f"{archive.info.name}"
        )
    verify(archive, path)
    return path


def verify(archive: Archive, path: Path) -> None:
    """Check that a file is the published archive.

    Raises:
        DataError: it cannot be read or has another MD5.
    """
    try:
        found = md5_of(path)
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}") from None
    if found != archive.md5:
        raise DataError(
            f"{path} is not {archive.file_name} as published: expected md5 {archive.md5}, got {found}"
        )


def fetch(archive: Archive, folder: Path, *, address: str = ADDRESS) -> Path:
    """Download an archive, about 160 MB, and verify it; return its place.

    Raises:
        DataError: the download failed or gave another file.
    """
    file = folder / archive.file_name
    try:
        download(f"{address}{file.name}", file, most=MOST_BYTES, md5=archive.md5)
    except DataError as error:
        raise DataError(
            f"{archive.info.name} could not be downloaded ({error}); put {file.name} into a folder by other "
            "means and name that as data_dir or in SCALING_DATA"
        ) from None
    return file


def _read(archive: Archive, path: Path, names: tuple[str, ...], total: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the images (N, 3, 32, 32) and labels of some files; nothing is unpacked to disk."""
    record = archive.label_bytes + _PIXELS
    each = total // len(names)
    contents = _members(path, [f"{archive.folder}/{name}" for name in (archive.names_file, *names)])
    _check_names(archive, path, contents[0])
    for name, raw in zip(names, contents[1:], strict=True):
        if len(raw) != each * record:
            raise DataError(f"{path}: {name} must be {each * record:,} bytes long, got {len(raw):,}")
    rows = np.frombuffer(b"".join(contents[1:]), np.uint8).reshape(total, record)
    labels = rows[:, archive.label_bytes - 1].astype(np.int64)
    if labels.max() >= archive.info.num_classes:
        raise DataError(f"{path}: labels must be below {archive.info.num_classes}, got {int(labels.max())}")
    return rows[:, archive.label_bytes :].reshape(total, 3, NATIVE_SIZE, NATIVE_SIZE), labels


def _members(path: Path, names: list[str]) -> list[bytes]:
    try:
        with tarfile.open(path, "r:gz") as stream:
            found = {}
            for member in stream:
                if member.name in names and member.isfile():
                    file = stream.extractfile(member)
                    assert file is not None
                    found[member.name] = file.read()
    except (OSError, EOFError, tarfile.TarError, zlib.error) as error:
        raise DataError(f"{path} is not a whole .tar.gz: {error}") from None
    missing = [name for name in names if name not in found]
    if missing:
        raise DataError(f"{path} has no file {missing[0]}")
    return [found[name] for name in names]


def _check_names(archive: Archive, path: Path, raw: bytes) -> None:
    names = tuple(raw.decode("ascii", "replace").split())
    if names != archive.info.class_names:
        raise DataError(f"{path}: {archive.names_file} does not name the {archive.info.num_classes} classes")
