"""`imagefolder:PATH`: splits of class folders on disk, and small ones loaded whole.

Either the folder holds `train/` and `val/` (and perhaps `test/`), each of class folders, or it holds class
folders itself and is split here. Names are enough to split: no picture is opened.
"""

from __future__ import annotations

import hashlib
import logging
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from itertools import islice
from pathlib import Path

import numpy as np
import PIL
from PIL import Image

from scaling.data.cache import load_or_make
from scaling.data.dataset import DatasetInfo, Split, SplitName, SplitRequest
from scaling.data.imagefolder import (
    Decoded,
    ImageFolder,
    LabelledFile,
    Skipped,
    ahead,
    as_rgb,
    decode,
    list_images,
)
from scaling.data.locations import cache_folder
from scaling.errors import DataError, printable

_log = logging.getLogger(__name__)

PREFIX = "imagefolder:"
SPLIT_FOLDERS: dict[SplitName, tuple[str, ...]] = {
    "train": ("train",),
    "validation": ("val", "validation"),
    "test": ("test",),
}
CENTRE = 0.875
"""Share of the short side that is shown: 224 of 256 pixels, as is usual for ImageNet."""

DECODING = 2
"""Of what `decode` and `as_rgb` make of a file; another number makes cached pictures anew."""

# Mean and deviation of ImageNet's training pictures, as torchvision and timm print them.
IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


def folder_of(name: str) -> Path:
    """Return the folder of `imagefolder:PATH`.

    Raises:
        DataError: the path is missing, or can be none: too long, with a NUL, of an unknown user.
    """
    path = name.removeprefix(PREFIX)
    if not path:
        raise DataError(f"expected {PREFIX}PATH, the folder with the pictures, got {name!r}")
    try:
        folder = Path(path).expanduser()
        folder.exists()
    except (OSError, ValueError, RuntimeError) as error:
        reason = (isinstance(error, OSError) and error.strerror) or str(error)
        raise DataError(f"the folder {printable(path, 100)} cannot be read: {reason}") from None
    return folder


def folder_info(name: str) -> DatasetInfo:
    """Return what is known of a folder of pictures; classes are its class folders, nothing is opened.

    Mean and deviation are ImageNet's, whatever the pictures: `scaling data show --measure` gives their own.

    Raises:
        DataError: the folder is missing or has no class folder.
    """
    root = folder_of(name)
    return DatasetInfo(
        name=name,
        native_size=None,
        class_names=_class_names(_split_folder(root, "train") or root),
        mean=IMAGENET_MEAN,
        std=IMAGENET_STD,
        licence="of the user's pictures",
        source=f"{root}; mean and std: ImageNet's, as torchvision and timm print them",
    )


def _class_names(root: Path) -> tuple[str, ...]:
    try:
        names = sorted(e.name for e in root.iterdir() if e.is_dir() and not e.name.startswith("."))
    except OSError as error:
        raise DataError(f"the folder {root} cannot be read: {error.strerror}") from None
    if not names:
        raise DataError(f"expected pictures in one sub-folder per class, but {root} has no sub-folder")
    return tuple(names)


def _split_folder(root: Path, split: SplitName) -> Path | None:
    """Return the folder of a split; None where the folder is not laid out in splits."""
    if not (root / "train").is_dir():
        return None
    found = [root / name for name in SPLIT_FOLDERS[split] if (root / name).is_dir()]
    if not found:
        raise DataError(
            f"{root} has train/ but no {' or '.join(SPLIT_FOLDERS[split])}/ for its {split} split"
        )
    return found[0]


