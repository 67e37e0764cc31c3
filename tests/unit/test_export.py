"""`run_search.py export`: the database as it stands, row by row, whatever the run is at."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest
from optuna.trial import TrialState
from recorded_runs import CONFIG, REFERENCES, run_folder, shown, trial

from scaling.atomic_write import write_json
from scaling.errors import ResultsError
from scaling.runs.trials_table import read_trials
from scaling.search.folder import RunFolder
from scaling.search.snapshot import read_snapshot


@pytest.fixture
def half_way(tmp_path: Path) -> RunFolder:
    """A run with one network done, one in training with one of its seeds done, one waiting."""
    folder = run_folder(
        tmp_path / "run",
        trial(0, REFERENCES[0], TrialState.COMPLETE, [0.5, 0.6, 0.4]),
        trial(1, REFERENCES[1], TrialState.RUNNING, [0.7], worker=0),
        trial(2, REFERENCES[2], TrialState.WAITING),
    )
    write_json(folder.provenance, {"started": "2026-01-01T00:00:00+00:00", "finished": "too early"})
    return folder


def test_the_table_is_the_database_of_this_moment(half_way: RunFolder, tmp_path: Path) -> None:
    printed = shown("export", str(half_way.path), "--to", str(tmp_path / "kept"), "--format", "parquet")
    found = read_trials(tmp_path / "kept" / "trials.csv")
    pd.testing.assert_frame_equal(found, read_snapshot(half_way).trials)
    states = list(zip(found["trial"], found["seed"], found["state"], strict=True))
    assert states == [
        *((0, seed, "complete") for seed in (0, 1, 2)),
        *((1, 0, "complete"), (1, 1, "waiting"), (2, 0, "waiting"), (2, 1, "waiting")),
    ]
    assert found["top1"].dropna().tolist() == [0.5, 0.6, 0.4, 0.7]
    assert len(pd.read_parquet(tmp_path / "kept" / "trials.parquet")) == len(found)
    assert all(str(tmp_path / "kept" / name) in printed for name in ("trials.csv", "result.json"))


def test_an_unfinished_run_has_no_end_and_a_result_so_far(half_way: RunFolder, tmp_path: Path) -> None:
    shown("export", str(half_way.path), "--to", str(tmp_path / "kept"))
    assert json.loads((tmp_path / "kept" / "provenance.json").read_text())["finished"] is None
    result = json.loads((tmp_path / "kept" / "result.json").read_text())
    assert result["experiment"] == CONFIG.name
    assert [row["top1"] for row in result["ranking"]] == pytest.approx([0.7, 0.5])
    assert result["states"] == {"complete": 4, "waiting": 3}
    assert not (tmp_path / "kept" / "trials.parquet").exists()


def test_a_run_without_trials_replaces_no_results(tmp_path: Path) -> None:
    folder = run_folder(tmp_path / "run")
    with pytest.raises(ResultsError, match="holds no trial yet"):
        shown("export", str(folder.path), "--to", str(tmp_path / "kept"))
    assert not (tmp_path / "kept").exists()
