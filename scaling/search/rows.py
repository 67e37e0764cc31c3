"""From the study's database to the table of trials."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import optuna
import pandas as pd
from optuna.trial import FrozenTrial, TrialState

from scaling.runs.trials_table import MEASURED, trials_frame
from scaling.search.candidate import Candidate, seeds_of
from scaling.search.config import SearchConfig
from scaling.search.endings import PUT_BACK
from scaling.search.objective import seed_results


def table(config: SearchConfig, reference: optuna.Study, search: optuna.Study) -> pd.DataFrame:
    """Return every trial as it stands in the database; right at any moment of a run.

    Trials are numbered references first, then in the order of their claims; a trial that was put back keeps
    its number. Duplicates and superseded tries have no row, infeasible proposals one.
    """
    return frame_of(config, [*reference.get_trials(deepcopy=False), *search.get_trials(deepcopy=False)])


def frame_of(config: SearchConfig, trials: Iterable[FrozenTrial]) -> pd.DataFrame:
    """Return the table of the trials of all studies of a run."""
    return trials_frame(_rows(config, trials))


def _rows(config: SearchConfig, trials: Iterable[FrozenTrial]) -> Iterator[dict[str, Any]]:
    for trial in trials:
        state = trial_state(trial)
        if state is None:
            continue
        candidate = Candidate.of_document(trial.user_attrs["candidate"])
        common = candidate.row(config) | {"trial": trial.user_attrs.get("trial")}
        results = seed_results(trial.user_attrs)
        for seed in seeds_of(config, candidate):
            yield common | seed_columns(seed, state, results.get(seed))


def seed_columns(seed: int, state: str, result: dict[str, Any] | None) -> dict[str, Any]:
    """Return the columns of the table of trials that training fills.

    Args:
        seed: of the row.
        state: of its trial.
        result: of this seed, as `plain_result` gives it; None where there is none.
    """
    if result is None:
        # A seed that a failed trial never reached, or that still waits.
        return {"seed": seed, "state": state if state in {"failed", "infeasible", "pruned"} else "waiting"}
    return {
        "seed": seed,
        "top1": result["top1"],
        "wall_s": round(result["wall_s"], 3),
        "fidelity_epochs": result["epochs"],
        "state": result["outcome"],
        **{column: _rounded(result.get(column)) for column in MEASURED},
    }


def _rounded(value: float | None) -> float | None:
    """Six digits: more are below the noise of a measurement."""
    return float(f"{value:.6g}") if isinstance(value, float) else value


def trial_state(trial: FrozenTrial) -> str | None:
    """Return a trial's state in the table's words, or None where it has no row."""
    if "candidate" not in trial.user_attrs or (trial.state.is_finished() and PUT_BACK in trial.user_attrs):
        return None
    if trial.state in (TrialState.COMPLETE, TrialState.PRUNED):
        return str(trial.user_attrs.get("outcome", "complete"))
    if trial.state in (TrialState.WAITING, TrialState.RUNNING):
        return "waiting"
    if trial.user_attrs.get("dropped") == "infeasible":
        return "infeasible"
    outcome = trial.user_attrs.get("outcome")
    return str(outcome) if outcome else None
