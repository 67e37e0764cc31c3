"""Charts that say nothing about a run are left out of its folder and its report."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from scaling.figures import RUN_CHARTS, RunData
from scaling.figures.left_out import left_out
from scaling.library.searching import load_search
from scaling.plans.search.search_table import SearchTable
from scaling.report import read_record

RECORD = read_record(Path(__file__).parents[3] / "results" / "quick")
QUICK = RECORD.chart_data()


def without(run: RunData) -> set[str]:
    return set(left_out(run, RUN_CHARTS))


def changed(**search: Any) -> RunData:
    assert QUICK.search is not None
    table = SearchTable.model_validate({**QUICK.search.model_dump(), "sampler": "tpe", **search})
    return replace(QUICK, search=table)


def at_costs(count: int) -> pd.DataFrame:
    """The run's networks, at so many costs that lie far apart."""
    step = QUICK.trials["trial"] % count
    return QUICK.trials.assign(macs=(QUICK.trials["macs"].min() * 2**step).astype("Int64"))


def test_a_search_shows_its_surface_and_not_what_that_replaces() -> None:
    assert without(QUICK) == {"run_triangle", "run_cost", "run_pareto", "run_methods"}
    assert {"run_gains", "run_surface"} <= without(replace(QUICK, surface=None))
    assert "run_triangle" not in without(replace(QUICK, surface=None))


def test_charts_of_a_run_have_its_surface() -> None:
    gains, contrasts = load_search(RECORD.folder).figure("run_gains").axes
    assert [len(ax.get_yticklabels()) for ax in (gains, contrasts)] == [3, 3]
    assert all(len(ax.lines) > 3 for ax in (gains, contrasts))


def test_nominal_cost_is_shown_where_networks_were_left_at_it() -> None:
    assert "run_cost" not in without(changed(cost="nominal"))
    assert "run_cost" not in without(replace(QUICK, search=None))  # nobody knows


@pytest.mark.parametrize("costs", [3, 4])
def test_a_front_takes_four_costs_or_several_objectives(costs: int) -> None:
    assert ("run_pareto" in without(replace(QUICK, trials=at_costs(costs)))) == (costs < 4)
    assert "run_pareto" not in without(changed(objectives=("top1", "params")))


def test_lines_take_three_points() -> None:
    lines = {"run_methods", "run_dimensions", "run_widths"}
    ends = QUICK.trials[~QUICK.trials["achieved_factor"].between(1.5, 3)]  # the baseline and the target
    assert without(replace(QUICK, trials=ends)) >= lines
    longer = QUICK.trials.assign(kind="reference", name="depth")
    assert "run_methods" not in without(replace(QUICK, trials=longer))
