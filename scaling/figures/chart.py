"""A chart as an entry of a table: its data, its drawing, its panels and what it says in words."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

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
        double: height in inches at two columns, where panels fill `rows` rows.
        single: height in inches at one column, where they fill `columns` columns.
        panels: how many, a multiple of `rows` and of `columns`.
        rows: of panels at two columns; the panels go down each column, then on to the next.
        columns: of panels at one column; the panels go along each row.
        projection: of the axes; None for straight ones.
        share_y: whether the panels have one ordinate.
    """

    double: float = 3.6
    single: float = 3.1
    panels: int = 1
    rows: int = 1
    columns: int = 1
    projection: str | None = None
    share_y: bool = False

    def make(self, size: Size) -> tuple[Figure, Panels]:
        """Return an empty figure and its panels."""
        height, rows, columns = {
            "double": (self.double, self.rows, self.panels // self.rows),
            "single": (self.single, self.panels // self.columns, self.columns),
        }[size]
        figure = new_figure(size, height)
        axes = figure.subplots(
            rows,
            columns,
            squeeze=False,
            sharey=self.share_y,
            subplot_kw={"projection": self.projection} if self.projection else {},
        )
        return figure, tuple({"double": axes.T, "single": axes}[size].ravel())


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """A chart that is drawn from its data alone: of published figures, of the generator, of several runs.

    Args:
        frame: makes its data; charts of the paper and the generator need nothing for it.
        draw: draws them: `draw(frame, *panels)`.
        caption: one or two sentences under the chart.
        layout: panels and height, or what gives them for the data.
    """

    frame: Callable[..., pd.DataFrame]
    draw: Callable[..., None]
    caption: str
    layout: Layout | Callable[[pd.DataFrame], Layout] = Layout()

    def figure(self, frame: pd.DataFrame, size: Size) -> Figure:
        """Return the chart, drawn from what `frame` made."""
        layout = self.layout if isinstance(self.layout, Layout) else self.layout(frame)
        with theme():
            figure, panels = layout.make(size)
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

    def of(self, run: RunData) -> Chart:
        """Return the chart of this run, however few trials there are."""
        frame, draw = partial(self.frame, run), partial(self.draw, run=run)
        return Chart(frame=frame, draw=draw, caption=self.caption, layout=self.layout)

    def figure(self, frame: pd.DataFrame, run: RunData, size: Size) -> Figure:
        """Return the chart of a run, drawn from what `frame` made of it."""
        return self.of(run).figure(frame, size)
