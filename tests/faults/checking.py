"""What must hold after any fault: nothing lost, nothing twice, table and database the same."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pandas as pd
from optuna.trial import FrozenTrial
from scaling.search.endings import PUT_BACK, lineage_of, running
from scaling.search.folder import RunFolder
from scaling.search.leases import LEASE
from scaling.search.location import parsed
from scaling.search.rows import table
from scaling.search.run import Run, join_run

from scaling.runs.trials_table import read_trials, write_trials

MadeStudy = tuple[str, Path]
"""URL of the database, folder of the run."""
MakeStudy = Callable[..., MadeStudy]


@contextmanager
def opened(place: str, folder: Path) -> Iterator[Run]:
    run = join_run(parsed(place, where="test"), None, RunFolder(path=folder))
    try:
        yield run
    finally:
        run.close()


def check(place: str, folder: Path, *, networks: int | None = None) -> list[FrozenTrial]:
    """Check a finished study; return what was told.

    Args:
        place: URL of the database.
        folder: of the run; its table is written if no launch has.
        networks: how many proposals the budget has.
    """
    with opened(place, folder) as run:
        return _checked(run, networks)


def _checked(run: Run, networks: int | None) -> list[FrozenTrial]:
    told: list[FrozenTrial] = []
    for study in run.studies:
        trials = study.get_trials(deepcopy=False)
        left = [trial.state for trial in trials if not trial.state.is_finished()]
        assert not left, f"{len(left)} trials were lost: {left}"
        mine = [trial for trial in trials if "outcome" in trial.user_attrs]
        assert not [trial.number for trial in mine if PUT_BACK in trial.user_attrs], "told and put back"
        # A claim that broke off before it named a network is ended, and asked for nothing.
        named = [trial for trial in trials if "candidate" in trial.user_attrs]
        asked = {lineage_of(trial) for trial in named if "dropped" not in trial.user_attrs}
        counts = Counter(lineage_of(trial) for trial in mine)
        assert set(counts) == asked, "trials told are not trials asked"
        assert set(counts.values()) <= {1}, f"told more than once: {counts.most_common(3)}"
        told += mine
    proposals = [t for t in run.search.get_trials(deepcopy=False) if "outcome" in t.user_attrs]
    if networks is not None:
        assert len(proposals) == networks, "the budget was not met exactly"
    _compare_table(run, told)
    return told


def _compare_table(run: Run, told: list[FrozenTrial]) -> None:
    """The table has one row a seed of every told trial, with the accuracy that the database has."""
    path = run.folder.trials
    if not path.exists():
        write_trials(path, table(run.config, run.reference, run.search))
    frame = read_trials(path)
    assert not frame.duplicated(["trial", "seed"]).any()
    rows: dict[tuple[int, int], Any] = {
        (int(row.trial), int(row.seed)): row for row in frame.itertuples() if row.state != "infeasible"
    }
    results = {
        (trial.user_attrs["trial"], int(key.removeprefix("result:"))): value
        for trial in told
        for key, value in trial.user_attrs.items()
        if key.startswith("result:")
    }
    assert set(rows) == set(results), "table and database list different trainings"
    for key, row in rows.items():
        assert row.state == results[key]["outcome"]
        assert (None if pd.isna(row.top1) else row.top1) == results[key]["top1"]


def interruptions(place: str, folder: Path) -> list[str]:
    """Why trials were put back, over the whole study."""
    with opened(place, folder) as run:
        return [
            trial.user_attrs[PUT_BACK]
            for study in run.studies
            for trial in study.get_trials(deepcopy=False)
            if PUT_BACK in trial.user_attrs
        ]


def in_training(run: Run) -> list[FrozenTrial]:
    """Trials with a lease."""
    return [trial for study in run.studies for trial in running(study) if LEASE in trial.user_attrs]


def told_so_far(run: Run) -> int:
    return sum(
        "outcome" in trial.user_attrs for study in run.studies for trial in study.get_trials(deepcopy=False)
    )
