"""Nothing mixes trainings at different learning rates, whatever reads a study's table."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from scaling.analysis.law_networks import sources_of
from scaling.analysis.noise import noise_floor
from scaling.figures.own_baselines import OwnRun, own_baselines_frame
from scaling.report.record import read_record
from scaling.runs.trials_table import at_own_rate, read_trials

STUDY = Path(__file__).parents[3] / "results" / "studies" / "dimensions-quick-glyphs"


@pytest.fixture(scope="module")
def trials() -> pd.DataFrame:
    table = read_trials(STUDY / "trials.csv")
    assert set(table["learning_rate_factor"]) == {0.5, 1.0, 2.0}
    return table


@pytest.fixture(scope="module")
def own(trials: pd.DataFrame) -> pd.DataFrame:
    rows = trials[trials["learning_rate_factor"] == 1]
    assert len(rows) * 3 == len(trials)
    return rows


def test_laws_are_fitted_by_strategy_at_the_recipes_own_rate(trials: pd.DataFrame, own: pd.DataFrame) -> None:
    (source,) = sources_of([trials], cost="macs")
    assert {one.strategy for one in source.networks} == {"baseline", "depth", "width", "resolution"}
    assert len(source.networks) == own["architecture"].nunique()
    assert all(len(one.errors) == 3 for one in source.networks)
    floor = noise_floor(own)
    assert floor is not None
    assert source.noise == floor.standard_deviation


def test_a_report_ranks_and_draws_at_the_recipes_own_rate(own: pd.DataFrame) -> None:
    record = read_record(STUDY)
    best = own.groupby("trial")["top1"].mean().idxmax()
    assert record.ranking()["trial"].iloc[0] == best
    assert len(record.ranking()) == own["trial"].nunique()
    assert record.noise == noise_floor(own)
    assert set(record.chart_data().trials["trial"]) == set(own["trial"])
    assert len(record.trials) == 3 * len(own)  # the table still lists all


def test_a_column_of_own_baselines_shows_the_recipes_own_rate(
    trials: pd.DataFrame, own: pd.DataFrame
) -> None:
    whole, alone = (
        own_baselines_frame([OwnRun(baseline="glyphs", title="t", trials=one)]) for one in (trials, own)
    )
    pd.testing.assert_frame_equal(whole, alone)


def test_a_search_has_no_such_column_and_stays_whole(own: pd.DataFrame) -> None:
    search = own.drop(columns="learning_rate_factor")
    assert at_own_rate(search) is search
