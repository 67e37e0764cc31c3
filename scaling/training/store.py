"""A folder of finished trainings, by what they depend on: nothing in it is ever trained twice."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass, field, fields, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from filelock import FileLock, Timeout

from scaling.data import SplitName, dataset_info, load_split
from scaling.data.dataset import Split
from scaling.data.streaming import StreamingSplit
from scaling.errors import ResultsError
from scaling.model import KernelTable
from scaling.network.serialization import architecture_key
from scaling.provenance import code_version, processor, utc_now
from scaling.training.checkpoint import delete_checkpoint
from scaling.training.engine import (
    Outcome,
    TrainingInterruptedError,
    best_device,
    device_of_worker,
    train_network,
)
from scaling.training.job import TrainingJob, content
from scaling.training.kernels import (
    Progress,
    arithmetic,
    kernels_for,
    no_progress,
    read_kernels,
    write_kernels,
)
from scaling.training.machine import Packing, pack, training_bytes
from scaling.training.options import KernelChoice
from scaling.training.pool import run_in_processes, stop_asked, worker_number
from scaling.training.recipe import Recipe
from scaling.training.trained import Trained, TrainedState, plain_result, read_trained, write_trained

DEFAULT_STORE = Path("runs") / "trainings"
POLL_S = 0.5
"""Between looks at a training that another process is at."""
log = logging.getLogger(__name__)

OnEnd = Callable[[Trained], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingStore:
    """A folder of trainings, each a file named by the hash of everything that its result depends on.

    A network's name, the number of workers and torch's version are not part of that; the device's type is,
    for a GPU trains in bfloat16.

    Args:
        path: the folder; it need not be there yet.
        device: what trains.
    """

    path: Path = DEFAULT_STORE
    device: torch.device = field(default_factory=best_device)

    def key(self, job: TrainingJob) -> str:
        """Return the name of a training; the data are read for their checksum.

        Raises:
            DataError: the data are missing, or hold fewer images.
        """
        return key_of(identity_of(job, self.device))

    def read(self, key: str) -> Trained | None:
        """Return a finished training, or None; a damaged record is refused with one line in the log."""
        try:
            return read_trained(self.record(key), key)
        except ResultsError as error:
            log.warning("%s; it is trained again", error)
            return None

    def find(self, jobs: Sequence[TrainingJob]) -> list[Trained | None]:
        """Return what there is of some trainings, in their order; nothing is trained."""
        return [self.read(self.key(job)) for job in jobs]

    def record(self, key: str) -> Path:
        """Return where the record of a training lies."""
        return self.path / f"{key}.json"

    def checkpoint(self, key: str) -> Path:
        """Return where an unfinished training goes on from."""
        return self.path / "unfinished" / f"{key}.checkpoint"

    @property
    def kernels(self) -> Path:
        """The measured kernels that every training of this store takes."""
        return self.path / f"kernels-{self.device.type}.json"

    @contextmanager
    def held(self, key: str, *, wait: bool) -> Iterator[bool]:
        """Hold a training while a block runs, which nobody else can then begin.

        Gives False, and holds nothing, where another process has it and `wait` is not set, or where this
        process is asked to stop.
        """
        folder = self.path / "unfinished"
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise ResultsError(f"cannot make the folder {folder}: {error.strerror}") from None
        lock = FileLock(folder / f"{key}.lock")
        while True:
            try:
                lock.acquire(timeout=POLL_S if wait else 0)
                break
            except Timeout:
                if not wait or stop_asked():
                    yield False
                    return
        try:
            yield True
        finally:
            lock.release()

    def table(self, choice: KernelChoice, *, threads: int, progress: Progress) -> KernelTable | None:
        """Return the kernels of trainings; a table that was measured stays with the store.

        Raises:
            ConfigError: the store's table is damaged.
        """
        if choice == KernelChoice.MEASURED and self.kernels.exists():
            return read_kernels(self.kernels)
        dtype = arithmetic(self.device)
        table = kernels_for(choice, self.device, threads=threads, dtype=dtype, progress=progress)
        if choice == KernelChoice.MEASURED and table is not None:
            write_kernels(self.kernels, table)
        return table


def train_jobs(
    jobs: Sequence[TrainingJob],
    store: TrainingStore,
    *,
    workers: int | None = None,
    on_end: OnEnd = lambda _trained: None,
    progress: Progress = no_progress,
) -> list[Trained]:
    """Train what the store lacks, in processes, and return all of it in the order of the jobs.

    Equal jobs are trained once. One that fails or diverges is recorded, and the others go on; a failed one is
    tried again by the next call. Ctrl-C stops every training at its next step; the next call goes on from
    each one's last epoch.

    Args:
        jobs: what is wanted.
        store: where it is kept.
        workers: processes; None for as many as the device holds, 0 to train in this process.
        on_end: told of each training that ended now, not of those that were there.
        progress: of measuring kernels.

    Raises:
        KeyboardInterrupt: Ctrl-C, after the trainings have stopped.
        DataError: data are missing.
        ResultsError: a process died; what was finished is kept.
    """
    keys = [store.key(job) for job in jobs]
    ended = {key: found for key in dict.fromkeys(keys) if (found := _settled(store, key)) is not None}
    missing = {key: job for key, job in zip(keys, jobs, strict=True) if key not in ended}
    packing = packing_of_jobs(list(missing.values()), store.device, workers)
    choices = {job.kernels for job in missing.values()}
    tables = {one: store.table(one, threads=packing.threads, progress=progress) for one in choices}
    tasks = [
        _Task(store=store, job=job, key=key, kernels=tables[job.kernels], wait=False)
        for key, job in missing.items()
    ]
    for wait in (False, True):  # what another launch is at comes last
        tasks = [replace(task, wait=wait) for task in tasks if task.key not in ended]
        with closing(_results(tasks, packing, here=workers == 0)) as results:
            for trained in results:
                if trained is not None:
                    ended[trained.key] = trained
                    on_end(trained)
    return [ended[key] for key in keys]


def packing_of_jobs(jobs: Sequence[TrainingJob], device: torch.device, workers: int | None) -> Packing:
    """Choose processes and threads for some trainings, by the largest of them.

    Args:
        jobs: to be trained.
        device: where.
        workers: processes that the user asked for; None chooses them.
    """
    each = [training_bytes(job.spec, job.recipe.batch_size) + _image_bytes(job) for job in jobs]
    return pack(workers or None, device, bytes_each=max(each, default=0), most=max(1, len(jobs)))


def key_of(identity: dict[str, Any]) -> str:
    """Return the hash of an identity."""
    return hashlib.sha256(json.dumps(identity, sort_keys=True).encode()).hexdigest()[:20]


def identity_of(job: TrainingJob, device: torch.device) -> dict[str, Any]:
    """Return everything that the result of a training depends on, as plain data.

    Settings of the recipe at their defaults are left out, so that a new setting leaves earlier keys alone.

    Raises:
        DataError: the data are missing, or hold fewer images.
    """
    spec, recipe = job.spec, job.recipe
    own = (spec.dropout, spec.stochastic_depth)
    dropout, depth = (
        mine if said is None else said
        for mine, said in zip(own, (recipe.dropout, recipe.stochastic_depth), strict=True)
    )
    return {
        "architecture": architecture_key(spec),
        "dropout": dropout,
        "stochastic_depth": depth,
        "recipe": _set_in(replace(recipe, dropout=None, stochastic_depth=None)),
        "data": {
            "name": job.data,
            "train": job.train,
            "validation": job.validation,
            "seed": job.data_seed,
            "allow_upsampling": job.allow_upsampling,
            "checksums": [_checksum(job, name) for name in ("train", "validation")],
        },
        "numerics": asdict(job.numerics),
        "kernels": job.kernels.value,
        "device": device.type,
        "seed": job.seed,
    }


def _set_in(recipe: Recipe) -> dict[str, Any]:
    plain = asdict(recipe)
    return {one.name: plain[one.name] for one in fields(recipe) if getattr(recipe, one.name) != one.default}


def _settled(store: TrainingStore, key: str) -> Trained | None:
    found = store.read(key)
    return None if found is None or found.state == TrainedState.FAILED else found


@dataclass(frozen=True, slots=True, kw_only=True)
class _Task:
    store: TrainingStore
    job: TrainingJob
    key: str
    kernels: KernelTable | None
    wait: bool


def _results(tasks: Sequence[_Task], packing: Packing, *, here: bool) -> Generator[Trained | None]:
    if here:
        return (_train(task) for task in tasks)
    store = tasks[0].store.path if tasks else ""
    died = f"a training process died; what is finished stays in {store}, the same command goes on"
    return run_in_processes(_train, tasks, packing, died=died)


def _train(task: _Task) -> Trained | None:
    """Train one job and record how it ended; None where it was stopped, or another process is at it."""
    store, key = task.store, task.key
    with store.held(key, wait=task.wait) as mine:
        if not mine:
            return None
        found = _settled(store, key)  # another process may have ended it in between
        if found is not None:
            return found
        try:
            trained = _trained(task)
            write_trained(store.record(key), trained)
            delete_checkpoint(store.checkpoint(key))
        except TrainingInterruptedError:
            return None
        except Exception as error:  # one bad network must not end the others
            trained = _failed(
                task, f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}"
            )
        return trained


def _trained(task: _Task) -> Trained:
    job, right, started = task.job, list[np.ndarray](), utc_now()
    device = device_of_worker(task.store.device, worker_number(), _gpus(task.store.device))
    train, validation = _images(job, "train"), _images(job, "validation")
    result = train_network(
        job.spec,
        job.device_recipe,
        train,
        validation,
        dataset_info(job.data),
        seed=job.seed,
        device=device,
        numerics=job.numerics,
        should_stop=stop_asked,
        checkpoint=task.store.checkpoint(task.key),
        kernels=task.kernels,
        on_judged=lambda judged: right.append(judged.numpy()),
    )
    complete = result.outcome == Outcome.COMPLETE
    judged = len(right[0]) if right else len(validation)
    return Trained(
        key=task.key,
        identity=identity_of(job, task.store.device),
        state=TrainedState.COMPLETE if complete else TrainedState.DIVERGED,
        result={**plain_result(result), "validation_images": judged},
        right=right[0] if right else None,
        provenance=_provenance(task, device, started),
    )


def _failed(task: _Task, error: str) -> Trained:
    """Return the record of a training that failed; it is written where that can be."""
    failed = Trained(
        key=task.key,
        identity=identity_of(task.job, task.store.device),
        state=TrainedState.FAILED,
        error=error.strip(),
        provenance=_provenance(task, task.store.device, utc_now()),
    )
    try:
        write_trained(task.store.record(task.key), failed)
    except ResultsError as full:
        log.warning("%s", full)
    return failed


def _provenance(task: _Task, device: torch.device, started: str) -> dict[str, Any]:
    commit, dirty = code_version()
    return {
        "network": task.job.spec.name,
        "commit": commit,
        "dirty": dirty,
        "torch": str(torch.__version__),
        "device": torch.cuda.get_device_name(device) if device.type == "cuda" else device.type,
        "processor": processor(),
        "threads": torch.get_num_threads(),
        "kernels": "torch's own" if task.kernels is None else task.kernels.origin,
        "started": started,
        "finished": utc_now(),
    }


def _gpus(device: torch.device) -> int:
    return torch.cuda.device_count() if device.type == "cuda" else 0


def _image_bytes(job: TrainingJob) -> int:
    images = (job.train or 0) + (job.validation or 0)
    return images * job.spec.in_channels * job.spec.image_size**2


def _checksum(job: TrainingJob, name: SplitName) -> str:
    if job.streamed:
        return content(job.split(name))
    return _loaded_checksum(name, *_loading(job, name))


@lru_cache(maxsize=256)
def _loaded_checksum(name: SplitName, data: str, size: int, count: int | None, seed: int, up: bool) -> str:
    return content(_loaded(name, data, size, count, seed, up))


def _images(job: TrainingJob, name: SplitName) -> Split | StreamingSplit:
    if job.streamed:
        return job.split(name)
    return _loaded(name, *_loading(job, name))


def _loading(job: TrainingJob, name: SplitName) -> tuple[str, int, int | None, int, bool]:
    count = job.train if name == "train" else job.validation
    return job.data, job.spec.image_size, count, job.data_seed, job.allow_upsampling


@lru_cache(maxsize=4)
def _loaded(name: SplitName, data: str, size: int, count: int | None, seed: int, up: bool) -> Split:
    """Return images at one size; the last few sizes stay in memory."""
    return load_split(data, name, image_size=size, count=count, seed=seed, allow_upsampling=up)
