"""Start workers, watch them, and leave no trial behind."""

from __future__ import annotations

import multiprocessing
import queue
from collections.abc import Callable
from dataclasses import dataclass, field
from multiprocessing.context import SpawnProcess
from multiprocessing.queues import Queue
from multiprocessing.synchronize import Event

import optuna
import pandas as pd
from sqlalchemy import URL

from scaling.environment import prepare_environment
from scaling.runs.trials_table import write_trials
from scaling.search.config import SearchConfig
from scaling.search.endings import DIED, mend, put_back_lost
from scaling.search.folder import RunFolder
from scaling.search.leases import Lease
from scaling.search.location import sqlite_url
from scaling.search.packing import packing_of
from scaling.search.proposals import proposals_frame
from scaling.search.rows import table
from scaling.search.run import Run, open_run
from scaling.search.worker import PROBLEM, Message, new_name, work
from scaling.training.machine import Packing
from scaling.training.pool import termination_as_ctrl_c, without_ctrl_c

CONTEXT = multiprocessing.get_context("spawn")
MOST_DEATHS = 12
"""Workers that may die before the launch gives up; a network that kills three counts as failed."""


@dataclass(slots=True, kw_only=True)
class Launch:
    """One launch of a run: the open run and its worker processes."""

    opened: Run
    packing: Packing
    processes: dict[int, SpawnProcess] = field(default_factory=dict)
    names: dict[int, str] = field(default_factory=dict)
    messages: Queue[Message] = field(default_factory=CONTEXT.Queue)
    stop: Event = field(default_factory=CONTEXT.Event)
    interrupted: bool = False
    deaths: int = 0
    problem: str = ""

    @staticmethod
    def of(config: SearchConfig, run: RunFolder, place: URL | None = None) -> Launch:
        """Open a run's studies and put back what an earlier launch from this folder left running.

        Args:
            config: the experiment.
            run: its folder, held by this launch.
            place: the database; the folder's own SQLite file if None.

        Raises:
            ConfigError: the study was made for another configuration.
            ResultsError: it was made by another version, or the database cannot be used.
        """
        opened = open_run(config, run, place or sqlite_url(run.database))
        launch = Launch(opened=opened, packing=packing_of(config))
        launch.recover(None, "left running")
        return launch

    @property
    def config(self) -> SearchConfig:
        """The experiment."""
        return self.opened.config

    @property
    def run(self) -> RunFolder:
        """The folder."""
        return self.opened.folder

    @property
    def reference(self) -> optuna.Study:
        """The study of references."""
        return self.opened.reference

    @property
    def search(self) -> optuna.Study:
        """The study of proposals."""
        return self.opened.search

    def trials(self) -> pd.DataFrame:
        """Return the table of trials as it stands."""
        return self.opened.patiently(lambda: table(self.config, self.reference, self.search))

    def save(self) -> pd.DataFrame:
        """Write trials.csv and proposals.csv as they stand, and return the table of trials."""
        frame = self.trials()
        write_trials(self.run.trials, frame)
        write_trials(self.run.proposals, self.opened.patiently(lambda: proposals_frame(self.search)))
        return frame

    def recover(self, dead: set[str] | None, reason: str) -> None:
        """Put back the trials of dead workers, or of all that were launched from this folder.

        Only one launch holds the folder, so whoever was launched from it before is dead or will be refused.
        """

        def lost(_: int, lease: Lease) -> str | None:
            mine = lease.launch == self.opened.launch if dead is None else lease.holder in dead
            return reason if mine else None

        def recover() -> None:
            for study in self.opened.studies:
                mend(study)
                put_back_lost(study, lost)

        self.opened.exclusively(recover)

    def run_workers(self, on_message: Callable[[Message], None]) -> None:
        """Run the configured number of workers to the end of the search, or until Ctrl-C.

        The first Ctrl-C (or SIGTERM) lets every worker stop at its next step and put its trial back; a
        second Ctrl-C leaves at once, and the next launch puts the trials back.
        """
        with termination_as_ctrl_c():
            try:
                for worker in range(self.packing.workers):
                    self._start(worker)
                self._watch(on_message)
            except KeyboardInterrupt:
                self.interrupted = True
                self.stop.set()
                self._watch(on_message)
            finally:
                self._end()

    def _start(self, worker: int) -> None:
        self.names[worker] = new_name()
        # The database's URL may hold a password: it goes through a pipe, never onto a command line.
        place, name = self.opened.place, self.names[worker]
        arguments = (self.run.path, place, worker, name, self.packing.threads, self.messages, self.stop)
        process = CONTEXT.Process(target=work, args=arguments, daemon=True)
        prepare_environment()
        with without_ctrl_c():
            process.start()
        self.processes[worker] = process

    def _watch(self, on_message: Callable[[Message], None]) -> None:
        """Pass messages on until every worker has left and the queue is empty."""
        while True:
            self._recover_dead()
            # Looked at before the queue: what a worker says comes before it leaves.
            over = all(process.exitcode == 0 for process in self.processes.values())
            try:
                message = self.messages.get(timeout=0.0 if over else 0.2)
            except queue.Empty:
                if over:
                    return
                continue
            if message.event == PROBLEM:
                self.problem = message.text
                continue
            if message.event == "end":
                self.save()
            on_message(message)

    def _recover_dead(self) -> None:
        """Put back the trial of a worker that died, and start another in its place."""
        gone = {w for w, process in self.processes.items() if process.exitcode not in (None, 0)}
        if not gone:
            return
        self.recover({self.names[worker] for worker in gone}, DIED)
        for worker in gone:
            del self.processes[worker]
            self.deaths += 1
            if self.deaths <= MOST_DEATHS and not self.stop.is_set():
                self._start(worker)

    def _end(self) -> None:
        for process in self.processes.values():
            process.kill()  # only after a second Ctrl-C is one still alive
            process.join()
        self.recover(None, "stopped")
        self.save()
