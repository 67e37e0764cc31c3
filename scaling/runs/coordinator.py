"""Between a plan, an executor and the store: send what is wanted, keep what comes back, until it is done.

One coordinator a run. What it knows is in the plan's own history and in the store, so a run that was killed
at any moment is started again by the same call.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum

from scaling.errors import ResultsError
from scaling.model import KernelTable
from scaling.provenance import utc_now
from scaling.runs.executor import Ended, EpochEnded, Event, Executor, Stepped
from scaling.runs.job import Job
from scaling.runs.plan import Plan
from scaling.runs.record import Record, RecordState
from scaling.runs.store import Known
from scaling.runs.task import Task
from scaling.training.kernels import Progress, no_progress
from scaling.training.options import CHECKPOINT_S, KernelChoice

MOST_DEATHS = 3
"""Workers that may die on one job before it counts as failed in this launch."""
LOOK_S = 0.5
"""Seconds between looks at whether the run is to stop."""


class RunEnd(StrEnum):
    """Why the coordinator returned."""

    DONE = "done"
    STOPPED = "stopped"


@dataclass(frozen=True, slots=True, kw_only=True)
class Started:
    """A job was sent to a worker."""

    job: Job
    key: str


Listener = Callable[[Started | Event], None]
"""Sees everything that happens, for progress and status; it decides nothing."""


def silent(_event: Started | Event) -> None:
    """Show nothing."""


@dataclass(slots=True, kw_only=True)
class Coordinator:
    """Runs one plan."""

    plan: Plan
    known: Known
    executor: Executor
    threads: int
    listener: Listener = silent
    should_stop: Callable[[], bool] = lambda: False
    checkpoint_s: float = CHECKPOINT_S
    progress: Progress = no_progress
    running: dict[str, Job] = field(default_factory=dict)
    _deaths: Counter[str] = field(default_factory=Counter)
    _over: set[str] = field(default_factory=set)
    """Jobs that ended in this launch without a settled record: they are not sent again."""
    _queue: deque[Job] = field(default_factory=deque)
    _room: int = 0
    """For which the plan was asked last; 0 where it is to be asked again."""
    _complete: bool = False
    """Whether the queue is all that the plan will ever want."""
    _kernels: dict[tuple[KernelChoice, str], KernelTable | None] = field(default_factory=dict)
    _stopping: bool = False
    _problem: str = ""

    def run(self) -> RunEnd:
        """Train until the plan is done, or until asked to stop.

        Raises:
            ResultsError: a record or a checkpoint cannot be written; what was written before is whole.
        """
        try:
            while True:
                left = not self._stopping and self._send()
                if not self.running and not left:
                    break
                self._stop_if_asked()
                for event in self.executor.wait(LOOK_S):
                    self._take(event)
        finally:
            self.executor.close()
        if self._problem:
            raise ResultsError(self._problem)
        return RunEnd.STOPPED if self._stopping else RunEnd.DONE

    def _send(self) -> bool:
        """Send what is wanted and fits; return whether the plan has anything left that can be trained."""
        room = max(1, self.executor.workers)
        changed = room != self._room  # something ended, or workers came or went
        if changed and not (self._complete and self._queue):
            self._ask(room)
        while self._queue and len(self.running) < self.executor.workers:
            job = self._queue.popleft()
            if not self._can_run(job.key):  # recorded since, by whoever
                continue
            self.running[job.key] = job
            self.listener(Started(job=job, key=job.key))
            self.executor.submit(self._task(job))
        return bool(self._queue)

    def _ask(self, room: int) -> None:
        wanted = self.plan.next_jobs(self.known, room)
        jobs = {job.key: job for job in wanted.jobs}
        self._queue = deque(job for key, job in jobs.items() if self._can_run(key))
        self._room, self._complete = room, wanted.done

    def _can_run(self, key: str) -> bool:
        record = self.known.get(key)
        settled = record is not None and record.state.settled
        return not (settled or key in self.running or key in self._over)

    def _task(self, job: Job) -> Task:
        which = (job.kernels, job.device)
        if which not in self._kernels:
            self._kernels[which] = self.known.store.kernels(
                *which, threads=self.threads, progress=self.progress
            )
        return Task(
            job=job,
            key=job.key,
            kernels=self._kernels[which],
            store=self.known.store.path.absolute(),
            checkpoint_s=self.checkpoint_s,
        )

    def _stop_if_asked(self) -> None:
        if not self._stopping and (self._problem or self.should_stop()):
            self._stopping = True
            self.executor.stop()

    def _take(self, event: Event) -> None:
        match event:
            case Stepped():
                pass
            case EpochEnded():
                job = self.running.get(event.key)
                if job is not None and self.plan.prune(job, event.curve, self.known):
                    self.executor.stop(event.key, prune=True)
            case Ended():
                self._end(event)
        self.listener(event)

    def _end(self, event: Ended) -> None:
        job, self._room = self.running.pop(event.key, None), 0
        self._problem = self._problem or event.problem
        if event.record is not None:
            self._keep(event.record)
        elif job is not None and event.died and self._deaths[event.key] == MOST_DEATHS - 1:
            self._keep(_killed(job, event))
        elif job is not None:
            self._deaths[event.key] += event.died
            self._queue.appendleft(job)

    def _keep(self, record: Record) -> None:
        """Take note of a record, and write it where it came from another disk, or nobody wrote it."""
        found = self.known.store.find(record.key)
        if found is None or not found.state.settled:
            found = self.known.store.add(record)
        self.known.note(found)
        if not found.state.settled:
            self._over.add(found.key)


def _killed(job: Job, event: Ended) -> Record:
    last = f" (the last {event.reason})" if event.reason else ""
    return Record(
        key=event.key,
        identity=job.identity(),
        spec=job.spec,
        state=RecordState.FAILED,
        error=f"{MOST_DEATHS} worker processes died while training it{last}: too little memory, or killed",
        provenance={"network": job.spec.name, "finished": utc_now()},
    )
