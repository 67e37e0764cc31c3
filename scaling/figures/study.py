"""The charts of a study: those of a run that its design calls for, and its laws."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
from matplotlib.figure import Figure

from scaling.analysis import usual_difference
from scaling.figures.law import save_law
from scaling.figures.saving import run_figure, save_run_figures
from scaling.plans.networks import REFERENCE
from scaling.plans.study.config import SearchThenFamily
from scaling.plans.study.outcome import StudyOutcome
from scaling.runs.trials_table import at_own_rate

TRIANGLE = "run_triangle"
CHARTS: dict[str, tuple[str, ...]] = {
    "ladder": ("run_methods", "run_noise"),
    "grid": ("run_widths", "run_noise"),
    "search_then_family": ("run_methods", TRIANGLE),
    "noise": ("run_noise",),
}
"""Charts of each design."""


def study_charts(outcome: StudyOutcome) -> tuple[str, ...]:
    """Return the names of the charts that a study's design calls for."""
    return CHARTS[outcome.plan.design.kind]


def study_figure(outcome: StudyOutcome, name: str) -> Figure:
    """Return a chart of a study, one of `RUN_CHARTS`, at the recipe's learning rate, drawn.

    Raises:
        ConfigError: nothing has that name.
        ResultsError: nothing is complete yet.
    """
    trials, noise = _trials(outcome, name)
    return run_figure(trials, name, title=outcome.plan.title, noise=noise)


def save_study_figures(outcome: StudyOutcome, directory: Path) -> list[Path]:
    """Write the charts of a study at the recipe's learning rate; none before anything is complete.

    Raises:
        ResultsError: the folder cannot be written.
    """
    paths: list[Path] = []
    for name in study_charts(outcome):
        trials, noise = _trials(outcome, name)
        if (trials["state"] == "complete").any():
            title = outcome.plan.title
            paths += save_run_figures(trials, directory, title=title, noise=noise, names=(name,))
    return paths if outcome.laws is None else paths + save_law(outcome.laws, directory / "law")


def _trials(outcome: StudyOutcome, name: str) -> tuple[pd.DataFrame, float | None]:
    """Return a chart's trials, references by the names of their strategies, and the study's noise.

    The triangle has the networks at the cost that was searched; larger ones share their directions.
    """
    rows, design = at_own_rate(outcome.trials), outcome.plan.design
    rows = rows.assign(name=rows["strategy"].where(rows["kind"] == REFERENCE, rows["name"]))
    shown = rows
    if name == TRIANGLE and isinstance(design, SearchThenFamily):
        shown = rows[rows["target_factor"] == design.factor]
    return shown, usual_difference(rows)
