"""Fig. 8 of the paper from a run of ours: ways to scale one baseline, at achieved cost."""

from __future__ import annotations

import pandas as pd
from matplotlib.axes import Axes

from scaling.figures.axes import accuracy_axes
from scaling.figures.chart import Layout, RunChart
from scaling.figures.left_out import short_lines
from scaling.figures.marks import draw_ways, in_percent, interval_mark, legend_outside, nothing_yet
from scaling.figures.run_data import RunData
from scaling.figures.run_trials import MEAN, trials_with_intervals


def run_methods_frame(run: RunData) -> pd.DataFrame:
    """Return the reference networks by the way in which they were scaled, smallest first.

    The baseline opens every way. Intervals come from the noise pooled over the run; accuracies are fractions.
    """
    points = trials_with_intervals(run.trials)
    frame = points[points["kind"] == "reference"].rename(columns={"name": "method"})
    frame = frame[["method", "trial", "macs", "params", *MEAN]]
    return frame.sort_values(["method", "macs", "trial"], kind="stable", ignore_index=True)


def draw_run_methods(frame: pd.DataFrame, ax: Axes, *, run: RunData) -> None:
    """Draw multiply-adds against accuracy, a line from the baseline along each way to scale."""
    divisor = accuracy_axes(ax, run, "macs", frame["macs"])
    if frame.empty:
        nothing_yet(ax, "no reference is complete yet")
        return
    points = in_percent(frame).assign(x=frame["macs"] / divisor, y=100 * frame["top1_mean"])
    legend_outside(ax, [*draw_ways(points, ax), *interval_mark(points)], columns=3)


def methods_words(frame: pd.DataFrame) -> str:
    """Say what each way to scale reached."""
    if frame.empty:
        return "No reference network is complete yet."
    points = [
        f"{row['method']} {100 * row['top1_mean']:.1f} % at {row['macs']:,} multiply-adds"
        for _, row in frame.iterrows()
    ]
    return "; ".join(points) + "."


RUN_METHODS = RunChart(
    frame=run_methods_frame,
    draw=draw_run_methods,
    caption="Ways to scale one baseline, at achieved cost (the paper's Fig. 8, on our data).",
    words=methods_words,
    left_out=short_lines(run_methods_frame, ["method"], "macs", begun=1),
    layout=Layout(double=3.6, single=3.6),
)
