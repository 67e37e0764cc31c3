"""What runs jobs: an interface of four methods, what an executor says, and what a worker does."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import torch

from scaling.errors import ScalingError
from scaling.runs.record import Record
from scaling.runs.task import Task, Watch, one_line
from scaling.training.curve import Curve
from scaling.training.engine import device_of_worker

MOST_EARLY = 5
"""Workers in a row that may die before they say a word of their task."""
Run = Callable[[Task, Watch, torch.device], Record | None]
"""What trains a task: `run_task`, or a stand-in of a test."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stepped:
    """A training has gone on: the job's key, the worker's name, and optimizer steps done."""

    key: str
    worker: str
    steps: int


@dataclass(frozen=True, slots=True, kw_only=True)
class EpochEnded:
    """A training has finished an epoch; after an interruption it may be several at once."""

    key: str
    curve: Curve


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """A training has ended, one way or another.

    Args:
        key: of the job.
        record: what it gave; None where it was stopped, its worker died, or nothing could be written.
        died: whether its worker died on it; the job may be sent again.
        reason: of a worker's death, in words.
        problem: why no training can go on, such as a full disk; empty where nothing is wrong.
    """

    key: str
    record: Record | None = None
    died: bool = False
    reason: str = ""
    problem: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class StopTask:
    """Sent to a worker: stop the task at its next step, for good where it is pruned."""

    key: str
    prune: bool


Event = Stepped | EpochEnded | Ended


class Executor(Protocol):
    """Runs tasks somewhere, several at a time. Every task that was submitted ends in one `Ended`."""

    @property
    def workers(self) -> int:
        """How many tasks run at once; it may change while workers come and go."""

    def submit(self, task: Task) -> None:
        """Take a task; at most `workers` at a time."""

    def stop(self, key: str | None = None, *, prune: bool = False) -> None:
        """Let one task, or all of them, stop at the next step; a pruned one ends for good."""

    def wait(self, timeout_s: float) -> Sequence[Event]:
        """Return what has happened since the last call, at once where there is anything."""

    def close(self) -> None:
        """Leave no worker behind; what still runs goes on from its checkpoint another time."""


def work_on(
    task: Task,
    run: Run,
    device: torch.device,
    *,
    worker: str,
    say: Callable[[Stepped | EpochEnded], None],
    every_s: float,
    stopping: Callable[[], bool],
    pruned: Callable[[], bool],
) -> Ended:
    """Train a task in a worker, say how it goes, steps at most so often, and return how it ended."""
    last = -math.inf

    def on_step(steps: int) -> None:
        nonlocal last
        if time.monotonic() - last >= every_s:
            last = time.monotonic()
            say(Stepped(key=task.key, worker=worker, steps=steps))

    watch = Watch(
        on_step=on_step,
        on_epoch=lambda curve: say(EpochEnded(key=task.key, curve=curve)),
        should_stop=stopping,
        pruned=pruned,
    )
    on_step(0)
    try:
        return Ended(key=task.key, record=run(task, watch, device))
    except ScalingError as error:
        return Ended(key=task.key, problem=one_line(error).partition(": ")[2])


def taken_device(wanted: torch.device, number: int) -> torch.device:
    """Return a worker's device, GPUs of a machine in turn, and make it this thread's current one."""
    gpus = torch.cuda.device_count() if wanted.type == "cuda" else 0
    device = device_of_worker(wanted, number, gpus)
    if device.index is not None:
        torch.cuda.set_device(device)  # what a graph captures, it captures on the current device
    return device
