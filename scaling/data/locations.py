"""Where data sets and generated files lie on this computer, and how published ones get there."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterable
from pathlib import Path

import platformdirs

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


def download(url: str, file: Path, *, known_hash: str | None = None) -> None:
    """Fetch a file, and verify it where its hash, such as `md5:…`, is known.

    Raises:
        DataError: the download failed or gave another file.
    """
    import pooch  # noqa: PLC0415  most of the time everything is here

    # Otherwise pooch advises on standard error to copy the checksum that it found.
    pooch.get_logger().setLevel(logging.WARNING)
    try:
        pooch.retrieve(url, known_hash=known_hash, fname=file.name, path=file.parent)
    except (OSError, ValueError) as error:  # requests' errors are OSErrors
        reason = str(error).splitlines()[0] if isinstance(error, ValueError) else type(error).__name__
        raise DataError(f"{url}: {reason}") from None
