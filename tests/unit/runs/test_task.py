"""One task where it was sent: what is recorded however the training ends."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from run_records import jobs, point, record_of, untimed

from scaling.errors import ResultsError
from scaling.runs import task as module
from scaling.runs.record import RecordState
from scaling.runs.store import Store
from scaling.runs.task import Task, Watch, run_task
from scaling.training.engine import TrainingInterruptedError

JOB = jobs(1)[0]
CPU = torch.device("cpu")


@pytest.fixture
def task(tmp_path: Path) -> Task:
    return Task(job=JOB, key=JOB.key, kernels=None, store=tmp_path / "trainings")


def ending(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    """Let every training end with an error after an epoch."""

    def train(*_: object, **settings: Any) -> None:
        settings["on_epoch"]((point(1),))
        raise error

    monkeypatch.setattr(module, "train_network", train)


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (ValueError("no\nmore"), "ValueError: no"),
        (ZeroDivisionError(), "ZeroDivisionError"),
        (ValueError("\x1b[2J" + "x" * 10_000), "ValueError: \\x1b[2Jxxx"),
        (MemoryError(), "MemoryError: too little memory"),
        (
            RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried"),
            "MemoryError: too little memory",
        ),
        (torch.OutOfMemoryError("CUDA out of memory"), "MemoryError: too little memory"),
    ],
)
def test_an_error_is_a_record_that_names_it_and_another_launch_tries_it_again(
    error: Exception, said: str, task: Task, monkeypatch: pytest.MonkeyPatch
) -> None:
    ending(monkeypatch, error)
    record = run_task(task, Watch(), CPU)
    assert record.state == RecordState.FAILED
    assert str(record.error).startswith(said)
    assert str(record.error).isprintable()
    assert len(str(record.error)) < 700
    assert record.curve == (point(1),)
    assert not record.state.settled
    found = Store(path=task.store).find(JOB.key)
    assert untimed(found) == untimed(record)


def test_a_stop_leaves_no_record_unless_it_is_for_good(task: Task, monkeypatch: pytest.MonkeyPatch) -> None:
    ending(monkeypatch, TrainingInterruptedError("stopped"))
    assert run_task(task, Watch(), CPU) is None
    assert list(Store(path=task.store).keys()) == []
    record = run_task(task, Watch(pruned=lambda: True), CPU)
    assert (record.state, len(record.curve)) == (RecordState.PRUNED, 1)


def test_a_full_disk_is_nobodys_failure(task: Task, monkeypatch: pytest.MonkeyPatch) -> None:
    ending(monkeypatch, ResultsError("cannot write the checkpoint"))
    with pytest.raises(ResultsError, match="cannot write the checkpoint"):
        run_task(task, Watch(), CPU)
    assert list(Store(path=task.store).keys()) == []


def test_what_is_settled_is_not_trained_again(task: Task, monkeypatch: pytest.MonkeyPatch) -> None:
    ending(monkeypatch, ValueError("trained"))
    Store(path=task.store).add(record_of(JOB))
    record = run_task(task, Watch(), CPU)
    assert record.state == RecordState.COMPLETE
    # For its weights it is trained all the same; that this failed is said, and what is there stays.
    record = run_task(task, Watch(on_trained=pytest.fail), CPU)
    assert record.state == RecordState.FAILED
    found = Store(path=task.store).find(JOB.key)
    assert found.state == RecordState.COMPLETE
