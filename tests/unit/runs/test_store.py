"""The store: whole records, never a better one replaced by a worse one, and what is known of it."""

from __future__ import annotations

import logging
import os
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from run_records import jobs, record_of, untimed

from scaling.atomic_write import write_text
from scaling.errors import ConfigError, ResultsError
from scaling.runs import store as module
from scaling.runs.record import RecordState
from scaling.runs.store import Known, Store
from scaling.training.checkpoint import before, latest_checkpoint, save_checkpoint
from scaling.training.kernels import FIXED_KERNELS
from scaling.training.options import KernelChoice

JOB, OTHER = jobs(2)
IDENTITY = {"seed": "0"}


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(path=tmp_path / "trainings")


def test_what_was_added_is_found_and_its_checkpoint_goes(store: Store) -> None:
    assert store.find(JOB.key) is None
    assert list(store.keys()) == []
    checkpoint = store.checkpoint(JOB.key)
    for epoch in (1, 2):
        save_checkpoint(checkpoint, {"epoch": epoch}, IDENTITY)
    store.add(record_of(JOB, RecordState.FAILED))
    assert checkpoint.exists(), "a failed training goes on from it"
    store.add(record_of(JOB))
    assert not checkpoint.exists()
    assert not before(checkpoint).exists()
    found = store.find(JOB.key)
    assert untimed(found) == untimed(record_of(JOB))
    assert list(store.keys()) == [JOB.key]


@pytest.mark.parametrize("later", list(RecordState))
@pytest.mark.parametrize("settled", [RecordState.COMPLETE, RecordState.DIVERGED])
def test_a_settled_record_stays_and_is_what_counts(
    settled: RecordState, later: RecordState, store: Store
) -> None:
    first = record_of(JOB, settled)
    assert store.add(first) is first
    content = store.record(JOB.key).read_bytes()
    assert store.add(record_of(JOB, later)).state == settled
    assert store.record(JOB.key).read_bytes() == content


def test_a_damaged_record_counts_as_none_and_is_written_again(
    store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    store.add(record_of(JOB))
    path = store.record(JOB.key)
    path.write_bytes(path.read_bytes()[:100])
    with caplog.at_level(logging.WARNING):
        assert store.find(JOB.key) is None
    assert len(caplog.messages) == 1
    assert "the training runs again" in caplog.messages[0]
    store.add(record_of(JOB))
    assert store.find(JOB.key) is not None


def test_keys_are_those_of_records_alone(store: Store) -> None:
    store.add(record_of(JOB))
    for name in ("kernels-cpu.json", "example.json", f".{JOB.key}.json.x", "0" * 20, "abc.json"):
        (store.path / name).touch()
    assert list(store.keys()) == [JOB.key]


def test_a_place_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ResultsError, match=r"cannot write .*: File exists"):
        Store(path=tmp_path / "file").add(record_of(JOB))


def test_each_record_is_read_once_and_what_was_made_is_known(store: Store) -> None:
    known = Known(store=store)
    assert known.get(JOB.key) is None
    store.add(record_of(JOB))
    assert known.get(JOB.key) is None, "what was absent is not looked for again"
    known.note(record_of(JOB))
    known.note(record_of(JOB))
    store.add(record_of(OTHER))
    assert known.get(OTHER.key) is not None
    store.record(OTHER.key).unlink()
    assert known.get(OTHER.key) is not None
    assert list(known) == known.found == [JOB.key, OTHER.key]
    assert len(known) == 2


def test_a_failure_of_an_earlier_launch_is_tried_again_where_that_is_wanted(store: Store) -> None:
    store.add(record_of(JOB, RecordState.FAILED))
    assert Known(store=store).get(JOB.key) is not None
    again = Known(store=store, retry=True)
    assert again.get(JOB.key) is None
    assert len(again) == 0
    again.note(record_of(JOB, RecordState.FAILED))
    assert again.get(JOB.key) is not None


def test_the_first_measured_kernels_are_the_stores(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    def measured(*_: object, **__: object) -> object:
        write_text(
            store.path / "kernels-cpu.json", FIXED_KERNELS.to_json()
        )  # as another launch, a moment earlier
        return replace(FIXED_KERNELS, origin="measured here")

    monkeypatch.setattr(module, "kernels_for", measured)
    assert store.kernels(KernelChoice.MEASURED, "cpu", threads=1) == FIXED_KERNELS
    monkeypatch.setattr(module, "kernels_for", pytest.fail)
    assert store.kernels(KernelChoice.MEASURED, "cpu", threads=1) == FIXED_KERNELS
    (store.path / "kernels-cpu.json").write_text("[]")
    with pytest.raises(ConfigError, match="kernels-cpu.json"):
        store.kernels(KernelChoice.MEASURED, "cpu", threads=1)


def test_two_writers_of_one_checkpoint_never_meet_an_error(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = store.checkpoint(JOB.key)
    save_checkpoint(path, {"epoch": 1}, IDENTITY)
    replace = Path.replace

    def raced(self: Path, target: Path) -> Path:
        if self == path:  # another writer moves the same file a moment earlier
            replace(self, target)
        return replace(self, target)

    monkeypatch.setattr(Path, "replace", raced)
    save_checkpoint(path, {"epoch": 2}, IDENTITY)
    monkeypatch.undo()
    assert latest_checkpoint(path, IDENTITY) == {"epoch": 2}
    assert latest_checkpoint(before(path), IDENTITY) == {"epoch": 1}
    assert len(list(path.parent.iterdir())) == 2


def test_a_pipe_in_a_checkpoints_place_is_refused_not_waited_for(
    store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    path = store.checkpoint(JOB.key)
    path.parent.mkdir(parents=True)
    os.mkfifo(path)
    assert latest_checkpoint(path, IDENTITY) is None
    assert "not a regular file" in caplog.text


def test_others_of_the_group_may_go_on_from_a_checkpoint(store: Store) -> None:
    earlier = os.umask(0o027)
    try:
        save_checkpoint(store.checkpoint(JOB.key), {"w": torch.zeros(2)}, IDENTITY)
        store.add(record_of(OTHER))
    finally:
        os.umask(earlier)
    for path in (store.checkpoint(JOB.key), store.record(OTHER.key)):
        assert path.stat().st_mode & 0o777 == 0o640
