"""Launches as processes of their own: started as a terminal does, stopped as people and batch systems do."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path


def environment() -> dict[str, str]:
    return {**os.environ, "OMP_NUM_THREADS": "1", "COLUMNS": "100", "PYTHONWARNINGS": "default"}


def launched(folder: Path, *arguments: str) -> subprocess.Popen[str]:
    """Start `scaling ARGUMENTS` in a folder; see `started`."""
    return started([sys.executable, "-m", "scaling", *arguments], folder)


def started(command: list[str], folder: Path | None = None) -> subprocess.Popen[str]:
    """Start a process in a group of its own, as a terminal does; Ctrl-C reaches it even under nohup."""
    return subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**environment(), "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)},
        start_new_session=True,
        cwd=folder,
        preexec_fn=_answer_ctrl_c,  # noqa: PLW1509  these tests start no threads
    )


def _answer_ctrl_c() -> None:
    """Undo what a shell does to background jobs: they ignore Ctrl-C, and so would the launch."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def stopped(launch: subprocess.Popen[str], *sent: signal.Signals) -> str:
    """Send signals, Ctrl-C unless said otherwise; see all leave in good order, and return what was said."""
    workers = workers_of(launch.pid)
    for number in sent or (signal.SIGINT,):
        os.killpg(launch.pid, number)
        time.sleep(0.2)
    _, messages = launch.communicate(timeout=120)
    assert launch.returncode == 130, messages
    assert "the same command goes on from here" in messages
    assert "Traceback" not in messages
    wait_until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in workers), what="workers gone")
    return messages


def wait_until(condition: Callable[[], bool], *, seconds: float = 240, what: str) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, f"not within {seconds:.0f} s: {what}"
        time.sleep(0.1)


def workers_of(parent: int) -> list[int]:
    """Process ids of the worker processes of a launch."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            status = (folder / "stat").read_text().rpartition(")")[2].split()
            line = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode()
        except OSError:
            continue
        if int(status[1]) == parent and "worker_process" in line and status[0] != "Z":
            found.append(int(folder.name))
    return sorted(found)
