"""The executor of a cluster: tasks go to the workers of a Dask scheduler, which may come and go.

A worker process has one task, sent to its address. Dask never runs a task again by itself: a worker that is
lost ends its task here, and the coordinator, which counts, sends it again.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from scaling.atomic_write import write_text
from scaling.errors import ClusterError
from scaling.provenance import package_version
from scaling.runs.cluster_connection import Cluster, Connection
from scaling.runs.cluster_worker import Assignment, ask_to_stop, token_path, work
from scaling.runs.executor import MOST_EARLY, Ended, EpochEnded, Event, Run, Stepped
from scaling.runs.folder import PACKAGE
from scaling.runs.task import Task, one_line, run_task
from scaling.training.curve import Curve, EpochEnd

if TYPE_CHECKING:
    from distributed import Future

log = logging.getLogger(__name__)

GATHER_S = 10.0
"""Seconds that an answer may take from its worker before it is asked for again."""
LONELY_S = 30.0
"""Seconds without any worker before that is said."""
STAYING = ("running", "paused", "init")
"""States of a worker that is not about to leave."""


@dataclass(slots=True, kw_only=True)
class _Sent:
    """A task that a worker has."""

    key: str
    submission: str
    address: str
    future: Future
    begun: bool = False
    """Whether its worker has said anything of it."""
    stopping: bool = False
    curve: Curve = ()


@dataclass(slots=True, kw_only=True)
class _Worker:
    """A worker that is there: its number among them, and whether it has said that it is leaving."""

    number: int
    leaving: bool = False


@dataclass(slots=True, kw_only=True)
class DaskExecutor:
    """Workers of a Dask cluster; it is connected to when it is first used."""

    cluster: Cluster
    run: Run = run_task
    """What trains a task; it must be importable on the workers."""
    _connection: Connection | None = None
    _workers: dict[str, _Worker] = field(default_factory=dict)
    """By address."""
    _sent: dict[str, _Sent] = field(default_factory=dict)
    """By submission."""
    _news: SimpleQueue[str | dict[str, Any]] = field(default_factory=SimpleQueue)
    """From the client's own thread: what was said, or a submission that has come to an end."""
    _tokens: set[Path] = field(default_factory=set)
    _topic: str = field(default_factory=lambda: f"scaling-{uuid4().hex}")
    _early: int = 0
    """Workers in a row that left before they said a word of their task."""
    _lonely_since: float | None = None
    _lonely_said: bool = False

    @property
    def workers(self) -> int:
        """How many tasks run at once: worker processes that are there, whatever their threads."""
        self._connected()
        return sum(not worker.leaving for worker in self._workers.values())

    def submit(self, task: Task) -> None:
        """Send a task to a worker without one."""
        connection = self._connected()
        busy = {sent.address for sent in self._sent.values()}
        free = (
            (one, worker) for one, worker in self._workers.items() if one not in busy and not worker.leaving
        )
        address, worker = next(free)
        self._show(task.store)
        assignment = Assignment(
            task=task,
            topic=self._topic,
            run=self.run,
            number=None if connection.cluster is None else worker.number,
            version=package_version(PACKAGE) or "",
        )
        submission = f"{task.key}-{uuid4().hex[:12]}"
        future = connection.client.submit(
            work, assignment, key=submission, workers=[address], pure=False, retries=0
        )
        self._sent[submission] = _Sent(key=task.key, submission=submission, address=address, future=future)
        future.add_done_callback(lambda _future: self._news.put(submission))

    def stop(self, key: str | None = None, *, prune: bool = False) -> None:
        """Let one task, or all of them, stop at the next step; a pruned one ends for good."""
        chosen = [sent for sent in self._sent.values() if key in {None, sent.key} and not sent.stopping]
        for sent in chosen:
            sent.stopping = True
        if chosen:  # in a thread: a worker that does not answer must not hold up the others
            told = ({sent.submission: prune for sent in chosen}, [sent.address for sent in chosen])
            threading.Thread(target=self._ask_to_stop, args=told, daemon=True).start()

    def wait(self, timeout_s: float) -> Sequence[Event]:
        """Return what has happened since the last call, at once where there is anything.

        Raises:
            ClusterError: the scheduler has gone.
        """
        self._connected()
        events: list[Event] = []
        with suppress(Empty):
            events.extend(self._read(self._news.get(timeout=timeout_s)))
            while True:
                events.extend(self._read(self._news.get_nowait()))
        self._say_if_lonely()
        return events

    def close(self) -> None:
        """Leave the cluster; what still runs stops at its next step, and goes on another time."""
        for token in self._tokens:
            token.unlink(missing_ok=True)
        self._tokens.clear()
        if self._connection is not None:
            if self._connection.client.status == "running" and self._sent:
                with suppress(OSError, TimeoutError):
                    self._connection.client.cancel([one.future for one in self._sent.values()], force=True)
            self._connection.close()
            self._connection = None
        self._sent.clear()
        self._workers.clear()

    def _connected(self) -> Connection:
        if self._connection is None:
            self._connection = self.cluster.connect()
            client = self._connection.client
            client.subscribe_topic(self._topic, self._hear)
            client.subscribe_topic("all", self._hear)
            for address in client.scheduler_info(n_workers=-1)["workers"]:
                self._join(address)
        if self._connection.client.status != "running":
            raise ClusterError(
                f"the Dask scheduler {self._connection.address} has gone; the same command goes on from here"
            )
        return self._connection

    def _hear(self, event: tuple[float, Any]) -> None:
        self._news.put(event[1])

    def _ask_to_stop(self, submissions: dict[str, bool], addresses: list[str]) -> None:
        connection = self._connection
        if connection is not None:
            with suppress(OSError, TimeoutError, ValueError, RuntimeError):
                connection.client.run(ask_to_stop, submissions, workers=addresses, on_error="ignore")

    def _show(self, store: Path) -> None:
        """Leave a file in the store, by which workers see whether it is theirs too."""
        token = token_path(store, self._topic)
        if token not in self._tokens:
            write_text(token, self._topic)
            self._tokens.add(token)

    def _read(self, news: str | dict[str, Any]) -> Iterator[Event]:
        if isinstance(news, str):
            yield from self._answer(news)
        elif "said" in news:
            yield from self._said(news)
        elif news.get("action") == "add-worker":
            self._join(str(news["worker"]))
        elif news.get("action") == "remove-worker":
            yield from self._left(str(news["worker"]))
        elif news.get("action") == "worker-status-change" and news.get("worker") in self._workers:
            self._workers[news["worker"]].leaving = news["status"] not in STAYING

    def _join(self, address: str) -> None:
        """Count a worker, and hear of it when it is about to leave."""
        if self._connection is not None and address not in self._workers:
            taken = {worker.number for worker in self._workers.values()}
            number = next(one for one in count() if one not in taken)
            self._workers[address] = _Worker(number=number)
            hear = lambda event: self._news.put({**event[1], "worker": address})  # noqa: E731
            self._connection.client.subscribe_topic(address, hear)

    def _left(self, address: str) -> Iterator[Event]:
        """Forget a worker that has left; its task may be sent again, as where a process of here dies."""
        worker = self._workers.pop(address, None)
        leaving = worker is not None and worker.leaving
        for sent in [one for one in self._sent.values() if one.address == address]:
            del self._sent[sent.submission]
            sent.future.cancel(force=True)
            self._early += not (sent.begun or leaving)
            problem = "workers of the cluster leave before they begin" if self._early >= MOST_EARLY else ""
            died = sent.begun and not (sent.stopping or leaving)
            yield Ended(key=sent.key, died=died, reason=f"{address} has gone", problem=problem)

    def _said(self, message: dict[str, Any]) -> Iterator[Event]:
        sent = self._sent.get(message["submission"])
        if sent is None:  # from a worker that was given up
            return
        sent.begun, self._early = True, 0
        if message["said"] == "steps":
            yield Stepped(key=sent.key, worker=message["worker"], steps=message["steps"])
        else:
            points = tuple(EpochEnd(**point) for point in message["points"])
            sent.curve = sent.curve[: message["before"]] + points
            yield EpochEnded(key=sent.key, curve=sent.curve)

    def _answer(self, submission: str) -> Iterator[Event]:
        sent = self._sent.get(submission)
        if sent is None:  # its worker was given up, and the answer with it
            return
        ended = self._answered(sent)
        if ended is not None:
            del self._sent[submission]
            yield ended

    def _answered(self, sent: _Sent) -> Ended | None:
        """Return how a task ended; None where the answer could not be fetched, which is tried again."""
        self._connected()  # a scheduler that has gone cancels everything
        from distributed.scheduler import KilledWorker  # noqa: PLC0415

        try:
            ended = sent.future.result(timeout=GATHER_S)
            assert isinstance(ended, Ended), ended
            return ended
        except TimeoutError:
            self._news.put(sent.submission)
            return None
        except KilledWorker:
            return Ended(key=sent.key, died=not sent.stopping)
        except Exception as error:
            if sent.future.cancelled():  # by somebody else
                return Ended(key=sent.key, died=not sent.stopping)
            return Ended(key=sent.key, problem=f"worker {sent.address}: {one_line(error)}")

    def _say_if_lonely(self) -> None:
        """Say once that no worker has come for a while: there may be nobody to start one."""
        if self._workers:
            self._lonely_since = None
        elif self._lonely_since is None:
            self._lonely_since = time.monotonic()
        elif not self._lonely_said and time.monotonic() - self._lonely_since > LONELY_S:
            self._lonely_said = True
            log.warning("the cluster has no workers; waiting for one")
