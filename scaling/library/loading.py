"""`scaling.load_run`: a run from its folder, whatever its plan."""

from __future__ import annotations

from pathlib import Path

from scaling.library.searching import SearchRun, load_search


def load_run(path: Path | str) -> SearchRun:
    """Read a run from its folder, or from exported results, at any moment.

    Raises:
        ResultsError: it is no run of this version, or a file is damaged.
    """
    return load_search(path)
