"""Tiny trainings on a cluster: what was heard of them, stand-ins for them, and a program that runs them."""

from __future__ import annotations

import argparse
import os
import signal
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import torch
from run_records import ListPlan, jobs, record_of, setup

from scaling.cli.options import where_of
from scaling.errors import ScalingError
from scaling.runs.coordinator import Coordinator, RunEnd, Started
from scaling.runs.executor import Ended, EpochEnded, Event, Executor, Stepped
from scaling.runs.folder import RunFolder, held
from scaling.runs.job import Job
from scaling.runs.launch import launch
from scaling.runs.record import Record
from scaling.runs.store import Known, Store
from scaling.runs.task import Task, Watch
from scaling.training.machine import Packing
from scaling.training.options import EngineOptions


def tiny_jobs(count: int, *, epochs: int = 1) -> list[Job]:
    return jobs(count, setup(recipe={"epochs": epochs}))


@dataclass(slots=True, kw_only=True)
class Heard:
    """Everything that a coordinator says, and what a test does when it hears some of it."""

    events: list[Started | Event] = field(default_factory=list)
    on_event: Callable[[Started | Event], None] = lambda _event: None

    def __call__(self, event: Started | Event) -> None:
        self.events.append(event)
        self.on_event(event)

    def ended(self, key: str | None = None) -> list[Ended]:
        return [one for one in self.events if isinstance(one, Ended) and key in {None, one.key}]

    def started(self) -> list[str]:
        return [one.key for one in self.events if isinstance(one, Started)]

    def epochs(self, key: str) -> list[int]:
        return [len(one.curve) for one in self.events if isinstance(one, EpochEnded) and one.key == key]

    def steps(self, key: str) -> list[int]:
        return [one.steps for one in self.events if isinstance(one, Stepped) and one.key == key]


def coordinated(
    plan: ListPlan,
    store: Path,
    executor: Executor,
    heard: Heard | None = None,
    should_stop: Callable[[], bool] = lambda: False,
) -> RunEnd:
    """Run a plan; a checkpoint is written after every epoch."""
    return Coordinator(
        plan=plan,
        known=Known(store=Store(path=store)),
        executor=executor,
        threads=1,
        listener=heard or Heard(),
        should_stop=should_stop,
        checkpoint_s=0,
    ).run()


def pretended(task: Task, watch: Watch, device: torch.device) -> Record:
    """Stand in for a training: note that it ran, and give a record that the store has not."""
    del device
    _note(task, "ran.txt")
    watch.on_step(1)
    return record_of(task.job)


def pretended_slowly(task: Task, watch: Watch, device: torch.device) -> Record | None:
    """Stand in for a training of many steps that stops when asked."""
    del device
    _note(task, "ran.txt")
    for step in range(3000):
        if watch.should_stop():
            _note(task, "stopped.txt")
            return None
        watch.on_step(step)
        time.sleep(0.02)
    return record_of(task.job)


def killed(task: Task, watch: Watch, device: torch.device) -> Record:
    """Stand in for a network that no worker survives."""
    del watch, device
    _note(task, "ran.txt")
    time.sleep(0.5)  # its worker has said that it has begun
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError("not reached")


def _note(task: Task, name: str) -> None:
    with (task.store.parent / name).open("a") as file:
        file.write(f"{task.key}\n")


def main() -> int:
    """Train a list of jobs on a cluster as a command does: lock, signals, one line for an error."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--jobs", type=int)
    parser.add_argument("--epochs", type=int)
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--cluster")
    parser.add_argument("--scheduler-file", type=Path)
    given = parser.parse_args()
    folder = RunFolder(path=given.folder)
    where = where_of(
        store_path=given.folder / "trainings",
        cluster=given.cluster,
        scheduler_file=given.scheduler_file,
        workers=None,
    )
    try:
        with held(folder):
            end = launch(
                ListPlan(tiny_jobs(given.jobs, epochs=given.epochs)),
                folder,
                where,
                packing=Packing(workers=2, threads=1, reason="test"),
                engine=EngineOptions(checkpoint_s=0),
            )
    except ScalingError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    print(end.value, file=sys.stderr)
    return 0 if end == RunEnd.DONE else 75


if __name__ == "__main__":
    sys.exit(main())
