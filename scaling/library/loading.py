"""`scaling.load_run`: a run from its folder, whatever its plan."""

from __future__ import annotations

from pathlib import Path

from scaling.library.searching import SearchRun, load_search
from scaling.plans.final import plan as final
from scaling.plans.final.result import TrainingRun, load_training
from scaling.runs.folder import RunFolder


def load_run(path: Path | str) -> SearchRun | TrainingRun:
    """Read a run from its folder, or from exported results, at any moment.

    Raises:
        ResultsError: it is no run of this version, or a file is damaged.
    """
    folder = RunFolder(path=Path(path))
    return load_training(folder.path) if folder.document()["kind"] == final.KIND else load_search(path)
