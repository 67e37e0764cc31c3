"""`run_search.py export`: what proposals and records give at this moment, row by row, and the study anew."""

from __future__ import annotations

import json
from pathlib import Path

import optuna
import pandas as pd
import pytest
from recorded_runs import CONFIG, a_run, shown

from scaling.errors import ConfigError, ResultsError
from scaling.plans.search.run import read_search
from scaling.runs.folder import RunFolder
from scaling.runs.trials_table import read_trials


@pytest.fixture
def half_way(tmp_path: Path) -> RunFolder:
    """A run with one network done, one with one of its two seeds done, and tables of an earlier moment."""
    folder = a_run(tmp_path / "run", 4, top1=lambda job: 0.5 + job.seed / 10)
    read_trials(folder.trials).head(2).to_csv(folder.trials, index=False)
    return folder


def test_the_table_is_that_of_this_moment(half_way: RunFolder, tmp_path: Path) -> None:
    printed = shown("export", str(half_way.path), "--to", str(tmp_path / "kept"), "--format", "parquet")
    found = read_trials(tmp_path / "kept" / "trials.csv")
    pd.testing.assert_frame_equal(found, read_search(half_way).trials())
    states = list(zip(found["trial"], found["seed"], found["state"], strict=True))
    assert states[:5] == [
        *((0, seed, "complete") for seed in (0, 1, 2)), (1, 0, "complete"), (1, 1, "waiting"),
    ]  # fmt: skip
    assert found["top1"].dropna().tolist() == [0.5, 0.6, 0.7, 0.5]
    assert len(pd.read_parquet(tmp_path / "kept" / "trials.parquet")) == len(found)
    assert all(str(tmp_path / "kept" / name) in printed for name in ("trials.csv", "result.json"))


def test_an_unfinished_run_has_no_end_and_a_result_so_far(half_way: RunFolder, tmp_path: Path) -> None:
    shown("export", str(half_way.path), "--to", str(tmp_path / "kept"))
    assert json.loads((tmp_path / "kept" / "provenance.json").read_text())["finished"] is None
    result = json.loads((tmp_path / "kept" / "result.json").read_text())
    assert result["experiment"] == CONFIG.name
    assert [row["top1"] for row in result["ranking"]] == pytest.approx([0.6, 0.5])
    assert result["states"] == {"complete": 4, "waiting": 7}
    assert not (tmp_path / "kept" / "trials.parquet").exists()


def test_results_are_named_by_run_and_never_replaced_unasked(
    half_way: RunFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    shown("export", str(half_way.path))
    kept = (tmp_path / "results" / "run" / "trials.csv").read_bytes()
    other = a_run(tmp_path / "elsewhere" / "run")
    with pytest.raises(ConfigError, match="holds results already; --force replaces them"):
        shown("export", str(other.path))
    assert (tmp_path / "results" / "run" / "trials.csv").read_bytes() == kept
    shown("export", str(other.path), "--force")
    assert (tmp_path / "results" / "run" / "trials.csv").read_bytes() != kept


def test_a_run_without_trainings_replaces_no_results(tmp_path: Path) -> None:
    folder = a_run(tmp_path / "run", 0)
    folder.provenance.unlink()
    with pytest.raises(ResultsError, match="has the run begun"):
        shown("export", str(folder.path), "--to", str(tmp_path / "kept"))
    assert not (tmp_path / "kept").exists()


def test_the_study_is_made_anew_and_reads_flat(tmp_path: Path) -> None:
    folder, place = a_run(tmp_path / "run"), f"sqlite:///{tmp_path / 'study.sqlite3'}"
    for _ in range(2):
        assert "wrote 3 trials to " in shown(
            "export", str(folder.path), "--study", "--storage", place, columns=300
        )
    frame = optuna.load_study(study_name="tiny", storage=place).trials_dataframe()
    assert len(frame) == 3
    flat = {
        *("alpha", "beta", "gamma", "phi", "depth_share", "width_share", "resolution_share"),
        *("depth_coefficient", "width_coefficient", "image_size", "params", "macs", "achieved_factor"),
        *("seeds", "loss", "top1"),
    }
    assert flat <= {column.removeprefix("user_attrs_") for column in frame.columns}
    assert frame["value"].tolist() == pytest.approx(frame["user_attrs_top1"].tolist())
    with pytest.raises(ConfigError, match="--study writes a database"):
        shown("export", str(folder.path), "--study", "--to", str(tmp_path / "kept"))
