"""Proxy noise: every seed of every network, beside what the noise lets one tell apart."""

from __future__ import annotations

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from scaling.drawings.palette import BLUE, INK
from scaling.figures.marks import legend_outside, mark, nothing_yet
from scaling.figures.run_accuracy import run_frame
from scaling.figures.run_data import RunData
from scaling.figures.run_marks import NOISE_BAND, SEED_GREY
from scaling.figures.run_trials import trials_with_intervals

SHOWN = 30
"""Networks on the chart at most: the best ones, and every reference."""
LONGEST_NAME = 36


def run_noise_frame(trials: pd.DataFrame) -> pd.DataFrame:
    """Return one row a complete training, best network first, with its network's mean and pooled interval.

    Accuracies are fractions; `shown` marks what the chart has room for.

    Args:
        trials: the table of trials.
    """
    means = trials_with_intervals(trials).sort_values("top1_mean", ascending=False, kind="stable")
    means = means.assign(rank=range(1, len(means) + 1))
    reference = means["kind"] == "reference"
    labels = means["label"]
    if "achieved_factor" in means:  # a study scales one way to several costs, which tell its networks apart
        shared = labels.where(reference).duplicated(keep=False)
        labels = labels.mask(shared, labels + means["achieved_factor"].map(" at {:.2f}×".format))
    means["network"] = labels.where(reference, "trial " + means["trial"].astype(str))
    searched = (~reference).cumsum()
    room = SHOWN - int(reference.sum())
    means["shown"] = reference | (searched <= room)
    kept = means[["trial", "network", "kind", "rank", "seeds", "top1_mean", "top1_low", "top1_high", "shown"]]
    frame = run_frame(trials)[["trial", "seed", "top1"]].merge(kept, on="trial")
    return frame.sort_values(["rank", "seed"], kind="stable", ignore_index=True)


def draw_run_noise(frame: pd.DataFrame, ax: Axes, *, run: RunData) -> None:
    """Draw a line a network: seeds as dots, mean, pooled interval, and the band of the best.

    Args:
        frame: from `run_noise_frame`.
        ax: where to draw.
        run: gives title and noise.
    """
    ax.set_title(f"{run.title} · own runs")
    ax.set_xlabel("Top-1 accuracy on validation (%)")
    shown = frame[frame["shown"]] if len(frame) else frame
    if shown.empty:
        nothing_yet(ax)
        return
    networks = shown.drop_duplicates("trial")
    places = {trial: place for place, trial in enumerate(networks["trial"])}
    height = networks["trial"].map(places)
    handles: list[Line2D | Patch] = [
        mark("mean", "D", "white", INK),
        mark("one seed", "o", SEED_GREY, SEED_GREY, size=3),
    ]
    spread = networks["top1_low"].notna()
    if spread.any():
        ax.hlines(
            height[spread],
            100 * networks["top1_low"][spread],
            100 * networks["top1_high"][spread],
            color=BLUE,
            linewidth=1.6,
            alpha=0.45,
            zorder=2,
        )
        handles.append(
            Line2D([], [], color=BLUE, linewidth=1.6, alpha=0.45, label="95 % t-interval,\npooled noise")
        )
    ax.scatter(100 * shown["top1"], shown["trial"].map(places), s=10, color=SEED_GREY, linewidth=0, zorder=3)
    ax.scatter(
        100 * networks["top1_mean"],
        height,
        marker="D",
        s=16,
        facecolor="white",
        edgecolor=INK,
        linewidth=0.8,
        zorder=4,
    )
    best = 100 * networks["top1_mean"].max()
    if run.floor is not None:
        ax.axvspan(best - 100 * run.floor, best, color=NOISE_BAND, linewidth=0, zorder=0.5)
        handles.append(
            Patch(color=NOISE_BAND, label=f"within noise of the best\n({100 * run.floor:.1f} points)")
        )
    ax.set_yticks(
        range(len(networks)), networks["network"].map(_short), fontsize=6.5 if len(networks) <= 18 else 5.0
    )
    ax.set_ylim(len(networks) - 0.4, -0.6)
    ax.grid(visible=False, axis="y")
    if len(frame.drop_duplicates("trial")) > len(networks):
        ax.set_ylabel(f"best {len(networks)} of {frame['trial'].nunique()} networks")
    legend_outside(ax, handles)


def _short(name: str) -> str:
    """Cut a long name in its middle, so that the axis leaves room for the chart."""
    return name if len(name) <= LONGEST_NAME else f"{name[: LONGEST_NAME - 15]}…{name[-14:]}"


def noise_words(frame: pd.DataFrame) -> str:
    """Say how far the seeds of one network lie apart."""
    if frame.empty:
        return "No complete trial yet."
    several = frame[frame["seeds"] > 1]
    if several.empty:
        return f"{frame['trial'].nunique()} networks with one seed each: their noise is unknown."
    ranges = several.groupby("trial")["top1"].agg(lambda values: values.max() - values.min())
    return (
        f"{len(ranges)} networks have several seeds; those of one network lie up to {100 * ranges.max():.1f} "
        f"points apart ({100 * ranges.median():.1f} in the median)."
    )