def split_folder(root: Path, split: SplitName, *, seed: int) -> ImageFolder:
    """Return the files of a split, in the seed's order, of which a count takes the first.

    In one folder of class folders, a tenth of the files is the test split, chosen by a hash of their names
    whatever the seed; a tenth of the others, chosen by the seed, is the validation split, and of each class
    about a tenth. Two files with the same picture count as two: copies can land on both sides. Labels are
    those of the training split; what is left out, and a class without validation pictures, go into the log.

    Raises:
        DataError: the folder is missing, laid out otherwise, or too small for the split.
    """
    own = _split_folder(root, split)
    listed = list_images(own or root)
    for one in listed.skipped:
        _log.warning("%s is passed over: %s", listed.root / one.path, one.reason)
    files = _part(listed, split, seed) if own is None else _in_order(listed.files, _generator(split, seed))
    names = listed.class_names if own is None else _class_names(root / "train")
    files = _labelled(files, listed.class_names, names)
    if not files:
        raise DataError(f"{root} has too few files for a {split} split")
    if split == "validation" and (missing := set(range(len(names))) - {file.label for file in files}):
        rare = ", ".join(names[label] for label in sorted(missing))
        _log.warning("%s has no validation picture of %s", root, rare)
    return replace(listed, class_names=names, files=tuple(files))


def _labelled(files: list[LabelledFile], own: tuple[str, ...], names: tuple[str, ...]) -> list[LabelledFile]:
    """Return files with the labels of the training split; those of classes that it lacks are left out."""
    labels = {name: label for label, name in enumerate(names)}
    for name in sorted(set(own) - set(names)):
        _log.warning("class %s is passed over: the training split has no such class", name)
    return [replace(file, label=labels[own[file.label]]) for file in files if own[file.label] in labels]


def _part(listed: ImageFolder, split: SplitName, seed: int) -> list[LabelledFile]:
    held_out: list[LabelledFile] = []
    others: list[LabelledFile] = []
    for file in listed.files:
        digest = hashlib.sha256(file.path.relative_to(listed.root).as_posix().encode()).digest()
        (held_out if digest[0] < 26 else others).append(file)  # 26 of 256: a tenth
    if split == "test":
        return _in_order(held_out, _generator(split, seed))
    validation = max(1, round(len(others) / 10))
    ordered = _in_order(others, np.random.default_rng((seed, 0)))  # the same for both of its parts
    return ordered[:validation] if split == "validation" else ordered[validation:]


def _generator(split: SplitName, seed: int) -> np.random.Generator:
    return np.random.default_rng((seed, 1 + list(SPLIT_FOLDERS).index(split)))


def _in_order(files: Sequence[LabelledFile], generator: np.random.Generator) -> list[LabelledFile]:
    """Return files in a random order in which every first part has about the same share of each class."""
    shuffled = [files[index] for index in generator.permutation(len(files))]
    sizes = Counter(file.label for file in files)
    starts = {label: float(generator.random()) for label in sorted(sizes)}
    seen, places = Counter[int](), list[float]()
    for file in shuffled:
        places.append((seen[file.label] + starts[file.label]) / sizes[file.label])
        seen[file.label] += 1
    return [shuffled[index] for index in np.argsort(places, kind="stable")]


def manifest_checksum(folder: ImageFolder) -> str:
    """Return the SHA-256 of what the files are: relative names, labels, sizes in bytes and times of change.

    The pictures themselves are not read, which would take an hour for ImageNet.
    """
    digest = hashlib.sha256("\n".join(folder.class_names).encode())
    for file in folder.files:
        try:
            stat = file.path.stat()
        except OSError as error:
            raise DataError(f"{file.path} cannot be read: {error.strerror}") from None
        name = file.path.relative_to(folder.root).as_posix()
        digest.update(f"{name}\0{file.label}\0{stat.st_size}\0{stat.st_mtime_ns}\n".encode())
    return digest.hexdigest()


