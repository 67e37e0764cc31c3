"""Regret of samplers against networks trained, replayed on an exhaustive table."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator

from scaling.drawings.palette import BLUE, BROWN, GREEN, GREY, INK, ORANGE, PURPLE, VERMILION
from scaling.figures.marks import legend_outside, nothing_yet
from scaling.figures.style import Size, new_figure, save_chart, theme
from scaling.plans.search.sampler_regret import RegretCurves, sampler_regret_frame

SAMPLER_REGRET = "sampler_regret"
"""Its name, and that of its files."""
SAMPLERS: dict[str, tuple[str, str, str, Any]] = {
    "tpe": ("TPE", BLUE, "o", "solid"),
    "gp": ("Gaussian process", VERMILION, "s", "solid"),
    "cmaes": ("CMA-ES", GREEN, "^", "solid"),
    "qmc": ("Sobol", PURPLE, "v", "solid"),
    "random": ("random direction", INK, "D", (0, (4, 1.5))),
    "grid": ("paper's grid,\nany order", ORANGE, "P", (0, (1, 1))),
    "exhaustive": ("all networks,\nany order", BROWN, "X", (0, (3, 1, 1, 1))),
}
"""Label, colour, marker and line of each sampler."""
QUARTER = 0.25
"""Of the table's epochs: where the wish for the winner is judged."""
REGRET, CHOSEN = "Mean regret (points)", "Winner chosen (%)"
CAPTION = (
    "Samplers replayed on a table of which every network was trained: how far the choice is behind the "
    "table's winner, and how often it is the winner."
)


def sampler_regret_figure(frame: pd.DataFrame, size: Size = "double", *, title: str) -> Figure:
    """Return the chart: a column a way of seeing, regret above, share of searches with the winner below.

    Args:
        frame: from `sampler_regret_frame`.
        size: one or two columns wide.
        title: of the table.
    """
    ways = list(dict.fromkeys(frame["seen"]))
    wide = size == "double"
    with theme():
        figure = new_figure(size, 4.4 if wide else 3.4 * len(ways) + 1.2)
        figure.suptitle(title, x=0.01, ha="left", fontsize=7.5, fontweight="bold")
        shape = (2, len(ways)) if wide else (2 * len(ways), 1)
        axes = figure.subplots(*shape, squeeze=False)
        for number, way in enumerate(ways):
            rows = frame[frame["seen"] == way]
            pair = axes[:, number] if wide else axes[2 * number : 2 * number + 2, 0]
            for ax, what in zip(pair, (REGRET, CHOSEN), strict=True):
                draw_sampler_regret(rows, ax, what=what)
            pair[0].set(title=f"Seen: {way} of each network", xlabel="")
            if wide and number:
                pair[0].set_ylabel("")
                pair[1].set_ylabel("")
        handles: list[Artist] = [
            Line2D(
                [],
                [],
                color=color,
                marker=marker,
                markersize=3.5,
                linestyle=dashes,
                linewidth=1.1,
                label=label,
            )
            for name, (label, color, marker, dashes) in SAMPLERS.items()
            if name in set(frame["sampler"])
        ]
        handles += [
            Patch(color=GREY, alpha=0.25, label="95 % interval"),
            Line2D(
                [], [], color=GREY, linewidth=0.8, linestyle=(0, (1, 1)), label="a quarter of\nthe epochs"
            ),
        ]
        legend_outside(axes.flat[0], handles)
    return figure


def draw_sampler_regret(frame: pd.DataFrame, ax: Axes, *, what: str = REGRET) -> None:
    """Draw one curve a sampler, with its band.

    Args:
        frame: rows of one way of seeing from `sampler_regret_frame`.
        ax: where to draw.
        what: `REGRET` or `CHOSEN`.
    """
    ax.set(xlabel="Networks trained", ylabel=what)
    if frame.empty:
        nothing_yet(ax, "no search was replayed")
        return
    names = {
        REGRET: ("regret", "regret_low", "regret_high"),
        CHOSEN: ("winner_chosen", "chosen_low", "chosen_high"),
    }[what]
    for number, name in enumerate(one for one in SAMPLERS if one in set(frame["sampler"])):
        rows = frame[frame["sampler"] == name]
        _, color, marker, dashes = SAMPLERS[name]
        middle, low, high = (100 * rows[column] for column in names)
        ax.fill_between(rows["networks"], low, high, color=color, alpha=0.1, linewidth=0, zorder=1)
        ax.plot(
            rows["networks"], middle, color=color, linestyle=dashes, linewidth=1.1, marker=marker,
            markersize=3.5, markeredgecolor="white", markeredgewidth=0.4, markevery=(number % 3, 3), zorder=3,
        )  # fmt: skip
    quarter = frame.loc[frame["epochs_share"] <= QUARTER + 1e-9, "networks"].max()
    ax.axvline(quarter, color=GREY, linewidth=0.8, linestyle=(0, (1, 1)), zorder=0.5)
    ax.set_xlim(0.6, frame["networks"].max() + 0.6)
    ax.set_ylim(bottom=0)
    ax.xaxis.set_major_locator(MaxNLocator(integer=True))


def save_sampler_regret(
    curves: Sequence[RegretCurves], directory: Path, formats: Sequence[str] = ("svg", "png"), *, title: str
) -> list[Path]:
    """Write the chart, and its data as CSV.

    Args:
        curves: from `regret_curves`, of one way of seeing or several.
        directory: where the files go.
        formats: among svg, png and pdf.
        title: of the table.

    Raises:
        ResultsError: the folder cannot be written.
    """
    frame = sampler_regret_frame(curves)
    figure = partial(sampler_regret_figure, frame, title=title)
    return save_chart(SAMPLER_REGRET, frame, figure, directory, formats, title=CAPTION)
