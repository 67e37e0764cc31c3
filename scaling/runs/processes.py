"""The executor of this machine: worker processes that are started again when they die; no server, no port.

A worker is `python -m scaling.runs.worker_process`, held by one end of a socket pair. It never imports the
caller's main module, so notebooks, scripts without a guard and `python -` may start one; and it ends with the
other end of the pair, so no worker outlives whoever started it, at whatever moment that died.
"""

from __future__ import annotations

import contextlib
import os
import pickle
import signal
import subprocess
import sys
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, Pipe, wait
from typing import Any

from scaling.environment import prepare_environment
from scaling.runs.executor import MOST_EARLY, Ended, EpochEnded, Event, Stepped, StopTask
from scaling.runs.task import Task
from scaling.training.machine import Packing

CLOSING_S = 5.0
"""Seconds that a worker without a task is given to leave by itself."""


@dataclass(slots=True)
class _Worker:
    number: int
    process: subprocess.Popen[bytes]
    pipe: Connection
    key: str | None = None
    begun: bool = False
    """Whether it has said anything of its task."""
    stopping: bool = False


@dataclass(slots=True, kw_only=True)
class LocalProcesses:
    """Worker processes of this machine."""

    packing: Packing
    program: str = "scaling.runs.worker_process"
    _workers: dict[int, _Worker] = field(default_factory=dict)
    _events: deque[Event] = field(default_factory=deque)
    _early: int = 0
    """Workers in a row that died before they said a word."""

    @property
    def workers(self) -> int:
        """How many tasks run at once."""
        return self.packing.workers

    def submit(self, task: Task) -> None:
        """Send a task to a worker without one; start a worker where there is none."""
        try:
            worker = next((one for one in self._workers.values() if one.key is None), None) or self._start()
        except OSError as error:
            problem = f"cannot start a worker process: {error.strerror}"
            self._events.append(Ended(key=task.key, problem=problem))
            return
        worker.key, worker.begun, worker.stopping = task.key, False, False
        self._send(worker, task)

    def stop(self, key: str | None = None, *, prune: bool = False) -> None:
        """Let one task, or all of them, stop at the next step; a pruned one ends for good."""
        for worker in self._workers.values():
            if worker.key is not None and key in {None, worker.key} and not worker.stopping:
                worker.stopping = True
                self._send(worker, StopTask(key=worker.key, prune=prune))

    def wait(self, timeout_s: float) -> Sequence[Event]:
        """Return what has happened since the last call, at once where there is anything."""
        if not self._events:
            pipes = {worker.pipe: worker for worker in self._workers.values()}
            for pipe in wait(list(pipes), timeout=timeout_s):
                assert isinstance(pipe, Connection)
                self._receive(pipes[pipe])
        found = tuple(self._events)
        self._events.clear()
        return found

    def close(self) -> None:
        """Leave no worker behind."""
        for worker in self._workers.values():
            worker.pipe.close()  # which ends the worker, in the middle of a task too
        for worker in self._workers.values():
            try:
                worker.process.wait(CLOSING_S)
            except subprocess.TimeoutExpired:
                worker.process.kill()
                worker.process.wait()
        self._workers.clear()

    def pids(self) -> list[int]:
        """Return the process ids of the workers."""
        return [worker.process.pid for worker in self._workers.values()]

    def _start(self) -> _Worker:
        number = next(number for number in range(self.workers) if number not in self._workers)
        prepare_environment()
        ours, theirs = Pipe()
        with theirs:
            process = self._popen(theirs, number)
        worker = _Worker(number, process, ours)
        self._workers[number] = worker
        return worker

    def _popen(self, theirs: Connection, number: int) -> subprocess.Popen[bytes]:
        arguments = [str(theirs.fileno()), str(number), str(self.packing.threads)]
        return subprocess.Popen(
            [sys.executable, "-m", self.program, *arguments],
            pass_fds=[theirs.fileno()],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)},
            start_new_session=True,  # Ctrl-C is answered by whoever started it
        )

    def _send(self, worker: _Worker, message: Task | StopTask) -> None:
        with contextlib.suppress(OSError):  # a dead worker is noticed when its pipe is read
            worker.pipe.send(message)

    def _receive(self, worker: _Worker) -> None:
        try:
            while worker.pipe.poll():
                self._note(worker, worker.pipe.recv())
        except (EOFError, OSError, pickle.UnpicklingError):
            self._bury(worker)

    def _note(self, worker: _Worker, message: Any) -> None:
        assert isinstance(message, Stepped | EpochEnded | Ended), message
        worker.begun, self._early = True, 0
        if isinstance(message, Ended):
            worker.key = None
        self._events.append(message)

    def _bury(self, worker: _Worker) -> None:
        """Forget a worker that died; its task may be sent again.

        One that has not begun its task did not die of it; but where none begins, nothing can go on.
        """
        worker.pipe.close()
        worker.process.kill()
        reason = _how_ended(worker.process.wait())
        del self._workers[worker.number]
        if worker.key is None:
            return
        self._early += not worker.begun
        problem = f"worker processes end before they begin: {reason}" if self._early >= MOST_EARLY else ""
        died = worker.begun and not worker.stopping
        self._events.append(Ended(key=worker.key, died=died, reason=reason, problem=problem))


def _how_ended(status: int) -> str:
    """Say how a process ended.

    >>> _how_ended(-9), _how_ended(1)
    ('killed by SIGKILL', 'exit status 1')
    """
    return f"killed by {signal.Signals(-status).name}" if status < 0 else f"exit status {status}"
