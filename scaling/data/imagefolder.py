"""Pictures in class folders, as ImageNet's validation set is usually kept.

A damaged file, or one that is no picture, costs itself and nothing else: it comes out as `Skipped`.
"""

from __future__ import annotations

import errno
import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Generic, TypeVar

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from scaling.errors import DataError

DECODED_AHEAD = 64
"""Pictures decoded before they are asked for: a few batches, some tens of megabytes at 600 px."""

Input = TypeVar("Input")
Item = TypeVar("Item")
Output = TypeVar("Output")


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelledFile:
    """One file, and the index of its class folder among the sorted names."""

    path: Path
    label: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Skipped:
    """A file that gave no picture: its path relative to the folder, and why, in a few words."""

    path: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageFolder:
    """What lies in a folder of class folders.

    Args:
        class_names: its sub-folders, sorted; their order is the label.
        files: everything in the class folders, by class and then by name.
        skipped: files that lie beside the class folders, and links to nothing.
    """

    root: Path
    class_names: tuple[str, ...]
    files: tuple[LabelledFile, ...]
    skipped: tuple[Skipped, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Decoded(Generic[Input]):
    """A picture that was read."""

    value: Input
    label: int


def list_images(root: Path) -> ImageFolder:
    """List the files of a folder whose sub-folders are the classes; nothing is opened.

    Folders within a class folder belong to the class. An empty class folder is a class without pictures: it
    keeps the labels of the others in place. Names that begin with a dot are passed over.

    Raises:
        DataError: it does not exist, is no folder, cannot be read, or has no file in any sub-folder.

    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     for name in ("dog/rex.jpg", "cat/tom.jpg"):
    ...         Path(folder, name).parent.mkdir()
    ...         Path(folder, name).touch()
    ...     found = list_images(Path(folder))
    >>> found.class_names, [file.label for file in found.files]
    (('cat', 'dog'), [0, 1])
    """
    if not root.is_dir():
        raise DataError(f"expected a folder with one sub-folder per class, but {root} {_what_is_wrong(root)}")
    try:
        entries = sorted(entry for entry in root.iterdir() if not entry.name.startswith("."))
    except OSError as error:
        raise DataError(f"the folder {root} cannot be read: {error.strerror}") from None
    classes = [entry for entry in entries if entry.is_dir()]
    found = [(path, label) for label, folder in enumerate(classes) for path in _walk(folder)]
    dangling = {path for path, _ in found if not path.exists()}
    files = tuple(LabelledFile(path=path, label=label) for path, label in found if path not in dangling)
    if not files:
        raise DataError(
            f"expected pictures in one sub-folder per class, but {root} has {_emptiness(classes)}"
        )
    strays = (entry for entry in entries if not entry.is_dir())
    return ImageFolder(
        root=root,
        class_names=tuple(folder.name for folder in classes),
        files=files,
        skipped=(
            *(Skipped(path=entry.name, reason="not in a class folder") for entry in strays),
            *(
                Skipped(path=path.relative_to(root).as_posix(), reason="a link to nothing")
                for path in sorted(dangling)
            ),
        ),
    )


def _what_is_wrong(root: Path) -> str:
    return "is not a folder" if root.exists() else "does not exist"


def _emptiness(classes: list[Path]) -> str:
    return f"no file in its {len(classes)} sub-folder(s)" if classes else "no sub-folder"


def _walk(folder: Path) -> Iterator[Path]:
    """Give every file below a folder in sorted order; linked folders are not entered: no walk is endless."""
    for place, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        yield from (Path(place, name) for name in sorted(names) if not name.startswith("."))


def ahead(
    items: Iterable[Item], work: Callable[[Item], Output], *, workers: int | None = None
) -> Iterator[Output]:
    """Give what `work` makes of each item, in order; some of it is done ahead of time in threads.

    Threads are the processor's cores, at most 8, where `workers` does not say how many.

    Raises:
        DataError: workers is below 1.

    >>> list(ahead([1, 2, 3], lambda item: item * item, workers=2))
    [1, 4, 9]
    """
    threads = min(8, os.cpu_count() or 1) if workers is None else workers
    if threads < 1:
        raise DataError(f"workers must be at least 1, got {threads}")
    return _ahead(iter(items), work, threads)


def in_batches(items: Iterator[Item], size: int) -> Iterator[list[Item]]:
    """Give items in lists of so many; the last may be short.

    >>> list(in_batches(iter([1, 2, 3]), 2))
    [[1, 2], [3]]
    """
    while batch := list(islice(items, size)):
        yield batch


def _ahead(items: Iterator[Item], work: Callable[[Item], Output], threads: int) -> Iterator[Output]:
    waiting: deque[Future[Output]] = deque()
    pool = ThreadPoolExecutor(threads, thread_name_prefix="decode")
    try:
        for item in islice(items, DECODED_AHEAD):
            waiting.append(pool.submit(work, item))
        while waiting:
            result = waiting.popleft().result()
            for item in islice(items, 1):
                waiting.append(pool.submit(work, item))
            yield result
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def decode(
    root: Path, file: LabelledFile, make: Callable[[Image.Image], Input], *, lazily: bool = False
) -> Decoded[Input] | Skipped:
    """Open one picture, upright by its EXIF tag, and make something of it; what goes wrong is `Skipped`.

    Args:
        root: names in `Skipped` are relative to it.
        file: which.
        make: turns the picture into an input; a DataError from it skips the picture.
        lazily: leave it to `make` to read the pixels, so that it can choose their scale before.
    """
    try:
        if file.path.exists() and not file.path.is_file():
            raise OSError(errno.EINVAL, "not a regular file")  # a pipe would be waited for
        with Image.open(file.path) as image:
            if not lazily:
                image.load()
            ImageOps.exif_transpose(image, in_place=True)
            return Decoded(value=make(image), label=file.label)
    except UnidentifiedImageError:
        reason = "not a picture"
    except Exception as error:
        reason = f"cannot be read: {_first_line(error)}"
    return Skipped(path=file.path.relative_to(root).as_posix(), reason=reason)


def _first_line(error: Exception) -> str:
    text = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return text.splitlines()[0] if text else type(error).__name__


def as_rgb(image: Image.Image) -> Image.Image:
    """Return a picture in red, green, blue, 8 bits each; transparency is dropped.

    Grey of 16 bits is rescaled to 8.

    Raises:
        DataError: values are 32-bit or floating-point numbers, of which no file says where white is.

    >>> from PIL import Image
    >>> as_rgb(Image.new("L", (2, 2), 7)).getpixel((0, 0))
    (7, 7, 7)
    """
    if image.mode in {"I", "F"}:
        kind = "32-bit" if image.mode == "I" else "floating-point"
        raise DataError(f"its values are {kind} numbers of unknown range; save it with 8 or 16 bits")
    if image.mode.startswith("I;16"):
        levels = np.rint(np.asarray(image) / 257).astype(np.uint8)  # 65535 is 255
        return Image.fromarray(levels).convert("RGB")
    # Pillow warns when it drops the transparency of a palette in one step.
    transparent = image.mode == "P" and "transparency" in image.info
    return (image.convert("RGBA") if transparent else image).convert("RGB")
