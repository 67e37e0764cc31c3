"""Table 3 from runs of ours: other baselines scaled in several ways, below the published figures.

Published accuracies are of ImageNet, in per cent; ours are of a validation set, as fractions. They stand in
columns and rows of their own and never share an axis.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pandas as pd
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from scaling.figures.marks import (
    METHOD_STYLES,
    draw_ways,
    legend_outside,
    mark,
    nothing_yet,
    pooled_interval,
)
from scaling.figures.published_methods import published_methods_frame
from scaling.figures.run_accuracy import cost_label, scale_of
from scaling.figures.run_trials import trials_with_intervals
from scaling.figures.style import Size, new_figure, save_chart, theme
from scaling.runs.trials_table import at_own_rate

OWN_BASELINES = "own_baselines"
"""Its name, and that of its files."""
PUBLISHED, OWN = "published", "own runs"
COLUMNS = (
    "panel", "baseline", "title", "source", "method", "macs", "seeds",
    "top1_mean", "top1_low", "top1_high", "top1_percent",
)  # fmt: skip
CAPTION = (
    "Ways to scale other baselines. Above: as printed in the paper (ImageNet). Below: runs of ours at "
    "achieved cost, on other data and at another scale; the two rows share no axis."
)


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
    printed = published_methods_frame()
    parts = []
    for panel, run in enumerate(runs):
        published = printed[printed["baseline"] == published_baseline(run.baseline)]
        parts.append(
            pd.DataFrame(
                {
                    "source": PUBLISHED,
                    "baseline": published["baseline"],
                    "title": published["source"],
                    "method": published["method"],
                    "macs": (1e9 * published["macs_billions"]).round(),
                    "top1_percent": published["top1_percent"],
                    "panel": panel,
                }
            )
        )
        parts.append(_own(run.trials).assign(source=OWN, baseline=run.baseline, title=run.title, panel=panel))
    return pd.concat(parts, ignore_index=True).reindex(columns=list(COLUMNS))


_FAMILIES = {
    "mobilenetv1": "MobileNetV1",
    "mobilenetv2": "MobileNetV2",
    "resnet": "ResNet-50",
    "efficientnet": "EfficientNet-B0",
}


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
    columns = ["method", "macs", "seeds", "top1_mean", "top1_low", "top1_high"]
    return points.sort_values(["method", "macs"], kind="stable")[columns]


def own_baselines_figure(frame: pd.DataFrame, size: Size = "double") -> Figure:
    """Return the chart: a column a run, published above, ours below; at one column a row a run.

    Args:
        frame: from `own_baselines_frame`.
        size: one or two columns wide.
    """
    panels = sorted(set(frame["panel"]))
    wide = size == "double"
    with theme():
        figure = new_figure(size, 4.6 if wide else 1.9 * len(panels) + 0.5)
        shape = (2, len(panels)) if wide else (len(panels), 2)
        axes = figure.subplots(*shape, squeeze=False)
        for column, panel in enumerate(panels):
            rows = frame[frame["panel"] == panel]
            for row, source in enumerate((PUBLISHED, OWN)):
                ax = axes[row][column] if wide else axes[column][row]
                _panel(rows[rows["source"] == source], ax, source, wide=wide, first=column == 0)
        methods = set(frame["method"])
        handles: list[Artist] = [
            mark(name, marker, color) for name, (color, marker, _) in METHOD_STYLES.items() if name in methods
        ]
        if frame["top1_low"].notna().any():
            handles.append(pooled_interval())
        legend_outside(axes.flat[0], handles, columns=3)
    return figure


def save_own_baselines(
    runs: Sequence[OwnRun], directory: Path, formats: Sequence[str], sizes: Sequence[Size]
) -> list[Path]:
    """Write the chart of several runs, and its data as CSV.

    Raises:
        ConfigError: an unknown format.
        ResultsError: the folder cannot be written.
    """
    frame = own_baselines_frame(runs)
    figure = partial(own_baselines_figure, frame)
    return save_chart(OWN_BASELINES, frame, figure, directory, formats, title=CAPTION, sizes=sizes)


def _panel(rows: pd.DataFrame, ax: Axes, source: str, *, wide: bool, first: bool) -> None:
    """Draw the networks of one source, a line from the baseline along each way to scale."""
    own = source == OWN
    divisor, unit = scale_of(rows["macs"])
    accuracy = 100 * rows["top1_mean"] if own else rows["top1_percent"]
    low, high = 100 * rows["top1_low"].clip(lower=0), 100 * rows["top1_high"].clip(upper=1)
    points = rows.assign(x=rows["macs"] / divisor, y=accuracy, low=low, high=high)
    if rows.empty:
        nothing_yet(ax, "no complete network yet" if own else "nothing published of this baseline")
        ax.set_axis_off()
        return
    name, title = rows["baseline"].iloc[0], rows["title"].iloc[0]
    between = " · own runs\n" if wide else "\nown runs\n"
    _, on, data = title.rpartition(
        " on "
    )  # a run's whole name is too long for a panel of three; the data have it
    heading = f"{name}{between}{on.lstrip()}{data}" if own else f"Published: {name}"
    text = ax.set_title(heading)
    if not wide:
        text.set_fontsize(6.2)
    ax.set_xlabel(cost_label("macs", f"{unit}{'' if own else ', printed'}" if unit else ""), fontsize=6.2)
    if first or not wide:
        ax.set_ylabel("Top-1 on validation (%)" if own else "ImageNet top-1 (%)", fontsize=6.5)
    draw_ways(points, ax, list(METHOD_STYLES))
    ax.margins(0.12)
