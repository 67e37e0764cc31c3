"""Runs as their database keeps them, written without training: for commands that only read."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import optuna
from click.testing import CliRunner
from optuna.distributions import FloatDistribution
from optuna.trial import FrozenTrial, TrialState
from scaling.search.candidate import Candidate, references
from scaling.search.claims import ENUMERATED
from scaling.search.folder import RunFolder
from scaling.search.storage import open_storage, open_study
from search_runs import configuration

from scaling.atomic_write import write_json
from scaling.cli.search import search

CONFIG = configuration(search={"trials": 3, "seeds": [0, 1], "baseline_seeds": [0, 1, 2], "workers": 2})
REFERENCES = [candidate for candidate in references(CONFIG) if candidate.feasible]


def trial(
    number: int,
    candidate: Candidate,
    state: TrialState,
    top1: Sequence[float | None] = (),
    *,
    ago_s: float = 0.0,
    square: tuple[float, float] | None = None,
    **more: Any,
) -> FrozenTrial:
    """A trial as the database keeps it; every finished seed took two seconds.

    A proposal also has the sampler's two parameters, `square`.
    """
    results = {f"result:{seed}": result(one) for seed, one in enumerate(top1)}
    attributes = {"candidate": candidate.document(), "trial": number, **results, **more}
    if state == TrialState.COMPLETE:
        attributes["outcome"] = "complete"
    frozen = optuna.trial.create_trial(
        state=state,
        value=sum(one or 0 for one in top1) / len(top1) if state == TrialState.COMPLETE else None,
        user_attrs=attributes,
        params={} if square is None else dict(zip("sv", square, strict=True)),
        distributions={} if square is None else dict.fromkeys("sv", FloatDistribution(0.0, 1.0)),
    )
    frozen.datetime_start = datetime.now() - timedelta(seconds=ago_s)
    return frozen


def result(top1: float | None) -> dict[str, Any]:
    outcome = "diverged" if top1 is None else "complete"
    return {"outcome": outcome, "top1": top1, "epochs": 1, "wall_s": 2.0}


def run_folder(path: Path, *queued: FrozenTrial, proposals: Sequence[FrozenTrial] = ()) -> RunFolder:
    """The folder of a run whose whole space was queued, and is in its database as given."""
    folder = RunFolder(path=path)
    write_json(folder.config, CONFIG.document())
    if queued or proposals:
        storage = open_storage(folder.database)
        study = open_study(storage, f"{CONFIG.name}-references")
        study.add_trials(queued)
        search_study = open_study(storage, CONFIG.name)
        search_study.add_trials(proposals)
        search_study.set_user_attr(ENUMERATED, True)
    return folder


def shown(*arguments: str, columns: int = 60) -> str:
    outcome = CliRunner(env={"COLUMNS": str(columns)}).invoke(
        search, list(arguments), catch_exceptions=False, standalone_mode=False
    )
    assert outcome.stderr == ""
    return outcome.stdout
