"""One launch of a run: choose the executor, answer signals, name the trainings, say what goes on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import torch

from scaling.runs.coordinator import Coordinator, Listener, RunEnd, silent
from scaling.runs.executor import Executor
from scaling.runs.folder import RunFolder
from scaling.runs.job import Job
from scaling.runs.plan import Plan
from scaling.runs.processes import LocalProcesses
from scaling.runs.progress import StatusWriter
from scaling.runs.signals import StopSignals
from scaling.runs.store import Known, Store
from scaling.training.kernels import Progress, no_progress
from scaling.training.machine import Packing, pack, training_bytes
from scaling.training.options import EngineOptions


@dataclass(frozen=True, slots=True, kw_only=True)
class Where:
    """Where trainings run and where records lie.

    Args:
        store: of records.
        workers: processes of this machine; None for as many as fit.
        executor: another one than processes of this machine, such as a cluster's; it is closed at the end.
    """

    store: Store = field(default_factory=Store)
    workers: int | None = None
    executor: Executor | None = None


def launch(
    plan: Plan,
    folder: RunFolder,
    where: Where,
    *,
    packing: Packing,
    engine: EngineOptions,
    known: Known | None = None,
    listener: Listener = silent,
    progress: Progress = no_progress,
) -> RunEnd:
    """Train what a plan wants until it is done, or until Ctrl-C, SIGTERM or SIGHUP; the folder is held.

    A first signal lets every training stop at its next step and keep its last epoch; a second Ctrl-C leaves
    at once.

    Raises:
        ResultsError: a record or a checkpoint cannot be written; what was written before is whole.
    """
    known = Known(store=where.store, retry=True) if known is None else known
    status = StatusWriter(folder, known, listener)
    with StopSignals() as signals:
        coordinator = Coordinator(
            plan=plan,
            known=known,
            executor=LocalProcesses(packing=packing) if where.executor is None else where.executor,
            threads=packing.threads,
            listener=status,
            should_stop=lambda: signals.asked,
            checkpoint_s=engine.checkpoint_s,
            progress=progress,
        )
        try:
            return coordinator.run()
        finally:
            status.close()


def packing_of(
    jobs: Sequence[Job],
    where: Where,
    engine: EngineOptions,
    *,
    most: int | None = None,
    scale: float = 1.0,
) -> Packing:
    """Choose processes and threads of this machine by the largest job; another executor has its own.

    There are `most` trainings, as many as jobs if None; the largest may take `scale` times their memory.

    Raises:
        ClusterError: there is another executor, and it cannot be reached.
    """
    if where.executor is not None:
        workers = where.executor.workers
        return Packing(workers=max(1, workers), threads=1, reason=f"{workers} workers of the cluster now")
    wanted = where.workers or (None if engine.workers == "auto" else engine.workers)
    device = torch.device(jobs[0].device if jobs else "cpu")
    each = [training_bytes(job.spec, job.recipe.batch_size) + _image_bytes(job) for job in jobs]
    at_most = max(1, len(jobs) if most is None else most)
    return pack(wanted, device, bytes_each=int(scale * max(each, default=0)), most=at_most)


def _image_bytes(job: Job) -> int:
    images = (job.data.train or 0) + (job.data.validation or 0)
    return images * job.spec.in_channels * job.spec.image_size**2
