"""Start workers, watch them, and leave no trial behind. Floor 5."""

from __future__ import annotations

import multiprocessing
import os
import queue
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from multiprocessing.context import SpawnProcess
from multiprocessing.queues import Queue
from multiprocessing.synchronize import Event

import optuna
import pandas as pd
from optuna.trial import TrialState

from scaling.results import write_trials
from scaling.search.claims import DIED, prepare, put_back
from scaling.search.config import SearchConfig
from scaling.search.folder import RunFolder
from scaling.search.rows import table
from scaling.search.storage import open_storage
from scaling.search.worker import Message, studies, work

CONTEXT = multiprocessing.get_context("spawn")
MOST_DEATHS = 12
"""Workers that may die before the launch gives up; a network that kills three counts as failed."""

ENVIRONMENT = {
    # Many shapes share a process; a small cache makes oneDNN build their kernels again and again.
    "ONEDNN_PRIMITIVE_CACHE_CAPACITY": "4096",
}


@dataclass(slots=True, kw_only=True)
class Launch:
    """One launch of a run: its studies and its worker processes."""

    config: SearchConfig
    run: RunFolder
    reference: optuna.Study
    search: optuna.Study
    processes: dict[int, SpawnProcess] = field(default_factory=dict)
    messages: Queue[Message] = field(default_factory=CONTEXT.Queue)
    stop: Event = field(default_factory=CONTEXT.Event)
    interrupted: bool = False
    deaths: int = 0

    @staticmethod
    def of(config: SearchConfig, run: RunFolder) -> Launch:
        """Open a run's studies, put back what an earlier launch left running, queue what is to be queued."""
        reference, search = studies(config, open_storage(run.database))
        launch = Launch(config=config, run=run, reference=reference, search=search)
        with run.claim_lock():
            launch.recover(None, "left running")
            prepare(config, reference, search)
        return launch

    def trials(self) -> pd.DataFrame:
        """Return the table of trials as it stands."""
        return table(self.config, self.reference, self.search)

    def save(self) -> pd.DataFrame:
        """Write trials.csv as it stands, and return it."""
        frame = self.trials()
        write_trials(self.run.trials, frame)
        return frame

    def recover(self, dead: set[int] | None, reason: str) -> None:
        """Put back the trials of dead workers, or of all.

        Call under the claim lock: then nobody is half-way in a claim, and who has no worker is nobody's.
        """
        for study in (self.reference, self.search):
            for trial in study.get_trials(deepcopy=False, states=(TrialState.RUNNING,)):
                worker = trial.user_attrs.get("worker")
                if worker is None or dead is None or worker in dead:
                    put_back(study, trial, reason)

    def run_workers(self, on_message: Callable[[Message], None]) -> None:
        """Run the configured number of workers to the end of the search, or until Ctrl-C.

        The first Ctrl-C (or SIGTERM) lets every worker stop at its next step and put its trial back; the
        second leaves at once, and the next launch puts the trials back.
        """
        with _termination_as_interrupt():
            try:
                for worker in range(self.config.search.workers):
                    self._start(worker)
                self._watch(on_message)
            except KeyboardInterrupt:
                self.interrupted = True
                self.stop.set()
                self._watch(on_message)
            finally:
                self._end()

    def _start(self, worker: int) -> None:
        arguments = (self.run.path, worker, self._threads(), self.messages, self.stop)
        process = CONTEXT.Process(target=work, args=arguments, daemon=True)
        with _environment(), _without_ctrl_c():
            process.start()
        self.processes[worker] = process

    def _threads(self) -> int:
        """Share the cores among the workers, unless OMP_NUM_THREADS says what a process may have."""
        wanted = os.environ.get("OMP_NUM_THREADS", "")
        if wanted.isdigit() and int(wanted) > 0:
            return int(wanted)
        return max(1, (os.cpu_count() or 1) // self.config.search.workers)

    def _watch(self, on_message: Callable[[Message], None]) -> None:
        """Pass messages on until every worker has left and the queue is empty."""
        while True:
            self._recover_dead()
            try:
                message = self.messages.get(timeout=0.2)
            except queue.Empty:
                # A worker that has died since the look above is not done: the next round replaces it.
                if all(process.exitcode == 0 for process in self.processes.values()):
                    return
                continue
            if message.event == "end":
                self.save()
            on_message(message)

    def _recover_dead(self) -> None:
        """Put back the trial of a worker that died, and start another in its place."""
        gone = {w for w, process in self.processes.items() if process.exitcode not in (None, 0)}
        if not gone:
            return
        with self.run.claim_lock():
            self.recover(gone, DIED)
        for worker in gone:
            del self.processes[worker]
            self.deaths += 1
            if self.deaths <= MOST_DEATHS and not self.stop.is_set():
                self._start(worker)

    def _end(self) -> None:
        for process in self.processes.values():
            process.terminate()
            process.join(timeout=5)
            if process.is_alive():  # it does not answer; the interpreter would wait for it at exit
                process.kill()
                process.join()
        with self.run.claim_lock():
            self.recover(None, "stopped")
        self.save()


@contextmanager
def _environment() -> Iterator[None]:
    """Set what workers must find before they import torch."""
    before = {key: os.environ.get(key) for key in ENVIRONMENT}
    for key, value in ENVIRONMENT.items():
        os.environ.setdefault(key, value)
    try:
        yield
    finally:
        for key, old in before.items():
            if old is None:
                os.environ.pop(key, None)


@contextmanager
def _termination_as_interrupt() -> Iterator[None]:
    """Let SIGTERM stop a run as Ctrl-C does."""

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


@contextmanager
def _without_ctrl_c() -> Iterator[None]:
    """Start processes that ignore Ctrl-C from their first instruction; the launcher alone answers it."""
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
