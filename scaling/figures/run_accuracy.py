"""Cost against accuracy for one run of ours: trials, seeds, intervals, noise floor, labels."""

from __future__ import annotations

from functools import partial
from typing import Any, Literal

import numpy as np
import pandas as pd
from matplotlib.artist import Artist
from matplotlib.axes import Axes

from scaling.drawings.palette import BLUE, GREEN, GREY, INK, ORANGE, VERMILION
from scaling.figures.axes import accuracy_axes
from scaling.figures.chart import Layout, RunChart
from scaling.figures.labels import boxes_around, place_labels
from scaling.figures.marks import (
    BAR,
    METHOD_STYLES,
    NOISE_BAND,
    SEED_GREY,
    in_percent,
    interval_mark,
    legend_outside,
    mark,
    noise_patch,
    nothing_yet,
)
from scaling.figures.run_data import RunData
from scaling.figures.run_trials import run_frame

RunCost = Literal["params", "macs"]
LEAST_RANGE = 2.0
"""Percentage points on the axis at least, so that a first trial is not shown under a microscope."""
# One shape a dimension, for references and search trials alike; colour repeats it.
DIRECTION_STYLES: dict[str, tuple[str, str]] = {
    "depth": (BLUE, "^"),
    "width": (GREEN, "s"),
    "resolution": (ORANGE, "D"),
    "balanced": (VERMILION, "h"),
    "unknown": (GREY, "X"),
}


def run_accuracy_frame(run: RunData) -> pd.DataFrame:
    """Return `run_frame` of a run's trials."""
    return run_frame(run.trials)


def draw_run(frame: pd.DataFrame, ax: Axes, *, x: RunCost, run: RunData) -> None:
    """Draw a cost against validation accuracy: means with 95 % t-intervals, seeds as small dots."""
    divisor = accuracy_axes(ax, run, x, frame[x])
    if frame.empty:
        nothing_yet(ax)
        return
    points = in_percent(frame).assign(cost=frame[x] / divisor)
    trials = points.drop_duplicates("trial")
    several = points[points["seeds"] > 1]
    ax.scatter(several["cost"], several["top1"], s=5, color=SEED_GREY, linewidth=0, zorder=3.5)
    handles = [*_draw_searched(trials, ax), *_draw_references(trials, ax)]
    if len(several):
        handles += [*_draw_bars(trials, ax), mark("one seed", ".", SEED_GREY, SEED_GREY, size=4.0)]
    _set_limits(points, ax)
    if run.floor is not None:
        best = trials["top1_mean"].max()
        ax.axhspan(best - 100 * run.floor, best, color=NOISE_BAND, linewidth=0, zorder=0.5)
        handles.append(noise_patch(run.floor))
    legend_outside(ax, handles)
    _label_references(trials, ax)


def _draw_searched(trials: pd.DataFrame, ax: Axes) -> list[Artist]:
    """Draw the means of search trials by direction; the more there are, the smaller; return their legend."""
    area, handles = 24.0 if len(trials) <= 40 else 14.0 if len(trials) <= 120 else 9.0, list[Artist]()
    look: dict[str, Any] = {"s": area, "edgecolor": "white", "linewidth": 0.4, "zorder": 4}
    for name, (color, marker) in DIRECTION_STYLES.items():
        part = trials[(trials["kind"] != "reference") & (trials["direction"] == name)]
        if len(part):
            ax.scatter(part["cost"], part["top1_mean"], marker=marker, color=color, **look)
            mostly = "" if name in ("balanced", "unknown") else "mostly "
            handles.append(mark(f"search: {mostly}{name}", marker, color))
    return handles


def _draw_references(trials: pd.DataFrame, ax: Axes) -> list[Artist]:
    look: dict[str, Any] = {"facecolor": "white", "edgecolor": INK, "linewidth": 0.9, "zorder": 5}
    groups = trials[trials["kind"] == "reference"].groupby("name", sort=False)
    for name, rows in groups:
        marker, area = METHOD_STYLES.get(str(name), ("", "P"))[1], 60 if name == "compound" else 26
        ax.scatter(rows["cost"], rows["top1_mean"], marker=marker, s=area, **look)
    return [mark("reference", "o", "white", INK)] if len(groups) else []


