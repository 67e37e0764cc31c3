"""The Pareto front of a run: accuracy against parameters and multiply-adds, with intervals."""

from __future__ import annotations

import pandas as pd
from matplotlib.artist import Artist
from matplotlib.axes import Axes

from scaling.analysis.pareto import not_ruled_out, pareto_front
from scaling.drawings.palette import BLUE
from scaling.figures.axes import accuracy_axes
from scaling.figures.chart import Layout, RunChart
from scaling.figures.left_out import at_few_costs
from scaling.figures.marks import (
    BAR,
    draw_groups,
    draw_intervals,
    in_percent,
    interval_mark,
    legend_outside,
    nothing_yet,
    stroke,
)
from scaling.figures.run_data import RunData
from scaling.figures.run_trials import reached, trials_with_intervals

COSTS = {"params": "parameters", "macs": "multiply-adds"}


def run_pareto_frame(run: RunData) -> pd.DataFrame:
    """Return one row a network and cost: its mean with the pooled interval, and whether it is on the front.

    `on_front` goes by the means; `possible` also holds networks that the noise does not rule out (no cheaper
    network's interval lies wholly above theirs). Accuracies are fractions.
    """
    points = trials_with_intervals(run.trials)
    parts = []
    for cost in COSTS:
        part = points[["trial", "kind", "label", "top1_mean", "top1_low", "top1_high", "seeds"]].assign(
            cost=cost, amount=points[cost].astype("float64")
        )
        front = pareto_front(part.rename(columns={"top1_mean": "top1"}), costs=["amount"])
        part["on_front"] = part["trial"].isin(front["trial"])
        part["possible"] = not_ruled_out(part["amount"], part["top1_low"], part["top1_high"])
        parts.append(part.sort_values("amount", kind="stable"))
    return pd.concat(parts, ignore_index=True)


def draw_run_pareto(frame: pd.DataFrame, params_ax: Axes, macs_ax: Axes, *, run: RunData) -> None:
    """Draw the fronts, one panel a cost."""
    handles: dict[str, Artist] = {}
    for cost, ax in zip(COSTS, (params_ax, macs_ax), strict=True):
        drawn = _draw_front(frame[frame["cost"] == cost], ax, cost, run)
        handles |= {str(one.get_label()): one for one in drawn}
    macs_ax.set_title("")
    legend_outside(params_ax, list(handles.values()))


def _draw_front(part: pd.DataFrame, ax: Axes, cost: str, run: RunData) -> list[Artist]:
    divisor = accuracy_axes(ax, run, cost, part["amount"])
    if part.empty:
        nothing_yet(ax)
        return []
    points = in_percent(part).assign(x=part["amount"] / divisor, y=100 * part["top1_mean"])
    draw_intervals(ax, points)
    front, possible = points["on_front"], points["possible"]
    ax.step(points.loc[front, "x"], points.loc[front, "y"], where="post", color=BLUE, linewidth=1.2, zorder=3)
    groups = (
        ("beaten", ~front & ~possible, "o", "white", BAR),
        ("not ruled out by noise", ~front & possible, "o", "white", BLUE),
        ("on the front", front, "o", BLUE, "white"),
    )
    drawn = draw_groups(ax, points, groups, area=24, order=4)
    return [stroke("front of the means", BLUE, linewidth=1.2), *reversed(drawn), *interval_mark(points)]


def pareto_words(frame: pd.DataFrame) -> str:
    """Say which networks are on each front."""
    if frame.empty:
        return "No complete trial yet."
    said = []
    for cost, name in COSTS.items():
        front = frame[(frame["cost"] == cost) & frame["on_front"]]
        said.append(f"Front against {name}: {reached(front, '{amount:,.0f}')}.")
    return " ".join(said)


RUN_PARETO = RunChart(
    frame=run_pareto_frame,
    draw=draw_run_pareto,
    caption=(
        "Pareto fronts: networks that no other beats in cost and mean accuracy, and those that the noise "
        "does not rule out."
    ),
    words=pareto_words,
    left_out=at_few_costs,
    layout=Layout(double=3.0, single=5.6, panels=2),
)
