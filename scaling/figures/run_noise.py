"""Proxy noise: every seed of every network, beside what the noise lets one tell apart."""

from __future__ import annotations

from typing import Any

import pandas as pd
from matplotlib.artist import Artist
from matplotlib.axes import Axes

from scaling.drawings.palette import BLUE, INK
from scaling.figures.axes import OWN_ACCURACY, name_rows
from scaling.figures.chart import Layout, RunChart
from scaling.figures.marks import (
    NOISE_BAND,
    SEED_GREY,
    in_percent,
    legend_outside,
    mark,
    noise_patch,
    nothing_yet,
    stroke,
)
from scaling.figures.run_data import RunData
from scaling.figures.run_trials import MEAN, run_frame, trials_with_intervals

SHOWN = 30
"""Networks on the chart at most: the best ones, and every reference."""
LONGEST_NAME = 36
INTERVAL: dict[str, Any] = {"linewidth": 1.6, "alpha": 0.45}


def run_noise_frame(run: RunData) -> pd.DataFrame:
    """Return one row a complete training, best network first, with its network's mean and pooled interval.

    Accuracies are fractions; `shown` marks what the chart has room for.
    """
    means = trials_with_intervals(run.trials).sort_values("top1_mean", ascending=False, kind="stable")
    means = means.assign(rank=range(1, len(means) + 1))
    reference = means["kind"] == "reference"
    labels = means["label"]
    if "achieved_factor" in means:  # a study scales one way to several costs, which tell its networks apart
        shared = labels.where(reference).duplicated(keep=False)
        labels = labels.mask(shared, labels + means["achieved_factor"].map(" at {:.2f}×".format))
    means["network"] = labels.where(reference, "trial " + means["trial"].astype(str))
    means["shown"] = reference | ((~reference).cumsum() <= SHOWN - int(reference.sum()))
    kept = means[["trial", "network", "kind", "rank", *MEAN, "shown"]]
    frame = run_frame(run.trials)[["trial", "seed", "top1"]].merge(kept, on="trial")
    return frame.sort_values(["rank", "seed"], kind="stable", ignore_index=True)


def draw_run_noise(frame: pd.DataFrame, ax: Axes, *, run: RunData) -> None:
    """Draw a line a network: seeds as dots, mean, pooled interval, and the band of the best."""
    ax.set(title=run.heading, xlabel=OWN_ACCURACY)
    shown = in_percent(frame[frame["shown"].astype(bool)])
    if shown.empty:
        nothing_yet(ax)
        return
    networks = shown.drop_duplicates("trial").reset_index(drop=True)
    places = shown["trial"].map({trial: place for place, trial in networks["trial"].items()})
    handles: list[Artist] = [
        mark("mean", "D", "white", INK),
        mark("one seed", "o", SEED_GREY, SEED_GREY, size=3),
    ]
    spread = networks[networks["top1_low"].notna()]
    if len(spread):
        ax.hlines(spread.index, spread["top1_low"], spread["top1_high"], color=BLUE, zorder=2, **INTERVAL)
        handles.append(stroke("95 % t-interval,\npooled noise", BLUE, **INTERVAL))
    ax.scatter(shown["top1"], places, s=10, color=SEED_GREY, linewidth=0, zorder=3)
    look: dict[str, Any] = {"facecolor": "white", "edgecolor": INK, "linewidth": 0.8, "zorder": 4}
    ax.scatter(networks["top1_mean"], networks.index, marker="D", s=16, **look)
    if run.floor is not None:
        best = networks["top1_mean"].max()
        ax.axvspan(best - 100 * run.floor, best, color=NOISE_BAND, linewidth=0, zorder=0.5)
        handles.append(noise_patch(run.floor))
    name_rows(ax, networks["network"].map(_short).tolist(), size=6.5 if len(networks) <= 18 else 5.0)
    if frame["trial"].nunique() > len(networks):
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


RUN_NOISE = RunChart(
    frame=run_noise_frame,
    draw=draw_run_noise,
    caption=(
        "Every seed of every network, best first. The interval is of the mean, from the seed-to-seed "
        "spread pooled over all networks of the run."
    ),
    words=noise_words,
    layout=Layout(double=3.6, single=4.4),
)
