"""The triangle of shares: the fitted surface at one cost, its optimum with its region, the networks on it."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from scaling.analysis.surface.observations import DIMENSIONS, triangle
from scaling.drawings.palette import GREY, INK, VERMILION
from scaling.figures.chart import Layout, RunChart
from scaling.figures.left_out import without_surface
from scaling.figures.marks import legend_outside
from scaling.figures.run_data import RunData
from scaling.figures.ternary import MAP, SHARES, colour_bar, nothing_on_it, shares_axes
from scaling.plans.search.surface import PAPER

STEPS = 20
COLUMNS = ["part", *SHARES, "top1", "name"]


def run_surface_frame(run: RunData) -> pd.DataFrame:
    """Return the surface over the triangle of shares at the wanted cost, and what lies on it.

    `part` is `surface` (expected top-1, a fraction, on a grid), `region` (cells that hold the optimum with
    95 %), `optimum`, or `network` (trained at that cost; its mean, where it lies after rounding). Empty
    without a surface.
    """
    if run.surface is None:
        return pd.DataFrame(columns=COLUMNS)
    found, cells = run.surface.answer, triangle(STEPS)
    heights = found.draws.predict(cells * math.log2(found.factor)).mean(1) / 100
    parts = [
        _part("surface", cells, heights),
        _part("region", found.optimum.region, None),
        _part("optimum", np.array([found.optimum.shares]), None),
        _networks(run.trials, found.factor),
    ]
    return pd.concat([part for part in parts if len(part)], ignore_index=True)[COLUMNS]


def _part(name: str, shares: np.ndarray, values: np.ndarray | None) -> pd.DataFrame:
    frame = pd.DataFrame(np.asarray(shares).reshape(-1, 3), columns=SHARES)
    return frame.assign(part=name, top1=np.nan if values is None else values, name="")


def _networks(trials: pd.DataFrame, factor: float) -> pd.DataFrame:
    complete = trials[(trials["state"] == "complete") & trials["x_depth"].notna()]
    x = complete[[f"x_{name}" for name in DIMENSIONS]].to_numpy(np.float64).reshape(-1, 3)
    total = x.sum(1)
    near = np.abs(total - math.log2(factor)) < 0.25 * math.log2(factor)
    shares = np.clip(x[near] / total[near, None], 0, 1)
    frame = pd.DataFrame(shares, columns=SHARES).assign(
        architecture=complete["architecture"].to_numpy()[near],
        name=complete["name"].to_numpy()[near],
        top1=complete["top1"].to_numpy(np.float64)[near],
    )
    if frame.empty:
        return frame.assign(part="network")
    means = frame.groupby("architecture", sort=False).agg(
        {**dict.fromkeys(SHARES, "first"), "name": "first", "top1": "mean"}
    )
    return means.reset_index(drop=True).assign(part="network")


def draw_run_surface(frame: pd.DataFrame, ax: Axes, *, run: RunData) -> None:
    """Draw the surface as colour, the region as dots, the optimum as a star, networks as circles."""
    ternary = shares_axes(ax, run.heading)
    ternary.grid(visible=False)
    surface = frame[frame["part"] == "surface"]
    if surface.empty:
        nothing_on_it(ax, "no surface can be fitted yet")
        return
    levels = 100 * np.linspace(surface["top1"].min(), surface["top1"].max(), 13)
    colours = colormaps[MAP]
    filled = ternary.tricontourf(
        *(surface[share] for share in SHARES), 100 * surface["top1"], levels=levels, cmap=colours
    )
    _points(ternary, frame, colours, (levels[0], levels[-1]))
    colour_bar(ax, filled, "Expected top-1 on validation (%)", format="%.1f")
    legend_outside(ax, _legend())


def _points(ternary: Any, frame: pd.DataFrame, colours: Any, limits: tuple[float, float]) -> None:
    region = frame[frame["part"] == "region"]
    ternary.scatter(
        *(region[share] for share in SHARES),
        s=7,
        color="white",
        edgecolor=INK,
        linewidth=0.3,
        zorder=3,
        clip_on=False,
    )
    networks = frame[frame["part"] == "network"]
    for paper, marker in ((False, "o"), (True, "D")):
        rows = networks[(networks["name"] == PAPER) == paper]
        ternary.scatter(
            *(rows[share] for share in SHARES),
            c=100 * rows["top1"],
            cmap=colours,
            vmin=limits[0],
            vmax=limits[1],
            marker=marker,
            s=34,
            edgecolor=INK,
            linewidth=0.8,
            zorder=4,
            clip_on=False,
        )
    optimum = frame[frame["part"] == "optimum"]
    ternary.scatter(
        *(optimum[share] for share in SHARES),
        marker="*",
        s=130,
        color=VERMILION,
        edgecolor="white",
        linewidth=0.8,
        zorder=5,
        clip_on=False,
    )


def _legend() -> list[Line2D]:
    plain: dict[str, Any] = {"linestyle": "", "markeredgecolor": INK}
    return [
        Line2D([], [], marker="*", color=VERMILION, markersize=9, linestyle="", label="optimum"),
        Line2D([], [], marker="o", color=GREY, markersize=3, linestyle="", label="its 95 % region"),
        Line2D([], [], marker="o", color="white", markersize=5, label="trained network", **plain),
        Line2D([], [], marker="D", color="white", markersize=4.5, label="the paper's shares", **plain),
    ]


def surface_words(frame: pd.DataFrame) -> str:
    """Say where the optimum lies, and how sure that is.

    >>> surface_words(pd.DataFrame(columns=COLUMNS))
    'No surface can be fitted yet.'
    """
    optimum, region = frame[frame["part"] == "optimum"], frame[frame["part"] == "region"]
    if optimum.empty:
        return "No surface can be fitted yet."
    spent = ", ".join(
        f"{100 * optimum[share].iloc[0]:.0f} % {name} "
        f"({100 * region[share].min():.0f} to {100 * region[share].max():.0f})"
        for share, name in zip(SHARES, DIMENSIONS, strict=True)
    )
    return f"The expected optimum spends {spent}; in brackets the extent of its 95 % region."


RUN_SURFACE = RunChart(
    frame=run_surface_frame,
    draw=draw_run_surface,
    caption=(
        "Expected accuracy at the target's cost over the shares of depth, width and resolution; trained "
        "networks in the colour of their own mean."
    ),
    words=surface_words,
    left_out=without_surface,
    layout=Layout(double=3.6, single=4.0, projection="ternary"),
)
