"""Ladders of learning rates: validation loss against rate, a line a network, the best with its bracket."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from scaling.figures.marks import AREA, METHOD_STYLES, legend_outside, mark, nothing_yet
from scaling.figures.style import Size, new_figure, save_chart, theme
from scaling.runs.rates import BracketedRate

COLUMNS = ("network", "learning_rate", "validation_loss", "top1", "best", "bracket_low", "bracket_high")
NAME = "run_rates"


def run_rates_frame(brackets: Sequence[BracketedRate]) -> pd.DataFrame:
    """Return one row a network and rate: validation_loss (nats), top1 (fraction), means over seeds.

    Both are empty where a training diverged. `best` marks the best rate of a network; its row has the rates
    next to it as `bracket_low` and `bracket_high`, empty where the ladder goes on.

    Args:
        brackets: of the networks.
    """
    rows = []
    for one in brackets:
        rates = [rung.learning_rate for rung in one.rungs]
        for place, rung in enumerate(one.rungs):
            best = rung == one.best
            low = rates[place - 1] if best and place else None
            high = rates[place + 1] if best and place + 1 < len(rates) else None
            own = (one.name, rung.learning_rate, rung.validation_loss, rung.top1, best, low, high)
            rows.append(dict(zip(COLUMNS, own, strict=True)))
    frame = pd.DataFrame(rows, columns=list(COLUMNS))
    return frame.astype(dict.fromkeys(COLUMNS[1:4] + COLUMNS[5:], "float64"))


def draw_run_rates(frame: pd.DataFrame, ax: Axes) -> None:
    """Draw a line a network; filled: the best rate; a bar through it: its bracket; a cross: diverged.

    Args:
        frame: from `run_rates_frame`.
        ax: where to draw.
    """
    ax.set(xlabel="Learning rate (peak)", ylabel="Validation loss (nats)", xscale="log")
    if frame["validation_loss"].notna().sum() == 0:
        nothing_yet(ax)
        return
    top = float(frame["validation_loss"].max())
    handles = []
    for name, rows in frame.groupby("network", sort=False):
        color, marker, dashes = METHOD_STYLES[str(name)]
        style = (0, dashes) if dashes else "solid"
        ax.plot(rows["learning_rate"], rows["validation_loss"], color=color, linestyle=style, linewidth=1.1)
        faces = np.where(rows["best"], color, "white")
        x, y = rows["learning_rate"], rows["validation_loss"]
        ax.scatter(x, y, marker=marker, s=AREA, facecolor=faces, edgecolor=color, linewidth=0.8, zorder=3)
        best = rows[rows["bracket_low"].notna() & rows["bracket_high"].notna()]
        ends = best["bracket_low"], best["bracket_high"]
        ax.hlines(best["validation_loss"], *ends, color=color, linewidth=4.0, alpha=0.25, zorder=1)
        gone = rows["learning_rate"][rows["validation_loss"].isna()]
        ax.scatter(gone, [top] * len(gone), marker="x", s=AREA, color=color, linewidth=1.0, zorder=3)
        handles.append(mark(str(name), marker, color))
    handles.append(Line2D([], [], color="grey", linewidth=4.0, alpha=0.4, label="bracket of the best"))
    if frame["validation_loss"].isna().any():
        handles.append(mark("diverged", "x", "grey", "grey"))
    ax.xaxis.set_major_locator(FixedLocator(sorted(frame["learning_rate"].unique())))
    ax.xaxis.set_minor_locator(NullLocator())
    ax.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    legend_outside(ax, handles)


def run_rates_figure(frame: pd.DataFrame, size: Size = "double", *, title: str) -> Figure:
    """Return the chart, drawn.

    Args:
        frame: from `run_rates_frame`.
        size: one or two columns wide.
        title: of the run; "own runs" is added.
    """
    with theme():
        figure = new_figure(size, 2.8)
        ax = figure.subplots()
        ax.set_title(f"{title} · own runs")
        draw_run_rates(frame, ax)
    return figure


def save_run_rates(brackets: Sequence[BracketedRate], directory: Path, *, title: str) -> list[Path]:
    """Write the chart and its data into a folder.

    Raises:
        ResultsError: the folder cannot be written.
    """
    frame = run_rates_frame(brackets)
    return save_chart(
        NAME,
        frame,
        lambda size: run_rates_figure(frame, size, title=title),
        directory,
        ("svg", "png"),
        title=title,
    )
