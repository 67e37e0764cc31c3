"""`scaling.audit`: run an audit, or go on with it, and look at what it found."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
from matplotlib.figure import Figure
from rich.console import Console

from scaling.errors import ConfigError
from scaling.figures.audit import (
    audit_cost_figure,
    audit_cost_frame,
    audit_ranks_figure,
    audit_ranks_frame,
    save_audit_figures,
)
from scaling.library.notebook import picture
from scaling.library.progress import RunStopped, TrainingProgress, prepared
from scaling.plans.audit.judging import Verdict, document_of
from scaling.plans.audit.plan import AuditPlan
from scaling.plans.audit.run import (
    audit_folder,
    audit_plan,
    export_audit,
    report_audit,
    run_audit,
)
from scaling.runs.coordinator import RunEnd
from scaling.runs.folder import RunFolder
from scaling.runs.launch import Where
from scaling.training.kernels import Progress, no_progress


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditRun:
    """An audit and what it has found by now.

    Args:
        plan: what is trained.
        folder: where everything is written.
        verdict: what is known.
        problem: why a report was not written, because another launch holds the folder; empty otherwise.
    """

    plan: AuditPlan
    folder: RunFolder
    verdict: Verdict
    problem: str = ""

    @property
    def path(self) -> Path:
        """The audit's folder."""
        return self.folder.path

    @property
    def table(self) -> pd.DataFrame:
        """One row a network: its cost, the anchors' mean top-1, the value of every proxy and score."""
        return self.verdict.table

    @property
    def result(self) -> dict[str, Any]:
        """Everything that was found, as plain data."""
        return document_of(self.plan.audit, self.verdict)

    @property
    def conclusion(self) -> str:
        """What follows, in words."""
        return self.verdict.conclusion

    @property
    def figure_names(self) -> tuple[str, ...]:
        """The charts that `figure` draws."""
        return "audit_cost", "audit_ranks"

    def figure(self, name: str = "audit_cost") -> Figure:
        """Return a chart of the audit, one of `figure_names`.

        Raises:
            ConfigError: nothing has that name.
        """
        title, verdict = self.plan.audit.title, self.verdict
        match name:
            case "audit_cost":
                costs = audit_cost_frame(verdict.judged, verdict.least)
                return audit_cost_figure(costs, title=title, least=verdict.least)
            case "audit_ranks":
                return audit_ranks_figure(audit_ranks_frame(verdict.table, verdict.judged), title=title)
            case _:
                raise ConfigError(f"an audit has the charts {', '.join(self.figure_names)}, got {name!r}")

    def export(self) -> list[Path]:
        """Copy what was found to results/audits/; trainings stay in their store.

        Raises:
            ResultsError: there is nothing to export yet, or the folder cannot be written.
        """
        return export_audit(self.folder, Path("results") / "audits" / self.plan.audit.title)

    def _repr_html_(self) -> str:
        return f"<p><b>{self.conclusion}</b></p>{picture(self.figure())}"


def audit(
    experiment: str | Path | AuditPlan = Path("experiments") / "audit.toml",
    *,
    size: str = "quick",
    data: str = "glyphs",
    overrides: Sequence[str] = (),
    output: str | Path | None = None,
    where: Where | None = None,
    train: bool = True,
    console: Console | None = None,
    progress: Progress = no_progress,
) -> AuditRun:
    """Run an audit, or go on with it; arguments and errors as `study`.

    Args:
        experiment: path of the quick size's file, or a plan, which the next three arguments would make.
        size: `quick` or `standard`.
        data: fills {data} in the name of the setup.
        overrides: `table.key=value` of the setup, such as `recipe.batch_size=32`.
        output: folder; runs/audits/NAME-DATA if None.
        where: as in `study`, like the three that follow.
        train: False to look at what is trained by now.
        console: for progress.
        progress: of measuring kernels, then of scores.
    """
    if isinstance(experiment, AuditPlan):
        plan = experiment
    else:
        plan = audit_plan(experiment, size=size, data=data, overrides=overrides)
    folder, where = audit_folder(plan.audit, output), where or Where()
    if not train:
        verdict, problem = report_audit(plan, folder, where, draw=save_audit_figures, progress=progress)
        return AuditRun(plan=plan, folder=folder, verdict=verdict, problem=problem)
    with TrainingProgress(prepared(console, folder)) as bars:
        end, verdict = run_audit(
            plan,
            folder,
            where,
            draw=save_audit_figures,
            announce=lambda found: bars.begin(
                found.plan.labels.__getitem__,
                total=sum(job.train_macs for job in found.missing),
                count=len(found.missing),
                sentence=found.sentence,
            ),
            listener=bars,
            progress=progress,
        )
    run = AuditRun(plan=plan, folder=folder, verdict=verdict)
    if end == RunEnd.STOPPED:
        raise RunStopped(run)
    return run
