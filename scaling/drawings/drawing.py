"""A drawing as data: boxes, lines and texts in typographic points, y downwards, nothing rendered."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import Any, assert_never

from scaling.drawings.metrics import CAP_HEIGHT, DESCENT, text_width
from scaling.drawings.palette import FAINT, INK, Paint


class Align(StrEnum):
    """Which part of a text stands at its x."""

    LEFT = "left"
    CENTRE = "center"
    RIGHT = "right"


class Role(StrEnum):
    """What a text says; tests and readers of the data find numbers by it."""

    TITLE = "title"
    LABEL = "label"
    SHAPE = "shape"
    """(height × width × channels) on an edge."""
    REPEATS = "repeats"
    LAYERS = "layers"
    """Its first number counts layers, repeats included; those of one network add up to the network's."""
    NOTE = "note"


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """A rectangle in points, y downwards."""

    left: float
    top: float
    right: float
    bottom: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Box:
    """A rectangle from its left side and top, in points; `corner` is the radius of its corners."""

    x: float
    y: float
    width: float
    height: float
    paint: Paint
    corner: float = 2.0
    dashed: bool = False
    edge_width: float = 0.6

    @property
    def bounds(self) -> Bounds:
        """Where it is."""
        return Bounds(left=self.x, top=self.y, right=self.x + self.width, bottom=self.y + self.height)


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A path through at least two (x, y), its corners rounded when drawn; it may end in an arrowhead."""

    points: tuple[tuple[float, float], ...]
    arrow: bool = True
    colour: str = INK
    width: float = 0.7
    dashed: bool = False

    @property
    def bounds(self) -> Bounds:
        """Where it is, without its width."""
        across, down = zip(*self.points, strict=True)
        return Bounds(left=min(across), top=min(down), right=max(across), bottom=max(down))


@dataclass(frozen=True, slots=True, kw_only=True)
class Text:
    """One line of text, aligned to x on the baseline y; the font's size is in points."""

    x: float
    y: float
    text: str
    size: float = 6.5
    bold: bool = False
    align: Align = Align.LEFT
    colour: str = INK
    role: Role = Role.LABEL

    @property
    def bounds(self) -> Bounds:
        """Where it is: from descent to cap height, by the font's own metrics."""
        width = text_width(self.text, self.size, bold=self.bold)
        left = self.x - {Align.LEFT: 0.0, Align.CENTRE: width / 2, Align.RIGHT: width}[self.align]
        return Bounds(
            left=left,
            top=self.y - CAP_HEIGHT * self.size,
            right=left + width,
            bottom=self.y + DESCENT * self.size,
        )


Item = Box | Line | Text


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawing:
    """A finished layout: items in drawing order; `title` is the alternative for those who cannot see it."""

    title: str
    width: float
    height: float
    items: tuple[Item, ...]

    def _repr_svg_(self) -> str:
        """Show it in a notebook."""
        from scaling.drawings.rendering import render  # noqa: PLC0415  which draws what is defined here

        svg = render(self, "svg").decode()
        return svg[svg.index("<svg") :]

    def save(self, path: Path | str) -> Path:
        """Write it as the path ends: .svg, .pdf or .png (300 dots an inch).

        Raises:
            ConfigError: the ending is another.
            ResultsError: the file cannot be written.
        """
        from scaling.drawings.rendering import save_drawing  # noqa: PLC0415  likewise

        return save_drawing(self, Path(path))

    def texts(self, role: Role | None = None) -> tuple[Text, ...]:
        """Return the texts, or those of one role."""
        return tuple(
            item for item in self.items if isinstance(item, Text) and (role is None or item.role == role)
        )

    def boxes(self) -> tuple[Box, ...]:
        """Return the boxes."""
        return tuple(item for item in self.items if isinstance(item, Box))

    def lines(self) -> tuple[Line, ...]:
        """Return the lines."""
        return tuple(item for item in self.items if isinstance(item, Line))


def finished(title: str, items: Iterable[Item], *, margin: float = 6.0, width: float = 0.0) -> Drawing:
    """Close a layout: move it to the margin and measure it; a wider page than its items need centres them."""
    kept = tuple(items)
    bounds = [item.bounds for item in kept]
    left, right = min(b.left for b in bounds), max(b.right for b in bounds)
    top, bottom = min(b.top for b in bounds), max(b.bottom for b in bounds)
    whole = max(width, right - left + 2 * margin)
    shift = (whole - (right - left)) / 2 - left
    return Drawing(
        title=title,
        width=whole,
        height=bottom - top + 2 * margin,
        items=tuple(moved(kept, shift, margin - top)),
    )


def moved(items: Iterable[Item], right: float, down: float) -> Iterator[Item]:
    """Yield the items moved by so many points."""
    for item in items:
        match item:
            case Line():
                yield replace(item, points=tuple((x + right, y + down) for x, y in item.points))
            case Box() | Text():
                yield replace(item, x=item.x + right, y=item.y + down)
            case _:
                assert_never(item)


def labelled_box(
    box: Box, text: str, *, size: float = 6.5, bold: bool = False, role: Role = Role.LABEL
) -> Iterator[Item]:
    """Yield a box and its label in the middle."""
    yield box
    look = {"bold": bold, "align": Align.CENTRE, "colour": box.paint.text, "role": role}
    yield text_at(box.x + box.width / 2, box.y + box.height / 2, text, size, **look)


def text_at(x: float, middle: float, text: str, size: float, **look: Any) -> Text:
    """Return a text whose capitals are centred at a height; `look` are further fields."""
    return Text(x=x, y=middle_baseline(middle, size), text=text, size=size, **look)


def middle_baseline(y: float, size: float) -> float:
    """Return the baseline of a text whose capitals are centred at y."""
    return y + CAP_HEIGHT * size / 2


def arrow_down(x: float, top: float, bottom: float) -> Line:
    """Return a vertical arrow."""
    return Line(points=((x, top), (x, bottom)))


def rule(left: float, right: float, y: float) -> Line:
    """Return a faint horizontal line."""
    return Line(points=((left, y), (right, y)), arrow=False, colour=FAINT, width=0.5)
