"""Train one job where it was sent, and leave its record: the one place that calls the engine."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from scaling.data import dataset_info
from scaling.errors import ResultsError, printable
from scaling.model import EfficientNet, KernelTable
from scaling.provenance import code_version, processor, utc_now
from scaling.runs.job import Job
from scaling.runs.record import Record, RecordState, plain_result
from scaling.runs.store import Store
from scaling.training.curve import Curve
from scaling.training.distributed import Processes
from scaling.training.engine import Outcome, TrainingInterruptedError, TrainingResult, train_network
from scaling.training.options import CHECKPOINT_S

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """A job on its way to a worker.

    Args:
        kernels: as the coordinator chose them, for every worker the same.
        store: folder where the record and the checkpoint are written.
    """

    job: Job
    key: str
    kernels: KernelTable | None
    store: Path
    checkpoint_s: float = CHECKPOINT_S


@dataclass(frozen=True, slots=True, kw_only=True)
class Watch:
    """What whoever sent a task wants to know, and may ask for.

    Args:
        on_step: called after every optimizer step with the steps done.
        on_epoch: called after every epoch with the curve so far.
        on_trained: called at the end with the network as it was judged; never where it diverged.
        should_stop: asked before every step.
        pruned: whether a stop means that the training is to end for good.
    """

    on_step: Callable[[int], None] = lambda _steps: None
    on_epoch: Callable[[Curve], None] = lambda _curve: None
    on_trained: Callable[[EfficientNet], None] | None = None
    should_stop: Callable[[], bool] = lambda: False
    pruned: Callable[[], bool] = lambda: False


def run_task(
    task: Task, watch: Watch, device: torch.device, processes: Processes | None = None
) -> Record | None:
    """Train a job and record how it ended; None where it was stopped, to go on later.

    What the store has settled already is returned, not trained. An error of the network is a record too:
    one bad network must not end the others.

    Raises:
        ResultsError: checkpoint or record cannot be written; what was written before is whole.
    """
    store = Store(path=task.store)
    found = store.find(task.key)
    if found is not None and found.state.settled and watch.on_trained is None:
        return found
    training = _Training(task, watch, device, processes)
    try:
        result = training.trained()
        complete = result.outcome == Outcome.COMPLETE
        record = training.record(RecordState.COMPLETE if complete else RecordState.DIVERGED, result=result)
    except TrainingInterruptedError:
        if not watch.pruned():
            return None
        record = training.record(RecordState.PRUNED)
    except ResultsError:  # a full disk is nobody's fault, and nothing to record
        raise
    except Exception as error:
        log.debug("training %s failed", task.key, exc_info=True)
        record = training.record(RecordState.FAILED, error=one_line(error))
    if processes is None or processes.first:
        kept = store.add(record)
        return kept if record.state.settled else record
    return record


def one_line(error: BaseException) -> str:
    """Name an error in one line; want of memory by that name, whoever found it.

    >>> one_line(ValueError("no" + chr(10) + "more"))
    'ValueError: no'
    >>> one_line(MemoryError())
    'MemoryError: too little memory'
    """
    text = printable(next(iter(str(error).splitlines()), ""))
    if isinstance(error, MemoryError | torch.OutOfMemoryError) or "allocate memory" in text:
        return f"MemoryError: too little memory ({text})".replace(" ()", "")
    return f"{type(error).__name__}: {text}".rstrip(": ")


class _Training:
    """One call of the engine, and what is known of it so far."""

    def __init__(self, task: Task, watch: Watch, device: torch.device, processes: Processes | None) -> None:
        self.task, self.watch, self.device, self.processes = task, watch, device, processes
        self.curve: Curve = ()
        self.right: list[np.ndarray] = []
        self.started = utc_now()

    def trained(self) -> TrainingResult:
        job, task = self.task.job, self.task
        return train_network(
            job.spec,
            job.device_recipe,
            job.images("train"),
            job.images("validation"),
            dataset_info(job.data.name),
            seed=job.seed,
            device=self.device,
            numerics=job.numerics,
            report=self.watch.on_step,
            should_stop=self.watch.should_stop,
            checkpoint=Store(path=task.store).checkpoint(task.key),
            checkpoint_s=task.checkpoint_s,
            kernels=task.kernels,
            graphs=job.graphs,
            on_epoch=self._epoch,
            on_judged=lambda judged: self.right.append(judged.numpy()),
            on_trained=self.watch.on_trained,
            processes=self.processes,
        )

    def _epoch(self, curve: Curve) -> None:
        self.curve = curve
        self.watch.on_epoch(curve)

    def record(
        self, state: RecordState, *, result: TrainingResult | None = None, error: str | None = None
    ) -> Record:
        job, plain = self.task.job, None
        if result is not None:
            judged = len(self.right[0]) if self.right else len(job.images("validation"))
            plain = plain_result(result, validation_images=judged)
        return Record(
            key=self.task.key,
            identity=job.identity(),
            spec=job.spec,
            state=state,
            curve=self.curve if result is None else result.curve,
            result=plain,
            right=self.right[0] if self.right and result is not None else None,
            error=error,
            provenance=self._provenance(),
        )

    def _provenance(self) -> dict[str, Any]:
        commit, dirty = code_version()
        job, kernels = self.task.job, self.task.kernels
        gpu = self.device.type == "cuda"
        return {
            "network": job.spec.name,
            "commit": commit,
            "dirty": dirty,
            "torch": str(torch.__version__),
            "device": torch.cuda.get_device_name(self.device) if gpu else self.device.type,
            "processor": processor(),
            "threads": torch.get_num_threads(),
            "processes": 1 if self.processes is None else self.processes.share.processes,
            "graphs": job.graphs and gpu,
            "kernels": "torch's own" if kernels is None else kernels.origin,
            "started": self.started,
            "finished": utc_now(),
        }
