"""What a doubling of cost is worth by depth, width and resolution, and which gains differ."""

from __future__ import annotations

import pandas as pd
from matplotlib.axes import Axes

from scaling.drawings.palette import GREY, INK
from scaling.figures.chart import Layout, RunChart
from scaling.figures.left_out import without_surface
from scaling.figures.marks import METHOD_STYLES, nothing_yet
from scaling.figures.run_data import RunData

COLUMNS = ["part", "name", "value", "low", "high", "significant"]


def run_gains_frame(run: RunData) -> pd.DataFrame:
    """Return the gains and contrasts of a run's surface, in points per doubling; empty without a surface.

    `part` is `gain` or `contrast`; `significant` says whether the 95 % interval leaves out 0.
    """
    if run.surface is None:
        return pd.DataFrame(columns=COLUMNS)
    found = run.surface.answer
    rows = [
        {
            "part": part,
            "name": name,
            "value": one.value,
            "low": one.low,
            "high": one.high,
            "significant": not one.includes_zero,
        }
        for part, estimates in (("gain", found.gains), ("contrast", found.contrasts))
        for name, one in estimates.items()
    ]
    return pd.DataFrame(rows, columns=COLUMNS)


def draw_run_gains(frame: pd.DataFrame, gains: Axes, contrasts: Axes, *, run: RunData) -> None:
    """Draw gains left and their differences right, filled where significant, each with its 95 % interval."""
    gains.set_title(run.heading)
    for ax, part, label in (
        (gains, "gain", "Top-1 points per doubling of cost"),
        (contrasts, "contrast", "Difference, points per doubling"),
    ):
        ax.set_xlabel(label)
        rows = frame[frame["part"] == part]
        if rows.empty:
            nothing_yet(ax)
            continue
        _intervals(ax, rows.sort_values("value"))


def _intervals(ax: Axes, rows: pd.DataFrame) -> None:
    names = [name.replace("-", "\nover ") for name in rows["name"]]
    for place, (_, row) in enumerate(rows.iterrows()):
        colour, marker = INK, "o"
        if row["part"] == "gain":
            colour, marker, _ = METHOD_STYLES[str(row["name"])]
        ax.plot([row["low"], row["high"]], [place, place], color=colour, linewidth=1.6, solid_capstyle="butt")
        ax.plot(
            row["value"],
            place,
            marker,
            color=colour,
            markersize=6,
            markerfacecolor=colour if row["significant"] else "white",
        )
        ax.annotate(
            f"{row['value']:+.1f} ± {(row['high'] - row['low']) / 2:.1f}".replace("-", "−"),
            (row["value"], place),
            xytext=(0, 7),
            textcoords="offset points",
            ha="center",
            fontsize=6.5,
        )
    ax.axvline(0.0, color=GREY, linewidth=0.8)
    ax.set_yticks(range(len(names)), names)
    ax.set_ylim(-0.6, len(names) - 0.4)
    ax.grid(visible=False, axis="y")


def gains_words(frame: pd.DataFrame) -> str:
    """Say the gains in words, and which differ.

    >>> gains_words(pd.DataFrame(columns=COLUMNS))
    'No surface can be fitted yet.'
    """
    if frame.empty:
        return "No surface can be fitted yet."
    gains = frame[frame["part"] == "gain"].sort_values("value", ascending=False)
    said = ", ".join(
        f"{row['name']} {row['value']:+.1f} ({row['low']:+.1f} to {row['high']:+.1f})"
        for _, row in gains.iterrows()
    )
    contrasts = frame[frame["part"] == "contrast"]
    count = int(contrasts["significant"].sum())
    return (
        f"Points per doubling of cost, 95 %: {said}. {count} of {len(contrasts)} differences between "
        f"dimensions {'is' if count == 1 else 'are'} significant."
    ).replace("-", "−")


RUN_GAINS = RunChart(
    frame=run_gains_frame,
    draw=draw_run_gains,
    caption=(
        "What a doubling of cost is worth by each dimension, and how the gains differ; 95 % intervals of "
        "the surface that is fitted to all trainings. Hollow: not significantly different from 0."
    ),
    words=gains_words,
    left_out=without_surface,
    layout=Layout(double=2.4, single=4.4, panels=2),
)