def _draw_bars(trials: pd.DataFrame, ax: Axes) -> list[Artist]:
    spread = trials[trials["seeds"] > 1]
    middle = spread["top1_mean"]
    reach = [middle - spread["top1_low"], spread["top1_high"] - middle]
    look: dict[str, Any] = {"ecolor": BAR, "elinewidth": 0.6, "capsize": 1.5, "capthick": 0.6}
    ax.errorbar(spread["cost"], middle, yerr=reach, fmt="none", zorder=3, **look)
    return interval_mark(trials, "95 % t-interval")


def _label_references(trials: pd.DataFrame, ax: Axes) -> None:
    """Name the reference trials; limits and legend must be final."""
    named = trials[(trials["kind"] == "reference") & (trials["label"] != "")]
    ax.figure.draw_without_rendering()  # type: ignore[union-attr]  # settles the layout
    pixel = ax.figure.dpi / 72
    centres = ax.transData.transform(trials[["cost", "top1_mean"]].to_numpy())
    spread = trials[trials["seeds"] > 1]
    low, high = (
        ax.transData.transform(spread[["cost", end]].to_numpy()) for end in ("top1_low", "top1_high")
    )
    place_labels(
        ax,
        list(zip(named["label"], named["cost"], named["top1_mean"], strict=True)),
        markers=boxes_around(centres, 3.5 * pixel),
        bars=np.hstack([low - pixel, high + pixel]),
    )


def _set_limits(points: pd.DataFrame, ax: Axes) -> None:
    # Two seeds can give an interval of many times the run's range: the axis follows the accuracies and
    # gives intervals half a range more on either side; a bar that goes further leaves the chart.
    low, high = points["top1"].min(), points["top1"].max()
    lacking = max(0.0, LEAST_RANGE - (high - low)) / 2
    low, high = low - lacking, high + lacking
    room = high - low
    bottom = max(np.nanmin([*points["top1_low"], low]), low - room / 2)
    top = min(np.nanmax([*points["top1_high"], high]), high + room / 2)
    ax.set_ylim(bottom - 0.08 * room, top + 0.08 * room)
    left, right = points["cost"].min(), points["cost"].max()
    margin = 0.1 * (right - left) or 0.1 * right or 1.0
    ax.set_xlim(left - margin, right + margin)
    ax.ticklabel_format(useOffset=False, style="plain")


def accuracy_words(frame: pd.DataFrame) -> str:
    """Say which trials lead, and where the references are.

    >>> accuracy_words(pd.DataFrame({"trial": []}))
    'No complete trial yet.'
    """
    if frame.empty:
        return "No complete trial yet."
    trials = frame.drop_duplicates("trial").sort_values("top1_mean", ascending=False, kind="stable")
    said = [f"{len(trials)} networks; highest mean {_point(trials.iloc[0])}"]
    references = trials.iloc[1:][trials.iloc[1:]["kind"] == "reference"]
    return "; ".join([*said, *(_point(row) for _, row in references.iterrows())]) + "."


def _point(row: pd.Series[Any]) -> str:
    name = row["label"] if row["kind"] == "reference" else f"trial {row['trial']}"
    costs = f"{row['macs']:,} multiply-adds and {row['params']:,} parameters"
    return f"{name} {100 * row['top1_mean']:.1f} % at {costs}"


def _chart(x: RunCost, name: str) -> RunChart:
    return RunChart(
        frame=run_accuracy_frame,
        draw=partial(draw_run, x=x),
        caption=f"{name} against validation accuracy: means over seeds with 95 % t-intervals.",
        words=accuracy_words,
        layout=Layout(double=3.6, single=3.6),
    )


RUN_PARAMS, RUN_FLOPS = _chart("params", "Parameters"), _chart("macs", "Multiply-adds")
