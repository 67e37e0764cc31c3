"""`scaling.load_run`: a run from its folder, whatever its plan."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from scaling.errors import ResultsError
from scaling.library.auditing import AuditRun
from scaling.library.bracketing import RatesRun
from scaling.library.searching import SearchRun, load_search
from scaling.library.studying import StudyRun
from scaling.plans.audit import run as audit
from scaling.plans.final import result as final
from scaling.plans.final.result import TrainingRun, load_training
from scaling.plans.search import run as search
from scaling.plans.study import rates_run as rates
from scaling.plans.study import run as study
from scaling.runs.folder import RunFolder

AnyRun = SearchRun | StudyRun | AuditRun | RatesRun | TrainingRun


def _load_audit(folder: RunFolder) -> AuditRun:
    plan, verdict = audit.read_audit(folder)  # scores without training are computed again
    return AuditRun(plan=plan, folder=folder, verdict=verdict)


_LOADERS: dict[str, Callable[[RunFolder], AnyRun]] = {
    search.KIND: lambda folder: load_search(folder.path),
    study.KIND: lambda folder: StudyRun(folder=folder, outcome=study.read_study(folder)),
    audit.KIND: _load_audit,
    rates.KIND: lambda folder: RatesRun(folder=folder, outcome=rates.read_rates_run(folder)),
    final.KIND: lambda folder: load_training(folder.path),
}


def load_run(path: Path | str) -> AnyRun:
    """Read a run from its folder at any moment; a search from exported results, too.

    Raises:
        ConfigError: its configuration is not valid in this version.
        DataError: it is an audit, and the data are missing.
        ResultsError: it is no run of this version, or a file is damaged.
    """
    folder = RunFolder(path=Path(path))
    kind = str(folder.document()["kind"])
    if kind not in _LOADERS:
        raise ResultsError(
            f"{folder.path} is the folder of a {kind[:40]!r}, which this version does not know"
        )
    return _LOADERS[kind](folder)
