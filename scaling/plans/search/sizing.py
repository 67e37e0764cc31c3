"""How much search fits into a number of hours: measure a few trainings, then fill the time."""

from __future__ import annotations

import heapq
import json
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import mean
from typing import Any

from scaling.errors import ConfigError
from scaling.search.candidate import references
from scaling.search.config import SearchConfig, parse_config
from scaling.search.folder import RunFolder, open_folder
from scaling.search.launch import Launch
from scaling.search.queueing import queue_of, space_of
from scaling.search.run_kernels import run_kernels
from scaling.search.search_table import CostRule
from scaling.search.worker import Message
from scaling.training.batches import steps_per_epoch
from scaling.training.kernels import Progress, no_progress

FEWEST_TRIALS = 4
"""Proposals below which a search is no search; seeds and epochs are cut before."""
MOST_TRIALS = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibration:
    """What trainings take on this machine while the run's number of workers are at work.

    Args:
        workers: at work.
        startup_s: from the launch to the first training.
        between_s: from the end of a network to the start of the next one: claim, storage, table.
        fixed_s: of a training, whatever its epochs: images, building, evaluation, measuring; by reference.
        epoch_s: of one epoch; by reference.
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
        scaled = [one for one in self.fixed_s if one != "baseline"] or list(self.fixed_s)
        return mean(self.training_s(one, epochs) for one in scaled)


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """How large a search is, and the seconds that it is predicted to take."""

    trials: int
    seeds: int
    epochs: int
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """A search that fits.

    Args:
        budget_s: seconds that were given.
        asked: the experiment as its file says.
        chosen: what fits.
        cuts: what would be cut next, were there less time: each is one step smaller, in this order.
        overrides: settings that make the experiment the chosen one, as `--set` takes them.
    """

    budget_s: float
    asked: Size
    chosen: Size
    cuts: tuple[Size, ...]
    overrides: tuple[str, ...]


def calibrate(config: SearchConfig, *, progress: Progress = no_progress) -> Calibration:
    """Train every reference for one epoch and one seed, as a run would: its workers, claims and database.

    Args:
        config: the experiment.
        progress: called while kernels are measured.

    Raises:
        ResultsError: a training failed.
    """
    small = _smallest(config)
    events: list[tuple[float, Message]] = []
    with tempfile.TemporaryDirectory(prefix="plan-") as name:
        folder = RunFolder(path=Path(name) / "run")
        open_folder(folder, small)
        launch = Launch.of(small, folder)
        run_kernels(launch.opened, threads=launch.packing.threads, progress=progress)
        start = time.monotonic()
        launch.run_workers(lambda message: events.append((time.monotonic(), message)))
        if launch.interrupted:
            raise KeyboardInterrupt
        trials = launch.trials()
    complete = trials[trials["state"] == "complete"]
    if complete.empty:
        raise ConfigError("nothing could be trained: run the search to see why")
    spans, between = _spans(events)
    images = config.recipe.batch_size * steps_per_epoch(config.data.train, config.recipe.batch_size)
    speeds = {str(row["name"]): float(row["images_per_s"]) for row in complete.to_dict("records")}
    names = list(speeds)
    epoch_s = {name: images / speed for name, speed in speeds.items()}
    return Calibration(
        workers=launch.packing.workers,
        startup_s=min(when for when, message in events if message.event == "start") - start,
        between_s=mean(between) if between else 0.0,
        fixed_s={name: max(0.0, spans[name] - epoch_s[name]) for name in names},
        epoch_s=epoch_s,
    )


def _smallest(config: SearchConfig) -> SearchConfig:
    document = config.document()
    document["recipe"] |= {"epochs": 1}
    document["search"] |= {
        "trials": 0, "sampler": "random", "pruner": "none", "confirm": 0, "seeds": [0], "baseline_seeds": [0],
    }  # fmt: skip
    return parse_config(document, where=config.name)


def _spans(events: Sequence[tuple[float, Message]]) -> tuple[dict[str, float], list[float]]:
    """Return seconds of each training by its reference, and between trainings of a worker."""
    begun: dict[int, tuple[str, float]] = {}
    ended: dict[int, float] = {}
    spans, between = dict[str, float](), list[float]()
    for when, message in events:
        if message.event == "start":
            begun[message.worker] = (message.label.split(" at ")[0], when)
            if message.worker in ended:
                between.append(when - ended[message.worker])
        elif message.event == "end":
            label, start = begun[message.worker]
            spans[label] = when - start
            ended[message.worker] = when
    return spans, between


def predicted_s(
    config: SearchConfig, calibration: Calibration, *, trials: int, seeds: int, epochs: int
) -> float:
    """Return the seconds from the launch to the last result, workers taking networks as they become free.

    Pruning is not foreseen. Charts and report come after.
    """
    search = config.search
    feasible = [candidate.name for candidate in references(config) if candidate.feasible]
    networks: list[tuple[str | None, int]] = [
        (name, len(search.baseline_seeds) if name == "baseline" else seeds) for name in feasible
    ]
    networks += [(None, seeds)] * trials
    networks += [(None, len(search.confirm_seeds))] * min(search.confirm, trials)
    free = [calibration.startup_s] * calibration.workers
    heapq.heapify(free)
    for name, count in networks:
        taken_s = calibration.between_s + count * calibration.training_s(name, epochs)
        heapq.heapreplace(free, free[0] + taken_s)
    return max(free)


def plan_for(config: SearchConfig, calibration: Calibration, budget_s: float) -> Plan:
    """Fill a number of seconds: as many trials as fit; where too few do, fewer seeds, then fewer epochs.

    Args:
        config: the experiment; its seeds and epochs are the most that are planned.
        calibration: of this machine.
        budget_s: seconds, above 0.

    Raises:
        ConfigError: not even the smallest search fits.
    """

    def size(trials: int, seeds: int, epochs: int) -> Size:
        seconds = predicted_s(config, calibration, trials=trials, seeds=seeds, epochs=epochs)
        return Size(trials=trials, seeds=seeds, epochs=epochs, seconds=seconds)

    queue = queue_of(config) if config.search.sampler.queues else None
    fewest, most = (len(queue),) * 2 if queue is not None else (FEWEST_TRIALS, _most_trials(config))
    fewest = min(fewest, most)
    whole = (len(config.search.seeds), config.recipe.epochs)
    asked = size(len(queue) if queue is not None else config.search.trials, *whole)
    steps = [(seeds, whole[1]) for seeds in range(whole[0], 0, -1)]
    steps += [(1, epochs) for epochs in range(whole[1] - 1, 0, -1)]
    fitting = next((step for step in steps if size(fewest, *step).seconds <= budget_s), None)
    if fitting is None:
        least = size(fewest, *steps[-1])
        raise ConfigError(
            f"{budget_s / 60:.1f} minutes are too few: {fewest} trials of one seed and one epoch, beside the "
            f"references, take {least.seconds / 60:.1f}; use fewer images, or smaller ones"
        )
    chosen = size(_largest(lambda trials: size(trials, *fitting).seconds <= budget_s, fewest, most), *fitting)
    return Plan(
        budget_s=budget_s,
        asked=asked,
        chosen=chosen,
        cuts=_cuts(size, chosen, fewest),
        overrides=_overrides(config, chosen),
    )


def _most_trials(config: SearchConfig) -> int:
    if config.search.cost == CostRule.NOMINAL:
        return MOST_TRIALS
    return min(MOST_TRIALS, len(space_of(config)))


def _largest(fits: Callable[[int], bool], low: int, high: int) -> int:
    """Return the largest number that fits, between one that does and one that may."""
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if fits(middle) else (low, middle - 1)
    return low


def _cuts(size: Callable[[int, int, int], Size], chosen: Size, fewest: int) -> tuple[Size, ...]:
    cuts = []
    if chosen.trials > fewest:
        cuts.append(size(fewest, chosen.seeds, chosen.epochs))
    if chosen.seeds > 1:
        cuts.append(size(fewest, chosen.seeds - 1, chosen.epochs))
    if chosen.epochs > 1:
        cuts.append(size(fewest, 1, chosen.epochs - 1))
    return tuple(cuts)


def _overrides(config: SearchConfig, chosen: Size) -> tuple[str, ...]:
    seeds = list(config.search.seeds[: chosen.seeds])
    return (
        *(() if config.search.sampler.queues else (f"search.trials={chosen.trials}",)),
        f"search.seeds={json.dumps(seeds)}",
        f"recipe.epochs={chosen.epochs}",
    )


def document_of(plan: Plan, calibration: Calibration, config: SearchConfig) -> dict[str, Any]:
    """Return a plan as plain data: what `run_search.py run --plan` reads, and how it came about."""

    def plain(size: Size) -> dict[str, float]:
        figures = {"trials": size.trials, "seeds": size.seeds, "epochs": size.epochs}
        return {**figures, "seconds": round(size.seconds, 1)}

    return {
        "experiment": config.name,
        "budget_s": plan.budget_s,
        "overrides": list(plan.overrides),
        "chosen": plain(plan.chosen),
        "asked": plain(plan.asked),
        "cuts": [plain(cut) for cut in plan.cuts],
        "calibration": {
            "workers": calibration.workers,
            "startup_s": round(calibration.startup_s, 2),
            "between_s": round(calibration.between_s, 3),
            "fixed_s": {name: round(value, 3) for name, value in calibration.fixed_s.items()},
            "epoch_s": {name: round(value, 3) for name, value in calibration.epoch_s.items()},
        },
    }


def read_overrides(path: Path) -> tuple[str, ...]:
    """Return the settings of a plan that `plan --output` wrote.

    Raises:
        ConfigError: the file is missing or is no plan.
    """
    try:
        found = json.loads(path.read_text(encoding="utf-8"))["overrides"]
        return tuple(str(one) for one in found)
    except OSError as error:
        raise ConfigError(f"cannot read the plan {path}: {error.strerror}") from None
    except (ValueError, KeyError, TypeError):
        raise ConfigError(f"{path} is no plan: run_search.py plan --output writes one") from None
