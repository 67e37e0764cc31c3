"""Fig. 8 of the paper from a run of ours: ways to scale one baseline, at achieved cost."""

from __future__ import annotations

import pandas as pd
from matplotlib.axes import Axes

from scaling.figures.marks import AREA, AREAS, METHOD_STYLES, legend_outside, mark, nothing_yet, style_of
from scaling.figures.run_accuracy import scale_of
from scaling.figures.run_trials import trials_with_intervals

BAR = "#a8a8a8"


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


def draw_run_methods(frame: pd.DataFrame, ax: Axes, *, title: str) -> None:
    """Draw multiply-adds against accuracy, a line from the baseline along each way to scale.

    Args:
        frame: from `run_methods_frame`.
        ax: where to draw; its figure has its final size, and takes the legend.
        title: experiment and data set; "own runs" is added.
    """
    divisor, unit = scale_of(frame["macs"])
    ax.set(
        title=f"{title} · own runs",
        xlabel=f"FLOPs (multiply-adds, {unit})" if unit else "FLOPs (multiply-adds)",
        ylabel="Top-1 accuracy on validation (%)",
    )
    if frame.empty:
        nothing_yet(ax, "no reference is complete yet")
        return
    start = frame[frame["method"] == "baseline"]
    handles = []
    for number, method in enumerate(_ordered(frame)):
        rows = frame[frame["method"] == method]
        (color, marker), dashes = style_of(method, number), METHOD_STYLES.get(method, ("", "", ""))[2]
        line = pd.concat([start, rows]) if method != "baseline" else rows
        style = (0, dashes) if dashes else "solid"
        ax.plot(
            line["macs"] / divisor,
            100 * line["top1_mean"],
            color=color,
            linestyle=style,
            linewidth=1.1,
            zorder=2,
        )
        spread = rows[rows["top1_low"].notna()]
        ax.vlines(
            spread["macs"] / divisor,
            100 * spread["top1_low"],
            100 * spread["top1_high"],
            color=BAR,
            linewidth=0.7,
            zorder=1.5,
        )
        ax.scatter(
            rows["macs"] / divisor,
            100 * rows["top1_mean"],
            marker=marker,
            s=AREAS.get(marker, AREA),
            color=color,
            edgecolor="white",
            linewidth=0.6,
            zorder=3,
        )
        handles.append(mark(f"{method}", marker, color))
    if frame["top1_low"].notna().any():
        handles.append(mark("95 % t-interval,\npooled noise", "|", BAR, BAR, size=8.0))
    legend_outside(ax.figure, handles, columns=3)  # type: ignore[arg-type]


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
