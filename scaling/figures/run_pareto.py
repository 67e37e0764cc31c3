"""The Pareto front of a run: accuracy against parameters and multiply-adds, with intervals."""

from __future__ import annotations

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from scaling.analysis.pareto import not_ruled_out, pareto_front
from scaling.drawings.palette import BLUE
from scaling.figures.marks import BAR, OWN_ACCURACY, legend_outside, mark, nothing_yet
from scaling.figures.run_accuracy import cost_label, scale_of
from scaling.figures.run_data import RunData
from scaling.figures.run_trials import trials_with_intervals

COSTS = ("params", "macs")


def run_pareto_frame(trials: pd.DataFrame) -> pd.DataFrame:
    """Return one row a network and cost: its mean with the pooled interval, and whether it is on the front.

    `on_front` goes by the means; `possible` also holds networks that the noise does not rule out (no cheaper
    network's interval lies wholly above theirs). Accuracies are fractions.

    Args:
        trials: the table of trials.
    """
    points = trials_with_intervals(trials)
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
    """Draw the fronts, one panel a cost.

    Args:
        frame: from `run_pareto_frame`.
        params_ax: the first panel, which carries the title.
        macs_ax: the second.
        run: gives the title.
    """
    params_ax.set_title(f"{run.title} · own runs")
    for cost, ax in zip(COSTS, (params_ax, macs_ax), strict=True):
        _draw_front(frame[frame["cost"] == cost], ax, cost)
    if len(frame):
        handles = [
            Line2D([], [], color=BLUE, linewidth=1.2, label="front of the means"),
            mark("on the front", "o", BLUE, "white"),
            mark("not ruled out by noise", "o", "white", BLUE),
            mark("beaten", "o", "white", BAR),
        ]
        if frame["top1_low"].notna().any():
            handles.append(mark("95 % t-interval, pooled noise", "|", BAR, BAR, size=8.0))
        legend_outside(params_ax, handles)


def _draw_front(part: pd.DataFrame, ax: Axes, cost: str) -> None:
    divisor, unit = scale_of(part["amount"])
    ax.set_xlabel(cost_label(cost, unit))
    ax.set_ylabel(OWN_ACCURACY)
    if part.empty:
        nothing_yet(ax)
        return
    x, y = part["amount"] / divisor, 100 * part["top1_mean"]
    spread = part["top1_low"].notna()
    ax.vlines(
        x[spread],
        100 * part["top1_low"][spread],
        100 * part["top1_high"][spread],
        color=BAR,
        linewidth=0.6,
        zorder=2,
    )
    front = part["on_front"]
    ax.step(x[front], y[front], where="post", color=BLUE, linewidth=1.2, zorder=3)
    for rows, face, edge in (
        (~front & ~part["possible"], "white", BAR),
        (~front & part["possible"], "white", BLUE),
        (front, BLUE, "white"),
    ):
        ax.scatter(x[rows], y[rows], s=24, facecolor=face, edgecolor=edge, linewidth=0.8, zorder=4)


def pareto_words(frame: pd.DataFrame) -> str:
    """Say which networks are on each front."""
    if frame.empty:
        return "No complete trial yet."
    said = []
    for cost, name in (("params", "parameters"), ("macs", "multiply-adds")):
        part = frame[(frame["cost"] == cost) & frame["on_front"]]
        points = ", ".join(
            f"{100 * row['top1_mean']:.1f} % at {row['amount']:,.0f}" for _, row in part.iterrows()
        )
        said.append(f"Front against {name}: {points}.")
    return " ".join(said)
