"""Replayed searches on a small table made up for the purpose."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from search_runs import configuration

from scaling.errors import ResultsError
from scaling.search.queueing import queue_of
from scaling.search.replay import CELLS, Table, observations, regrets, replay, summary, table_of
from scaling.search.samplers import Sampler

CONFIG = configuration(
    search={"sampler": "exhaustive", "largest_image_size": 18, "seeds": [0, 1], "grid_step": 0.1}
)


def trials(**changes: Any) -> pd.DataFrame:
    rows = []
    for number, candidate in enumerate(queue_of(CONFIG) or ()):
        row = candidate.row(CONFIG)
        top1 = 0.8 - (row["realised_depth_share"] - 0.4) ** 2
        rows += [
            {**row, "trial": number, "seed": seed, "state": "complete", "top1": top1 + seed / 100, **changes}
            for seed in (0, 1)
        ]
    return pd.DataFrame(rows)


@pytest.fixture(scope="module")
def table() -> Table:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("scaling.search.replay.CELLS", 12)
        return table_of(CONFIG, trials())


def test_the_table_holds_every_network_and_the_squares_point_to_them(table: Table) -> None:
    assert len(table) == len(queue_of(CONFIG) or ()) > 5
    assert table.top1.shape == (len(table), 2)
    assert table.raster.max() < len(table)
    assert set(table.grid) <= set(range(len(table)))
    assert len(table.grid) > 2
    assert CELLS == 48


@pytest.mark.parametrize("sampler", [name for name in Sampler if name != Sampler.GP])
def test_replays_train_each_network_once_and_repeat(
    table: Table, sampler: Sampler, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("scaling.search.replay.CELLS", 12)
    observed = observations(table, seed=0, seeds=None)
    found = replay(table, sampler, budget=4, seed=3, observed=observed)
    assert len(found) == len(set(found)) <= 4
    assert replay(table, sampler, budget=4, seed=3, observed=observed) == found


def test_regret_ends_at_zero_where_everything_was_trained(table: Table) -> None:
    observed = observations(table, seed=0, seeds=None)
    found = replay(table, Sampler.EXHAUSTIVE, budget=len(table), seed=0, observed=observed)
    curve = regrets(table, found, observed)
    assert sorted(found) == list(range(len(table)))
    assert (np.diff(curve) <= 1e-12).all()
    assert curve[-1] == 0
    first = table.top1.mean(1)
    assert curve[0] == pytest.approx(first.max() - first[found[0]])


def test_what_one_seed_shows_can_choose_the_wrong_network(table: Table) -> None:
    observed = np.zeros(len(table))
    worst = int(np.argmin(table.top1.mean(1)))
    observed[worst] = 1.0
    curve = regrets(table, list(range(len(table))), observed)
    assert curve[-1] == pytest.approx(np.ptp(table.top1.mean(1)))
    seen = observations(table, seed=1, seeds=1)
    assert set(np.round(seen - table.top1[:, 0], 12)) == {0.0, 0.01}


def test_figures_of_repetitions() -> None:
    curves = [np.array([0.3, 0.1]), np.array([0.2]), np.array([0.0, 0.0])]
    found = summary(curves, 2)
    assert found["mean"] == pytest.approx(0.1)
    assert found["winner_found"] == pytest.approx(1 / 3)
    assert found["low"] <= found["mean"] <= found["high"]


def test_a_table_without_complete_networks_is_refused() -> None:
    with pytest.raises(ResultsError, match="is it exhaustive"):
        table_of(CONFIG, trials(state="failed"))
