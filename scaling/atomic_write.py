"""Files that are either whole or absent: written beside, flushed, then renamed."""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path

from scaling.errors import ResultsError


def write_whole(path: Path, content: bytes) -> Path:
    """Put bytes into a file in one step; a reader sees the old file or the new one, never a part.

    Raises:
        ResultsError: the file cannot be written; an earlier one is untouched.
    """
    temporary: Path | None = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=path.parent, prefix=f".{path.name}.", delete=False) as file:
            temporary = Path(file.name)
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.chmod(0o666 & ~_umask())
        temporary.replace(path)
    except OSError as error:
        if temporary is not None:
            temporary.unlink(missing_ok=True)
        raise ResultsError(f"cannot write {path}: {error.strerror or error}") from None
    return path


def _umask() -> int:
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
