"""What must hold after any fault: nothing lost, nothing twice, the budget met, the same as undisturbed."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from scaling.plans.search.run import read_search
from scaling.runs.folder import RunFolder
from scaling.runs.trials_table import read_trials

CLOCKED = ["wall_s", "train_step_ms", "inference_ms_batch_1", "inference_ms", "images_per_s"]
"""Columns and figures that a clock gives; everything else is the same every time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Left:
    """What a run leaves, without times.

    Args:
        trials: the table of trials.
        proposals: lines of the history.
        records: by key, curves and all.
    """

    trials: pd.DataFrame
    proposals: list[dict[str, Any]]
    records: dict[str, dict[str, Any]]


def left_by(output: Path) -> Left:
    """Read what a finished run left, and check it in itself."""
    folder = RunFolder(path=output)
    state, store = read_search(folder), folder.store()
    named = Counter(folder.keys())
    assert set(named.values()) == {1}, f"named twice: {named.most_common(2)}"
    assert {path.stem for path in store.glob("*.json")} == set(named), "named and recorded differ"
    assert not [path for path in (store / "unfinished").rglob("*") if path.is_file()], "a checkpoint is left"
    table = read_trials(folder.trials)
    pd.testing.assert_frame_equal(table, state.trials())
    assert not table.duplicated(["trial", "seed"]).any()
    assert set(table["state"]) <= {"complete", "infeasible"}, table["state"].value_counts()
    trained = table[table["state"] == "complete"]
    assert sorted(trained["record"]) == sorted(named), "the table has other trainings than the store"
    records = {key: json.loads((store / f"{key}.json").read_text()) for key in named}
    for row in trained.itertuples():
        assert row.top1 == records[str(row.record)]["result"]["top1"]
    accepted = sum(one.fate == "accepted" for one in state.history.proposals)
    assert accepted == state.config.search.trials, "the budget was not met exactly"
    proposed = [one.document() | {"proposed_at": None} for one in state.history.proposals]
    return Left(
        trials=table.drop(columns=CLOCKED),
        proposals=proposed,
        records={k: _untimed(v) for k, v in records.items()},
    )


def _untimed(record: dict[str, Any]) -> dict[str, Any]:
    """A record without times and where it was made."""
    result = {name: value for name, value in record["result"].items() if name not in CLOCKED}
    curve = [{**point, "seconds": None} for point in record["curve"]]
    return {**record, "result": result, "curve": curve, "provenance": None, "digest": None}


def check(output: Path, undisturbed: Left) -> None:
    """See that a run left what one that nothing disturbed leaves, bit for bit and row by row."""
    found = left_by(output)
    assert found.proposals == undisturbed.proposals
    pd.testing.assert_frame_equal(found.trials, undisturbed.trials, check_exact=True)
    assert found.records == undisturbed.records


def contents(*folders: Path) -> dict[Path, bytes]:
    """Every file below some folders, to see that nothing was changed."""
    return {path: path.read_bytes() for folder in folders for path in folder.rglob("*") if path.is_file()}
