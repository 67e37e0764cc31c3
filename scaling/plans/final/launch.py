"""One launch of a full training in this process, or in those that torchrun started."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Any, Protocol

import torch

from scaling.errors import ScalingError
from scaling.model import EfficientNet, KernelTable
from scaling.network.serialization import to_json
from scaling.plans.final.result import weights_of, write_curve
from scaling.runs.coordinator import Started
from scaling.runs.executor import Ended, EpochEnded, Event, Stepped
from scaling.runs.folder import RunFolder
from scaling.runs.job import Job
from scaling.runs.progress import StatusWriter
from scaling.runs.record import Record, RecordState
from scaling.runs.run_provenance import finish_provenance, start_provenance
from scaling.runs.signals import StopSignals
from scaling.runs.store import Known, Store
from scaling.runs.task import Task, Watch, run_task
from scaling.training.board import Board
from scaling.training.distributed import Processes
from scaling.weights import write_own


class Viewer(Protocol):
    """Sees a training; it decides nothing."""

    def announce(self, job: Job, images: int, device: str) -> None:
        """See what is going to be trained, on how many images."""

    def measuring(self, done: int, total: int) -> None:
        """See how far measuring kernels is."""

    def begin(self, job: Job, images: int, kernels: KernelTable | None) -> None:
        """See with which kernels it begins."""

    def __call__(self, event: Started | Event) -> None:
        """See what happened."""


@dataclass(frozen=True, slots=True)
class FinalLaunch:
    """Trains a job into its folder; of several processes only the first writes and prints."""

    job: Job
    folder: RunFolder
    store: Store
    processes: Processes
    viewer: Viewer
    board: Board | None

    def run(self) -> Record | None:
        """Train, and return the record; None where Ctrl-C, SIGTERM or SIGHUP stopped it.

        Raises:
            ResultsError: a file cannot be written; what was written before is whole.
            ScalingError: the training failed.
        """
        with StopSignals() as signals:
            images, origin = len(self.job.images("train")), self._start_provenance()
            self.viewer.announce(self.job, images, str(self.processes.device))
            kernels = self._kernels()
            self.viewer.begin(self.job, images, kernels)
            task = Task(job=self.job, key=self.job.key, kernels=kernels, store=self.store.path.absolute())
            try:
                record = self._watched(task, signals)
            finally:
                if self.board is not None:
                    self.board.close()
        if record is not None and record.state == RecordState.FAILED:
            raise ScalingError(f"the training failed: {record.error}")
        if record is not None and self.processes.first:
            finish_provenance(self.folder, origin, finished=True)
        return record

    def _watched(self, task: Task, signals: StopSignals) -> Record | None:
        if not self.processes.first:
            silent = Watch(should_stop=lambda: signals.asked, on_trained=lambda _model: None)
            return run_task(task, silent, self.processes.device, self.processes)
        status = StatusWriter(self.folder, Known(store=self.store), self._note)
        status(Started(job=task.job, key=task.key))
        watch = Watch(
            on_step=lambda steps: status(Stepped(key=task.key, worker="0", steps=steps)),
            on_epoch=lambda curve: status(EpochEnded(key=task.key, curve=curve)),
            on_trained=self._keep,
            should_stop=lambda: signals.asked,
        )
        try:
            record = run_task(task, watch, self.processes.device, self.processes)
            status(Ended(key=task.key, record=record))
        finally:
            status.close()
        return record

    def _note(self, event: Started | Event) -> None:
        if isinstance(event, EpochEnded):
            write_curve(self.folder, event.curve)
            if self.board is not None:
                self.board.add(event.curve)
        self.viewer(event)

    def _keep(self, model: EfficientNet) -> None:
        state = {name: value.cpu().contiguous() for name, value in model.state_dict().items()}
        write_own(weights_of(self.folder), self.job.spec, state, source="own")

    def _kernels(self) -> KernelTable | None:
        """Return the store's kernels; the first process measures them where nobody has."""
        choice, device, threads = self.job.kernels, self.job.device, torch.get_num_threads()
        if self.processes.first:
            table = self.store.kernels(choice, device, threads=threads, progress=self.viewer.measuring)
            self.processes.wait()
            return table
        self.processes.wait()
        return self.store.kernels(choice, device, threads=threads)

    def _start_provenance(self) -> dict[str, Any]:
        if not self.processes.first:
            return {}
        job = self.job
        return start_provenance(self.folder, config_of(job), job.key, job, processes=job.processes)


def config_of(job: Job) -> dict[str, Any]:
    """Return a job as plain data for people, in an order in which the first difference says most."""
    plain = {
        "data": job.data.model_dump(mode="json"),
        "device": job.device,
        "kernels": job.kernels.value,
        "network": job.spec.name,
        "numerics": asdict(job.numerics),
        "processes": job.processes,
        "recipe": asdict(job.recipe),
        "seed": job.seed,
        "spec": json.loads(to_json(job.spec)),
        "splits": job.checksums(),
    }
    return dict(json.loads(json.dumps(plain)))
