"""What trainings take on this machine: every reference for one epoch, as a run trains it."""

from __future__ import annotations

import math
import tempfile
import time
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from statistics import mean

from scaling.errors import ConfigError
from scaling.plans.networks import BASELINE
from scaling.plans.search.config import SearchConfig, parse_config
from scaling.plans.search.run import Announced, run_search
from scaling.plans.search.trial import reference_trials
from scaling.runs.coordinator import RunEnd, Started
from scaling.runs.executor import Ended, EpochEnded, Event, Stepped
from scaling.runs.folder import RunFolder
from scaling.runs.launch import Where
from scaling.runs.record import Record, RecordState
from scaling.runs.store import Store
from scaling.training.kernels import Progress, no_progress


@dataclass(frozen=True, slots=True, kw_only=True)
class SpeedMeasure:
    """What trainings take on this machine while the run's number of workers are at work.

    Args:
        workers: at work.
        startup_s: from the launch to the first step of a training.
        between_s: from the end of a training to the start of the next one: record, proposal, counting.
        fixed_s: of a training, whatever its epochs: images, building, measuring; by reference.
        epoch_s: of one epoch and its evaluation; by reference.
    """

    workers: int
    startup_s: float
    between_s: float
    fixed_s: dict[str, float]
    epoch_s: dict[str, float]

    def training_s(self, name: str | None, epochs: int) -> float:
        """Return seconds of one training of a reference; of a proposal (None) as of the scaled ones' mean."""
        if name is not None:
            return self.fixed_s[name] + epochs * self.epoch_s[name]
        scaled = [one for one in self.fixed_s if one != BASELINE] or list(self.fixed_s)
        return mean(self.training_s(one, epochs) for one in scaled)


@dataclass(slots=True, kw_only=True, eq=False)
class _Times:
    """Moments of one training, seconds of a monotonic clock."""

    sent: float
    stepped: float = math.nan
    judged: float = math.nan
    ended: float = math.nan
    worker: str = ""
    record: Record | None = None


@dataclass(slots=True)
class _Stopwatch:
    """Notes when what happens to every training."""

    times: dict[str, _Times] = field(default_factory=dict)

    def __call__(self, event: Started | Event) -> None:
        now = time.monotonic()
        match event:
            case Started():
                self.times[event.key] = _Times(sent=now)
            case Stepped():
                found = self.times[event.key]
                found.worker = event.worker
                found.stepped = now if math.isnan(found.stepped) else found.stepped
            case EpochEnded():
                self.times[event.key].judged = now
            case Ended():
                self.times[event.key].ended, self.times[event.key].record = now, event.record


def measure_speed(
    config: SearchConfig, *, workers: int | None = None, progress: Progress = no_progress
) -> SpeedMeasure:
    """Train every reference for one epoch and one seed, as a run would: in its processes, with its records.

    `workers` are processes, instead of the experiment's; `progress` is called while kernels are measured.

    Raises:
        ConfigError: a reference could not be trained.
        DataError: data are missing.
        KeyboardInterrupt: it was asked to stop.
    """
    small, watch, start = _smallest(config), _Stopwatch(), time.monotonic()
    announced: list[Announced] = []
    with tempfile.TemporaryDirectory(prefix="plan-") as name:
        where = Where(store=Store(path=Path(name) / "trainings"), workers=workers)
        setup = config.setup

        def announce(found: Announced) -> None:
            nonlocal start
            announced.append(found)
            before = time.monotonic()  # a run measures its kernels once for ever: not a part of the start
            where.store.kernels(
                setup.engine.kernels, setup.device, threads=found.packing.threads, progress=progress
            )
            start += time.monotonic() - before

        folder = RunFolder(path=Path(name) / "run")
        end, _ = run_search(small, folder, where, announce=announce, listener=watch)
    if end == RunEnd.STOPPED:
        raise KeyboardInterrupt
    return _speed(small, watch.times, workers=announced[0].packing.workers, start=start)


def _smallest(config: SearchConfig) -> SearchConfig:
    document = config.document()
    document["setup"]["recipe"] |= {"epochs": 1}
    document["search"] |= {
        "trials": 0, "sampler": "random", "pruner": "none", "confirm": 0, "seeds": [0], "baseline_seeds": [0],
    }  # fmt: skip
    return parse_config(document, where=config.name)


def _speed(config: SearchConfig, times: dict[str, _Times], *, workers: int, start: float) -> SpeedMeasure:
    names = {job.key: one.network.name for one in reference_trials(config) for job in one.jobs.values()}
    for key, name in names.items():
        record = times[key].record
        if record is None or record.state != RecordState.COMPLETE:
            why = "it diverged" if record is None or record.error is None else record.error
            raise ConfigError(f"the reference {name} could not be trained for an epoch: {why}")
    queues: dict[str, list[_Times]] = {}
    for one in sorted(times.values(), key=lambda found: found.sent):
        queues.setdefault(one.worker, []).append(one)
    first = [queue[0] for queue in queues.values()]
    later = [one for queue in queues.values() for one in queue[1:]]
    gaps = [b.sent - a.ended for queue in queues.values() for a, b in pairwise(queue)]
    prepared_s = mean(one.stepped - one.sent for one in later) if later else 0.0
    process_s = max(0.0, mean(one.stepped - one.sent for one in first) - prepared_s)
    epoch_s = {name: _epoch_s(times[key]) for key, name in names.items()}
    fixed_s = {
        name: max(0.0, times[key].ended - times[key].sent - epoch_s[name] - process_s * (times[key] in first))
        for key, name in names.items()
    }
    return SpeedMeasure(
        workers=workers,
        startup_s=min(one.sent for one in first) - start + process_s,
        between_s=mean(gaps) if gaps else 0.0,
        fixed_s=fixed_s,
        epoch_s=epoch_s,
    )


def _epoch_s(times: _Times) -> float:
    """Return seconds of an epoch and its evaluation; its first step is seen when it has ended."""
    assert times.record is not None
    point = times.record.curve[0]
    return max(point.seconds, times.judged - times.stepped + point.seconds / point.steps)