def load(name: str, request: SplitRequest) -> Split:
    """Load the first pictures of a split whole; see `scaling.data.load_split`.

    A file that gives no picture is passed over, named in the log, and the next one takes its place.

    Raises:
        DataError: there are fewer pictures, or one is smaller than the image size and may not be enlarged.
    """
    split, image_size, count, seed = request.split, request.image_size, request.count, request.seed
    folder = split_folder(folder_of(name), split, seed=seed)
    if count is not None and count > len(folder.files):
        raise DataError(f"{name} has {len(folder.files):,} files in its {split} split, got count {count:,}")

    def make() -> Split:
        return _decoded(folder, image_size, count, request.allow_upsampling)

    key = {
        "name": "imagefolder",
        "split": split,
        "image_size": image_size,
        "count": count,
        "seed": seed,
        "manifest": manifest_checksum(folder),
        "centre": CENTRE,
        "decoding": DECODING,
        "allow_upsampling": request.allow_upsampling,
        "pillow": PIL.__version__,
    }
    return load_or_make(cache_folder(request.cache_dir), key, make)


def _decoded(folder: ImageFolder, image_size: int, count: int | None, allow_upsampling: bool) -> Split:
    work = partial(decode, folder.root, make=partial(centre_square, image_size=image_size))
    images, labels, skipped = [], [], list[Skipped]()
    for file, item in zip(folder.files, ahead(folder.files, work), strict=True):
        if isinstance(item, Skipped):
            _log.warning("%s is passed over: %s", item.path, item.reason)
            skipped.append(item)
            continue
        pixels, largest = item.value
        if image_size > largest and not allow_upsampling:
            raise _too_small(file, largest, image_size)
        images.append(pixels)
        labels.append(item.label)
        if len(images) == count:
            break
    if not images or (count is not None and len(images) < count):
        first = f"; {skipped[0].path}: {skipped[0].reason}" if skipped else ""
        raise DataError(
            f"{folder.root} has {len(images):,} pictures that can be read, got count {count}{first}"
        )
    return Split(images=np.stack(images), labels=np.array(labels, np.int64))


def readable(folder: ImageFolder, count: int | None) -> list[tuple[LabelledFile, int]]:
    """Return the first files that begin as pictures do, with their `largest_size`; no pixel is decoded."""
    work = partial(decode, folder.root, make=largest_size, lazily=True)
    items = zip(folder.files, ahead(folder.files, work), strict=True)
    found = ((file, item.value) for file, item in items if isinstance(item, Decoded))
    return list(islice(found, count))


def check_sizes(name: str, counts: Mapping[SplitName, int | None], image_size: int, *, seed: int) -> None:
    """See, before anything is trained, that no picture of some splits would have to be enlarged.

    Raises:
        DataError: one would; the smallest is named.
    """
    for split, count in counts.items():
        found = readable(split_folder(folder_of(name), split, seed=seed), count)
        file, largest = min(found, key=lambda one: one[1], default=(None, image_size))
        if file is not None and largest < image_size:
            raise _too_small(file, largest, image_size)


def _too_small(file: LabelledFile, largest: int, image_size: int) -> DataError:
    return DataError(
        f"{file.path} gives at most {largest} px: image size {image_size} would enlarge it and add no "
        f"detail; remove it, limit image sizes (search.largest_image_size={largest}), or set "
        "data.allow_upsampling"
    )


def centre_square(image: Image.Image, *, image_size: int) -> tuple[np.ndarray, int]:
    """Return the middle of a picture as uint8 (3, image_size, image_size), and its `largest_size`.

    The square of 0.875 of the short side is resampled once, bicubic and antialiased.
    """
    width, height = image.size
    side = CENTRE * min(width, height)
    left, top = (width - side) / 2, (height - side) / 2
    pixels = resampled(as_rgb(image), (left, top, left + side, top + side), image_size)
    return pixels, largest_size(image)


def largest_size(image: Image.Image) -> int:
    """Return the largest image size in pixels that does not enlarge the middle of a picture."""
    return math.floor(CENTRE * min(image.size))


def resampled(image: Image.Image, box: tuple[float, float, float, float], image_size: int) -> np.ndarray:
    """Return a part of an RGB picture, resampled once, as contiguous uint8 (3, image_size, image_size)."""
    small = image.resize((image_size, image_size), Image.Resampling.BICUBIC, box=box)
    return np.ascontiguousarray(np.asarray(small).transpose(2, 0, 1))
