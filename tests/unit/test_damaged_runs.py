"""Whatever file of a run is missing, empty, torn or foreign: what was found is never overwritten by less."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import optuna
import pandas as pd
import pytest
from recorded_runs import CONFIG, a_run, go_on
from search_runs import store_of

from scaling.errors import ConfigError, ResultsError
from scaling.plans.search.projection import all_shown
from scaling.plans.search.run import read_search, run_search
from scaling.runs.folder import RunFolder
from scaling.runs.launch import Where
from scaling.runs.store import Store
from scaling.runs.trials_table import read_trials

DAMAGE: dict[str, Callable[[Path], object]] = {
    "missing": Path.unlink,
    "empty": lambda path: path.write_bytes(b""),
    "torn": lambda path: path.write_bytes(path.read_bytes()[: path.stat().st_size // 2]),
    "foreign": lambda path: path.write_bytes(b"\xff mine\n\xfe"),
}


def contents(folder: Path) -> dict[Path, bytes]:
    return {
        path: path.read_bytes() for path in folder.rglob("*") if path.is_file() and path.name != "run.lock"
    }


@pytest.fixture(scope="module")
def once(tmp_path_factory: pytest.TempPathFactory) -> tuple[RunFolder, pd.DataFrame]:
    folder = a_run(tmp_path_factory.mktemp("once") / "run")
    state, warned = go_on(folder)
    assert warned == []
    return folder, state.trials()


@pytest.fixture
def finished(tmp_path: Path, once: tuple[RunFolder, pd.DataFrame]) -> tuple[RunFolder, pd.DataFrame]:
    """A finished run, its study and its table."""
    shutil.copytree(once[0].path, tmp_path / "run")
    shutil.copytree(store_of(once[0].path).path, tmp_path / "trainings")
    return RunFolder(path=tmp_path / "run"), once[1]


@pytest.mark.parametrize(
    ("name", "damage"),
    [
        ("records.txt", "foreign"),
        *((name, damage) for name in ("run.json", "proposals.jsonl") for damage in DAMAGE),
    ],
)
def test_without_what_a_run_is_made_of_it_is_refused_and_nothing_changes(
    name: str, damage: str, finished: tuple[RunFolder, pd.DataFrame]
) -> None:
    folder, _ = finished
    DAMAGE[damage](folder.path / name)
    before = contents(folder.path)
    with pytest.raises(ResultsError) as refused:
        go_on(folder)
    assert name in str(refused.value)
    assert str(refused.value).count("\n") == 0
    assert contents(folder.path) == before


@pytest.mark.parametrize(
    ("name", "damage"),
    [
        *(("records.txt", damage) for damage in ("missing", "empty", "torn")),
        *((name, damage) for name in ("study.sqlite3", "trials.csv") for damage in DAMAGE),
        *(("provenance.json", damage) for damage in ("missing", "torn")),
    ],
)
def test_what_can_be_made_again_is(name: str, damage: str, finished: tuple[RunFolder, pd.DataFrame]) -> None:
    folder, table = finished
    path = folder.path / name
    DAMAGE[damage](path)
    left = path.read_bytes() if path.exists() else b""
    state, _ = go_on(folder)
    pd.testing.assert_frame_equal(state.trials(), table)
    pd.testing.assert_frame_equal(read_trials(folder.trials), table)
    assert (state.proposals()["fate"] == "accepted").sum() == CONFIG.search.trials
    study = optuna.load_study(study_name=CONFIG.name, storage=f"sqlite:///{folder.study}")
    assert [one.user_attrs["top1"] for one in study.trials] == [
        one.attributes["top1"] for one in all_shown(CONFIG, state.history, state.records)
    ]
    if (name, damage) in {("study.sqlite3", "torn"), ("study.sqlite3", "foreign"), ("trials.csv", "foreign")}:
        kept = [one for one in folder.path.glob(f"{path.stem}*") if one != path and one.suffix != ".html"]
        assert left in [one.read_bytes() for one in kept], "what was there is kept beside"


def test_a_last_line_of_the_history_that_broke_off_is_proposed_again(tmp_path: Path) -> None:
    whole, folder = a_run(tmp_path / "whole" / "run"), a_run(tmp_path / "run", 11)
    lines = whole.proposals.read_text().splitlines(keepends=True)
    for file in store_of(whole.path).path.glob("*.json"):  # trained by another run
        shutil.copy(file, store_of(folder.path).path)
    folder.proposals.write_text("".join(lines[:-1]) + lines[-1][:100])
    assert len(read_search(folder).history.proposals) == len(lines) - 1
    state, _ = go_on(folder)
    pd.testing.assert_frame_equal(state.trials(), read_search(whole).trials())
    assert [json.loads(line)["s"] for line in folder.proposals.read_text().splitlines()] == [
        json.loads(line)["s"] for line in lines
    ]


@pytest.mark.parametrize("damage", ["missing", "empty", "torn"])
def test_a_record_that_is_lost_costs_its_training_and_the_table_of_before_is_kept(
    damage: str, finished: tuple[RunFolder, pd.DataFrame], caplog: pytest.LogCaptureFixture
) -> None:
    folder, table = finished
    key = str(table["record"].iloc[-1])
    DAMAGE[damage](store_of(folder.path).record(key))
    before = folder.trials.read_bytes()
    warned: list[str] = []
    with pytest.raises(_StoppedError):
        run_search(CONFIG, folder, Where(store=store_of(folder.path)), warn=warned.append, listener=_stop)
    assert "lists 1 trainings that have no record any more; they run again" in warned[0]
    (kept,) = folder.path.glob("trials.before-*.csv")
    assert kept.read_bytes() == before
    assert (damage == "missing") == (caplog.text == "")


class _StoppedError(Exception):
    """Ends a launch at its first training."""


def _stop(event: object) -> None:
    raise _StoppedError(event)


def test_results_that_were_exported_are_not_gone_on_with(finished: tuple[RunFolder, pd.DataFrame]) -> None:
    folder, _ = finished
    for name in ("proposals.jsonl", "records.txt"):
        (folder.path / name).unlink()
    before = contents(folder.path)
    with pytest.raises(ResultsError, match="holds results without the trainings that they come from"):
        go_on(folder)
    assert contents(folder.path) == before


def test_trainings_are_found_where_the_run_noted_them(
    finished: tuple[RunFolder, pd.DataFrame], tmp_path: Path
) -> None:
    folder, table = finished
    elsewhere = Where(store=Store(path=tmp_path / "elsewhere"))
    with pytest.raises(ConfigError, match=r"are in .*trainings, not in .*elsewhere: give --store"):
        run_search(CONFIG, folder, elsewhere)
    store_of(folder.path).path.rename(tmp_path / "elsewhere")
    _, state = run_search(CONFIG, folder, elsewhere)
    pd.testing.assert_frame_equal(state.trials(), table)
    pd.testing.assert_frame_equal(read_search(folder).trials(), table)
    shutil.move(tmp_path / "run", tmp_path / "moved")
    shutil.move(tmp_path / "elsewhere", tmp_path / "trainings")
    moved = RunFolder(path=tmp_path / "moved")
    run_search(CONFIG, moved, Where(store=Store(path=tmp_path / "trainings")))
    pd.testing.assert_frame_equal(read_search(moved).trials(), table)
