"""Files that are either whole or absent: written beside, flushed, then renamed. Floor 4."""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path

import pandas as pd

from scaling.errors import ResultsError


def write_text(path: Path, text: str) -> None:
    """Write a text file as UTF-8, atomically.

    Raises:
        ResultsError: as `write_bytes`.
    """
    write_bytes(path, text.encode("utf-8"))


def write_bytes(path: Path, data: bytes) -> None:
    """Write a file atomically; an earlier one stays until the new one is whole.

    Raises:
        ResultsError: the file cannot be written (disk full, no permission); the earlier one is untouched.
    """
    temporary: str | None = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=path.parent, prefix=f".{path.name}.", delete=False) as file:
            temporary = file.name
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).chmod(0o644)
        Path(temporary).replace(path)
    except OSError as error:
        if temporary is not None:
            Path(temporary).unlink(missing_ok=True)
        raise ResultsError(f"cannot write {path}: {error.strerror}") from None


def write_json(path: Path, document: object) -> None:
    """Write a document as JSON, atomically."""
    write_text(path, json.dumps(document, indent=2, sort_keys=False) + "\n")


def write_trials(path: Path, frame: pd.DataFrame) -> None:
    """Write the table of trials as CSV, atomically; floats round-trip."""
    write_text(path, frame.to_csv(index=False, lineterminator="\n"))
