"""One mark a dimension, in every chart: shape first, colour repeats it; and one look of intervals."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.text import Annotation

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
BAR, NOISE_BAND, SEED_GREY = "#a8a8a8", "#f0ede4", "#8a8a8a"
"""Of intervals, of what is within the noise, and of single seeds."""
WIDE_INCHES = 5.0
"""From this width on a legend stands beside the chart, else below."""
DASHED: dict[str, Any] = {"linewidth": 0.8, "linestyle": (0, (4, 2))}
"""Of lines that nothing was measured on."""
TOP1 = ("top1", "top1_mean", "top1_low", "top1_high")


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


EAST = LabelPlace(x=4.5, y=0)


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


def in_percent(frame: pd.DataFrame) -> pd.DataFrame:
    """Return a frame with its own accuracies in percent."""
    return frame.assign(**{column: 100 * frame[column] for column in TOP1 if column in frame})


def draw_intervals(ax: Axes, points: pd.DataFrame) -> None:
    """Draw the interval of each point that has one, from `top1_low` to `top1_high` at `x`."""
    spread = points[points["top1_low"].notna()]
    ax.vlines(spread["x"], spread["top1_low"], spread["top1_high"], color=BAR, linewidth=0.7, zorder=1.5)


def draw_line(
    ax: Axes, x: pd.Series[float], y: pd.Series[float], look: tuple[str, str, Any], **more: Any
) -> None:
    """Draw points joined by a line, in a colour, a marker and a line style."""
    color, marker, dashes = look
    ax.plot(x, y, color=color, marker=marker, linestyle=dashes, markeredgecolor="white", zorder=3, **more)


def draw_ways(points: pd.DataFrame, ax: Axes) -> list[Artist]:
    """Draw ways to scale, each a line from the baseline on; return their legend.

    Args:
        points: columns `method`, `x`, `y` in the axes' units, and perhaps those of intervals in percent.
        ax: where to draw.
    """
    handles: list[Artist] = []
    found, start = list(dict.fromkeys(points["method"])), points[points["method"] == "baseline"]
    methods = [*METHOD_STYLES, *(name for name in found if name not in METHOD_STYLES)]
    for number, method in enumerate(one for one in methods if one in found):
        part = points[points["method"] == method]
        (color, marker), dashes = style_of(method, number), METHOD_STYLES.get(method, ("", "", ""))[2]
        line = part if method == "baseline" else pd.concat([start, part])
        style = (0, dashes) if dashes else "solid"
        ax.plot(line["x"], line["y"], color=color, linestyle=style, linewidth=1.1, zorder=2)
        if "top1_low" in part.columns:
            draw_intervals(ax, part)
        look: dict[str, Any] = {"edgecolor": "white", "linewidth": 0.6, "zorder": 3}
        ax.scatter(part["x"], part["y"], marker=marker, s=AREAS.get(marker, AREA), color=color, **look)
        handles.append(mark(method, marker, color))
    return handles


def draw_groups(
    ax: Axes,
    points: pd.DataFrame,
    groups: Iterable[tuple[str, pd.Series[bool], str, str, str]],
    *,
    area: float,
    order: float = 3,
) -> list[Artist]:
    """Draw points in groups and return the legend of those that occur.

    Args:
        ax: where to draw.
        points: columns `x` and `y` in the axes' units.
        groups: label, rows, marker, face and edge of each.
        area: of a marker, in square points.
        order: in which they are drawn.
    """
    handles: list[Artist] = []
    for label, rows, marker, face, edge in groups:
        if len(part := points[rows]):
            look: dict[str, Any] = {"facecolor": face, "edgecolor": edge, "linewidth": 0.8}
            ax.scatter(part["x"], part["y"], marker=marker, s=area, zorder=order, **look)
            handles.append(mark(label, marker, face, edge))
    return handles


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


def stroke(label: str, color: str, **look: Any) -> Line2D:
    """Return a legend's entry for a line."""
    return Line2D([], [], color=color, label=label, **look)


def method_marks(methods: Iterable[str]) -> list[Artist]:
    """Return the legend's entries of ways to scale, in the order of their styles."""
    wanted = set(methods)
    return [mark(name, marker, color) for name, (color, marker, _) in METHOD_STYLES.items() if name in wanted]


def interval_mark(points: pd.DataFrame, label: str = "95 % t-interval,\npooled noise") -> list[Artist]:
    """Return the legend's entry of vertical intervals, where a point has one."""
    return [mark(label, "|", BAR, BAR, size=8.0)] if points["top1_low"].notna().any() else []


def noise_patch(floor: float) -> Patch:
    """Return the legend's entry of the band below the best (a fraction)."""
    return Patch(color=NOISE_BAND, label=f"within noise of the best\n({100 * floor:.1f} points)")


def style_of(strategy: str, number: int) -> tuple[str, str]:
    """Return colour and marker of a strategy: the dimensions have their own everywhere."""
    if strategy in METHOD_STYLES:
        return METHOD_STYLES[strategy][0], METHOD_STYLES[strategy][1]
    return OTHERS[number % len(OTHERS)]


def nothing_yet(ax: Any, words: str = "no complete trial yet") -> None:
    """Write across empty axes why they are empty."""
    ax.set(xticks=[], yticks=[])
    ax.text(0.5, 0.5, words, transform=ax.transAxes, ha="center", va="center", color=GREY, wrap=True)


def is_wide(ax: Axes) -> bool:
    """Whether a chart has room beside it."""
    return ax.figure.bbox.width / ax.figure.dpi >= WIDE_INCHES


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
