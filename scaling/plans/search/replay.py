"""Searches replayed on a table of which every accuracy is known: what a sampler would have found."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
import optuna
import pandas as pd
from numpy.typing import NDArray

from scaling.errors import ResultsError
from scaling.network.serialization import architecture_key
from scaling.search.candidate import Candidate
from scaling.search.claims import MOST_DROPS, PATIENCE
from scaling.search.config import SearchConfig
from scaling.search.queueing import queue_of
from scaling.search.samplers import DIMENSIONS, Sampler, make_sampler

Float = NDArray[np.float64]
Lookup = Callable[[float, float], int]
"""From a point (s, v) of the unit square to a network of the table, -1 where it is none of them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """Every network on target and its accuracy.

    Args:
        keys: architecture keys.
        top1: float64 (N, seeds), fractions.
        network_at: the network that a point becomes, by the steps that a search takes; it remembers.
        grid: networks of the paper's grid, in its order.
        startup_trials: random proposals before TPE and GP learn.
    """

    keys: tuple[str, ...]
    top1: Float
    network_at: Lookup
    grid: tuple[int, ...]
    startup_trials: int

    def __len__(self) -> int:
        """Return the number of networks."""
        return len(self.keys)

    @property
    def winner(self) -> int:
        """The network of the highest mean; the mean of few seeds, so some of its lead is luck."""
        return int(np.argmax(self.top1.mean(1)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Replay:
    """What one search would have trained.

    Args:
        found: networks in the order of training.
        proposals: for each of them, how many proposals it took since the one before.
    """

    found: tuple[int, ...]
    proposals: tuple[int, ...]


def table_of(config: SearchConfig, trials: pd.DataFrame) -> Table:
    """Return the table of an exhaustive run.

    Args:
        config: of the run.
        trials: its table of trials; networks on target without every seed are left out.

    Raises:
        ResultsError: fewer than two networks on target are complete.
    """
    complete = trials[trials["state"] == "complete"]
    target = config.target
    near = (complete["achieved_factor"] / target.factor - 1).abs() <= target.tolerance
    usual = complete[near & (complete["kind"] != "confirm") & complete["seed"].isin(config.search.seeds)]
    wide = usual.pivot_table(index="architecture", columns="seed", values="top1").dropna()
    if len(wide) < 2:
        raise ResultsError("the table holds fewer than two complete networks on target: is it exhaustive?")
    keys = tuple(str(key) for key in wide.index)
    return Table(
        keys=keys,
        top1=wide.to_numpy(np.float64),
        network_at=_lookup(config, keys),
        grid=_grid(config, keys),
        startup_trials=config.search.startup_trials,
    )


def _lookup(config: SearchConfig, keys: Sequence[str]) -> Lookup:
    place = {key: number for number, key in enumerate(keys)}

    @cache
    def network_at(s: float, v: float) -> int:
        return place.get(architecture_key(Candidate.of_square(config, s, v).spec), -1)

    return network_at


def _grid(config: SearchConfig, keys: Sequence[str]) -> tuple[int, ...]:
    document = config.document()
    document["search"] |= {"sampler": "grid", "pruner": "none"}
    queue = queue_of(SearchConfig.model_validate(document)) or ()
    found = [architecture_key(candidate.spec) for candidate in queue if candidate.feasible]
    return tuple(keys.index(key) for key in found if key in keys)


def replay(table: Table, sampler: Sampler, *, budget: int, seed: int, observed: Float) -> Replay:
    """Return the networks that a search of one worker would train: as its claims do, without training.

    A network that a reference stands for is one like any other here; a search would have it for nothing.

    Args:
        table: of every network.
        sampler: which; `exhaustive` and `grid` take theirs in an order drawn from the seed.
        budget: networks to train, at most; proposing ends with it, or with `MOST_DROPS` in a row in vain.
        seed: of the search.
        observed: float64 (N,), what the sampler is told.
    """
    if sampler.queues:
        own = range(len(table)) if sampler == Sampler.EXHAUSTIVE else table.grid
        order = np.random.default_rng(seed).permutation(list(own))[:budget]
        return Replay(found=tuple(int(network) for network in order), proposals=(1,) * len(order))
    study, found, proposals, dropped = optuna.create_study(direction="maximize"), list[int](), list[int](), 0
    while len(found) < budget and dropped < MOST_DROPS:
        study.sampler = make_sampler(
            Sampler.RANDOM if dropped >= PATIENCE else sampler,
            seed=seed,
            worker=0,
            proposed=sum(proposals) + dropped,
            startup_trials=table.startup_trials,
        )
        trial = study.ask()
        s, v = (trial.suggest_float(dimension, 0.0, 1.0) for dimension in DIMENSIONS)
        network = table.network_at(s, v)
        if network < 0 or network in found:
            study.tell(trial, state=optuna.trial.TrialState.FAIL)
            dropped += 1
            continue
        found.append(network)
        proposals.append(dropped + 1)
        dropped = 0
        trial.set_constraint("cost", 0.0)  # as its claim does
        study.tell(trial, float(observed[network]))
    return Replay(found=tuple(found), proposals=tuple(proposals))


def chosen_networks(found: Sequence[int], observed: Float) -> NDArray[np.int64]:
    """Return after each trained network which one leads by what was observed, the earlier of equals.

    Args:
        found: networks in the order of training.
        observed: float64 (N,), what the search saw.

    >>> chosen_networks([2, 0, 1], np.array([0.8, 0.7, 0.75])).tolist()
    [2, 0, 0]
    """
    order = np.array(found, np.int64)
    seen = observed[order]
    leads = np.append(True, seen[1:] > np.maximum.accumulate(seen)[:-1])
    chosen: NDArray[np.int64] = order[np.maximum.accumulate(np.where(leads, np.arange(len(order)), 0))]
    return chosen


def observations(table: Table, *, seed: int, seeds: int | None) -> Float:
    """Return what one search sees of each network: its mean, or that of some seeds drawn with replacement.

    Args:
        table: of every network.
        seed: of the draw.
        seeds: how many a network; None for the table's means.
    """
    if seeds is None:
        means: Float = table.top1.mean(1)
        return means
    random = np.random.default_rng(seed)
    drawn = random.integers(0, table.top1.shape[1], (len(table), seeds))
    seen: Float = np.take_along_axis(table.top1, drawn, axis=1).mean(1)
    return seen
