"""Files that are either whole or absent: written beside, flushed, then renamed; and read with a limit."""

from __future__ import annotations

import errno
import json
import os
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from scaling.errors import ResultsError, printable

LARGEST_DOCUMENT = 16 * 2**20
"""Bytes of a run's configuration, or of the keys that it names: 700,000 of them."""
LARGEST_TABLE = 2**28
"""Bytes of a table of trials, or of what a search proposed: a million rows of either."""
DEEPEST_JSON = 64
"""Objects and arrays within one another; ours have 8."""


@contextmanager
def whole_file(path: Path) -> Iterator[IO[bytes]]:
    """Open a file to write; a reader sees the old file or, when all is written, the new one, never a part.

    Raises:
        ResultsError: the file cannot be written; an earlier one is untouched.
    """
    temporary: Path | None = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=path.parent, prefix=f".{path.name}.", delete=False) as file:
            temporary = Path(file.name)
            yield file
            file.flush()
            os.fsync(file.fileno())
        temporary.chmod(0o666 & ~umask())
        temporary.replace(path)
    except OSError as error:
        raise ResultsError(f"cannot write {path}: {error.strerror or error}") from None
    finally:
        if temporary is not None:
            temporary.unlink(missing_ok=True)  # where it was not renamed


def write_whole(path: Path, content: bytes) -> Path:
    """Put bytes into a file in one step.

    Raises:
        ResultsError: the file cannot be written; an earlier one is untouched.
    """
    with whole_file(path) as file:
        file.write(content)
    return path


def read_regular(path: Path, most: int) -> bytes:
    """Return a file's bytes; a pipe, a device or a file that is too large is an error, never a wait.

    Args:
        path: of the file.
        most: bytes that it may have.

    Raises:
        OSError: it cannot be read, is no regular file, or is larger.
    """
    if "\0" in str(path):
        raise OSError(errno.EINVAL, "no file has a NUL in its name")
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        found = os.fstat(descriptor)
        if stat.S_ISDIR(found.st_mode):
            raise OSError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
        if not stat.S_ISREG(found.st_mode):
            raise OSError(errno.EINVAL, "it is not a regular file", str(path))
        if found.st_size > most:
            raise OSError(errno.EFBIG, f"it is larger than {most:,} bytes", str(path))
        with open(descriptor, "rb", closefd=False) as file:
            return file.read(found.st_size)
    finally:
        os.close(descriptor)


def json_of(content: str | bytes) -> Any:
    """Return the value of a JSON text.

    Raises:
        ValueError: it is no JSON, has an integer of thousands of digits, or is nested too deep.

    >>> json_of(b'{"a": [1]}')
    {'a': [1]}
    """
    try:
        found = json.loads(content)
    except RecursionError:
        raise ValueError("it is nested too deep") from None
    check_depth(found, DEEPEST_JSON)
    return found


def check_depth(document: object, most: int) -> None:
    """See that plain data is not nested deeper than anything of this program.

    Raises:
        ValueError: it is.
    """
    left = [(document, 0)]
    while left:
        value, depth = left.pop()
        if depth > most:
            raise ValueError(f"it is nested more than {most} deep")
        inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
        left += ((one, depth + 1) for one in inner)


def read_json(path: Path) -> dict[str, Any]:
    """Return the JSON object in a file of ours; empty where the file holds another value.

    Raises:
        FileNotFoundError: there is none.
        ResultsError: it cannot be read, or is no JSON.
    """
    try:
        found = json_of(read_regular(path, LARGEST_DOCUMENT))
    except FileNotFoundError:
        raise
    except (OSError, ValueError) as error:
        reason = (isinstance(error, OSError) and error.strerror) or str(error)
        raise ResultsError(f"cannot read {path}: {printable(reason, 200)}") from None
    return found if isinstance(found, dict) else {}


def umask() -> int:
    """Return the mode bits that new files do not get."""
    mask = os.umask(0o022)  # it cannot be read without being set
    os.umask(mask)
    return mask


def write_text(path: Path, text: str) -> None:
    """Write a text file as UTF-8, atomically.

    Raises:
        ResultsError: the file cannot be written (disk full, no permission); an earlier one is untouched.
    """
    write_whole(path, text.encode("utf-8"))


def write_json(path: Path, document: object) -> None:
    """Write a document as JSON, atomically."""
    write_text(path, json.dumps(document, indent=2, sort_keys=False) + "\n")
