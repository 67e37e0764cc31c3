"""Small jobs, plans and records for tests of the machinery: what trains them does not matter."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any

import numpy as np
from tiny_setup import tiny_tables

from scaling.runs.executor import Ended, EpochEnded, Event, Stepped
from scaling.runs.job import Job
from scaling.runs.plan import Records, Wanted
from scaling.runs.record import Record, RecordState
from scaling.runs.setup import Setup
from scaling.runs.task import Task
from scaling.training.curve import Curve, EpochEnd
from scaling.training.machine import Packing


def setup(**tables: dict[str, Any]) -> Setup:
    """The tiny setup with two epochs, not seen to fit together; `recipe={"epochs": 3}` changes one table."""
    return Setup.model_validate(tiny_tables(**{"recipe": {"epochs": 2}, **tables}))


SETUP = setup()
PACKING = Packing(workers=2, threads=1, reason="test")


def jobs(count: int, made_of: Setup = SETUP) -> list[Job]:
    return [made_of.job(made_of.baseline_spec, seed=seed) for seed in range(count)]


def point(epoch: int, top1: float = 0.5) -> EpochEnd:
    return EpochEnd(
        epoch=epoch,
        steps=4 * epoch,
        loss=1 / epoch,
        validation_loss=2 / epoch,
        top1=top1,
        learning_rate=0.01,
        seconds=0.1,
    )


@lru_cache(maxsize=1000)
def record_of(job: Job, state: RecordState = RecordState.COMPLETE, **changes: Any) -> Record:
    """What a training of this job might have given: its seed decides."""
    right = np.arange(50) < 10 + job.seed % 40
    result = {"top1": int(right.sum()) / 50, "validation_images": 50, "wall_s": 1.0, "epochs": 2}
    complete = state == RecordState.COMPLETE
    made = Record(
        key=job.key,
        identity=job.identity(),
        spec=job.spec,
        state=state,
        curve=(point(1), point(2, result["top1"])),
        result=result if complete else None,
        right=right if complete else None,
        error="ValueError: no" if state == RecordState.FAILED else None,
        provenance={"network": job.spec.name, "finished": "2025-01-01T00:00:00+00:00"},
    )
    return replace(made, **changes)


@dataclass(slots=True)
class ListPlan:
    """All of some jobs, in their order.

    Args:
        jobs: what is wanted.
        ends_early: whether a job is pruned after an epoch.
        adaptive: whether the plan says that results may change what is wanted.
    """

    jobs: Sequence[Job]
    ends_early: Callable[[Job, Curve], bool] = lambda _job, _curve: False
    adaptive: bool = False
    asked: int = field(default=0)

    def next_jobs(self, records: Records, room: int) -> Wanted:
        del room
        self.asked += 1
        left = tuple(job for job in self.jobs if not settled(records, job))
        return Wanted(jobs=left, done=not (self.adaptive and left))

    def prune(self, job: Job, curve: Curve, records: Records) -> bool:
        del records
        return self.ends_early(job, curve)


def settled(records: Records, job: Job) -> bool:
    record = records.get(job.key)
    return record is not None and (record.state.settled or record.state == RecordState.PRUNED)


def untimed(record: Record) -> dict[str, Any]:
    """A record as plain data, without times and where it was made."""
    plain = record.document()
    del plain["provenance"], plain["digest"]
    for one in plain["curve"]:
        del one["seconds"]
    result = plain["result"] or {}
    for name in list(result):
        if name.endswith(("_s", "_ms", "_ms_batch_1")) or name == "images_per_s":
            del result[name]
    return plain


@dataclass
class AtOnce:
    """Answers every task at once.

    Args:
        interrupt: sends itself this signal with the first task, and then trains nothing more.
    """

    interrupt: signal.Signals | None = None
    workers: int = 2
    events: list[Event] = field(default_factory=list)
    stopped: bool = False

    def submit(self, task: Task) -> None:
        if self.interrupt is not None and not self.events:
            os.kill(os.getpid(), self.interrupt)
        record = None if self.interrupt else record_of(task.job)
        self.events += [
            Stepped(key=task.key, worker="0", steps=4),
            EpochEnded(key=task.key, curve=(point(1),)),
            Ended(key=task.key, record=record),
        ]

    def stop(self, key: str | None = None, *, prune: bool = False) -> None:
        del key, prune
        self.stopped = True

    def wait(self, timeout_s: float) -> Sequence[Event]:
        del timeout_s
        found, self.events = self.events[:1], self.events[1:]
        return found

    def close(self) -> None:
        pass
