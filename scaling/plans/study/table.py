"""The table of trials of a study: one row a network, learning rate and seed."""

from __future__ import annotations

from typing import Any

import pandas as pd

from scaling.plans.networks import network_columns, training_columns
from scaling.plans.study.plan import StudyPlan
from scaling.plans.study.state import StudyState, Trial
from scaling.runs.trials_table import LEARNING_RATE_FACTOR, trials_frame

EXTRA = {"strategy": "string", "target_factor": "Float64", LEARNING_RATE_FACTOR: "Float64"}
"""Columns of a study's table beside those of every table of trials, with their pandas types."""


def table_of_trials(plan: StudyPlan, state: StudyState) -> pd.DataFrame:
    """Return the table of trials, with a row for every wanted seed: `waiting` where it is not trained yet.

    Columns: those of every table of trials, then `strategy`, `target_factor`, `learning_rate_factor`.
    """
    rows, extra = [], []
    for trial, found in zip(state.trials, state.results, strict=True):
        common = {
            "experiment": plan.title,
            "trial": trial.number,
            **network_columns(trial.network, plan.space.baseline, plan.space.target),
        }
        extra.append({"trial": trial.number, **_extra(trial)})
        if not trial.jobs:
            rows.append({**common, "state": "infeasible"})
        rows += [{**common, **training_columns(seed, one)} for seed, one in found.items()]
    columns = pd.DataFrame(extra).astype({"trial": "Int64", **EXTRA})
    return trials_frame(rows).merge(columns, on="trial", how="left", validate="many_to_one")


def _extra(trial: Trial) -> dict[str, Any]:
    return {
        "strategy": trial.network.strategy,
        "target_factor": trial.network.factor,
        LEARNING_RATE_FACTOR: trial.learning_rate_factor,
    }
