"""Fig. 8 of the paper from a run of ours: ways to scale one baseline, at achieved cost."""

from __future__ import annotations

import pandas as pd
from matplotlib.axes import Axes

from scaling.figures.marks import (
    METHOD_STYLES,
    OWN_ACCURACY,
    draw_ways,
    legend_outside,
    nothing_yet,
    pooled_interval,
)
from scaling.figures.run_accuracy import cost_label, scale_of
from scaling.figures.run_data import RunData
from scaling.figures.run_trials import trials_with_intervals


def run_methods_frame(trials: pd.DataFrame) -> pd.DataFrame:
    """Return the reference networks by the way in which they were scaled, smallest first.

    The baseline opens every way. Intervals come from the noise pooled over the run; accuracies are fractions.

    Args:
        trials: the table of trials.
    """
    points = trials_with_intervals(trials)
    points = points[points["kind"] == "reference"]
    columns = ["name", "trial", "macs", "params", "seeds", "top1_mean", "top1_low", "top1_high"]
    frame = points[columns].rename(columns={"name": "method"})
    return frame.sort_values(["method", "macs", "trial"], kind="stable", ignore_index=True)


def draw_run_methods(frame: pd.DataFrame, ax: Axes, *, run: RunData) -> None:
    """Draw multiply-adds against accuracy, a line from the baseline along each way to scale.

    Args:
        frame: from `run_methods_frame`.
        ax: where to draw; its figure has its final size, and takes the legend.
        run: gives the title.
    """
    divisor, unit = scale_of(frame["macs"])
    ax.set(
        title=f"{run.title} · own runs",
        xlabel=cost_label("macs", unit),
        ylabel=OWN_ACCURACY,
    )
    if frame.empty:
        nothing_yet(ax, "no reference is complete yet")
        return
    points = frame.assign(
        x=frame["macs"] / divisor,
        y=100 * frame["top1_mean"],
        low=100 * frame["top1_low"],
        high=100 * frame["top1_high"],
    )
    handles = draw_ways(points, ax, _ordered(frame))
    if frame["top1_low"].notna().any():
        handles.append(pooled_interval())
    legend_outside(ax, handles, columns=3)


def _ordered(frame: pd.DataFrame) -> list[str]:
    found = list(dict.fromkeys(frame["method"]))
    return [*(name for name in METHOD_STYLES if name in found), *(n for n in found if n not in METHOD_STYLES)]


def methods_words(frame: pd.DataFrame) -> str:
    """Say what each way to scale reached."""
    if frame.empty:
        return "No reference network is complete yet."
    points = [
        f"{row['method']} {100 * row['top1_mean']:.1f} % at {row['macs']:,} multiply-adds"
        for _, row in frame.iterrows()
    ]
    return "; ".join(points) + "."
