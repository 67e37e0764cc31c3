"""Generated splits on disk: written atomically, verified on load, made again when damaged."""

from __future__ import annotations

import contextlib
import hashlib
import json
import logging
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np

from scaling.atomic_write import whole_file
from scaling.data.dataset import Split, checksum
from scaling.errors import DataError, ResultsError

_log = logging.getLogger(__name__)


def load_or_make(folder: Path, key: Mapping[str, object], make: Callable[[], Split]) -> Split:
    """Load the split of this key, or make it and keep it.

    A file that is damaged, incomplete or of another key is never trusted: it is made again and replaced. A
    folder that cannot be written costs the time to make the split, with a warning in the log, and no more.
    The key is everything that shapes the bytes; its entries `name` and `split` begin the file's name.
    """
    text = json.dumps(key, sort_keys=True)
    file = folder / f"{key['name']}-{key['split']}-{hashlib.sha256(text.encode()).hexdigest()[:24]}.npz"
    if file.is_file():
        with contextlib.suppress(_DamagedError):
            return _read(file, text)
        _log.warning("%s is damaged; it is made again", file)
    split = make()
    try:
        with whole_file(file) as stream:
            np.savez(stream, images=split.images, labels=split.labels, key=text, sha256=checksum(split))
    except ResultsError as error:
        _log.warning("the cache could not be written (%s); the data is made again next time", error)
    return split


class _DamagedError(Exception):
    """A cache file that does not hold what its name says."""


def _read(file: Path, key: str) -> Split:
    try:
        with file.open("rb") as stream, np.load(stream, allow_pickle=False) as stored:
            split = Split(images=stored["images"], labels=stored["labels"])
            stored_key, stored_checksum = str(stored["key"]), str(stored["sha256"])
    except (
        OSError,
        EOFError,
        KeyError,
        ValueError,
        NotImplementedError,
        zipfile.BadZipFile,
        DataError,
    ) as error:
        raise _DamagedError(file) from error
    if stored_key != key or stored_checksum != checksum(split):
        raise _DamagedError(file)
    return split
