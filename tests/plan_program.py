"""A fixed plan in a folder, run as a program would; what happens is printed, a line each."""

from __future__ import annotations

import os
import resource
import signal
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from run_records import ListPlan, setup

from scaling.errors import ScalingError
from scaling.runs.coordinator import Started
from scaling.runs.executor import Ended, EpochEnded, Event, Stepped
from scaling.runs.folder import RunFolder, held, open_folder
from scaling.runs.job import Job
from scaling.runs.launch import Where, launch
from scaling.runs.processes import LocalProcesses
from scaling.runs.store import Store
from scaling.training.machine import Packing

SETUP = setup(
    recipe={"epochs": 4, "batch_size": 10, "dropout": 0.2, "stochastic_depth": 0.2, "ema_decay": 0.99},
    data={"train": 200},
    engine={"checkpoint_s": 0},
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """What runs where.

    Args:
        place: of the run's folder `run`, and of its store `trainings` where there is no other.
        trainings: another store.
        seeds: of the jobs.
        workers: processes.
        stub: whether nothing is trained.
        module: that a worker runs; chosen by `stub` if empty.
        file_size: bytes that a file may have, which stands for a full disk; 0 for no limit.
    """

    place: Path
    trainings: Path | None = None
    seeds: Sequence[int] = (0, 1, 2)
    workers: int = 2
    stub: bool = False
    module: str = ""
    file_size: int = 0

    @property
    def folder(self) -> RunFolder:
        return RunFolder(path=self.place / "run")

    @property
    def store(self) -> Store:
        return Store(path=self.trainings or self.place / "trainings")

    def jobs(self) -> list[Job]:
        return [SETUP.job(SETUP.baseline_spec, seed=seed) for seed in self.seeds]

    def run(self) -> int:
        """Run it, or go on with it; return the exit status."""
        if self.file_size:
            resource.setrlimit(resource.RLIMIT_FSIZE, (self.file_size, self.file_size))
        packing = Packing(workers=self.workers, threads=1, reason="test")
        module = self.module or ("stub_worker" if self.stub else "scaling.runs.worker_process")
        executor = LocalProcesses(packing=packing, program=module)

        def show(event: Started | Event) -> None:
            match event:
                case Started():
                    print("sent", event.key, flush=True)
                case Stepped():
                    print("step", event.key, *executor.pids(), flush=True)
                case EpochEnded():
                    print("epoch", event.key, len(event.curve), flush=True)
                case Ended():
                    state = "nothing" if event.record is None else event.record.state.value
                    print("ended", event.key, state, event.died, flush=True)

        where = Where(store=self.store, executor=executor)
        try:
            with held(self.folder):
                open_folder(self.folder, "test", SETUP.document(), SETUP.key())
                end = launch(
                    ListPlan(self.jobs()),
                    self.folder,
                    where,
                    packing=packing,
                    engine=SETUP.engine,
                    listener=show,
                )
        except ScalingError as error:
            print("error", error, flush=True)
            return 2
        print("end", end.value, flush=True)
        return 0


def run_alone(program: Program, log: Path) -> None:
    """Run a program in this forked process, as a terminal would start it; what it prints goes to a file."""
    os.setsid()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)
    descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.dup2(descriptor, 1)
    os.dup2(descriptor, 2)
    sys.exit(program.run())
