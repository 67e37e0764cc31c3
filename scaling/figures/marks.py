"""One mark a dimension, in every chart: shape first, colour repeats it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from matplotlib.artist import Artist
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from scaling.figures.style import BLUE, BROWN, GREEN, GREY, INK, ORANGE, PURPLE, SKY, VERMILION, VIOLET

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
WIDE_INCHES = 5.0
"""From this width on a legend stands beside the chart, else below."""


def legend_outside(figure: Figure, handles: Sequence[Artist], *, columns: int = 2, title: str = "") -> None:
    """Put a legend where no data can be: to the right of a wide chart, below a narrow one."""
    if not handles:
        return
    wide = figure.bbox.width / figure.dpi >= WIDE_INCHES
    figure.legend(
        handles=handles,
        loc="outside right upper" if wide else "outside lower left",
        ncols=1 if wide else columns,
        handletextpad=0.5,
        title=title or None,
        alignment="left",
    )


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
