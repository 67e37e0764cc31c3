"""A layout onto paper: one matplotlib figure gives SVG, PDF and PNG, always the same bytes."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, assert_never

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.patches import FancyBboxPatch, PathPatch, Polygon
from matplotlib.path import Path as Outline

from scaling.atomic_write import write_whole
from scaling.drawings.drawing import Box, Drawing, Line, Text
from scaling.drawings.metrics import FAMILY
from scaling.errors import ConfigError

FORMATS = ("svg", "png", "pdf")
DOTS_PER_INCH = 300
_CORNER, _HEAD_LENGTH, _HEAD_WIDTH = 3.0, 3.4, 2.8
# Text becomes outlines in SVG and TrueType in PDF; nothing that changes from run to run enters a file.
_SETTINGS: Any = {"svg.fonttype": "path", "svg.hashsalt": "scaling", "pdf.fonttype": 42}
_METADATA: dict[str, dict[str, str | None]] = {
    "svg": {"Date": None, "Creator": None},
    "png": {"Software": None},
    "pdf": {"CreationDate": None, "Creator": None, "Producer": None},
}


def save_drawing(drawing: Drawing, path: Path) -> Path:
    """Write a drawing in the format that the path ends in.

    Raises:
        ConfigError: the ending is not .svg, .png or .pdf.
        ResultsError: the file cannot be written.
    """
    return write_whole(path, render(drawing, format_of(path)))


def format_of(path: Path) -> str:
    """Return the format that a path ends in.

    Raises:
        ConfigError: it is none of ours.

    >>> format_of(Path("b4.SVG"))
    'svg'
    """
    ending = path.suffix.lower().removeprefix(".")
    if ending not in FORMATS:
        raise ConfigError(f"expected a file ending in .svg, .png or .pdf; got {path.name!r}")
    return ending


def render(drawing: Drawing, form: str, *, dots_per_inch: int = DOTS_PER_INCH) -> bytes:
    """Return a drawing as the content of a file in one of `FORMATS`."""
    with mpl.rc_context(_SETTINGS):
        return file_content(figure_of(drawing), form, title=drawing.title, dpi=dots_per_inch)


def file_content(figure: Figure, form: str, *, title: str = "", **settings: Any) -> bytes:
    """Return a figure as a file's content: the same bytes every time, for it says nothing of its making.

    The title is kept inside as text alternative; settings are further ones of `Figure.savefig`.
    """
    buffer = io.BytesIO()
    metadata = _METADATA[form] | ({"Title": title} if title else {})
    figure.savefig(buffer, format=form, metadata=metadata, **settings)
    return buffer.getvalue()


def figure_of(drawing: Drawing) -> Figure:
    """Return a drawing as a matplotlib figure of its own size."""
    figure = Figure(figsize=(drawing.width / 72, drawing.height / 72), facecolor="white")
    FigureCanvasAgg(figure)
    ax = figure.add_axes((0, 0, 1, 1))
    ax.set(xlim=(0, drawing.width), ylim=(drawing.height, 0))
    ax.axis("off")
    for order, item in enumerate(drawing.items):
        match item:
            case Box():
                _draw_box(ax, item, order)
            case Line():
                _draw_line(ax, item, order)
            case Text():
                _draw_text(ax, item, order)
            case _:
                assert_never(item)
    return figure


def _draw_box(ax: Axes, box: Box, order: int) -> None:
    ax.add_artist(
        FancyBboxPatch(
            (box.x, box.y),
            box.width,
            box.height,
            boxstyle=f"round,pad=0,rounding_size={min(box.corner, box.width / 2, box.height / 2)}",
            facecolor=box.paint.fill,
            edgecolor=box.paint.edge,
            linewidth=box.edge_width,
            linestyle=(0, (2.5, 1.5)) if box.dashed else "solid",
            zorder=order + 1,
        )
    )


def _draw_line(ax: Axes, line: Line, order: int) -> None:
    points = line.points
    if line.arrow:
        head, points = _arrowhead(points)
        ax.add_artist(Polygon(head, closed=True, facecolor=line.colour, edgecolor="none", zorder=order + 1))
    vertices, codes = zip(*_rounded(points), strict=True)
    ax.add_artist(
        PathPatch(
            Outline(vertices, codes),
            facecolor="none",
            edgecolor=line.colour,
            linewidth=line.width,
            linestyle=(0, (2.5, 1.5)) if line.dashed else "solid",
            capstyle="butt",
            zorder=order + 1,
        )
    )


def _arrowhead(
    points: Sequence[tuple[float, float]],
) -> tuple[list[tuple[float, float]], tuple[tuple[float, float], ...]]:
    """Return the head at the end of a path, and the path cut short behind it."""
    (x0, y0), (x1, y1) = points[-2], points[-1]
    right, down = _direction((x0, y0), (x1, y1))
    foot = (x1 - right * _HEAD_LENGTH, y1 - down * _HEAD_LENGTH)
    aside = (-down * _HEAD_WIDTH / 2, right * _HEAD_WIDTH / 2)
    head = [(x1, y1), (foot[0] + aside[0], foot[1] + aside[1]), (foot[0] - aside[0], foot[1] - aside[1])]
    return head, (*points[:-1], foot)


def _direction(start: tuple[float, float], end: tuple[float, float]) -> tuple[float, float]:
    right, down = end[0] - start[0], end[1] - start[1]
    length = (right**2 + down**2) ** 0.5 or 1.0
    return right / length, down / length


def _rounded(points: Sequence[tuple[float, float]]) -> Iterator[tuple[tuple[float, float], Any]]:
    """Yield vertices and codes of a path with its corners rounded."""
    yield points[0], Outline.MOVETO
    for before, corner, after in zip(points, points[1:], points[2:], strict=False):
        into, out = _direction(before, corner), _direction(corner, after)
        yield (corner[0] - into[0] * _CORNER, corner[1] - into[1] * _CORNER), Outline.LINETO
        yield corner, Outline.CURVE3
        yield (corner[0] + out[0] * _CORNER, corner[1] + out[1] * _CORNER), Outline.CURVE3
    yield points[-1], Outline.LINETO


def _draw_text(ax: Axes, text: Text, order: int) -> None:
    font = FontProperties(family=FAMILY, size=text.size, weight="bold" if text.bold else "normal")
    ax.text(
        text.x,
        text.y,
        text.text,
        fontproperties=font,
        color=text.colour,
        ha=text.align.value,
        va="baseline",
        parse_math=False,
        zorder=order + 1,
    )
