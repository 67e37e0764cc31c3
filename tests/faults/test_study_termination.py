"""A study under signals and kill -9: finished trainings stay, no process is left, the rest comes."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from launches import launched, stopped, wait_until, workers_of
from tiny_study import LADDER, write_study

from scaling.plans.study.run import study_plan
from scaling.runs.store import Known, Store
from scaling.runs.task import Task, Watch, run_task
from scaling.runs.trials_table import read_trials
from scaling.training.engine import best_device

pytestmark = pytest.mark.faults

SLOW = {
    "data": {"name": "glyphs", "train": 250, "validation": 50},
    "recipe": {"epochs": 8, "batch_size": 25},
    "engine": {"kernels": "fixed", "device": "cpu", "checkpoint_s": 0.0},
}
ARGUMENTS = ("study", "stopped.toml", "--store", "store", "--output", "out", "--workers", "1")


@pytest.fixture
def launch(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """A launch with one training finished, and another that has a checkpoint."""
    write_study(tmp_path, SLOW, name="stopped", design={**LADDER, "strategies": ["depth"]})
    process = launched(tmp_path, *ARGUMENTS)
    wait_until(lambda: in_flight(tmp_path), what="a training in flight beside a finished one")
    yield process
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.communicate()  # closes the pipes


def finished(folder: Path) -> dict[str, bytes]:
    return {path.stem: path.read_bytes() for path in (folder / "store").glob("[0-9a-f]*.json")}


def checkpoints(folder: Path) -> set[str]:
    return {path.stem for path in (folder / "store" / "unfinished").glob("*.checkpoint")}


def in_flight(folder: Path) -> bool:
    done = finished(folder).keys()
    return bool(done) and bool(checkpoints(folder) - done)


@pytest.mark.parametrize("sent", [(signal.SIGINT,), (signal.SIGTERM, signal.SIGTERM), (signal.SIGHUP,)])
def test_a_signal_stops_a_study_in_order_and_the_same_command_goes_on(
    sent: tuple[signal.Signals, ...], launch: subprocess.Popen[str], tmp_path: Path
) -> None:
    messages = stopped(launch, *sent)
    assert "died" not in messages
    result = json.loads((tmp_path / "out" / "result.json").read_text())
    assert f"{result['missing_trainings']} trainings are missing" in messages
    before = finished(tmp_path)
    trials = read_trials(tmp_path / "out" / "trials.csv")
    assert (trials["state"] == "complete").sum() == 4 - result["missing_trainings"] == len(before)
    goes_on_from_its_checkpoint(tmp_path)
    finish(tmp_path, before)


def goes_on_from_its_checkpoint(folder: Path) -> None:
    """What was in flight ends as if it had never been stopped."""
    known, kept = Known(store=Store(path=folder / "store")), checkpoints(folder)
    missing = study_plan(folder / "stopped.toml").state(known).missing
    (job,) = (job for job in missing if job.key in kept)
    found = []
    for name in ("store", "fresh"):
        task = Task(
            job=job,
            key=job.key,
            kernels=Store(path=folder / name).kernels(job.kernels, job.device, threads=1),
            store=folder / name,
        )
        record = run_task(task, Watch(), best_device("cpu"))
        assert record is not None
        assert record.result is not None
        found.append([*(record.result[key] for key in ("top1", "loss", "epochs")), record.curve[-1].loss])
    assert found[0] == found[1]
    assert job.key not in checkpoints(folder)


def test_after_kill_9_orphans_end_and_the_same_command_goes_on(
    launch: subprocess.Popen[str], tmp_path: Path
) -> None:
    workers = workers_of(launch.pid)
    assert workers
    launch.kill()
    launch.wait()
    wait_until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in workers), what="orphans gone")
    finish(tmp_path, finished(tmp_path))


def test_a_worker_that_is_killed_costs_nothing_but_time(
    launch: subprocess.Popen[str], tmp_path: Path
) -> None:
    before = finished(tmp_path)
    os.kill(workers_of(launch.pid)[0], signal.SIGKILL)
    printed, messages = launch.communicate(timeout=240)
    assert launch.returncode == 0, messages
    assert "Traceback" not in messages
    assert "PARTIAL" not in printed
    check(tmp_path, before)


def finish(folder: Path, before: dict[str, bytes]) -> None:
    """Run the same command again: what was finished stays as it was, the rest is trained."""
    again = launched(folder, *ARGUMENTS)
    _, messages = again.communicate(timeout=300)
    assert again.returncode == 0, messages
    check(folder, before)


def check(folder: Path, before: dict[str, bytes]) -> None:
    after = finished(folder)
    assert len(after) == 4
    assert all(after[name] == content for name, content in before.items())
    result = json.loads((folder / "out" / "result.json").read_text())
    assert result["complete"]
    names = (folder / "out" / "records.txt").read_text().split()
    assert sorted(names) == sorted(after)
