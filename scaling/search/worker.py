"""Claim, train and tell until nothing is left and nobody is at work."""

from __future__ import annotations

import os
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, auto
from multiprocessing.queues import Queue
from multiprocessing.synchronize import Event
from pathlib import Path

import torch
from optuna.exceptions import UpdateFinishedTrialError
from optuna.trial import FrozenTrial
from sqlalchemy import URL

from scaling.cost import count_cost
from scaling.errors import ResultsError, ScalingError
from scaling.network.serialization import architecture_key
from scaling.search.candidate import references
from scaling.search.claims import Claim, claim_candidate, claim_reference
from scaling.search.confirmation import label_of, queue_confirmation
from scaling.search.endings import EXPIRED, Ending, mend, put_back, put_back_lost, running, tell
from scaling.search.folder import RunFolder
from scaling.search.leases import LEASE, Lease, LeaseKeeper, LeaseWatch
from scaling.search.objective import evaluate, seed_results
from scaling.search.patience import DATABASE_ERRORS, Patience
from scaling.search.run import Run, open_run
from scaling.search.run_kernels import run_kernels
from scaling.search.signals import StopSignals
from scaling.training.engine import (
    TrainingInterruptedError,
    best_device,
    device_of_worker,
    total_steps,
)

PROBLEM = "problem"
"""Event of a message: the worker leaves because it cannot go on."""
REPORT_EVERY_S = 0.2
LOOK_EVERY_S = 1.0
"""Seconds between looks of a worker that has nothing to train at those that have."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """What a worker tells whoever shows its progress.

    Args:
        worker: its number.
        event: `start`, `step` or `end` of a trial, or `problem`.
        label: what is trained.
        text: how it went, or what the problem is.
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


class Step(Enum):
    """What became of one attempt to train something."""

    TRAINED = auto()
    LOST = auto()
    """Another worker took the trial over, or the database went away: it is trained again."""
    STOPPED = auto()
    WAITING = auto()
    """Nothing to claim, but others are at work; what they lose is to be trained again."""
    DONE = auto()


def work(
    folder: Path, place: URL, worker: int, name: str, threads: int, messages: Queue[Message], stop: Event
) -> None:
    """Run one worker process of a launch until the study is done, or it is asked to stop.

    What stops it for good, a full disk or a database that stays away, goes to the launcher as a message.
    """
    torch.set_num_threads(threads)
    run_folder, parent = RunFolder(path=folder), os.getppid()
    patience = Patience()
    with StopSignals(patience, heed_ctrl_c=False) as signals:

        def should_stop() -> bool:
            # A launcher that was killed cannot ask; its orphans stop by themselves.
            return stop.is_set() or signals.asked or os.getppid() != parent

        try:
            config = run_folder.read_config()
            patience.limit_s = config.cluster.patience_s  # its launcher has found the database
            run = open_run(config, run_folder, place, patience=patience)
            lease = Lease(holder=name, launch=run.launch)
            Worker(run, number=worker, lease=lease, send=messages.put).work(should_stop)
        except ScalingError as error:
            messages.put(Message(worker=worker, event=PROBLEM, text=str(error)))
    messages.close()
    messages.join_thread()
    os._exit(0)  # the launch waits for this process; to take torch apart would take more than a second


def new_name() -> str:
    """Return a name for a worker, used once."""
    return uuid.uuid4().hex


Evaluate = Callable[..., Ending]
"""As `objective.evaluate`; trials of the machinery that is around it need no training."""


