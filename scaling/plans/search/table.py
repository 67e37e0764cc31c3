"""The table of trials of a search, from its trials and records."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import pandas as pd

from scaling.plans.networks import network_columns, training_columns
from scaling.plans.search.config import SearchConfig
from scaling.plans.search.confirming import confirmations
from scaling.plans.search.history import History
from scaling.plans.search.trial import SearchTrial, TrialState, proposed_trials, reference_trials
from scaling.runs.plan import Records
from scaling.runs.trials_table import trials_frame

PROPOSAL_COLUMNS: dict[str, str] = {
    "number": "Int64",
    "trial": "Int64",
    "s": "Float64",
    "v": "Float64",
    "fate": "string",
    "architecture": "string",
    "proposed_at": "string",
}
"""Column to pandas type; what each means is in results/README.md."""


def all_trials(config: SearchConfig, history: History, records: Records) -> list[SearchTrial]:
    """Return references, proposals, and the confirmations once every proposal that there is has ended."""
    trials = [*reference_trials(config), *proposed_trials(config, history)]
    open_ = any(one.state(records, history.pruned) == TrialState.WAITING for one in trials)
    return trials if open_ else [*trials, *confirmations(config, trials, records, history.pruned)]


def trials_of(config: SearchConfig, history: History, records: Records) -> pd.DataFrame:
    """Return the table of trials; right at any moment of a run.

    Duplicates have no row, networks that are not on target one, all others one a seed.
    """
    return frame_of(config, all_trials(config, history, records), history, records)


def frame_of(
    config: SearchConfig, trials: Iterable[SearchTrial], history: History, records: Records
) -> pd.DataFrame:
    """Return the rows of some trials."""
    return trials_frame(row for trial in trials for row in _rows(config, trial, history, records))


def _rows(
    config: SearchConfig, trial: SearchTrial, history: History, records: Records
) -> Iterator[dict[str, Any]]:
    common = {
        "experiment": config.name,
        "trial": trial.number if trial.repeats is None else trial.repeats,
        "fidelity_epochs": config.setup.recipe.epochs,
        **network_columns(trial.network, config.baseline_spec, config.target),
    }
    state = trial.state(records, history.pruned)
    without = {
        TrialState.WAITING: "waiting",
        TrialState.COMPLETE: "waiting",
        TrialState.PRUNED: "pruned",
        TrialState.DIVERGED: "waiting",
        TrialState.FAILED: "failed",
        TrialState.INFEASIBLE: "infeasible",
    }[state]
    for seed in trial.seeds:
        job = trial.jobs.get(seed)
        decision = None if job is None else history.pruned.get(job.key)
        record = None if job is None else records.get(job.key)
        if decision is not None and not decision.whole:
            cut = {"top1": decision.top1, "fidelity_epochs": decision.epoch}
            yield common | {"seed": seed, "state": "pruned", **cut}
        else:
            yield common | training_columns(seed, record, state=without)


def proposals_frame(history: History, config: SearchConfig) -> pd.DataFrame:
    """Return one row a proposal, in order: dropped ones too."""
    numbers = {
        one.proposal: one.number if one.repeats is None else one.repeats
        for one in proposed_trials(config, history)
    }
    rows = [
        {
            "number": one.number,
            "trial": numbers.get(one.number),
            "s": one.s,
            "v": one.v,
            "fate": one.fate.value,
            "architecture": one.network.key,
            "proposed_at": one.proposed_at,
        }
        for one in history.proposals
    ]
    return pd.DataFrame(rows, columns=list(PROPOSAL_COLUMNS)).astype(PROPOSAL_COLUMNS)
