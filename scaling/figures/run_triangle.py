"""The cost-share triangle: where each trial spent its multiply-adds, and how accurate it became."""

from __future__ import annotations

from typing import Any

import pandas as pd
from matplotlib import colormaps
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.patches import Patch

from scaling.cost import count_cost
from scaling.drawings.palette import GREY, INK
from scaling.errors import SpecError
from scaling.figures.axes import OWN_ACCURACY
from scaling.figures.chart import Layout, RunChart
from scaling.figures.left_out import with_surface
from scaling.figures.marks import DIMENSIONS, legend_outside, mark
from scaling.figures.run_data import RunData, SearchedSpace
from scaling.figures.run_trials import trials_with_intervals
from scaling.figures.ternary import MAP, SHARES, colour_bar, nothing_on_it, shares_axes
from scaling.network.generation import scale
from scaling.targets.directions import Direction

STEPS = 24
"""Of the grid on which the formula's own cost is counted, along each side."""
BELOW, ABOVE = "#e9eef3", "#d9d4c9"
STEPS_OF_COLOUR = 40  # above 50 the bar would become a picture inside the SVG


def run_triangle_frame(run: RunData) -> pd.DataFrame:
    """Return trials by their shares of log-cost, and what the formula's direction really costs.

    `part` is `trial` (realised shares, mean accuracy, achieved cost) or `formula`: a grid of directions, each
    realised at the nominal target by the run's own rounding, where it is known what was scaled.
    """
    points = trials_with_intervals(run.trials)
    wanted = ["trial", "kind", "label", *SHARES, "top1_mean", "seeds", "achieved_factor"]
    points = points.reindex(columns=wanted).dropna(subset=SHARES).assign(part="trial")
    grid = pd.DataFrame(
        _formula(run.space) if run.space else [], columns=[*SHARES, "achieved_factor", "part"]
    )
    parts = [part for part in (points, grid) if len(part)]
    return pd.concat(parts, ignore_index=True) if parts else points


def _formula(space: SearchedSpace) -> list[dict[str, Any]]:
    macs, rows = count_cost(space.baseline).macs, []
    for depth in range(STEPS + 1):
        for width in range(STEPS + 1 - depth):
            shares = (depth / STEPS, width / STEPS, (STEPS - depth - width) / STEPS)
            bases = Direction.of_shares(shares).bases(space.target.factor, phi=1.0)
            try:
                achieved = count_cost(scale(space.baseline, bases, space.rounding)).macs / macs
            except SpecError:  # beyond the largest network there is
                continue
            rows.append({**dict(zip(SHARES, shares, strict=True)), "achieved_factor": achieved})
    return [row | {"part": "formula"} for row in rows]


def draw_run_triangle(frame: pd.DataFrame, ax: Axes, *, run: RunData) -> None:
    """Draw shares of log-cost; colour is accuracy, shading is where the formula misses its cost."""
    ternary = shares_axes(ax, run.heading)
    ternary.grid(True, color="#ececec", linewidth=0.5)
    points = frame[frame["part"] == "trial"]
    handles = _draw_formula(frame[frame["part"] == "formula"], ternary, run.band)
    if points.empty:
        nothing_on_it(ax, "no scaled trial is complete yet")
        return
    drawn = None
    limits = 100 * points["top1_mean"].min(), 100 * points["top1_mean"].max()
    for kind, marker, size, edge in (("search", "o", 34.0, "white"), ("reference", "D", 30.0, INK)):
        part = points[(points["kind"] == "reference") == (kind == "reference")]
        if len(part):
            drawn = ternary.scatter(
                *(part[share] for share in SHARES),
                c=100 * part["top1_mean"],
                cmap=colormaps[MAP].resampled(STEPS_OF_COLOUR),
                vmin=limits[0],
                vmax=limits[1],
                marker=marker,
                s=size,
                edgecolor=edge,
                linewidth=0.7,
                zorder=4,
                clip_on=False,
            )
            handles.append(mark(kind, marker, GREY, edge, size=5.0))
    colour_bar(ax, drawn, OWN_ACCURACY).solids.set_edgecolor("face")
    legend_outside(ax, handles)


def _draw_formula(grid: pd.DataFrame, ternary: Any, band: tuple[float, float] | None) -> list[Artist]:
    values = grid["achieved_factor"]
    if band is None or len(grid) < 3:
        return []
    low, high = band
    levels = [min(values.min(), low) - 1, low, high, max(values.max(), high) + 1]
    colours = (BELOW, "white", ABOVE)
    ternary.tricontourf(*(grid[share] for share in SHARES), values, levels=levels, colors=colours, zorder=0)
    said = ((BELOW, f"the formula costs\nbelow {low:.2f}×"), (ABOVE, f"above {high:.2f}×"))
    return [Patch(color=colour, label=label) for colour, label in said]


def triangle_words(frame: pd.DataFrame) -> str:
    """Say where the most accurate trial spent its cost."""
    points = frame[frame["part"] == "trial"]
    if points.empty:
        return "No scaled trial is complete yet."
    best = points.sort_values("top1_mean", ascending=False, kind="stable").iloc[0]
    spent = ", ".join(f"{100 * best[f'{name}_share']:.0f} % {name}" for name in DIMENSIONS)
    return (
        f"{len(points)} scaled networks; the most accurate ({100 * best['top1_mean']:.1f} %) spent {spent}."
    )


RUN_TRIANGLE = RunChart(
    frame=run_triangle_frame,
    draw=draw_run_triangle,
    caption=(
        "Where each network spent its log-cost, and its accuracy. Shaded: directions in which the "
        "formula at phi = 1, rounded as in this run, misses the target."
    ),
    words=triangle_words,
    left_out=with_surface,
    layout=Layout(double=3.6, single=4.0, projection="ternary"),
)
