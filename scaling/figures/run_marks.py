"""The marks of a run's chart: trials, seeds, intervals, noise floor, legend, labels.

Frames here carry `cost` in the axis' unit and accuracies in percent.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from scaling.drawings.palette import BLUE, GREEN, GREY, INK, ORANGE, VERMILION
from scaling.figures.labels import boxes_around, place_labels
from scaling.figures.marks import BAR, METHOD_STYLES, legend_outside, mark

SEED_GREY, NOISE_BAND = "#8a8a8a", "#f0ede4"
# One shape a dimension, for references and search trials alike; colour repeats it.
DIRECTION_STYLES: dict[str, tuple[str, str]] = {
    "depth": (BLUE, "^"),
    "width": (GREEN, "s"),
    "resolution": (ORANGE, "D"),
    "balanced": (VERMILION, "h"),
    "unknown": (GREY, "X"),
}


def draw_seeds(points: pd.DataFrame, ax: Axes) -> None:
    """Draw every seed of the trials that have several, as a small dot."""
    several = points[points["seeds"] > 1]
    ax.scatter(several["cost"], several["top1"], s=5, color=SEED_GREY, linewidth=0, zorder=3.5)


def draw_trials(trials: pd.DataFrame, ax: Axes) -> None:
    """Draw means: search trials coloured by direction, references open, intervals where there are any."""
    spread = trials[trials["seeds"] > 1]
    if len(spread):
        ax.errorbar(
            spread["cost"],
            spread["top1_mean"],
            yerr=[spread["top1_mean"] - spread["top1_low"], spread["top1_high"] - spread["top1_mean"]],
            fmt="none",
            ecolor=BAR,
            elinewidth=0.6,
            capsize=1.5,
            capthick=0.6,
            zorder=3,
        )
    searched = trials[trials["kind"] != "reference"]
    if len(searched):  # seaborn warns about a palette with nothing to colour
        sns.scatterplot(
            data=searched,
            x="cost",
            y="top1_mean",
            hue="direction",
            style="direction",
            palette={name: color for name, (color, _) in DIRECTION_STYLES.items()},
            markers={name: marker for name, (_, marker) in DIRECTION_STYLES.items()},
            s=_marker_area(len(trials)),
            linewidth=0.4,
            legend=False,
            zorder=4,
            ax=ax,
        )
        ax.set(xlabel=ax.get_xlabel(), ylabel=ax.get_ylabel())
    for name, rows in trials[trials["kind"] == "reference"].groupby("name", sort=False):
        ax.scatter(
            rows["cost"],
            rows["top1_mean"],
            marker=METHOD_STYLES[str(name)][1] if name in METHOD_STYLES else "P",
            s=60 if name == "compound" else 26,
            facecolor="white",
            edgecolor=INK,
            linewidth=0.9,
            zorder=5,
        )


def _marker_area(trials: int) -> float:
    return 24.0 if trials <= 40 else 14.0 if trials <= 120 else 9.0


def draw_noise(trials: pd.DataFrame, ax: Axes, floor: float | None) -> None:
    """Shade what is not distinguishable from the best trial.

    Args:
        trials: one row a trial.
        ax: where to draw.
        floor: in percentage points; None draws nothing.
    """
    if floor is not None:
        best = trials["top1_mean"].max()
        ax.axhspan(best - floor, best, color=NOISE_BAND, linewidth=0, zorder=0.5)


def draw_legend(trials: pd.DataFrame, ax: Axes, floor: float | None) -> None:
    """Explain the marks that occur, outside the axes."""
    searched = trials[trials["kind"] != "reference"]
    handles: list[Line2D | Patch] = [
        mark(f"search: {'' if name in ('balanced', 'unknown') else 'mostly '}{name}", marker, color)
        for name, (color, marker) in DIRECTION_STYLES.items()
        if name in set(searched["direction"])
    ]
    if len(searched) < len(trials):
        handles.append(mark("reference", "o", "white", INK))
    if (trials["seeds"] > 1).any():
        handles.append(mark("95 % t-interval", "|", BAR, BAR, size=8.0))
        handles.append(mark("one seed", ".", SEED_GREY, SEED_GREY, size=4.0))
    if floor is not None:
        handles.append(Patch(color=NOISE_BAND, label=f"within noise of the best\n({floor:.1f} points)"))
    legend_outside(ax, handles)


def label_references(trials: pd.DataFrame, ax: Axes) -> None:
    """Name the reference trials; limits and legend must stand."""
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
