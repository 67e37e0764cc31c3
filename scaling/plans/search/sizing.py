"""How much search fits into a number of hours: what trainings take here, then as much as fills the time."""

from __future__ import annotations

import heapq
import json
import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scaling.atomic_write import LARGEST_DOCUMENT, json_of, read_regular
from scaling.errors import ConfigError
from scaling.plans.networks import BASELINE
from scaling.plans.search.candidates import enumerated, references, space_of
from scaling.plans.search.config import SearchConfig
from scaling.plans.search.samplers import Sampler
from scaling.plans.search.search_table import CostRule
from scaling.plans.search.speed import SpeedMeasure

STAR_TRIALS = 13
"""What the star lacks beside two seeds of the references: with fewer a surface is hardly known."""
FEWEST_TRIALS = 4
"""Proposals below which a search is no search; seeds and epochs are cut before."""
MOST_TRIALS = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchSize:
    """How large a search is, and the seconds that it is predicted to take."""

    trials: int
    seeds: int
    epochs: int
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class SizedSearch:
    """A search that fits.

    Args:
        budget_s: seconds that were given.
        asked: the experiment as its file says.
        chosen: what fits.
        cuts: what would be cut next, were there less time: each is one step smaller, in this order.
        overrides: settings that make the experiment the chosen one, as `--set` takes them.
    """

    budget_s: float
    asked: SearchSize
    chosen: SearchSize
    cuts: tuple[SearchSize, ...]
    overrides: tuple[str, ...]


def seconds_of(hours: float) -> float:
    """Return hours in seconds.

    Raises:
        ConfigError: they are no finite number above 0.

    >>> seconds_of(0.5)
    1800.0
    """
    if not (math.isfinite(hours) and hours > 0):
        raise ConfigError(f"--hours must be a finite number above 0, got {hours}")
    return 3600 * hours


def predicted_s(config: SearchConfig, speed: SpeedMeasure, *, trials: int, seeds: int, epochs: int) -> float:
    """Return the seconds from the launch to the last record, workers taking trainings as they become free.

    Pruning is not foreseen. Confirmations begin when everything else has ended. Charts and report come after.
    """
    search = config.search
    feasible = [network.name for network in references(config) if network.problem is None]
    chosen: list[str | None] = [
        name for name in feasible for _ in range(len(search.baseline_seeds) if name == BASELINE else seeds)
    ]
    each = 1 if search.sampler == Sampler.SURFACE else seeds
    chosen += [None] * (trials * each)
    fresh: list[str | None] = [None] * (min(search.confirm, trials) * len(search.confirm_seeds))
    end = speed.startup_s
    for trainings in (chosen, fresh):
        free = [end] * speed.workers
        for name in trainings:
            heapq.heapreplace(free, free[0] + speed.between_s + speed.training_s(name, epochs))
        end = max(free)
    return end


def plan_for(config: SearchConfig, speed: SpeedMeasure, budget_s: float) -> SizedSearch:
    """Fill a number of seconds: as many trials as fit; where too few do, fewer seeds, then fewer epochs.

    The experiment's own seeds and epochs are the most that are planned.

    Raises:
        ConfigError: not even the smallest search fits.
    """

    def size(trials: int, seeds: int, epochs: int) -> SearchSize:
        seconds = predicted_s(config, speed, trials=trials, seeds=seeds, epochs=epochs)
        return SearchSize(trials=trials, seeds=seeds, epochs=epochs, seconds=seconds)

    listed = enumerated(config) if config.search.sampler.queues else None
    least = STAR_TRIALS if config.search.sampler == Sampler.SURFACE else FEWEST_TRIALS
    fewest, most = (len(listed),) * 2 if listed is not None else (least, _most_trials(config))
    fewest = min(fewest, most)
    whole = (len(config.search.seeds), config.setup.recipe.epochs)
    asked = size(len(listed) if listed is not None else config.search.trials, *whole)
    steps = [(seeds, whole[1]) for seeds in range(whole[0], 0, -1)]
    steps += [(1, epochs) for epochs in range(whole[1] - 1, 0, -1)]
    fitting = next((step for step in steps if size(fewest, *step).seconds <= budget_s), None)
    if fitting is None:
        smallest = size(fewest, *steps[-1])
        raise ConfigError(
            f"{budget_s / 60:.1f} minutes are too few: {fewest} trials of one seed and one epoch, beside the "
            f"references, take {smallest.seconds / 60:.1f}; use fewer images, or smaller ones"
        )
    chosen = size(_largest(lambda trials: size(trials, *fitting).seconds <= budget_s, fewest, most), *fitting)
    return SizedSearch(
        budget_s=budget_s,
        asked=asked,
        chosen=chosen,
        cuts=_cuts(size, chosen, fewest),
        overrides=_overrides(config, chosen),
    )


