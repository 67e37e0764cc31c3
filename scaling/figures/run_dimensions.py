"""Figs. 3 and 4 of the paper from a run of ours: one dimension at a time; width at others."""

from __future__ import annotations

import math

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from scaling.drawings.palette import BLUE, GREEN, INK, ORANGE, PURPLE, SKY, VERMILION
from scaling.figures.marks import (
    BAR,
    DIMENSION_NAMES,
    METHOD_STYLES,
    OWN_ACCURACY,
    legend_outside,
    mark,
    nothing_yet,
)
from scaling.figures.run_accuracy import cost_label, scale_of
from scaling.figures.run_data import RunData
from scaling.figures.run_trials import trials_with_intervals

SAME = 1e-6
"""Two coefficients closer than this are one."""
LEAST_RANGE = 1.2
"""Times that multiply-adds grow along a line, at least: networks at one cost show no effect of width."""
LINES = ((INK, "o"), (BLUE, "s"), (VERMILION, "^"), (GREEN, "D"), (ORANGE, "v"), (PURPLE, "P"), (SKY, "X"))


def run_dimensions_frame(trials: pd.DataFrame) -> pd.DataFrame:
    """Return the networks that scale a single dimension, the baseline opening each, by coefficient.

    Accuracies are fractions, intervals from the noise pooled over the run.

    Args:
        trials: the table of trials.
    """
    points = _with_coefficients(trials)
    parts = []
    for dimension in DIMENSION_NAMES:
        others = [name for name in DIMENSION_NAMES if name != dimension]
        alone = (points[others] - 1).abs().max(axis="columns") < SAME
        part = points[alone & (points[dimension] >= 1 - SAME)]
        parts.append(part.assign(dimension=dimension, coefficient=part[dimension]))
    columns = ["dimension", "coefficient", "trial", "macs", "seeds", "top1_mean", "top1_low", "top1_high"]
    return pd.concat(parts, ignore_index=True)[columns].sort_values(
        ["dimension", "coefficient", "trial"], kind="stable", ignore_index=True
    )


def run_widths_frame(trials: pd.DataFrame) -> pd.DataFrame:
    """Return networks by width, grouped by depth and resolution; only groups whose width changes their cost.

    The groups of networks that a search holds at one cost are left out (`LEAST_RANGE`).

    Args:
        trials: the table of trials.
    """
    points = _with_coefficients(trials).rename(
        columns={"depth": "d", "resolution": "r", "width": "coefficient"}
    )
    points["d"], points["r"] = points["d"].round(3), points["r"].round(3)
    groups = points.groupby(["d", "r"])
    several = groups["coefficient"].transform("nunique") > 1
    growing = groups["macs"].transform("max") >= LEAST_RANGE * groups["macs"].transform("min")
    columns = ["d", "r", "coefficient", "trial", "macs", "seeds", "top1_mean", "top1_low", "top1_high"]
    return points[several & growing][columns].sort_values(
        ["d", "r", "coefficient"], kind="stable", ignore_index=True
    )


def _with_coefficients(trials: pd.DataFrame) -> pd.DataFrame:
    points = trials_with_intervals(trials)
    baseline = points.loc[points["name"] == "baseline", "image_size"]
    size = float(baseline.iloc[0]) if len(baseline) else math.nan
    return points.assign(
        depth=points["depth_coefficient"],
        width=points["width_coefficient"],
        resolution=points["image_size"] / size,
    ).dropna(subset=list(DIMENSION_NAMES))


def draw_run_dimensions(frame: pd.DataFrame, *axes: Axes, run: RunData) -> None:
    """Draw accuracy against each coefficient, the others left at 1.

    Args:
        frame: from `run_dimensions_frame`.
        axes: depth, width, resolution; the first carries the title.
        run: gives the title.
    """
    axes[0].set_title(f"{run.title} · own runs")
    axes[0].set_ylabel(OWN_ACCURACY)
    for (dimension, name), ax in zip(DIMENSION_NAMES.items(), axes, strict=True):
        color, marker, _ = METHOD_STYLES[dimension]
        part = frame[frame["dimension"] == dimension]
        ax.set_xlabel(f"{name} (× baseline)")
        if len(part) == 0:
            nothing_yet(ax, "no such network yet")
            continue
        _line(part, part["coefficient"], ax, color, marker)


def draw_run_widths(frame: pd.DataFrame, ax: Axes, *, run: RunData) -> None:
    """Draw multiply-adds against accuracy, a line a pair of depth and resolution, width growing along it.

    Of more than seven pairs, those with the most networks are drawn, and the title says so.

    Args:
        frame: from `run_widths_frame`.
        ax: where to draw.
        run: gives the title.
    """
    ax.set(title=f"{run.title} · own runs", xlabel=cost_label("macs", ""), ylabel=OWN_ACCURACY)
    if frame.empty:
        nothing_yet(ax, "no two widths, and costs, at one depth and image size")
        return
    divisor, unit = scale_of(frame["macs"])
    ax.set_xlabel(cost_label("macs", unit))
    handles: list[Line2D] = []
    groups = frame.groupby(["d", "r"], sort=True)
    longest = groups.size().sort_values(ascending=False, kind="stable").index[: len(LINES)]
    if len(longest) < len(groups):
        ax.set_title(f"{run.title} · own runs · {len(longest)} of {len(groups)} depths and resolutions")
    for depth, resolution in sorted(longest):
        part = groups.get_group((depth, resolution))
        color, marker = LINES[len(handles)]
        _line(part, part["macs"] / divisor, ax, color, marker)
        handles.append(mark(f"d = {depth:g}, r = {resolution:.3g}", marker, color))
    legend_outside(ax, handles)


def _line(part: pd.DataFrame, x: pd.Series[float], ax: Axes, color: str, marker: str) -> None:
    spread = part["top1_low"].notna()
    ax.vlines(
        x[spread], 100 * part["top1_low"][spread], 100 * part["top1_high"][spread], color=BAR, linewidth=0.7
    )
    ax.plot(
        x,
        100 * part["top1_mean"],
        color=color,
        marker=marker,
        markersize=4.5,
        markeredgecolor="white",
        markeredgewidth=0.5,
        linewidth=1.1,
        zorder=3,
    )


def dimensions_words(frame: pd.DataFrame) -> str:
    """Say what each dimension alone reached."""
    if frame.empty:
        return "No network that scales a single dimension is complete yet."
    said = []
    for dimension in DIMENSION_NAMES:
        part = frame[frame["dimension"] == dimension]
        points = ", ".join(
            f"{100 * row['top1_mean']:.1f} % at {row['coefficient']:.2f}" for _, row in part.iterrows()
        )
        said.append(f"{dimension}: {points or 'none'}")
    return "; ".join(said) + "."


def widths_words(frame: pd.DataFrame) -> str:
    """Say how width pays at each depth and resolution."""
    if frame.empty:
        return "No two complete networks share a depth and an image size and differ in width and cost."
    said = []
    for (depth, resolution), part in frame.groupby(["d", "r"], sort=True):
        points = ", ".join(
            f"{100 * row['top1_mean']:.1f} % at w = {row['coefficient']:.2f}" for _, row in part.iterrows()
        )
        said.append(f"d = {depth:g}, r = {resolution:.3g}: {points}")
    return "; ".join(said) + "."
