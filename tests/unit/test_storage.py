"""The study's database: several writers, each queued trial run once."""

from __future__ import annotations

import multiprocessing
from pathlib import Path
from typing import Any

import pytest
from optuna.trial import TrialState

from scaling.errors import ResultsError
from scaling.search.storage import open_storage, open_study

QUEUED, PROCESSES = 200, 4


def _run_all(path: str, gate: Any, told: Any) -> None:
    study = open_study(open_storage(Path(path)), "queue")
    gate.wait(60)
    numbers = []
    while study.get_trials(deepcopy=False, states=(TrialState.WAITING,)):
        trial = study.ask()
        if "place" not in trial.user_attrs:  # the queue was emptied meanwhile: a trial of its own
            study.tell(trial, state=TrialState.FAIL)
            continue
        numbers.append(trial.user_attrs["place"])
        study.tell(trial, 0.0)
    told.put(numbers)


def test_two_hundred_queued_trials_run_once_with_four_processes(tmp_path: Path) -> None:
    path = tmp_path / "study.sqlite3"
    study = open_study(open_storage(path), "queue")
    for place in range(QUEUED):
        study.enqueue_trial({}, user_attrs={"place": place})
    context = multiprocessing.get_context("spawn")
    gate, told = context.Barrier(PROCESSES), context.Queue()
    processes = [context.Process(target=_run_all, args=(str(path), gate, told)) for _ in range(PROCESSES)]
    for process in processes:
        process.start()
    found = [told.get(timeout=150) for _ in processes]
    for process in processes:
        process.join(30)
    assert [process.exitcode for process in processes] == [0] * PROCESSES
    assert sorted(place for one in found for place in one) == list(range(QUEUED))
    assert sum(bool(one) for one in found) >= 2, "one process did everything: nothing was shown"


def test_the_database_writes_ahead_and_begins_with_its_write_lock(tmp_path: Path) -> None:
    storage = open_storage(tmp_path / "study.sqlite3")
    with storage.engine.connect() as connection:
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
        other = open_storage_without_patience(tmp_path / "study.sqlite3")
        with pytest.raises(Exception, match="locked"):
            other.execute("BEGIN IMMEDIATE")
        other.close()


def open_storage_without_patience(path: Path) -> Any:
    import sqlite3  # noqa: PLC0415

    return sqlite3.connect(path, timeout=0, isolation_level=None)


@pytest.mark.parametrize("content", [b"not a database at all, " * 100, b"SQLite format 3\0" + b"\xff" * 5000])
def test_a_damaged_database_is_one_line(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "study.sqlite3"
    path.write_bytes(content)
    with pytest.raises(ResultsError, match="cannot use the study's database") as caught:
        open_storage(path)
    assert "\n" not in str(caught.value)
    assert path.read_bytes() == content


def test_a_folder_that_is_missing_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(ResultsError, match="cannot use the study's database"):
        open_storage(tmp_path / "none" / "study.sqlite3")


def test_studies_maximise_and_are_opened_again(tmp_path: Path) -> None:
    storage = open_storage(tmp_path / "study.sqlite3")
    study = open_study(storage, "one")
    study.tell(study.ask(), 0.5)
    again = open_study(open_storage(tmp_path / "study.sqlite3"), "one")
    assert again.direction.name == "MAXIMIZE"
    assert again.best_value == 0.5
    assert open_study(storage, "two").trials == []
