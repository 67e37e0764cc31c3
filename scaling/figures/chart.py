"""A chart as an entry of a table: its data, its drawing, its panels and what it says in words."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import mpltern  # noqa: F401  registers the ternary projection
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from scaling.figures.run_data import RunData
from scaling.figures.style import Size, new_figure, theme

Panels = tuple[Axes, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """Panels and height of a chart.

    Args:
        double: height in inches at two columns, where panels stand side by side.
        single: height in inches at one column, where they stand one above the other.
        panels: how many.
        projection: of the axes; None for straight ones.
        share_y: whether the panels have one ordinate.
    """

    double: float = 3.6
    single: float = 3.1
    panels: int = 1
    projection: str | None = None
    share_y: bool = False

    def make(self, size: Size) -> tuple[Figure, Panels]:
        """Return an empty figure and its panels."""
        height, rows, columns = {
            "double": (self.double, 1, self.panels),
            "single": (self.single, self.panels, 1),
        }[size]
        figure = new_figure(size, height)
        axes = figure.subplots(
            rows,
            columns,
            squeeze=False,
            sharey=self.share_y,
            subplot_kw={"projection": self.projection} if self.projection else {},
        )
        return figure, tuple(axes.ravel())


@dataclass(frozen=True, slots=True, kw_only=True)
class FamilyChart:
    """A chart of published figures, or of what the generator gives; it needs no run.

    Args:
        frame: makes its data.
        draw: draws them: `draw(frame, *panels)`.
        caption: one or two sentences under the chart.
        layout: panels and height.
    """

    frame: Callable[[], pd.DataFrame]
    draw: Callable[..., None]
    caption: str
    layout: Layout = Layout()

    def figure(self, frame: pd.DataFrame, size: Size) -> Figure:
        """Return the chart, drawn from what `frame` made."""
        with theme():
            figure, panels = self.layout.make(size)
            self.draw(frame, *panels)
        return figure


@dataclass(frozen=True, slots=True, kw_only=True)
class RunChart:
    """A chart of one run of ours.

    Args:
        frame: makes its data from the run.
        draw: draws them: `draw(frame, *panels, run=run)`.
        caption: one or two sentences under the chart.
        words: says in words what its data show, for who cannot see the chart.
        layout: panels and height.
        left_out: why it would say nothing about a run; empty where it says something.
    """

    frame: Callable[[RunData], pd.DataFrame]
    draw: Callable[..., None]
    caption: str
    words: Callable[[pd.DataFrame], str]
    layout: Layout = Layout()
    left_out: Callable[[RunData], str] = lambda _run: ""

    def figure(self, frame: pd.DataFrame, run: RunData, size: Size) -> Figure:
        """Return the chart, drawn from what `frame` made of the run, however few trials there are."""
        with theme():
            figure, panels = self.layout.make(size)
            self.draw(frame, *panels, run=run)
        return figure