def _most_trials(config: SearchConfig) -> int:
    if config.search.cost == CostRule.NOMINAL or config.search.sampler == Sampler.SURFACE:
        return MOST_TRIALS
    return min(MOST_TRIALS, len(space_of(config)))


def _largest(fits: Callable[[int], bool], low: int, high: int) -> int:
    """Return the largest number that fits, between one that does and one that may."""
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if fits(middle) else (low, middle - 1)
    return low


def _cuts(
    size: Callable[[int, int, int], SearchSize], chosen: SearchSize, fewest: int
) -> tuple[SearchSize, ...]:
    cuts = []
    if chosen.trials > fewest:
        cuts.append(size(fewest, chosen.seeds, chosen.epochs))
    if chosen.seeds > 1:
        cuts.append(size(fewest, chosen.seeds - 1, chosen.epochs))
    if chosen.epochs > 1:
        cuts.append(size(fewest, 1, chosen.epochs - 1))
    return tuple(cuts)


def _overrides(config: SearchConfig, chosen: SearchSize) -> tuple[str, ...]:
    seeds = list(config.search.seeds[: chosen.seeds])
    return (
        *(() if config.search.sampler.queues else (f"search.trials={chosen.trials}",)),
        f"search.seeds={json.dumps(seeds)}",
        f"recipe.epochs={chosen.epochs}",
    )


def document_of(sized: SizedSearch, speed: SpeedMeasure, config: SearchConfig) -> dict[str, Any]:
    """Return a plan as plain data: what `run_search.py run --plan` reads, and how it came about."""

    def plain(size: SearchSize) -> dict[str, float]:
        figures = {"trials": size.trials, "seeds": size.seeds, "epochs": size.epochs}
        return {**figures, "seconds": round(size.seconds, 1)}

    return {
        "experiment": config.name,
        "budget_s": sized.budget_s,
        "overrides": list(sized.overrides),
        "chosen": plain(sized.chosen),
        "asked": plain(sized.asked),
        "cuts": [plain(cut) for cut in sized.cuts],
        "speed": {
            "workers": speed.workers,
            "startup_s": round(speed.startup_s, 2),
            "between_s": round(speed.between_s, 3),
            "fixed_s": {name: round(value, 3) for name, value in speed.fixed_s.items()},
            "epoch_s": {name: round(value, 3) for name, value in speed.epoch_s.items()},
        },
    }


def read_overrides(path: Path) -> tuple[str, ...]:
    """Return the settings of a plan that `plan --output` wrote.

    Raises:
        ConfigError: the file is missing or is no plan.
    """
    try:
        found = json_of(read_regular(path, LARGEST_DOCUMENT))["overrides"]
        return tuple(str(one) for one in found)
    except OSError as error:
        raise ConfigError(f"cannot read the plan {path}: {error.strerror}") from None
    except (ValueError, KeyError, TypeError):
        raise ConfigError(f"{path} is no plan: run_search.py plan --output writes one") from None
