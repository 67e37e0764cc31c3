"""The coordinator between a scripted executor and a plan: whatever happens, every job is recorded once."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from run_records import ListPlan, jobs, point, record_of, untimed

from scaling.errors import ResultsError
from scaling.runs.coordinator import MOST_DEATHS, Coordinator, RunEnd, Started
from scaling.runs.executor import Ended, EpochEnded, Event, Stepped
from scaling.runs.job import Job
from scaling.runs.record import Record, RecordState
from scaling.runs.store import Known, Store
from scaling.runs.task import Task
from scaling.training.curve import Curve

JOBS = jobs(8)
OUTCOMES = {5: RecordState.DIVERGED, 6: RecordState.FAILED}
"""By seed; the others are complete."""


class Killed(BaseException):
    """The coordinator ends here, and remembers nothing."""


@dataclass
class Scripted:
    """Does one random thing at a time with what was sent.

    Args:
        store: where it writes records, mostly.
        rng: decides.
        trained: trainings that ended by themselves, by key; several launches may share it.
        killed_after: waits before the coordinator dies.
        full_after: waits before the disk is full.
    """

    store: Store
    rng: random.Random
    trained: Counter[str] = field(default_factory=Counter)
    killed_after: int | None = None
    full_after: int | None = None
    workers: int = 3
    running: dict[str, Job] = field(default_factory=dict)
    stopping: dict[str, bool] = field(default_factory=dict)
    deaths: Counter[str] = field(default_factory=Counter)
    waits: int = 0
    closed: int = 0

    def submit(self, task: Task) -> None:
        assert task.key not in self.running, "sent twice at a time"
        assert len(self.running) < self.workers, "more than fit"
        found = self.store.find(task.key)
        assert found is None or not found.state.settled, "trained again"
        self.running[task.key] = task.job

    def stop(self, key: str | None = None, *, prune: bool = False) -> None:
        for one in self.running if key is None else [key]:
            self.stopping.setdefault(one, prune)

    def wait(self, timeout_s: float) -> Sequence[Event]:
        del timeout_s
        self.waits += 1
        assert self.waits < 5000, "it never ends"
        if self.full_after is not None and self.waits >= self.full_after and self.running:
            return [Ended(key=key, problem="cannot write it") for key in self._end_all()]
        self.workers = self.rng.choice([0, 1, 2, 3, 4, 4])
        happened: list[Event] = []
        for key in list(self.running):
            if self.rng.random() < 0.5:
                happened.append(self._one(key))
        if self.rng.random() < 0.05:
            happened.append(Ended(key="0" * 20, died=True))  # of a key that nobody sent
        if self.waits == self.killed_after:
            raise Killed  # what has just happened is lost, but for what lies in the store
        return happened

    def close(self) -> None:
        self.closed += 1

    def _end_all(self) -> list[str]:
        keys = list(self.running)
        self.running.clear()
        return keys

    def _one(self, key: str) -> Event:
        job, chance = self.running[key], self.rng.random()
        if chance < 0.2:
            return Stepped(key=key, worker="0", steps=1)
        if chance < 0.4:
            return EpochEnded(key=key, curve=(point(1),))
        del self.running[key]
        if chance < 0.55 and self.deaths[key] < MOST_DEATHS - 1:
            self.deaths[key] += 1
            self.stopping.pop(key, None)
            return Ended(key=key, died=True, reason="killed by SIGKILL")
        if key in self.stopping:
            pruned = self.stopping.pop(key)
            return Ended(key=key, record=self._kept(record_of(job, RecordState.PRUNED)) if pruned else None)
        self.trained[key] += 1
        return Ended(key=key, record=self._kept(record_of(job, OUTCOMES.get(job.seed, RecordState.COMPLETE))))

    def _kept(self, record: Record) -> Record:
        return record if self.rng.random() < 0.3 else self.store.add(record)


def never() -> bool:
    return False


def coordinator(
    plan: ListPlan, executor: Scripted, store: Store, asked: list[int] | None = None
) -> Coordinator:
    stops = iter(asked or [])
    last = next(stops, -1)
    return Coordinator(
        plan=plan,
        known=Known(store=store, retry=True),
        executor=executor,
        threads=1,
        should_stop=never if last < 0 else lambda: executor.waits >= last,
    )


@pytest.fixture(autouse=True)
def quick_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.fsync", lambda _descriptor: None)


def stored(store: Store) -> dict[str, object]:
    return {key: untimed(store.find(key) or pytest.fail(key)) for key in store.keys()}  # noqa: SIM118


EXPECTED = {job.key: untimed(record_of(job, OUTCOMES.get(job.seed, RecordState.COMPLETE))) for job in JOBS}


@pytest.mark.parametrize("adaptive", [False, True])
@pytest.mark.parametrize("block", range(10))
def test_every_job_is_recorded_once_whatever_happens(block: int, adaptive: bool, tmp_path: Path) -> None:
    for seed in range(10 * block, 10 * block + 10):
        store = Store(path=tmp_path / str(seed))
        executor = Scripted(store, random.Random(seed))
        assert coordinator(ListPlan(JOBS, adaptive=adaptive), executor, store).run() == RunEnd.DONE
        assert stored(store) == EXPECTED
        assert executor.trained == Counter(EXPECTED.keys())
        assert (executor.running, executor.closed) == ({}, 1)


@pytest.mark.parametrize("block", range(10))
def test_a_run_stopped_or_killed_anywhere_ends_with_the_same_records(block: int, tmp_path: Path) -> None:
    for seed in range(6 * block, 6 * block + 6):
        rng, store, trained = random.Random(seed), Store(path=tmp_path / str(seed)), Counter[str]()
        for _ in range(4):
            at = rng.randrange(1, 15)
            stopped = rng.random() < 0.5
            executor = Scripted(store, rng, trained=trained, killed_after=None if stopped else at)
            try:
                end = coordinator(ListPlan(JOBS), executor, store, [at] if stopped else None).run()
                assert end in {RunEnd.STOPPED, RunEnd.DONE}
            except Killed:
                pass
            assert executor.closed == 1
        coordinator(ListPlan(JOBS), Scripted(store, rng, trained=trained), store).run()
        assert stored(store) == EXPECTED


def test_what_was_recorded_is_never_trained_again(tmp_path: Path) -> None:
    store = Store(path=tmp_path)
    for job in JOBS:
        store.add(record_of(job))
    executor = Scripted(store, random.Random(0))
    assert coordinator(ListPlan(JOBS), executor, store).run() == RunEnd.DONE
    assert executor.trained == Counter()


def test_a_problem_ends_the_run_when_the_others_have_stopped(tmp_path: Path) -> None:
    for seed in range(15):
        store = Store(path=tmp_path / str(seed))
        executor = Scripted(store, random.Random(seed), full_after=6)
        executor.full_after = None if seed == 0 else 6
        with nullcontext() if seed == 0 else pytest.raises(ResultsError, match="^cannot write it$"):
            coordinator(ListPlan(JOBS), executor, store).run()
        assert executor.closed == 1
        assert not executor.running
        coordinator(ListPlan(JOBS), Scripted(store, random.Random(seed)), store).run()
        assert stored(store) == EXPECTED


class Silent(Scripted):
    """Does what a test lists, in its order; nothing once that is done."""

    script: list[Event]
    sent: list[str]

    def __init__(self, store: Store, script: list[Event], workers: int = 3) -> None:
        super().__init__(store, random.Random(0), workers=workers)
        self.script, self.sent = script, []

    def submit(self, task: Task) -> None:
        super().submit(task)
        self.sent.append(task.key)

    def wait(self, timeout_s: float) -> Sequence[Event]:
        del timeout_s
        self.waits += 1
        event = self.script.pop(0)
        if isinstance(event, Ended):
            self.running.pop(event.key, None)
        return [event]


def test_a_job_that_kills_three_workers_fails_and_says_how_and_the_next_launch_tries_it(
    tmp_path: Path,
) -> None:
    job, store = JOBS[0], Store(path=tmp_path)
    died: Event = Ended(key=job.key, died=True, reason="killed by SIGKILL")
    executor = Silent(store, [died] * 3)
    assert coordinator(ListPlan([job]), executor, store).run() == RunEnd.DONE
    assert executor.sent == [job.key] * 3
    found = store.find(job.key)
    assert found.state == RecordState.FAILED
    assert "3 worker processes died" in str(found.error)
    assert "killed by SIGKILL" in str(found.error)
    assert "too little memory" in str(found.error)
    executor = Silent(store, [Ended(key=job.key, record=record_of(job))])
    coordinator(ListPlan([job]), executor, store).run()
    assert (found := store.find(job.key)) is not None
    assert found.state == RecordState.COMPLETE


def test_a_worker_lost_before_it_began_is_not_the_jobs_fault(tmp_path: Path) -> None:
    job, store = JOBS[0], Store(path=tmp_path)
    script: list[Event] = [Ended(key=job.key, reason="killed by SIGKILL")] * 7
    executor = Silent(store, [*script, Ended(key=job.key, record=record_of(job))])
    assert coordinator(ListPlan([job]), executor, store).run() == RunEnd.DONE
    assert executor.sent == [job.key] * 8
    assert stored(store) == {job.key: untimed(record_of(job))}


def test_a_job_named_twice_is_sent_once(tmp_path: Path) -> None:
    job, twin = JOBS[0], replace(JOBS[0], graphs=False)
    assert twin.key == job.key
    store = Store(path=tmp_path)
    executor = Silent(store, [Ended(key=job.key, record=record_of(job))])
    coordinator(ListPlan([job, twin, job]), executor, store).run()
    assert executor.sent == [job.key]


def test_without_workers_it_waits_for_the_first(tmp_path: Path) -> None:
    job, store = JOBS[0], Store(path=tmp_path)
    nothing: Event = Ended(key="0" * 20)
    executor = Silent(store, [nothing] * 21 + [Ended(key=job.key, record=record_of(job))], workers=0)
    one = coordinator(ListPlan([job]), executor, store)

    def look() -> bool:
        executor.workers = 1 if executor.waits >= 20 else 0
        return False

    one.should_stop = look
    assert one.run() == RunEnd.DONE
    assert executor.sent == [job.key]


def test_a_record_from_another_disk_replaces_a_failure_and_nothing_replaces_a_result(tmp_path: Path) -> None:
    first, second, store = JOBS[0], JOBS[1], Store(path=tmp_path)
    store.add(record_of(first, RecordState.FAILED))
    script: list[Event] = [
        Ended(key=first.key, record=record_of(first)),
        Ended(key=second.key, record=record_of(second)),
        Ended(key=first.key, record=record_of(first, RecordState.FAILED)),
    ]
    plan = ListPlan([first, second], adaptive=True)
    executor = Silent(store, script, workers=1)
    coordinator(plan, executor, store).run()
    assert stored(store) == {job.key: untimed(record_of(job)) for job in (first, second)}


def test_a_plan_that_prunes_ends_a_training_for_good(tmp_path: Path) -> None:
    def ends_early(job: Job, curve: Curve) -> bool:
        del curve
        return job.seed % 2 == 1

    for seed in range(10):
        store = Store(path=tmp_path / str(seed))
        coordinator(ListPlan(JOBS, ends_early), Scripted(store, random.Random(seed)), store).run()
        states = {job.seed: (store.find(job.key) or pytest.fail("lost")).state for job in JOBS}
        assert {states[s] for s in range(0, 8, 2) if s not in OUTCOMES} == {RecordState.COMPLETE}
        own = [RecordState.PRUNED, RecordState.COMPLETE, *OUTCOMES.values()]
        assert all(states[seed] in own for seed in range(1, 8, 2))


def test_a_listener_sees_a_job_before_it_is_sent_and_its_end_once_it_is_recorded(tmp_path: Path) -> None:
    job, store = JOBS[0], Store(path=tmp_path)
    executor = Silent(store, [Ended(key=job.key, record=record_of(job))])
    seen: list[tuple[str, bool, bool]] = []

    def listener(event: Started | Event) -> None:
        there = store.find(job.key) is not None
        seen.append((type(event).__name__, job.key in executor.running, there))

    one = coordinator(ListPlan([job]), executor, store)
    one.listener = listener
    one.run()
    assert seen == [("Started", False, False), ("Ended", False, True)]


def test_a_plan_whose_jobs_are_all_named_is_asked_no_more_than_the_tail_needs(tmp_path: Path) -> None:
    plan, store = ListPlan(JOBS), Store(path=tmp_path)
    script: list[Event] = [Ended(key=job.key, record=record_of(job)) for job in JOBS]
    coordinator(plan, Silent(store, script, workers=1), store).run()
    assert plan.asked <= 3
    plan, store = ListPlan(JOBS, adaptive=True), Store(path=tmp_path / "adaptive")
    script = [Ended(key=job.key, record=record_of(job)) for job in JOBS]
    coordinator(plan, Silent(store, script, workers=1), store).run()
    assert plan.asked == len(JOBS) + 1
