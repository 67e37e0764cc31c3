"""One mark a dimension, in every chart: shape first, colour repeats it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.text import Annotation
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from scaling.drawings.palette import BLUE, BROWN, GREEN, GREY, INK, ORANGE, PURPLE, SKY, VERMILION, VIOLET

DIMENSIONS = ("depth", "width", "resolution")
METHOD_STYLES: dict[str, tuple[str, str, Any]] = {
    "baseline": (INK, "o", ""),
    "depth": (BLUE, "^", (4, 1.5)),
    "width": (GREEN, "s", (1, 1)),
    "resolution": (ORANGE, "D", (3, 1, 1, 1)),
    "compound": (VERMILION, "*", ""),
}
"""Colour, marker and dashes of each way to scale."""
OTHERS = ((VERMILION, "o"), (VIOLET, "v"), (PURPLE, "P"), (SKY, "X"), (BROWN, "<"), (INK, ">"))
"""Of strategies that have no style of their own."""
AREAS = {"*": 85.0}
"""Of markers, in square points, where `AREA` would be too small."""
AREA = 32.0
DIMENSION_NAMES = {
    "depth": "depth coefficient d",
    "width": "width coefficient w",
    "resolution": "resolution coefficient r",
}
BAR = "#a8a8a8"
"""Of intervals."""
WIDE_INCHES = 5.0
"""From this width on a legend stands beside the chart, else below."""
OWN_ACCURACY, OWN_MACS = "Top-1 accuracy on validation (%)", "FLOPs (multiply-adds)"
PRINTED_ACCURACY, PRINTED_MACS = "ImageNet top-1 accuracy (%)", "FLOPs (multiply-adds, billions, as printed)"


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelPlace:
    """Where a label stands from its point: offset in typographic points, and which side it hangs from.

    Args:
        x: points to the right of the marker's centre.
        y: points above it.
        align: horizontal alignment of the text at that place.
    """

    x: float
    y: float
    align: str = "left"


def name_point(
    ax: Axes, text: str, point: tuple[Any, Any], place: LabelPlace, *, size: float = 6.0, **look: Any
) -> Annotation:
    """Write a label beside its point; tests find it by its gid.

    Args:
        ax: where to write.
        text: of the label.
        point: in the axes' data units.
        place: beside the point.
        size: of the letters, in points.
        look: further properties of the text.
    """
    label = ax.annotate(
        text,
        point,
        xytext=(place.x, place.y),
        textcoords="offset points",
        **{"ha": place.align, "va": "center", "fontsize": size, **look},
    )
    label.set_gid(f"label {text}")
    return label


def plain_ticks(ax: Axes, x: Sequence[float], y: Sequence[float]) -> None:
    """Put ticks at these values of logarithmic axes, and write them as plain numbers."""
    for axis, ticks in ((ax.xaxis, x), (ax.yaxis, y)):
        axis.set_major_locator(FixedLocator(ticks))
        axis.set_minor_locator(NullLocator())
        axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))


def draw_ways(points: pd.DataFrame, ax: Axes, methods: Sequence[str]) -> list[Artist]:
    """Draw ways to scale, each a line from the baseline on; return their legend.

    Args:
        points: columns `method`, `x`, `y` in the axes' units, and perhaps `low` and `high` of intervals.
        ax: where to draw.
        methods: in drawing order.
    """
    handles: list[Artist] = []
    start = points[points["method"] == "baseline"]
    for number, method in enumerate(methods):
        part = points[points["method"] == method]
        if part.empty:
            continue
        (color, marker), dashes = style_of(method, number), METHOD_STYLES.get(method, ("", "", ""))[2]
        line = part if method == "baseline" else pd.concat([start, part])
        style = (0, dashes) if dashes else "solid"
        ax.plot(line["x"], line["y"], color=color, linestyle=style, linewidth=1.1, zorder=2)
        if "low" in part.columns:
            spread = part[part["low"].notna()]
            ax.vlines(spread["x"], spread["low"], spread["high"], color=BAR, linewidth=0.7, zorder=1.5)
        look: dict[str, Any] = {"edgecolor": "white", "linewidth": 0.6, "zorder": 3}
        ax.scatter(part["x"], part["y"], marker=marker, s=AREAS.get(marker, AREA), color=color, **look)
        handles.append(mark(method, marker, color))
    return handles


def pooled_interval() -> Line2D:
    """Return the legend's entry of intervals from the noise pooled over a run."""
    return mark("95 % t-interval,\npooled noise", "|", BAR, BAR, size=8.0)


def legend_outside(ax: Axes, handles: Sequence[Artist], *, columns: int = 2) -> None:
    """Put a legend where no data can be: to the right of a wide chart, below a narrow one.

    Args:
        ax: of a figure of its final size.
        handles: none draw nothing.
        columns: below a narrow chart.
    """
    if not handles:
        return
    figure, wide = ax.figure, is_wide(ax)
    figure.legend(
        handles=list(handles),
        loc="outside right upper" if wide else "outside lower left",
        ncols=1 if wide else columns,
        handletextpad=0.5,
        alignment="left",
    )


def is_wide(ax: Axes) -> bool:
    """Whether a chart has room beside it."""
    return ax.figure.bbox.width / ax.figure.dpi >= WIDE_INCHES


def mark(label: str, marker: str, face: str, edge: str = "white", *, size: float = 4.5) -> Line2D:
    """Return a legend's entry for a marker."""
    return Line2D(
        [],
        [],
        linewidth=0,
        marker=marker,
        markersize=size * (1.6 if marker == "*" else 1.0),
        markerfacecolor=face,
        markeredgecolor=edge,
        markeredgewidth=0.7,
        label=label,
    )


def nothing_yet(ax: Any, words: str = "no complete trial yet") -> None:
    """Write across empty axes why they are empty."""
    ax.set(xticks=[], yticks=[])
    ax.text(0.5, 0.5, words, transform=ax.transAxes, ha="center", va="center", color=GREY, wrap=True)


def style_of(strategy: str, number: int) -> tuple[str, str]:
    """Return colour and marker of a strategy: the dimensions have their own everywhere."""
    if strategy in METHOD_STYLES:
        return METHOD_STYLES[strategy][0], METHOD_STYLES[strategy][1]
    return OTHERS[number % len(OTHERS)]
