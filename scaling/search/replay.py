"""Searches replayed on a table of which every accuracy is known: what a sampler would have found. Floor 5."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import optuna
import pandas as pd
from numpy.typing import NDArray

from scaling.errors import ResultsError
from scaling.search.candidate import Candidate
from scaling.search.claims import MOST_DROPS, PATIENCE
from scaling.search.config import SearchConfig
from scaling.search.queueing import queue_of
from scaling.search.samplers import DIMENSIONS, Sampler, make_sampler
from scaling.serialization import architecture_key

CELLS = 48
"""Cells of the raster along each side of the square; a point gives the network of its cell's middle."""
Float = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """Every network on target and its accuracy.

    Args:
        keys: architecture keys.
        top1: float64 (N, seeds), fractions.
        raster: int64 (48, 48): the network of each cell of the (s, v) square, -1 where none is on target.
        grid: networks of the paper's grid, in its order.
    """

    keys: tuple[str, ...]
    top1: Float
    raster: NDArray[np.int64]
    grid: tuple[int, ...]

    def __len__(self) -> int:
        """Return the number of networks."""
        return len(self.keys)


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
        raster=_raster(config, keys),
        grid=_grid(config, keys),
    )


def _raster(config: SearchConfig, keys: Sequence[str]) -> NDArray[np.int64]:
    place = {key: number for number, key in enumerate(keys)}
    middles = (np.arange(CELLS) + 0.5) / CELLS
    found = [
        [place.get(architecture_key(Candidate.of_square(config, s, v).spec), -1) for v in middles]
        for s in middles
    ]
    return np.array(found, np.int64)


def _grid(config: SearchConfig, keys: Sequence[str]) -> tuple[int, ...]:
    document = config.document()
    document["search"] |= {"sampler": "grid", "pruner": "none"}
    queue = queue_of(SearchConfig.model_validate(document)) or ()
    found = [architecture_key(candidate.spec) for candidate in queue if candidate.feasible]
    return tuple(keys.index(key) for key in found if key in keys)


def replay(table: Table, sampler: Sampler, *, budget: int, seed: int, observed: Float) -> list[int]:
    """Return the networks that a search would train, in order: as its claims do, without training.

    Args:
        table: of every network.
        sampler: which; `exhaustive` and `grid` take theirs in an order drawn from the seed.
        budget: networks to train, at most.
        seed: of the search.
        observed: float64 (N,), what the sampler is told.
    """
    if sampler.queues:
        own = range(len(table)) if sampler == Sampler.EXHAUSTIVE else table.grid
        order = np.random.default_rng(seed).permutation(list(own))
        return [int(network) for network in order[:budget]]
    study, found, dropped = optuna.create_study(direction="maximize"), list[int](), 0
    proposed = 0
    while len(found) < budget and dropped < MOST_DROPS:
        name = Sampler.RANDOM if dropped >= PATIENCE else sampler
        study.sampler = make_sampler(name, seed=seed, worker=0, proposed=proposed, startup_trials=4)
        trial = study.ask()
        s, v = (trial.suggest_float(dimension, 0.0, 1.0) for dimension in DIMENSIONS)
        network = int(table.raster[min(CELLS - 1, int(s * CELLS)), min(CELLS - 1, int(v * CELLS))])
        proposed += 1
        if network < 0 or network in found:
            study.tell(trial, state=optuna.trial.TrialState.FAIL)
            dropped += 1
            continue
        found.append(network)
        dropped = 0
        study.tell(trial, float(observed[network]))
    return found


def regrets(table: Table, found: Sequence[int], observed: Float) -> Float:
    """Return after each trained network how much worse the choice so far is than the table's winner.

    The choice is the best by what was observed; its regret is by the table's means (fractions).

    Args:
        table: of every network.
        found: networks in the order of training.
        observed: float64 (N,), what the search saw.
    """
    truth = table.top1.mean(1)
    best = np.maximum.accumulate(observed[list(found)])
    chosen = [found[int(np.argmax(observed[list(found[: n + 1])] == best[n]))] for n in range(len(found))]
    regret: Float = truth.max() - truth[chosen]
    return regret


def observations(table: Table, *, seed: int, seeds: int | None) -> Float:
    """Return what one search sees of each network: its mean, or that of some seeds drawn with replacement."""
    if seeds is None:
        means: Float = table.top1.mean(1)
        return means
    random = np.random.default_rng(seed)
    drawn = random.integers(0, table.top1.shape[1], (len(table), seeds))
    seen: Float = np.take_along_axis(table.top1, drawn, axis=1).mean(1)
    return seen


def summary(curves: Sequence[Float], at: int) -> Mapping[str, float]:
    """Return figures of regret over repetitions; the mean with a 95 % bootstrap interval.

    Args:
        curves: regret after each network, one a repetition; a search that ended keeps its last.
        at: networks trained.
    """
    last = np.array([curve[min(at, len(curve)) - 1] for curve in curves])
    random = np.random.default_rng(0)
    means = last[random.integers(0, len(last), (2000, len(last)))].mean(1)
    return {
        "networks": at,
        "median": float(np.median(last)),
        "p90": float(np.quantile(last, 0.9)),
        "mean": float(last.mean()),
        "low": float(np.quantile(means, 0.025)),
        "high": float(np.quantile(means, 0.975)),
        "winner_found": float((last == 0).mean()),
    }
