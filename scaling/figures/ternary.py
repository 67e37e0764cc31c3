"""The triangle of shares of log-cost: its axes, and the bar of what its colours mean."""

from __future__ import annotations

from typing import Any

from matplotlib.axes import Axes

from scaling.drawings.palette import GREY
from scaling.figures.axes import head_figure
from scaling.figures.marks import DIMENSIONS, is_wide

SHARES = [f"{dimension}_share" for dimension in DIMENSIONS]
MAP = "cividis"
"""Lightness rises steadily: readable in grey and under every colour deficiency."""


def shares_axes(ax: Axes, heading: str) -> Any:
    """Name the axes of a ternary panel (`mpltern`) and give them ticks; return it."""
    ternary: Any = ax
    # A title of the axes would be cut off: the layout does not see it above a triangle.
    head_figure(ax, heading)
    for axis, label in zip("tlr", DIMENSIONS, strict=True):
        getattr(ternary, f"set_{axis}label")(f"share of\n{label}")
        getattr(ternary, f"{axis}axis").set_label_rotation_mode("horizontal")
        getattr(ternary, f"{axis}axis").set_ticks([0.2, 0.4, 0.6, 0.8])
    ternary.tick_params(labelrotation="horizontal", labelsize=6.0, colors=GREY)
    return ternary


def nothing_on_it(ax: Axes, words: str) -> None:
    """Write across an empty triangle why it is empty."""
    ax.text(0.5, 0.35, words, transform=ax.transAxes, ha="center", color=GREY)


def colour_bar(ax: Axes, drawn: Any, label: str, **look: Any) -> Any:
    """Explain the colours beside a wide triangle, below a narrow one; return the bar."""
    figure: Any = ax.figure
    place: dict[str, Any] = (
        {"shrink": 0.7, "pad": 0.12} if is_wide(ax) else {"location": "bottom", "shrink": 0.8}
    )
    bar = figure.colorbar(drawn, ax=ax, label=label, **place, **look)
    bar.outline.set_visible(False)
    return bar
