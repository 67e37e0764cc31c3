"""Table 3 from runs of ours: other baselines scaled in several ways, below the published figures.

Published accuracies are of ImageNet, in per cent; ours are of a validation set, as fractions. They stand in
columns and rows of their own and never share an axis.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd
from matplotlib.axes import Axes

from scaling.figures.axes import cost_label, scale_of
from scaling.figures.chart import Chart, Layout
from scaling.figures.marks import (
    METHOD_STYLES,
    draw_ways,
    interval_mark,
    is_wide,
    legend_outside,
    method_marks,
    nothing_yet,
)
from scaling.figures.published_methods import published_methods_frame
from scaling.figures.run_trials import MEAN, trials_with_intervals
from scaling.runs.trials_table import at_own_rate

PUBLISHED, OWN = "published", "own runs"
COLUMNS = ("panel", "baseline", "title", "source", "method", "macs", *MEAN, "top1_percent")
_FAMILIES = {
    "mobilenetv1": "MobileNetV1",
    "mobilenetv2": "MobileNetV2",
    "resnet": "ResNet-50",
    "efficientnet": "EfficientNet-B0",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnRun:
    """A run or study of ours that scales one baseline in several ways.

    Args:
        baseline: name of what was scaled; published figures of its family stand above it.
        title: experiment and data set.
        trials: its table of trials.
    """

    baseline: str
    title: str
    trials: pd.DataFrame


def own_baselines_frame(runs: Sequence[OwnRun]) -> pd.DataFrame:
    """Return the networks of several runs by the way in which they were scaled, and the published ones.

    `macs` are as printed (in billions, rounded) for published rows and exact for ours. Intervals of ours are
    95 % t-intervals from the noise pooled over a run.

    Args:
        runs: one a panel, in order.
    """
    printed = published_methods_frame().rename(columns={"source": "title"})
    printed["macs"] = (1e9 * printed["macs_billions"]).round()
    parts = []
    for panel, run in enumerate(runs):
        published = printed[printed["baseline"] == published_baseline(run.baseline)]
        parts.append(published.assign(source=PUBLISHED, panel=panel))
        parts.append(_own(run.trials).assign(source=OWN, baseline=run.baseline, title=run.title, panel=panel))
    return pd.concat(parts, ignore_index=True).reindex(columns=list(COLUMNS))


def published_baseline(name: str) -> str | None:
    """Return the baseline of the paper's tables that a baseline's name begins like.

    >>> published_baseline("mobilenetv2-small"), published_baseline("glyph-b0")
    ('MobileNetV2', None)
    """
    plain = name.lower().replace("_", "")
    return next((known for family, known in _FAMILIES.items() if plain.startswith(family)), None)


def _own(trials: pd.DataFrame) -> pd.DataFrame:
    """Return the networks of a study by strategy, or the references of a search by name."""
    rows = at_own_rate(trials[trials["kind"] == "reference"])
    points = trials_with_intervals(rows)
    method = points["name"].str.partition("@")[0]
    points = points.assign(method=method)[method.isin(METHOD_STYLES)]
    return points.sort_values(["method", "macs"], kind="stable")[["method", "macs", *MEAN]]


def layout_of(frame: pd.DataFrame) -> Layout:
    """Return two panels a run: a column of two at two columns, a row of two at one."""
    runs = frame["panel"].nunique()
    return Layout(double=4.6, single=1.9 * runs + 0.5, panels=2 * runs, rows=2, columns=2)


def draw_own_baselines(frame: pd.DataFrame, *axes: Axes) -> None:
    """Draw two panels a run, published and ours."""
    for place, ax in enumerate(axes):
        panel, source = place // 2, (PUBLISHED, OWN)[place % 2]
        rows = frame[(frame["panel"] == panel) & (frame["source"] == source)]
        _draw_panel(rows, ax, own=source == OWN, first=panel == 0)
    legend_outside(axes[0], [*method_marks(frame["method"]), *interval_mark(frame)], columns=3)


def _draw_panel(rows: pd.DataFrame, ax: Axes, *, own: bool, first: bool) -> None:
    """Draw the networks of one source, a line from the baseline along each way to scale."""
    if rows.empty:
        nothing_yet(ax, "no complete network yet" if own else "nothing published of this baseline")
        ax.set_axis_off()
        return
    wide, name = is_wide(ax), rows["baseline"].iloc[0]
    # A run's whole name is too long for a panel of three; the data have it.
    _, on, data = rows["title"].iloc[0].rpartition(" on ")
    between = " · own runs\n" if wide else "\nown runs\n"
    text = ax.set_title(f"{name}{between}{on.lstrip()}{data}" if own else f"Published: {name}")
    if not wide:
        text.set_fontsize(6.2)
    divisor, unit = scale_of(rows["macs"])
    ax.set_xlabel(cost_label("macs", f"{unit}{'' if own else ', printed'}" if unit else ""), fontsize=6.2)
    if first or not wide:
        ax.set_ylabel("Top-1 on validation (%)" if own else "ImageNet top-1 (%)", fontsize=6.5)
    points = rows.assign(
        x=rows["macs"] / divisor,
        y=100 * rows["top1_mean"] if own else rows["top1_percent"],
        top1_low=100 * rows["top1_low"].clip(lower=0),
        top1_high=100 * rows["top1_high"].clip(upper=1),
    )
    draw_ways(points, ax)
    ax.margins(0.12)


OWN_BASELINES = Chart(
    frame=own_baselines_frame,
    draw=draw_own_baselines,
    caption=(
        "Ways to scale other baselines. Above: as printed in the paper (ImageNet). Below: runs of ours at "
        "achieved cost, on other data and at another scale; the two rows share no axis."
    ),
    layout=layout_of,
)
