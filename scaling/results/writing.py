"""Results as files that are either whole or absent. Floor 4."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd

from scaling.writing import write_whole


def write_text(path: Path, text: str) -> None:
    """Write a text file as UTF-8, atomically.

    Raises:
        ResultsError: the file cannot be written (disk full, no permission); an earlier one is untouched.
    """
    write_whole(path, text.encode("utf-8"))


def write_json(path: Path, document: object) -> None:
    """Write a document as JSON, atomically."""
    write_text(path, json.dumps(document, indent=2, sort_keys=False) + "\n")


def write_trials(path: Path, frame: pd.DataFrame) -> None:
    """Write the table of trials as CSV, atomically; floats round-trip."""
    write_text(path, frame.to_csv(index=False, lineterminator="\n"))
