"""The charts of a study: those of a run that its design calls for, and its laws."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from scaling.analysis import usual_difference
from scaling.figures.law import save_law
from scaling.figures.saving import save_run_figures
from scaling.plans.networks import REFERENCE
from scaling.plans.study.config import Design, SearchThenFamily
from scaling.plans.study.outcome import Outcome
from scaling.runs.trials_table import at_own_rate

CHARTS: dict[str, tuple[str, ...]] = {
    "ladder": ("run_methods", "run_noise"),
    "grid": ("run_widths", "run_noise"),
    "search_then_family": ("run_methods", "run_triangle"),
    "noise": ("run_noise",),
}
"""Charts of each design."""


def save_study_figures(outcome: Outcome, directory: Path) -> list[Path]:
    """Write the charts of a study at the recipe's learning rate; none before anything is complete.

    Args:
        outcome: of the study.
        directory: where the files go.

    Raises:
        ResultsError: the folder cannot be written.
    """
    rows = at_own_rate(outcome.trials)
    named = rows.assign(name=rows["strategy"].where(rows["kind"] == REFERENCE, rows["name"]))
    if not (named["state"] == "complete").any():
        return []
    noise, design, paths = usual_difference(named), outcome.plan.design, list[Path]()
    for name in CHARTS[design.kind]:
        trials = _searched(named, design) if name == "run_triangle" else named
        paths += save_run_figures(trials, directory, title=outcome.plan.title, noise=noise, names=(name,))
    return paths if outcome.laws is None else paths + save_law(outcome.laws, directory / "law")


def _searched(trials: pd.DataFrame, design: Design) -> pd.DataFrame:
    """Return the networks at the cost that was searched; the family's larger ones share their directions."""
    if not isinstance(design, SearchThenFamily):
        return trials
    return trials[trials["target_factor"] == design.factor]
