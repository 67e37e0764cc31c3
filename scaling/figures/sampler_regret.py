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
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator

from scaling.drawings.palette import BLUE, BROWN, GREEN, GREY, INK, ORANGE, PURPLE, VERMILION
from scaling.figures.axes import head_figure
from scaling.figures.chart import Layout
from scaling.figures.marks import draw_line, is_wide, legend_outside, nothing_yet, stroke
from scaling.figures.style import Size, save_chart, theme
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


DOTTED: dict[str, Any] = {"linewidth": 0.8, "linestyle": (0, (1, 1))}


def sampler_regret_figure(frame: pd.DataFrame, size: Size = "double", *, title: str) -> Figure:
    """Return the chart: a column a way of seeing, regret above, share of searches with the winner below.

    Args:
        frame: from `sampler_regret_frame`.
        size: one or two columns wide.
        title: of the table.
    """
    ways = list(dict.fromkeys(frame["seen"]))
    with theme():
        layout = Layout(double=4.4, single=3.4 * len(ways) + 1.2, panels=2 * len(ways), rows=2)
        figure, axes = layout.make(size)
        head_figure(axes[0], title)
        for number, way in enumerate(ways):
            rows, (above, below) = frame[frame["seen"] == way], axes[2 * number : 2 * number + 2]
            draw_sampler_regret(rows, above, what=REGRET)
            draw_sampler_regret(rows, below, what=CHOSEN)
            above.set(title=f"Seen: {way} of each network", xlabel="")
            if is_wide(above) and number:
                above.set_ylabel("")
                below.set_ylabel("")
        legend_outside(axes[0], _legend(set(frame["sampler"])))
    return figure


def _legend(samplers: set[str]) -> list[Artist]:
    look: dict[str, Any] = {"linewidth": 1.1, "markersize": 3.5}
    return [
        *(
            stroke(label, color, marker=marker, linestyle=dashes, **look)
            for name, (label, color, marker, dashes) in SAMPLERS.items()
            if name in samplers
        ),
        Patch(color=GREY, alpha=0.25, label="95 % interval"),
        stroke("a quarter of\nthe epochs", GREY, **DOTTED),
    ]


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
        look = SAMPLERS[name][1:]
        middle, low, high = (100 * rows[column] for column in names)
        ax.fill_between(rows["networks"], low, high, color=look[0], alpha=0.1, linewidth=0, zorder=1)
        draw_line(
            ax, rows["networks"], middle, look, linewidth=1.1, markersize=3.5, markeredgewidth=0.4,
            markevery=(number % 3, 3),
        )  # fmt: skip
    quarter = frame.loc[frame["epochs_share"] <= QUARTER + 1e-9, "networks"].max()
    ax.axvline(quarter, color=GREY, zorder=0.5, **DOTTED)
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
