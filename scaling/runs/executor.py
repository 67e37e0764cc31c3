"""What runs jobs: an interface of four methods, and what an executor says while it works."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from scaling.runs.record import Record
from scaling.runs.task import Task
from scaling.training.curve import Curve


@dataclass(frozen=True, slots=True, kw_only=True)
class Stepped:
    """A training has gone on.

    Args:
        key: of the job.
        worker: that trains it, by name.
        steps: optimizer steps done.
    """

    key: str
    worker: str
    steps: int


@dataclass(frozen=True, slots=True, kw_only=True)
class EpochEnded:
    """A training has finished an epoch.

    Args:
        key: of the job.
        curve: so far; after an interruption it may be longer by several epochs at once.
    """

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
        ...

    def submit(self, task: Task) -> None:
        """Take a task; at most `workers` at a time."""
        ...

    def stop(self, key: str | None = None, *, prune: bool = False) -> None:
        """Let one task, or all of them, stop at the next step; a pruned one ends for good."""
        ...

    def wait(self, timeout_s: float) -> Sequence[Event]:
        """Return what has happened since the last call, at once where there is anything."""
        ...

    def close(self) -> None:
        """Leave no worker behind; what still runs goes on from its checkpoint another time."""
        ...