class Worker:
    """One worker of a run.

    Args:
        run: the run.
        number: no two workers of a run propose alike because of seeds.
        lease: what it leaves with the trials that it trains.
        send: takes its messages.
        train: trains a claimed network.
    """

    def __init__(
        self,
        run: Run,
        *,
        number: int,
        lease: Lease,
        send: Callable[[Message], None],
        train: Evaluate = evaluate,
    ) -> None:
        self.run, self.config, self.number, self.lease = run, run.config, number, lease
        self.send, self.train = send, train
        self.taken = {architecture_key(candidate.spec) for candidate in references(run.config)}
        self.device = device_of_worker(
            best_device(run.config.search.device), number, torch.cuda.device_count()
        )
        if self.device.index is not None:
            torch.cuda.set_device(self.device)  # what a graph captures, it captures on the current device
        self.kernels = run_kernels(run)
        timing = run.config.cluster
        self.watch = LeaseWatch(grace_s=timing.grace_s, longest_gap_s=timing.heartbeat_s)

    def work(self, should_stop: Callable[[], bool]) -> bool:
        """Train until the study is done; False when it was stopped before."""
        while not should_stop():
            step = self.train_next(should_stop)
            if step in {Step.DONE, Step.STOPPED}:
                return step == Step.DONE
            if step == Step.WAITING:
                _pause(should_stop)
        return False

    def train_next(self, should_stop: Callable[[], bool]) -> Step:
        """Claim and train one network."""
        claim, idle = self.run.exclusively(self._claim)
        if claim is None:
            return idle
        progress, trial_id = _Progress(self, claim), claim.trial._trial_id
        heartbeat_s = self.config.cluster.heartbeat_s
        with LeaseKeeper(self.run.storage, trial_id, self.lease, heartbeat_s=heartbeat_s) as keeper:
            try:
                ending = self.train(
                    self.config,
                    claim,
                    self.device,
                    report=progress.report,
                    should_stop=lambda: keeper.lost or should_stop(),
                    checkpoints=self.run.folder.checkpoints,
                    kernels=self.kernels,
                )
            except TrainingInterruptedError:
                return self._give_back(claim, "stopped", Step.STOPPED)
            except UpdateFinishedTrialError:
                return Step.LOST
            except DATABASE_ERRORS:
                return self._give_back(claim, "database away", Step.LOST)
            except ResultsError:  # a full disk is nobody's fault; this worker cannot go on
                self._give_back(claim, "stopped", Step.STOPPED)
                raise
            if not self.run.exclusively(lambda: tell(claim.study, trial_id, ending, self.lease)):
                return Step.LOST
        progress.send("end", progress.total, ending_text(self.frozen(claim)))
        return Step.TRAINED

    def frozen(self, claim: Claim) -> FrozenTrial:
        """Return a claimed trial as the database has it now."""
        return self.run.patiently(lambda: self.run.storage.get_trial(claim.trial._trial_id))

    def _claim(self) -> tuple[Claim | None, Step]:
        self._put_back_lost()
        run = self.run
        claim = claim_reference(self.config, run.reference) or claim_candidate(
            self.config, run.search, self.taken, worker=self.number
        )
        if claim is None:
            for study in run.studies:
                mend(study)
            if not self._unfinished() and queue_confirmation(self.config, run.reference, run.search):
                claim = claim_reference(self.config, run.reference)
        if claim is not None:
            claim.trial.set_user_attr("worker", self.number)
            claim.trial.set_user_attr(LEASE, self.lease.document())
            return claim, Step.TRAINED
        return None, Step.WAITING if self._unfinished() else Step.DONE

    def _in_training(self) -> dict[int, Lease]:
        return {
            trial._trial_id: lease
            for study in self.run.studies
            for trial in running(study)
            if (lease := Lease.of(trial.user_attrs)) is not None
        }

    def _unfinished(self) -> bool:
        return any(
            not trial.state.is_finished()
            for study in self.run.studies
            for trial in study.get_trials(deepcopy=False)
        )

    def _put_back_lost(self) -> None:
        """Put back what expired, and what a claim of this worker left when its connection broke."""
        expired = self.watch.expired(self._in_training(), time.monotonic())

        def lost(trial_id: int, lease: Lease) -> str | None:
            if lease.holder == self.lease.holder:
                return "claim broken off"
            return EXPIRED if trial_id in expired else None

        for study in self.run.studies:
            put_back_lost(study, lost)

    def _give_back(self, claim: Claim, reason: str, step: Step) -> Step:
        """Put a trial back, unless somebody else has."""
        trial_id = claim.trial._trial_id
        self.run.exclusively(lambda: put_back(claim.study, self.run.storage.get_trial(trial_id), reason))
        return step


def _pause(should_stop: Callable[[], bool]) -> None:
    end = time.monotonic() + LOOK_EVERY_S
    while time.monotonic() < end and not should_stop():
        time.sleep(0.1)


class _Progress:
    """Sends a trial's progress, at most a few times a second."""

    def __init__(self, worker: Worker, claim: Claim) -> None:
        config, spec = worker.config, claim.candidate.spec
        self.worker, self.last = worker, 0.0
        self.seeds = claim.seeds
        self.per_seed = total_steps(config.recipe, config.data.train)
        self.total = self.per_seed * len(self.seeds)
        self.label = label_of(claim.candidate, claim.trial.user_attrs)
        self.macs = count_cost(spec).macs
        self.send("start", 0)

    def send(self, event: str, done: int, text: str = "") -> None:
        self.worker.send(
            Message(
                worker=self.worker.number,
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


def ending_text(trial: FrozenTrial) -> str:
    """Say in a few words how a trial ended."""
    outcome = trial.user_attrs.get("outcome")
    if not trial.values or outcome != "complete":
        return str(trial.user_attrs.get("error") or outcome)
    seconds = sum(result["wall_s"] for result in seed_results(trial.user_attrs).values())
    return f"{100 * trial.values[0]:.1f} % in {seconds:.0f} s"
