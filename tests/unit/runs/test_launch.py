"""One launch: trainings are named before they are built upon, and what goes on is written down."""

from __future__ import annotations

import json
import signal
from collections.abc import Sequence
from pathlib import Path

import pytest
from run_records import PACKING, SETUP, AtOnce, ListPlan, jobs, point, record_of

from scaling.errors import ResultsError
from scaling.runs import progress as module
from scaling.runs.coordinator import RunEnd, Started
from scaling.runs.executor import Ended, EpochEnded, Event, Stepped
from scaling.runs.folder import RunFolder
from scaling.runs.job import Job
from scaling.runs.launch import Where, launch, packing_of
from scaling.runs.progress import StatusWriter
from scaling.runs.store import Known, Store
from scaling.training.options import EngineOptions

JOBS = jobs(4)


@pytest.fixture
def folder(tmp_path: Path) -> RunFolder:
    (tmp_path / "run").mkdir()
    return RunFolder(path=tmp_path / "run")


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(path=tmp_path / "trainings")


def launched(folder: RunFolder, store: Store, executor: AtOnce, wanted: Sequence[Job] = JOBS) -> RunEnd:
    where = Where(store=store, executor=executor)
    return launch(ListPlan(wanted), folder, where, packing=PACKING, engine=EngineOptions())


def test_a_run_names_what_it_trained_and_what_was_there(folder: RunFolder, store: Store) -> None:
    store.add(record_of(JOBS[1]))
    assert launched(folder, store, AtOnce()) == RunEnd.DONE
    assert sorted(folder.keys()) == sorted(job.key for job in JOBS)
    assert sorted(store.keys()) == sorted(job.key for job in JOBS)
    assert not folder.progress.exists()
    launched(folder, store, AtOnce())
    assert len(folder.keys()) == len(JOBS), "each is named once"


def test_what_is_there_is_named_before_anything_is_trained(folder: RunFolder, store: Store) -> None:
    store.add(record_of(JOBS[0]))
    known = Known(store=store)
    writer = StatusWriter(folder, known, lambda _event: None)
    assert known.get(JOBS[0].key) is not None
    writer(Started(job=JOBS[1], key=JOBS[1].key))
    assert folder.keys() == [JOBS[0].key, JOBS[1].key]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_stops_it(number: signal.Signals, folder: RunFolder, store: Store) -> None:
    before = signal.signal(number, signal.SIG_DFL)  # whoever started pytest may ignore it
    try:
        executor = AtOnce(interrupt=number)
        assert launched(folder, store, executor) == RunEnd.STOPPED
        assert signal.getsignal(number) == signal.SIG_DFL
    finally:
        signal.signal(number, before)
    assert executor.stopped
    assert list(store.keys()) == []
    assert launched(folder, store, AtOnce()) == RunEnd.DONE


def test_status_says_what_is_trained_now(
    folder: RunFolder, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "STATUS_EVERY_S", 0.0)
    seen: list[Event | Started] = []
    writer = StatusWriter(folder, Known(store=store), seen.append)
    key = JOBS[0].key
    events: list[Started | Event] = [
        Started(job=JOBS[0], key=key),
        Stepped(key=key, worker="3", steps=7),
        EpochEnded(key=key, curve=(point(1), point(2))),
        Stepped(key="of nobody", worker="3", steps=7),
    ]
    for event in events:
        writer(event)
    (running,) = json.loads(folder.progress.read_text())["running"].values()
    assert (running["worker"], running["steps"], running["epochs"]) == ("3", 7, 2)
    writer(Ended(key=key))
    assert json.loads(folder.progress.read_text())["running"] == {}
    writer.close()
    assert not folder.progress.exists()
    assert seen[:4] == events


def test_a_status_that_cannot_be_written_stops_nothing_but_a_name_does(
    folder: RunFolder, store: Store
) -> None:
    folder.progress.mkdir()
    assert launched(folder, store, AtOnce(), JOBS[:1]) == RunEnd.DONE
    folder.records.unlink()
    folder.records.mkdir()
    with pytest.raises(ResultsError, match=r"records\.txt"):
        launched(folder, store, AtOnce())


def test_processes_are_as_many_as_asked_for_but_no_more_than_jobs() -> None:
    engine = EngineOptions(workers=3)
    assert packing_of(JOBS, Where(), engine).workers == 3
    assert packing_of(JOBS[:1], Where(), engine).workers == 1
    assert packing_of(JOBS, Where(workers=2), engine).workers == 2
    assert packing_of([], Where(), SETUP.engine).workers == 1
