"""Replayed searches on a small table made up for the purpose."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from made_up_search import MadeUpSearch
from search_runs import configuration

from scaling.errors import ResultsError
from scaling.plans.networks import network_columns
from scaling.plans.search.candidates import enumerated
from scaling.plans.search.replay import (
    AccuracyTable,
    Float,
    chosen_networks,
    observations,
    replay,
    table_of,
)
from scaling.plans.search.sampler_regret import regret_curves
from scaling.plans.search.samplers import Sampler
from scaling.plans.search.trial import SearchTrial

CONFIG = configuration(
    search={"sampler": "exhaustive", "largest_image_size": 18, "seeds": [0, 1], "grid_step": 0.1}
)


def trials(**changes: Any) -> pd.DataFrame:
    rows = []
    for number, network in enumerate(enumerated(CONFIG) or ()):
        row = network_columns(network, CONFIG.baseline_spec, CONFIG.target)
        top1 = 0.8 - (row["realised_depth_share"] - 0.4) ** 2
        rows += [
            {**row, "trial": number, "seed": seed, "state": "complete", "top1": top1 + seed / 100, **changes}
            for seed in (0, 1)
        ]
    return pd.DataFrame(rows)


@pytest.fixture(scope="module")
def table() -> AccuracyTable:
    return table_of(CONFIG, trials())


def searched(table: AccuracyTable, sampler: Sampler, *, budget: int, seed: int, observed: Float) -> list[int]:
    """The networks that a search of one worker trains."""
    config = configuration(
        search={"trials": budget, "sampler": str(sampler), "seed": seed, "largest_image_size": 18}
    )

    def accuracy(trial: SearchTrial, _seed: int) -> list[float]:
        key = trial.network.key
        return [float(observed[table.keys.index(key)])] if key in table.keys else [0.0]

    search = MadeUpSearch(config, accuracy)
    search.plan.known.clear()  # here a reference is a network like any other
    return [table.keys.index(trial.network.key) for trial in search.run().proposed()]


def test_the_table_holds_every_network_and_the_square_points_to_them(table: AccuracyTable) -> None:
    assert len(table) == len(enumerated(CONFIG) or ()) > 5
    assert table.top1.shape == (len(table), 2)
    assert {table.network_at(s, v) for s in (0.2, 0.8) for v in (0.2, 0.8)} <= set(range(-1, len(table)))
    assert set(table.grid) <= set(range(len(table)))
    assert len(table.grid) > 2
    assert table.winner == int(np.argmax(table.top1.sum(1)))


@pytest.mark.parametrize("sampler", [name for name in Sampler if not name.queues and name != Sampler.SURFACE])
def test_a_replay_trains_what_a_search_would(table: AccuracyTable, sampler: Sampler) -> None:
    observed = observations(table, seed=0, seeds=1)
    budget, seeds = (3, (3,)) if sampler == Sampler.GP else (5, (3, 4))  # GP takes seconds
    for seed in seeds:
        found = replay(table, sampler, budget=budget, seed=seed, observed=observed).found
        assert list(found) == searched(table, sampler, budget=budget, seed=seed, observed=observed)
        assert len(found) == len(set(found)) == budget


@pytest.mark.parametrize("sampler", [Sampler.RANDOM, Sampler.GRID, Sampler.EXHAUSTIVE])
def test_a_shorter_search_is_the_start_of_a_longer_one(table: AccuracyTable, sampler: Sampler) -> None:
    observed = observations(table, seed=0, seeds=None)
    shorter, longer = (replay(table, sampler, budget=n, seed=3, observed=observed) for n in (2, 4))
    assert longer.found[:2] == shorter.found
    assert longer.proposals[:2] == shorter.proposals
    assert min(longer.proposals) >= 1


def test_the_first_of_equals_leads() -> None:
    assert chosen_networks([0, 1, 2, 3], np.array([0.5, 0.7, 0.7, 0.6])).tolist() == [0, 1, 1, 1]


def test_regret_ends_at_zero_where_everything_was_trained(table: AccuracyTable) -> None:
    observed = observations(table, seed=0, seeds=None)
    found = replay(table, Sampler.EXHAUSTIVE, budget=len(table), seed=0, observed=observed).found
    (curve,) = regret_curves(table, Sampler.EXHAUSTIVE, repetitions=1, seeds=None, most=len(table)).regret
    assert sorted(found) == list(range(len(table)))
    assert (np.diff(curve) <= 1e-12).all()
    assert curve[-1] == 0
    first = table.top1.mean(1)
    assert curve[0] == pytest.approx(first.max() - first[found[0]])


def test_what_one_seed_shows_can_choose_the_wrong_network(table: AccuracyTable) -> None:
    observed = np.zeros(len(table))
    worst = int(np.argmin(table.top1.mean(1)))
    observed[worst] = 1.0
    assert chosen_networks(list(range(len(table))), observed)[-1] == worst != table.winner
    seen = observations(table, seed=1, seeds=1)
    assert set(np.round(seen - table.top1[:, 0], 12)) == {0.0, 0.01}


def test_a_table_without_complete_networks_is_refused() -> None:
    with pytest.raises(ResultsError, match="is it exhaustive"):
        table_of(CONFIG, trials(state="failed"))
