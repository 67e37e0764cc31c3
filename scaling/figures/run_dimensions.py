"""Figs. 3 and 4 of the paper from a run of ours: one dimension at a time; width at others."""

from __future__ import annotations

import math
from typing import Any

import pandas as pd
from matplotlib.artist import Artist
from matplotlib.axes import Axes

from scaling.drawings.palette import BLUE, GREEN, INK, ORANGE, PURPLE, SKY, VERMILION
from scaling.figures.axes import OWN_ACCURACY, accuracy_axes
from scaling.figures.chart import Layout, RunChart
from scaling.figures.left_out import short_lines
from scaling.figures.marks import (
    DIMENSIONS,
    METHOD_STYLES,
    draw_intervals,
    draw_line,
    in_percent,
    legend_outside,
    mark,
    nothing_yet,
)
from scaling.figures.run_data import RunData
from scaling.figures.run_trials import MEAN, reached, trials_with_intervals

SAME = 1e-6
"""Two coefficients closer than this are one."""
LEAST_RANGE = 1.2
"""Times that multiply-adds grow along a line, at least: networks at one cost show no effect of width."""
LINES = ((INK, "o"), (BLUE, "s"), (VERMILION, "^"), (GREEN, "D"), (ORANGE, "v"), (PURPLE, "P"), (SKY, "X"))


def run_dimensions_frame(run: RunData) -> pd.DataFrame:
    """Return the networks that scale a single dimension, the baseline opening each, by coefficient.

    Accuracies are fractions, intervals from the noise pooled over the run.
    """
    points = _with_coefficients(run.trials)
    parts = []
    for dimension in DIMENSIONS:
        others = [name for name in DIMENSIONS if name != dimension]
        alone = (points[others] - 1).abs().max(axis="columns") < SAME
        part = points[alone & (points[dimension] >= 1 - SAME)]
        parts.append(part.assign(dimension=dimension, coefficient=part[dimension]))
    order = ["dimension", "coefficient", "trial"]
    frame = pd.concat(parts, ignore_index=True)[[*order, "macs", *MEAN]]
    return frame.sort_values(order, kind="stable", ignore_index=True)


def run_widths_frame(run: RunData) -> pd.DataFrame:
    """Return networks by width, grouped by depth and resolution; only groups whose width changes their cost.

    The groups of networks that a search holds at one cost are left out (`LEAST_RANGE`).
    """
    points = _with_coefficients(run.trials)
    points = points.assign(d=points["depth"].round(3), r=points["resolution"].round(3))
    points = points.rename(columns={"width": "coefficient"})
    groups = points.groupby(["d", "r"])
    several = groups["coefficient"].transform("nunique") > 1
    growing = groups["macs"].transform("max") >= LEAST_RANGE * groups["macs"].transform("min")
    order = ["d", "r", "coefficient"]
    frame = points.loc[several & growing, [*order, "trial", "macs", *MEAN]]
    return frame.sort_values(order, kind="stable", ignore_index=True)


def _with_coefficients(trials: pd.DataFrame) -> pd.DataFrame:
    points = trials_with_intervals(trials)
    baseline = points.loc[points["name"] == "baseline", "image_size"]
    size = float(baseline.iloc[0]) if len(baseline) else math.nan
    return points.assign(
        depth=points["depth_coefficient"],
        width=points["width_coefficient"],
        resolution=points["image_size"] / size,
    ).dropna(subset=list(DIMENSIONS))


def draw_run_dimensions(frame: pd.DataFrame, *axes: Axes, run: RunData) -> None:
    """Draw accuracy against each coefficient, the others left at 1."""
    axes[0].set(title=run.heading, ylabel=OWN_ACCURACY)
    for dimension, ax in zip(DIMENSIONS, axes, strict=True):
        part = frame[frame["dimension"] == dimension]
        ax.set_xlabel(f"{dimension} coefficient {dimension[0]} (× baseline)")
        if part.empty:
            nothing_yet(ax, "no such network yet")
            continue
        _line(part, part["coefficient"], ax, *METHOD_STYLES[dimension][:2])


def draw_run_widths(frame: pd.DataFrame, ax: Axes, *, run: RunData) -> None:
    """Draw multiply-adds against accuracy, a line a pair of depth and resolution, width growing along it.

    Of more than seven pairs, those with the most networks are drawn, and the title says so.
    """
    divisor = accuracy_axes(ax, run, "macs", frame["macs"])
    if frame.empty:
        nothing_yet(ax, "no two widths, and costs, at one depth and image size")
        return
    groups = frame.groupby(["d", "r"], sort=True)
    longest = groups.size().sort_values(ascending=False, kind="stable").index[: len(LINES)]
    if len(longest) < len(groups):
        ax.set_title(f"{run.heading} · {len(longest)} of {len(groups)} depths and resolutions")
    handles: list[Artist] = []
    for (depth, resolution), look in zip(sorted(longest), LINES, strict=False):
        part = groups.get_group((depth, resolution))
        _line(part, part["macs"] / divisor, ax, *look)
        handles.append(mark(f"d = {depth:g}, r = {resolution:.3g}", look[1], look[0]))
    legend_outside(ax, handles)


def _line(part: pd.DataFrame, x: pd.Series[float], ax: Axes, color: str, marker: str) -> None:
    points = in_percent(part).assign(x=x)
    draw_intervals(ax, points)
    look: dict[str, Any] = {"linewidth": 1.1, "markersize": 4.5, "markeredgewidth": 0.5}
    draw_line(ax, x, points["top1_mean"], (color, marker, "solid"), **look)


def dimensions_words(frame: pd.DataFrame) -> str:
    """Say what each dimension alone reached."""
    if frame.empty:
        return "No network that scales a single dimension is complete yet."
    said = {name: reached(frame[frame["dimension"] == name], "{coefficient:.2f}") for name in DIMENSIONS}
    return "; ".join(f"{name}: {points or 'none'}" for name, points in said.items()) + "."


def widths_words(frame: pd.DataFrame) -> str:
    """Say how width pays at each depth and resolution."""
    if frame.empty:
        return "No two complete networks share a depth and an image size and differ in width and cost."
    said = [
        f"d = {depth:g}, r = {resolution:.3g}: {reached(part, 'w = {coefficient:.2f}')}"
        for (depth, resolution), part in frame.groupby(["d", "r"], sort=True)
    ]
    return "; ".join(said) + "."


RUN_DIMENSIONS = RunChart(
    frame=run_dimensions_frame,
    draw=draw_run_dimensions,
    caption="One dimension at a time, the others left alone (the paper's Fig. 3, on our data).",
    words=dimensions_words,
    left_out=short_lines(run_dimensions_frame, ["dimension"], "coefficient"),
    layout=Layout(double=2.6, single=6.0, panels=3, share_y=True),
)
RUN_WIDTHS = RunChart(
    frame=run_widths_frame,
    draw=draw_run_widths,
    caption="Width at several depths and resolutions (the paper's Fig. 4, on our data).",
    words=widths_words,
    left_out=short_lines(run_widths_frame, ["d", "r"], "coefficient"),
    layout=Layout(double=3.6, single=3.6),
)
