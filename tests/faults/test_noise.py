"""`scaling noise` under Ctrl-C, SIGTERM, kill -9: finished seeds stay, no process is left, the rest comes."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from search_runs import environment, experiment, answer_ctrl_c, stop_by_ctrl_c, wait_until, workers_of

pytestmark = pytest.mark.faults

SLOW = {"data": {"train": 400, "validation": 100}, "recipe": {"epochs": 10}}
SEEDS = 3


@pytest.fixture
def launch(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        command(tmp_path), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment(),
        start_new_session=True, preexec_fn=answer_ctrl_c,  # noqa: PLW1509  these tests start no threads
    )  # fmt: skip
    wait_until(lambda: len(kept(tmp_path)) == 1, what="the first seed")
    yield process
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.communicate()  # closes the pipes


def command(folder: Path) -> list[str]:
    config = experiment(folder, **SLOW)
    arguments = ["--config", config, "--output", folder / "run", "--seeds", SEEDS, "--json"]
    return [sys.executable, "-m", "scaling", "noise", *map(str, arguments)]


def kept(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in (folder / "run" / "seeds").glob("[0-9]*.json")}


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_stops_the_trainings_and_the_same_command_goes_on(
    sent: signal.Signals, launch: subprocess.Popen[str], tmp_path: Path
) -> None:
    stop_by_ctrl_c(launch, sent)
    before = kept(tmp_path)
    assert 1 <= len(before) < SEEDS
    finish(tmp_path, before)


def test_after_kill_9_orphans_stop_and_the_same_command_goes_on(
    launch: subprocess.Popen[str], tmp_path: Path
) -> None:
    workers = workers_of(launch.pid)
    assert workers
    launch.kill()
    launch.wait()
    wait_until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in workers), what="orphans gone")
    before = kept(tmp_path)
    assert 1 <= len(before) < SEEDS
    finish(tmp_path, before)


def test_a_worker_that_dies_ends_the_launch_with_one_line(
    launch: subprocess.Popen[str], tmp_path: Path
) -> None:
    (worker, *_) = workers_of(launch.pid)
    os.kill(worker, signal.SIGKILL)
    _, messages = launch.communicate(timeout=120)
    assert launch.returncode == 2
    assert "a training process of" in messages
    assert "Traceback" not in messages
    finish(tmp_path, kept(tmp_path))


def finish(folder: Path, before: dict[str, bytes]) -> None:
    """Run the same command again: what was finished stays as it was, the rest is trained."""
    done = subprocess.run(
        command(folder), capture_output=True, text=True, env=environment(), timeout=300, check=False
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["degrees_of_freedom"] == SEEDS - 1
    after = kept(folder)
    assert len(after) == SEEDS
    assert all(after[name] == content for name, content in before.items())
