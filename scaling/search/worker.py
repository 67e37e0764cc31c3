"""A process that claims, trains and tells until nothing is left. Floor 5."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.queues import Queue
from multiprocessing.synchronize import Event
from pathlib import Path

import optuna
import torch
from filelock import FileLock
from optuna.exceptions import UpdateFinishedTrialError
from optuna.trial import FrozenTrial

from scaling.cost import count_cost
from scaling.search.candidate import references
from scaling.search.claims import Claim, claim_candidate, claim_reference, put_back
from scaling.search.config import SearchConfig
from scaling.search.folder import RunFolder
from scaling.search.objective import evaluate, seed_results
from scaling.search.storage import open_storage, open_study
from scaling.serialization import architecture_key
from scaling.training.engine import TrainingInterruptedError, best_device, total_steps

REPORT_EVERY_S = 0.2


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """What a worker tells the launcher.

    Args:
        worker: its number.
        event: `start`, `step` or `end` of a trial.
        label: what is trained.
        text: at the end, how it went.
        macs: multiply-adds of the network, the weight of its progress.
        seeds: of this trial.
        done: optimizer steps done in this trial.
        total: optimizer steps of this trial.
    """

    worker: int
    event: str
    label: str = ""
    text: str = ""
    macs: int = 0
    seeds: int = 1
    done: int = 0
    total: int = 0


def work(folder: Path, worker: int, threads: int, messages: Queue[Message], stop: Event) -> None:
    """Run one worker process until references and budget are done, or it is asked to stop."""
    torch.set_num_threads(threads)
    run = RunFolder(path=folder)
    config = run.read_config()
    parent = os.getppid()

    def should_stop() -> bool:
        # A launcher that was killed cannot ask; its orphans stop by themselves.
        return stop.is_set() or os.getppid() != parent

    session = Worker(config, run, worker, messages)
    while not should_stop() and session.train_next(should_stop):
        pass


class Worker:
    """One worker's view of a run: its studies, device and number."""

    def __init__(self, config: SearchConfig, run: RunFolder, worker: int, messages: Queue[Message]) -> None:
        self.config, self.worker, self.messages = config, worker, messages
        self.lock: FileLock = run.claim_lock()
        storage = open_storage(run.database)
        self.reference, self.search = studies(config, storage)
        self.taken = {architecture_key(candidate.spec) for candidate in references(config)}
        self.device = best_device(config.search.device)

    def train_next(self, should_stop: Callable[[], bool]) -> bool:
        """Claim and train one network; False when there is none left."""
        with self.lock:
            claim = claim_reference(self.config, self.reference) or claim_candidate(
                self.config, self.search, self.taken, worker=self.worker
            )
            if claim is not None:
                claim.trial.set_user_attr("worker", self.worker)
        if claim is None:
            return False
        progress = _Progress(self, claim)
        try:
            evaluate(self.config, claim, self.device, report=progress.report, should_stop=should_stop)
        except TrainingInterruptedError:
            with self.lock:
                put_back(claim.study, frozen(claim), "stopped")
            return False
        except UpdateFinishedTrialError:
            return True  # a later launch took the trial over while this process was an orphan
        progress.send("end", progress.total, ending(frozen(claim)))
        return True


class _Progress:
    """Sends a trial's progress, at most a few times a second."""

    def __init__(self, worker: Worker, claim: Claim) -> None:
        config, spec = worker.config, claim.candidate.spec
        self.worker, self.last = worker, 0.0
        self.seeds = claim.seeds
        self.per_seed = total_steps(config.recipe, config.data.train)
        self.total = self.per_seed * len(self.seeds)
        label = claim.candidate.name
        if label == "search":
            label = f"trial {claim.trial.user_attrs['trial']}"
        self.label, self.macs = f"{label} at {spec.image_size} px", count_cost(spec).macs
        self.send("start", 0)

    def send(self, event: str, done: int, text: str = "") -> None:
        self.worker.messages.put(
            Message(
                worker=self.worker.worker,
                event=event,
                label=self.label,
                text=text,
                macs=self.macs,
                seeds=len(self.seeds),
                done=done,
                total=self.total,
            )
        )

    def report(self, seed: int, step: int) -> None:
        now = time.monotonic()
        if now - self.last >= REPORT_EVERY_S:
            self.last = now
            self.send("step", self.seeds.index(seed) * self.per_seed + step)


def frozen(claim: Claim) -> FrozenTrial:
    """Return a claimed trial as the database has it now."""
    return claim.study.get_trials(deepcopy=False)[claim.trial.number]


def ending(trial: FrozenTrial) -> str:
    """Say in a few words how a trial ended."""
    if trial.value is None:
        return str(trial.user_attrs.get("error") or trial.user_attrs.get("outcome"))
    seconds = sum(result["wall_s"] for result in seed_results(trial.user_attrs).values())
    return f"{100 * trial.value:.1f} % in {seconds:.0f} s"


def studies(config: SearchConfig, storage: optuna.storages.RDBStorage) -> tuple[optuna.Study, optuna.Study]:
    """Open the two studies of a run: references, which no sampler sees, and proposals."""
    return open_study(storage, f"{config.name}-references"), open_study(storage, config.name)
