"""Searches replayed on a table of which every accuracy is known: what a sampler would have found."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from scaling.analysis.surface.design import Seen
from scaling.errors import ConfigError, ResultsError
from scaling.plans.search.asking import Asker
from scaling.plans.search.candidates import enumerated, of_square
from scaling.plans.search.config import SearchConfig
from scaling.plans.search.history import Fate
from scaling.plans.search.samplers import Sampler
from scaling.plans.search.search_table import SearchTable
from scaling.plans.search.trial import TrialState

Float = NDArray[np.float64]
Lookup = Callable[[float, float], int]
"""From a point (s, v) of the unit square to a network of the table, -1 where it is none of them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AccuracyTable:
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
    """Networks that one search would have trained, in order, and the proposals that each of them took."""

    found: tuple[int, ...]
    proposals: tuple[int, ...]


def table_of(config: SearchConfig, trials: pd.DataFrame) -> AccuracyTable:
    """Return the table of an exhaustive run, without networks on target that lack a seed.

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
    place = {key: number for number, key in enumerate(keys)}
    return AccuracyTable(
        keys=keys,
        top1=wide.to_numpy(np.float64),
        network_at=cache(lambda s, v: place.get(of_square(config, s, v).key, -1)),
        grid=_grid(config, place),
        startup_trials=config.search.startup_trials,
    )


def _grid(config: SearchConfig, place: Mapping[str, int]) -> tuple[int, ...]:
    document = config.document()
    document["search"] |= {"sampler": "grid", "pruner": "none"}
    listed = enumerated(SearchConfig.model_validate(document)) or ()
    return tuple(place[one.key] for one in listed if one.problem is None and one.key in place)


def replay(table: AccuracyTable, sampler: Sampler, *, budget: int, seed: int, observed: Float) -> Replay:
    """Return the networks that a search of one worker would train: it asks as a search does, and looks up.

    A network that a reference has too is one like any other here; a search would have it for nothing.

    Args:
        table: of every network.
        sampler: which; `exhaustive` and `grid` take theirs in an order drawn from the seed.
        budget: networks to train, at most; proposing ends with it, or where the space counts as exhausted.
        seed: of the search.
        observed: float64 (N,), what the sampler learns from.
    """
    if sampler == Sampler.SURFACE:
        raise ConfigError(
            "sampler surface trains at several costs; a table of networks at one cannot judge it"
        )
    if sampler.queues:
        own = range(len(table)) if sampler == Sampler.EXHAUSTIVE else table.grid
        order = np.random.default_rng(seed).permutation(list(own))[:budget]
        return Replay(found=tuple(int(network) for network in order), proposals=(1,) * len(order))
    found, proposals = list[int](), list[int]()
    search = SearchTable(trials=0, sampler=sampler, seed=seed, startup_trials=table.startup_trials)
    asker = Asker(search, name="replay", epochs=1)
    while len(found) < budget and not asker.exhausted:
        point = asker.ask(_nothing)
        network, tries = table.network_at(point.s, point.v), asker.dropped + 1
        if network < 0 or network in found:
            asker.note(point, Fate.INFEASIBLE if network < 0 else Fate.DUPLICATE)
            continue
        found.append(network)
        proposals.append(tries)
        number = asker.note(point, Fate.ACCEPTED)
        asker.tell(number, TrialState.COMPLETE, [float(observed[network])])
    return Replay(found=tuple(found), proposals=tuple(proposals))


def _nothing() -> Seen:
    raise AssertionError("only the sampler surface looks")


def chosen_networks(found: Sequence[int], observed: Float) -> NDArray[np.int64]:
    """Return after each trained network which one leads by what was observed, the earlier of equals.

    >>> chosen_networks([2, 0, 1], np.array([0.8, 0.7, 0.75])).tolist()
    [2, 0, 0]
    """
    order = np.array(found, np.int64)
    seen = observed[order]
    leads = np.append(True, seen[1:] > np.maximum.accumulate(seen)[:-1])
    chosen: NDArray[np.int64] = order[np.maximum.accumulate(np.where(leads, np.arange(len(order)), 0))]
    return chosen


def observations(table: AccuracyTable, *, seed: int, seeds: int | None) -> Float:
    """Return what one search sees of each network: its mean, or that of some seeds drawn with replacement."""
    if seeds is None:
        means: Float = table.top1.mean(1)
        return means
    random = np.random.default_rng(seed)
    drawn = random.integers(0, table.top1.shape[1], (len(table), seeds))
    seen: Float = np.take_along_axis(table.top1, drawn, axis=1).mean(1)
    return seen
