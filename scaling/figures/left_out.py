"""Which charts say nothing about a run, and why: they are left out of its folder and its report."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import pandas as pd

from scaling.figures.chart import RunChart
from scaling.figures.run_data import RunData
from scaling.figures.run_trials import trials_with_intervals
from scaling.plans.search.search_table import CostRule

LEAST_POINTS = 3
"""Of a line, below which it has no shape."""
LEAST_COSTS = 4
"""Of networks, below which a Pareto front is a list."""
SAME_COST = 0.1
"""Networks whose multiply-adds differ by no more than this share are at one cost."""


def left_out(run: RunData, charts: Mapping[str, RunChart]) -> dict[str, str]:
    """Return the charts that say nothing about a run, each with the reason."""
    reasons = {name: chart.left_out(run) for name, chart in charts.items()}
    return {name: reason for name, reason in reasons.items() if reason}


def without_surface(run: RunData) -> str:
    """Leave a chart of the surface out where there is none."""
    return "no surface can be fitted yet" if run.surface is None else ""


def with_surface(run: RunData) -> str:
    """Leave a chart out where the surface says more."""
    return "" if run.surface is None else "run_surface says more"


def at_achieved_cost(run: RunData) -> str:
    """Leave nominal cost out of a search whose networks were brought on target."""
    achieved = run.search is not None and run.search.cost == CostRule.ACHIEVED
    return "networks were brought on target" if achieved else ""


def at_few_costs(run: RunData) -> str:
    """Leave out a Pareto front of one objective over few costs."""
    if run.search is not None and len(run.search.objectives) > 1:
        return ""
    macs = trials_with_intervals(run.trials)["macs"].dropna().astype("float64").sort_values()
    costs = 1 + int((np.diff(np.log(macs)) > np.log1p(SAME_COST)).sum()) if len(macs) else 0
    return "" if costs >= LEAST_COSTS else f"networks have fewer than {LEAST_COSTS} costs"


def short_lines(
    frame: Callable[[pd.DataFrame], pd.DataFrame], by: list[str], x: str, *, begun: int = 0
) -> Callable[[RunData], str]:
    """Return a rule that leaves a chart of lines out where none has three points.

    Args:
        frame: makes the chart's data from the table of trials.
        by: columns that tell lines apart.
        x: column along a line.
        begun: points that every line has beside its own rows.
    """

    def reason(run: RunData) -> str:
        points = frame(run.trials).groupby(by)[x].nunique()
        long = bool((points + begun >= LEAST_POINTS).any())
        return "" if long else f"no line has {LEAST_POINTS} points"

    return reason
