"""The charts of a study: those of a run that its design calls for, and its laws."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
from matplotlib.figure import Figure

from scaling.analysis import usual_difference
from scaling.figures.law import save_law
from scaling.figures.saving import run_figure, save_run_figures
from scaling.plans.networks import REFERENCE
from scaling.plans.study.config import Design, SearchThenFamily
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
    """Return a chart of a study at the recipe's learning rate, drawn.

    Args:
        outcome: of the study.
        name: one of `RUN_CHARTS`.

    Raises:
        ConfigError: nothing has that name.
        ResultsError: nothing is complete yet.
    """
    trials = _named(outcome)
    return run_figure(
        _searched(trials, outcome.plan.design) if name == TRIANGLE else trials,
        name,
        title=outcome.plan.title,
        noise=usual_difference(trials, outcome.plan.setup.data.validation),
    )


def save_study_figures(outcome: StudyOutcome, directory: Path) -> list[Path]:
    """Write the charts of a study at the recipe's learning rate; none before anything is complete.

    Args:
        outcome: of the study.
        directory: where the files go.

    Raises:
        ResultsError: the folder cannot be written.
    """
    named, design, paths = _named(outcome), outcome.plan.design, list[Path]()
    if not (named["state"] == "complete").any():
        return []
    noise = usual_difference(named, outcome.plan.setup.data.validation)
    for name in study_charts(outcome):
        trials = _searched(named, design) if name == TRIANGLE else named
        paths += save_run_figures(trials, directory, title=outcome.plan.title, noise=noise, names=(name,))
    return paths if outcome.laws is None else paths + save_law(outcome.laws, directory / "law")


def _named(outcome: StudyOutcome) -> pd.DataFrame:
    """Return the trials at the recipe's learning rate, references by the names of their strategies."""
    rows = at_own_rate(outcome.trials)
    return rows.assign(name=rows["strategy"].where(rows["kind"] == REFERENCE, rows["name"]))


def _searched(trials: pd.DataFrame, design: Design) -> pd.DataFrame:
    """Return the networks at the cost that was searched; the family's larger ones share their directions."""
    if not isinstance(design, SearchThenFamily):
        return trials
    return trials[trials["target_factor"] == design.factor]
