"""What a Dask worker does with a task: train it, say how far it is, stop when asked or when nobody waits.

A process trains one network at a time, whatever its number of threads: torch's random numbers and its number
of threads are the process's.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import torch

from scaling.environment import prepare_environment
from scaling.provenance import package_version
from scaling.runs.executor import Ended, EpochEnded, Run, Stepped, taken_device, work_on
from scaling.runs.folder import PACKAGE
from scaling.runs.task import Task

STEP_EVERY_S = 1.0
"""Seconds between two words about steps, at least: they go through the scheduler."""

_asked: dict[str, bool] = {}
"""Submissions that are to stop, and whether for good."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Assignment:
    """A task on its way to a Dask worker.

    Args:
        task: with the store as the coordinator sees it.
        topic: under which the worker says how far it is; a file of this name and content lies in the store.
        number: of the worker, where all workers see all GPUs of a machine; None where each sees its own.
    """

    task: Task
    topic: str
    run: Run
    number: int | None
    version: str


def ask_to_stop(submissions: dict[str, bool]) -> None:
    """Take note, in a worker's process, of what is to stop at its next step, and whether for good."""
    _asked.update(submissions)


def token_path(store: Path, topic: str) -> Path:
    """Return the file that shows a worker whether it sees the coordinator's store."""
    return store / f".{topic}"


def work(assignment: Assignment) -> Ended:
    """Train a task in the thread of a Dask worker, and return how it ended.

    The record and the checkpoint are written where the coordinator's store is seen; elsewhere they lie in the
    worker's own folder, and the record goes back with the answer.
    """
    from distributed import get_worker  # noqa: PLC0415  an extra

    prepare_environment()
    worker = get_worker()
    submission = str(worker.get_current_task())
    task, own = assignment.task, package_version(PACKAGE)
    if own != assignment.version:
        return _refused(task, worker, f"it has {PACKAGE} {own}, the coordinator {assignment.version}")
    wanted = torch.device(task.job.device)
    if wanted.type == "cuda" and not torch.cuda.is_available():
        return _refused(task, worker, "torch sees no GPU there, and the run wants one")
    if not _sees(task.store, assignment.topic):
        task = replace(task, store=Path(worker.local_directory) / "trainings")
    torch.set_num_threads(worker.state.nthreads)  # of this thread
    try:
        ended = work_on(
            task,
            assignment.run,
            # the only GPU that it sees, or the first, where it has no number
            taken_device(wanted, assignment.number or 0),
            worker=str(worker.name),
            say=_speaker(worker, submission, assignment.topic),
            every_s=STEP_EVERY_S,
            stopping=lambda: submission in _asked or not _wanted(worker, submission),
            pruned=lambda: _asked.get(submission, False),
        )
        return _refused(task, worker, ended.problem) if ended.problem else ended
    finally:
        _asked.pop(submission, None)


def _refused(task: Task, worker: Any, problem: str) -> Ended:
    return Ended(key=task.key, problem=f"worker {worker.name}: {problem}")


def _sees(store: Path, topic: str) -> bool:
    try:
        return token_path(store, topic).read_text(encoding="utf-8") == topic
    except OSError:
        return False


def _speaker(worker: Any, submission: str, topic: str) -> Callable[[Stepped | EpochEnded], None]:
    """Return what tells the executor how a training goes; of a curve, the points that are new."""
    sent = 0

    def say(event: Stepped | EpochEnded) -> None:
        nonlocal sent
        message: dict[str, Any] = {"submission": submission}
        match event:
            case Stepped():
                message |= {"said": "steps", "worker": event.worker, "steps": event.steps}
            case EpochEnded():
                points = [asdict(point) for point in event.curve[sent:]]
                message |= {"said": "epochs", "before": sent, "points": points}
                sent = len(event.curve)
        worker.log_event(topic, message)

    return say


def _wanted(worker: Any, submission: str) -> bool:
    """Whether anybody waits: not where the coordinator has gone, or the worker is leaving."""
    state = worker.state.tasks.get(submission)
    return state is not None and state.state == "executing" and worker.status.name in ("running", "paused")
