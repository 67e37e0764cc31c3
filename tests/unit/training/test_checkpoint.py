"""Checkpoints: what is written comes back, what is damaged or another's does not."""

from __future__ import annotations

import hashlib
import io
import logging
from pathlib import Path

import pytest
import torch

from scaling.errors import ResultsError
from scaling.training.checkpoint import (
    CheckpointError,
    before,
    delete_checkpoint,
    latest_checkpoint,
    load_checkpoint,
    save_checkpoint,
)

IDENTITY = {"architecture": "a1", "seed": "0"}


def state(epoch: int) -> dict[str, object]:
    return {"epoch": epoch, "weights": {"w": torch.arange(1000.0) + epoch}, "times": [1.5, 2.0]}


@pytest.fixture
def two(tmp_path: Path) -> Path:
    path = tmp_path / "training.checkpoint"
    save_checkpoint(path, state(1), IDENTITY)
    save_checkpoint(path, state(2), IDENTITY)
    return path


def test_what_was_written_comes_back_and_the_one_before_is_kept(two: Path) -> None:
    last, earlier = load_checkpoint(two, IDENTITY), load_checkpoint(before(two), IDENTITY)
    assert (last["epoch"], earlier["epoch"]) == (2, 1)
    assert torch.equal(last["weights"]["w"], torch.arange(1000.0) + 2)
    assert last["times"] == [1.5, 2.0]
    assert sorted(path.name for path in two.parent.iterdir()) == sorted([two.name, before(two).name])


@pytest.mark.parametrize("kept", [0, 5, 60, 90, 1500, -1])
def test_a_torn_checkpoint_is_refused_in_one_line_and_the_one_before_is_used(
    two: Path, kept: int, caplog: pytest.LogCaptureFixture
) -> None:
    two.write_bytes(two.read_bytes()[:kept])
    with caplog.at_level(logging.WARNING):
        found = latest_checkpoint(two, IDENTITY)
    assert found["epoch"] == 1
    assert len(caplog.messages) == 1
    assert str(two) in caplog.messages[0]
    assert "torn" in caplog.messages[0] or "not a checkpoint" in caplog.messages[0]


def test_one_flipped_bit_is_found(two: Path) -> None:
    content = bytearray(two.read_bytes())
    content[-500] ^= 1
    two.write_bytes(content)
    with pytest.raises(CheckpointError, match="its checksum does not fit"):
        load_checkpoint(two, IDENTITY)


def test_a_crash_between_the_two_renames_leaves_the_one_before(two: Path) -> None:
    two.unlink()
    found = latest_checkpoint(two, IDENTITY)
    assert found["epoch"] == 1


def test_another_trainings_checkpoint_is_refused_and_says_what_differs(
    two: Path, caplog: pytest.LogCaptureFixture
) -> None:
    assert latest_checkpoint(two, IDENTITY | {"seed": "1"}) is None
    assert len(caplog.messages) == 2
    assert all("another training: seed not the same" in message for message in caplog.messages)


def test_a_checkpoint_that_would_run_code_is_refused_and_runs_none(two: Path, tmp_path: Path) -> None:
    # A pickle whose reading creates a file, with a checksum that fits.
    class Harmful:
        def __reduce__(self) -> tuple[object, tuple[object, ...]]:
            return Path.touch, (tmp_path / "harm",)

    buffer = io.BytesIO()
    torch.save({"identity": IDENTITY, "state": Harmful()}, buffer)
    digest = hashlib.sha256(buffer.getvalue()).hexdigest().encode()
    two.write_bytes(b"scaling checkpoint 1\n" + digest + b"\n" + buffer.getvalue())
    with pytest.raises(CheckpointError, match="cannot be read"):
        load_checkpoint(two, IDENTITY)
    assert not (tmp_path / "harm").exists()


def test_nothing_there_is_no_checkpoint(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    assert latest_checkpoint(tmp_path / "none", IDENTITY) is None
    assert caplog.messages == []


def test_a_place_that_cannot_be_written_is_an_error_of_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ResultsError, match=r"cannot write .*x\.checkpoint"):
        save_checkpoint(tmp_path / "file" / "x.checkpoint", state(1), IDENTITY)


def test_deleting_leaves_nothing(two: Path) -> None:
    delete_checkpoint(two)
    delete_checkpoint(two)
    assert list(two.parent.iterdir()) == []
