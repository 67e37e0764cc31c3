"""`scaling.load_run`: a run from its folder, whatever its plan."""

from __future__ import annotations

from pathlib import Path

from scaling.library.auditing import AuditRun, load_audit_run
from scaling.library.searching import SearchRun, load_search
from scaling.plans.audit import run as audit
from scaling.plans.final import plan as final
from scaling.plans.final.result import TrainingRun, load_training
from scaling.runs.folder import RunFolder


def load_run(path: Path | str) -> SearchRun | TrainingRun | AuditRun:
    """Read a run from its folder, or a search from exported results, at any moment.

    Raises:
        ResultsError: it is no run of this version, or a file is damaged.
    """
    folder = RunFolder(path=Path(path))
    kind = folder.document()["kind"]
    if kind == final.KIND:
        return load_training(folder.path)
    return load_audit_run(folder.path) if kind == audit.KIND else load_search(folder.path)
