"""Two networks beside each other, block by block, what differs in red."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any

from scaling.cost import count_cost
from scaling.drawings.drawing import Align, Box, Drawing, Item, Line, Role, Text, finished, text_at
from scaling.drawings.network import full_name, size_text
from scaling.drawings.palette import GREY, PANEL, PLAIN, VERMILION, Paint
from scaling.network.architecture import ArchitectureSpec
from scaling.network.decomposition import layers
from scaling.network.sides import input_sides

_NAMES, _BOX, _BETWEEN = 92.0, 130.0, 14.0
_HEIGHT, _STEP = 16.0, 25.0
_TOP = 36.0
_PLACES = (
    (8.0, Align.LEFT, Role.REPEATS),
    (50.0, Align.CENTRE, Role.SHAPE),
    (_BOX - 7, Align.RIGHT, Role.LABEL),
)
_CHANGED = Paint(fill="#fdf1ea", edge=VERMILION)


@dataclass(frozen=True, slots=True, kw_only=True)
class ComparedPiece:
    """One piece of a network: its operator in words, its blocks (0 for stem and head), what it gives."""

    title: str
    words: str
    repeats: int
    side: int
    channels: int

    def cells(self) -> tuple[str, str, str]:
        """Return repeats, map and channels as texts."""
        times = f"×{self.repeats}" if self.repeats else ""
        return times, f"{self.side}×{self.side}", f"{self.channels} channels"


def rows_of(spec: ArchitectureSpec) -> tuple[ComparedPiece, ...]:
    """Return a network's pieces in order.

    >>> from scaling import variant
    >>> rows_of(variant("b0"))[2].cells()
    ('×2', '56×56', '24 channels')
    """
    stem, sides = spec.stem, input_sides(spec)
    words = _words("Conv", stem.kernel_size, stem.stride) + (", max pool" if stem.has_pool else "")
    found = [("Stem", words, 0, stem.out_channels)]
    for number, stage in enumerate(spec.stages, start=1):
        words = _words(stage.operator, stage.kernel_size, stage.stride)
        found.append((f"Block {number}", words, stage.repeats, stage.out_channels))
    if spec.head.out_channels:
        found.append(("Head", "Conv 1×1", 0, spec.head.out_channels))
    return tuple(
        ComparedPiece(title=title, words=words, repeats=repeats, side=side, channels=channels)
        for (title, words, repeats, channels), side in zip(found, (*sides, sides[-1]), strict=False)
    )


def difference_drawing(left: ArchitectureSpec, right: ArchitectureSpec) -> Drawing:
    """Lay out two networks piece by piece; what differs is red and bold, what does not is grey.

    >>> from scaling import variant
    >>> drawing = difference_drawing(variant("b1"), variant("b2"))
    >>> any(text.bold for text in drawing.texts(Role.REPEATS))  # other channels, equal depth
    False
    """
    items: list[Item] = []
    lefts, rights = (_NAMES, _NAMES + _BOX + _BETWEEN)
    same_image = left.image_size == right.image_size
    items += _heading(left, lefts, same_image)
    items += _heading(right, rights, same_image)
    y = _TOP
    pairs = list(zip_longest(_padded(left, right), _padded(right, left)))
    for index, (one, other) in enumerate(pairs):
        items += _names(one, other, y)
        for row, against, x in ((one, other, lefts), (other, one, rights)):
            items += _cells(row, against, x, y)
            if index + 1 < len(pairs):
                middle = x + _BOX / 2
                items.append(Line(points=((middle, y + _HEIGHT), (middle, y + _STEP)), colour=GREY))
        y += _STEP
    items += _summary(left, right, y - _STEP + _HEIGHT + 14)
    return finished(f"{full_name(left)} and {full_name(right)}: what differs", items, margin=8)


def _words(operator: str, kernel_size: int, stride: int) -> str:
    return f"{operator} {kernel_size}×{kernel_size}" + (f", stride {stride}" if stride > 1 else "")


def _padded(spec: ArchitectureSpec, other: ArchitectureSpec) -> list[ComparedPiece | None]:
    """Return a network's rows, with gaps where the other has more stages, or a head."""
    rows: list[ComparedPiece | None] = [*rows_of(spec)]
    head = rows[-1:] if spec.head.out_channels else [None] * bool(other.head.out_channels)
    stages = rows[: len(spec.stages) + 1]
    return stages + [None] * max(0, len(other.stages) - len(spec.stages)) + head


def _heading(spec: ArchitectureSpec, x: float, same_image: bool) -> Iterator[Item]:
    middle = x + _BOX / 2
    yield Text(x=middle, y=8, text=full_name(spec), size=8.5, bold=True, align=Align.CENTRE, role=Role.TITLE)
    yield Text(
        x=middle,
        y=18,
        text=f"image {spec.image_size}×{spec.image_size}×{spec.in_channels}",
        size=6.2,
        bold=not same_image,
        colour=GREY if same_image else VERMILION,
        align=Align.CENTRE,
        role=Role.SHAPE,
    )
    yield Line(points=((middle, 23), (middle, _TOP)), colour=GREY)


def _names(one: ComparedPiece | None, other: ComparedPiece | None, y: float) -> Iterator[Item]:
    row = one or other
    assert row is not None, "a pair of rows has at least one"
    if one is None or other is None or one.words == other.words:
        yield Text(x=0, y=y + 7, text=row.title, size=6.8, bold=True)
        yield Text(x=0, y=y + 14.5, text=row.words, size=5.6, colour=GREY)
        return
    yield Text(x=0, y=y + 4.5, text=row.title, size=6.8, bold=True)
    for words, down in ((one.words, 12.0), (other.words, 19.0)):
        yield Text(x=0, y=y + down, text=words, size=5.6, colour=VERMILION)


def _cells(row: ComparedPiece | None, against: ComparedPiece | None, x: float, y: float) -> Iterator[Item]:
    if row is None:
        yield Box(x=x, y=y, width=_BOX, height=_HEIGHT, paint=PANEL, dashed=True)
        return
    cells, others = row.cells(), against.cells() if against else ("", "", "")
    changed = against is None or cells[0] != others[0] or cells[2] != others[2]
    yield Box(x=x, y=y, width=_BOX, height=_HEIGHT, paint=_CHANGED if changed else PLAIN)
    for text, before, (at, align, role) in zip(cells, others, _PLACES, strict=True):
        if text:
            differs = text != before
            colour = VERMILION if differs else GREY
            look: dict[str, Any] = {"bold": differs, "align": align, "colour": colour, "role": role}
            yield text_at(x + at, y + _HEIGHT / 2, text, 6.2, **look)


def _summary(left: ArchitectureSpec, right: ArchitectureSpec, y: float) -> Iterator[Item]:
    """Layers, parameters and multiply-adds below each."""
    for spec, x in ((left, _NAMES), (right, _NAMES + _BOX + _BETWEEN)):
        cost = count_cost(spec)
        lines = (
            (f"{len(layers(spec))} layers without top", Role.LAYERS),
            (f"{size_text(cost.params)} params", Role.NOTE),
            (f"{size_text(cost.macs)} multiply-adds", Role.NOTE),
        )
        for index, (text, role) in enumerate(lines):
            down = y + 8.5 * index
            yield Text(x=x + _BOX / 2, y=down, text=text, size=6.2, align=Align.CENTRE, role=role)
