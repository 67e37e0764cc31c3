"""`scaling.study`: run a study, or go on with it, and look at what it found."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
from matplotlib.figure import Figure
from rich.console import Console

from scaling.figures.study import save_study_figures, study_charts, study_figure
from scaling.library.notebook import picture
from scaling.library.progress import RunStopped, TrainingProgress, prepared
from scaling.plans.study.outcome import StudyOutcome
from scaling.plans.study.plan import StudyPlan
from scaling.plans.study.run import (
    export_study,
    report_study,
    run_study,
    study_folder,
    study_plan,
)
from scaling.runs.coordinator import RunEnd
from scaling.runs.folder import RunFolder
from scaling.runs.launch import Where
from scaling.runs.setup import Setup
from scaling.training.kernels import Progress, no_progress


@dataclass(frozen=True, slots=True, kw_only=True)
class StudyRun:
    """A study and what it has found by now.

    Args:
        folder: where everything is written.
        outcome: what is known.
        problem: why a report was not written, because another launch holds the folder; empty otherwise.
    """

    folder: RunFolder
    outcome: StudyOutcome
    problem: str = ""

    @property
    def path(self) -> Path:
        """The study's folder."""
        return self.folder.path

    @property
    def trials(self) -> pd.DataFrame:
        """The table of trials: one row a network, learning rate and seed."""
        return self.outcome.trials

    @property
    def result(self) -> dict[str, Any]:
        """Everything that was found, as plain data."""
        return self.outcome.document

    @property
    def conclusion(self) -> str:
        """What becomes of the prediction, in a sentence."""
        return self.outcome.conclusion

    @property
    def finished(self) -> bool:
        """Whether nothing is left to train."""
        return self.outcome.state.complete

    @property
    def figure_names(self) -> tuple[str, ...]:
        """The charts of this design; `figure` draws any chart of a run."""
        return study_charts(self.outcome)

    def figure(self, name: str | None = None) -> Figure:
        """Return a chart of the study, at the recipe's learning rate; the first of `figure_names` if None.

        Raises:
            ConfigError: nothing has that name.
        """
        return study_figure(self.outcome, name or self.figure_names[0])

    def export(self) -> list[Path]:
        """Copy what was found to results/studies/; trainings stay in their store.

        Raises:
            ResultsError: there is nothing to export yet, or the folder cannot be written.
        """
        return export_study(self.folder, Path("results") / "studies" / self.outcome.plan.title)

    def _repr_html_(self) -> str:
        columns = ["name", "learning_rate_factor", "achieved_factor", "image_size", "mean", "low", "high"]
        table = pd.DataFrame(self.result["networks"], columns=columns)
        drawn = picture(self.figure()) if (self.trials["state"] == "complete").any() else ""
        return f"<p><b>{self.conclusion}</b></p>{drawn}{table.to_html(index=False, na_rep='')}"


def study(
    name: str | Path | StudyPlan,
    *,
    size: str = "quick",
    data: str = "glyphs",
    setup: Setup | str | Path | None = None,
    overrides: Sequence[str] = (),
    seeds: int | None = None,
    output: str | Path | None = None,
    where: Where | None = None,
    train: bool = True,
    fresh: bool = False,
    console: Console | None = None,
    progress: Progress = no_progress,
) -> StudyRun:
    """Run a study, or go on with it; one that is complete trains nothing.

    Args:
        name: of a file in experiments/, its path, or a plan, which the next five arguments would make.
        size: `quick` or `standard`.
        data: fills {data} in the name of the setup.
        setup: instead of the file's own; a setup, or the path of one.
        overrides: `table.key=value` of the study, such as `design.metric=params`, or of the setup.
        seeds: of a study of noise: train the baseline alone, with so many seeds, 2 or more.
        output: folder; runs/studies/NAME-SIZE-DATA if None.
        where: trainings run, and records lie.
        train: False to look at what is trained by now.
        fresh: set an earlier run in that folder out of the way.
        console: for progress; standard error if None.
        progress: of measuring kernels and times.

    Raises:
        ConfigError: a file is missing or wrong, or the folder holds another study.
        DataError: the data are missing.
        ResultsError: the folder is in use, or something cannot be written.
        RunStopped: Ctrl-C, SIGTERM or SIGHUP; a KeyboardInterrupt.
    """
    if isinstance(name, StudyPlan):
        plan = name
    else:
        plan = study_plan(name, size=size, data=data, setup=setup, overrides=overrides, seeds=seeds)
    folder, where = study_folder(plan, output), where or Where()
    if not train:
        outcome, problem = report_study(plan, folder, where, draw=save_study_figures, progress=progress)
        return StudyRun(folder=folder, outcome=outcome, problem=problem)
    with TrainingProgress(prepared(console, folder, fresh=fresh)) as bars:
        end, outcome = run_study(
            plan,
            folder,
            where,
            draw=save_study_figures,
            announce=lambda found: bars.begin(
                found.plan.label,
                total=found.cost.train_macs,
                count=found.cost.missing,
                sentence=found.sentence,
            ),
            listener=bars,
            progress=progress,
        )
    run = StudyRun(folder=folder, outcome=outcome)
    if end == RunEnd.STOPPED:
        raise RunStopped(run)
    return run
