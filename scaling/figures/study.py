"""The charts of a study: those of a run that its design calls for, and its laws."""

from __future__ import annotations

from pathlib import Path

from matplotlib.figure import Figure

from scaling.analysis import usual_difference
from scaling.figures.law import save_law
from scaling.figures.run_data import RunData
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
    return run_figure(_run(outcome, name), name)


def save_study_figures(outcome: StudyOutcome, directory: Path) -> list[Path]:
    """Write the charts of a study at the recipe's learning rate; none before anything is complete.

    Raises:
        ResultsError: the folder cannot be written.
    """
    paths: list[Path] = []
    for name in study_charts(outcome):
        run = _run(outcome, name)
        if (run.trials["state"] == "complete").any():
            paths += save_run_figures(run, directory, names=(name,))
    return paths if outcome.laws is None else paths + save_law(outcome.laws, directory / "law")


def _run(outcome: StudyOutcome, name: str) -> RunData:
    """Return a study as one of its charts sees it, references by the names of their strategies.

    The triangle has the networks at the cost that was searched; larger ones share their directions.
    """
    rows, design = at_own_rate(outcome.trials), outcome.plan.design
    rows = rows.assign(name=rows["strategy"].where(rows["kind"] == REFERENCE, rows["name"]))
    shown = rows
    if name == TRIANGLE and isinstance(design, SearchThenFamily):
        shown = rows[rows["target_factor"] == design.factor]
    noise = usual_difference(rows, outcome.plan.setup.data.validation)
    return RunData(trials=shown, title=outcome.plan.title, noise=noise)
