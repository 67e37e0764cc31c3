"""A worker process of this machine: takes tasks from a pipe, and ends with it."""

from __future__ import annotations

import os
import pickle
import signal
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from queue import SimpleQueue
from typing import Any

TERMINATION_GRACE_S = 5.0
"""Seconds after SIGTERM in which whoever started this process, and was sent it too, may stop it in order."""
STEP_EVERY_S = 0.2
"""Seconds between two words about steps, at least."""


@dataclass(slots=True)
class Inbox:
    """What has come through the pipe, read by a thread of its own so that a stop is met at the next step."""

    pipe: Connection
    tasks: SimpleQueue[Any] = field(default_factory=SimpleQueue)
    stopped: dict[str, bool] = field(default_factory=dict)
    """Keys of tasks that are to stop, and whether for good."""

    def read(self) -> None:
        """Read until the other end is closed, which ends this process at once."""
        try:
            while True:
                content = self.pipe.recv_bytes()  # its modules are imported after the first has come
                self._take(pickle.loads(content))
        except (EOFError, OSError):
            os._exit(0)

    def _take(self, message: Any) -> None:
        from scaling.runs.executor import StopTask  # noqa: PLC0415

        if isinstance(message, StopTask):
            self.stopped[message.key] = message.prune
        else:
            self.stopped.pop(message.key, None)  # of the same task, when it had ended already
            self.tasks.put(message)

    def say(self, message: Any) -> None:
        """Send a message; where nobody is left to read it, this process ends."""
        try:
            self.pipe.send(message)
        except OSError:
            os._exit(0)


Run = Callable[[Any, Inbox, int], Any]
"""Takes a task, where to say what goes on, and the worker's number; returns how it ended."""


def main(arguments: list[str], run: Run | None = None) -> None:
    """Work until the pipe is closed; given are its descriptor, the number of the worker, and its threads."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, leave_later)
    fd, number, threads = (int(one) for one in arguments)
    inbox = Inbox(Connection(fd))
    threading.Thread(target=inbox.read, daemon=True).start()

    import torch  # noqa: PLC0415  the pipe is watched while this takes its seconds

    torch.set_num_threads(threads)
    while True:
        inbox.say((run or train)(inbox.tasks.get(), inbox, number))


def train(task: Any, inbox: Inbox, number: int) -> Any:
    """Train a task, and say how it goes; return how it ended."""
    import torch  # noqa: PLC0415

    from scaling.runs.executor import taken_device, work_on  # noqa: PLC0415
    from scaling.runs.task import run_task  # noqa: PLC0415

    try:
        return work_on(
            task,
            run_task,
            taken_device(torch.device(task.job.device), number),
            worker=str(number),
            say=inbox.say,
            every_s=STEP_EVERY_S,
            stopping=lambda: task.key in inbox.stopped,
            pruned=lambda: inbox.stopped.get(task.key, False),
        )
    finally:
        inbox.stopped.pop(task.key, None)


def leave_later(*_: object) -> None:
    """End this process if nobody else does, so that a coordinator which stops does not see it die."""
    leave = threading.Timer(TERMINATION_GRACE_S, os._exit, (128 + signal.SIGTERM,))
    leave.daemon = True
    leave.start()


if __name__ == "__main__":
    main(sys.argv[1:])
