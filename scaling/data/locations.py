"""Where data sets and generated files lie on this computer, and how published ones get there."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable
from pathlib import Path

import platformdirs

from scaling.data.downloading import receive
from scaling.errors import DataError

APPLICATION = "efficientnet-scaling"


def cache_folder(cache_dir: Path | None = None) -> Path:
    """Return the folder for what can be made or fetched again; it need not exist yet.

    It is the one that is given, else that of the environment variable SCALING_CACHE, else the system's place.

    Raises:
        DataError: it may not be read, such as another user's.

    >>> cache_folder(Path("here"))
    PosixPath('here')
    """
    named = str(cache_dir) if cache_dir is not None else os.environ.get("SCALING_CACHE")
    folder = Path(named or platformdirs.user_cache_path(APPLICATION))
    try:
        usable = not folder.exists() or os.access(folder, os.R_OK | os.X_OK)
    except OSError:  # a folder above it may not be searched
        usable = False
    if not usable:
        raise DataError(f"the cache folder {folder} may not be read: name one of your own in SCALING_CACHE")
    return folder


def own_data_folder(data_dir: Path | None = None) -> Path | None:
    """Return the folder of the user's own data sets: the given one, or that of SCALING_DATA, if any.

    Raises:
        DataError: a folder is named but does not exist.
    """
    named = str(data_dir) if data_dir is not None else os.environ.get("SCALING_DATA")
    if not named:
        return None
    folder = Path(named)
    if not folder.is_dir():
        raise DataError(f"the data folder {folder} does not exist or is not a folder")
    return folder


def places_of(name: str, data_dir: Path | None, cache_dir: Path | None) -> list[Path]:
    """Return the folders in which a data set's files may lie: the user's own, and downloads as the last."""
    own = own_data_folder(data_dir)
    return [*([] if own is None else [own, own / name]), cache_folder(cache_dir) / name]


def first_file(folders: Iterable[Path], *names: str) -> Path | None:
    """Return the first file that is there under one of these names."""
    paths = (folder / name for folder in folders for name in names)
    return next((path for path in paths if path.is_file()), None)


def download(url: str, file: Path, *, most: int, md5: str | None = None) -> None:
    """Fetch a file of at most so many bytes, and verify it where its MD5 is known; it appears whole.

    Raises:
        DataError: the download failed or gave another file, of which nothing is kept.
    """
    part = file.with_name(f"{file.name}.part")
    try:
        part.parent.mkdir(parents=True, exist_ok=True)
        receive(url, part, most=most)
        if md5 is not None and (found := md5_of(part)) != md5:
            part.unlink()
            raise DataError(f"{url} is another file: expected md5 {md5}, got {found}")
        part.replace(file)
    except OSError as error:
        raise DataError(f"{file} cannot be written: {error.strerror or error}") from None


def md5_of(path: Path) -> str:
    """Return the MD5 of a file, as those publish it whose files they are."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()
