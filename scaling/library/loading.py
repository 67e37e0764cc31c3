"""`scaling.load_run`: a run from its folder, whatever its plan."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from scaling.errors import ResultsError
from scaling.library.auditing import AuditRun, load_audit_run
from scaling.library.bracketing import RatesRun, load_rates_run
from scaling.library.searching import SearchRun, load_search
from scaling.library.studying import StudyRun, load_study_run
from scaling.plans.audit import run as audit
from scaling.plans.final import result as final
from scaling.plans.final.result import TrainingRun, load_training
from scaling.plans.search import run as search
from scaling.plans.study import rates_run as rates
from scaling.plans.study import run as study
from scaling.runs.folder import RunFolder

AnyRun = SearchRun | StudyRun | AuditRun | RatesRun | TrainingRun
_LOADERS: dict[str, Callable[[Path], AnyRun]] = {
    search.KIND: load_search,
    study.KIND: load_study_run,
    audit.KIND: load_audit_run,
    rates.KIND: load_rates_run,
    final.KIND: load_training,
}


def load_run(path: Path | str) -> AnyRun:
    """Read a run from its folder at any moment; a search from exported results, too.

    Raises:
        ResultsError: it is no run of this version, or a file is damaged.
    """
    folder = RunFolder(path=Path(path))
    kind = str(folder.document()["kind"])
    if kind not in _LOADERS:
        raise ResultsError(
            f"{folder.path} is the folder of a {kind[:40]!r}, which this version does not know"
        )
    return _LOADERS[kind](folder.path)
