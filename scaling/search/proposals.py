"""What was proposed when, by which worker, and when it was told."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import optuna
import pandas as pd
from optuna.trial import FrozenTrial

from scaling.search.samplers import DIMENSIONS

PROPOSAL_COLUMNS: dict[str, str] = {
    "number": "Int64",
    "lineage": "Int64",
    "trial": "Int64",
    "s": "Float64",
    "v": "Float64",
    "architecture": "string",
    "proposed_at": "string",
    "proposed_by": "Int64",
    "told_at": "string",
    "worker": "Int64",
    "end": "string",
    "interruptions": "string",
}
"""Column to pandas type; what each means is in results/README.md."""


def proposals_frame(search: optuna.Study) -> pd.DataFrame:
    """Return one row a try, in the order of the study: dropped proposals and interrupted tries too.

    Args:
        search: the study of proposals.
    """
    rows = list(_rows(search))
    return pd.DataFrame(rows, columns=list(PROPOSAL_COLUMNS)).astype(PROPOSAL_COLUMNS)


def _rows(search: optuna.Study) -> Iterator[dict[str, Any]]:
    for trial in search.get_trials(deepcopy=False):
        notes = trial.user_attrs
        yield {
            "number": trial.number,
            "lineage": notes.get("lineage", trial.number),
            "trial": notes.get("trial"),
            **{name: trial.params.get(name) for name in DIMENSIONS},
            "architecture": notes.get("candidate", {}).get("architecture"),
            "proposed_at": notes.get("proposed_at"),
            "proposed_by": notes.get("proposed_by"),
            "told_at": notes.get("told_at"),
            "worker": notes.get("worker"),
            "end": _end(trial),
            "interruptions": "; ".join(notes.get("interruptions", [])) or None,
        }


def _end(trial: FrozenTrial) -> str:
    """Say in a word how a try ended, or that it has not."""
    notes = trial.user_attrs
    if not trial.state.is_finished():
        return trial.state.name.lower()
    return str(notes.get("dropped") or notes.get("outcome") or "put back")
