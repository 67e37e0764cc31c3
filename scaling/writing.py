"""Files that are either whole or absent: written beside, flushed, then renamed. Floor 0."""

from __future__ import annotations

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
