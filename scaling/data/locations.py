"""Where data sets and generated files lie on this computer."""

from __future__ import annotations

import os
from pathlib import Path

import platformdirs

from scaling.errors import DataError

APPLICATION = "efficientnet-scaling"


def cache_folder(cache_dir: Path | None = None) -> Path:
    """Return the folder for what can be made or fetched again; it need not exist yet.

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
    """Return the folder of the user's own data sets, if one is named.

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
