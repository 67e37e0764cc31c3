"""What holds of every drawing: no text meets another, a line or the edge of a box, or leaves the page."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from scaling.drawings import Drawing
from scaling.drawings.drawing import Bounds, Line, Role


def overlap(one: Bounds, other: Bounds) -> bool:
    across = one.left < other.right and other.left < one.right
    return across and one.top < other.bottom and other.top < one.bottom


def holds(outer: Bounds, inner: Bounds) -> bool:
    across = outer.left <= inner.left and outer.right >= inner.right
    return across and outer.top <= inner.top and outer.bottom >= inner.bottom


def strokes(line: Line) -> Iterator[Bounds]:
    """The straight pieces of a line with its thickness."""
    half = line.width / 2
    for (x0, y0), (x1, y1) in pairwise(line.points):
        left, right = sorted((x0, x1))
        top, bottom = sorted((y0, y1))
        yield Bounds(left=left - half, top=top - half, right=right + half, bottom=bottom + half)


def check(drawing: Drawing) -> None:
    page = Bounds(left=0, top=0, right=drawing.width, bottom=drawing.height)
    texts = [(text.text, text.bounds) for text in drawing.texts() if text.text.strip()]
    drawn = [stroke for line in drawing.lines() for stroke in strokes(line)]
    for index, (text, bounds) in enumerate(texts):
        assert holds(page, bounds), text
        assert not [other for other, where in texts[index + 1 :] if overlap(bounds, where)], text
        for box in drawing.boxes():
            assert not overlap(box.bounds, bounds) or holds(box.bounds, bounds), (text, box)
        assert not any(overlap(stroke, bounds) for stroke in drawn), text


def counted(drawing: Drawing) -> list[int]:
    """Every number of layers that the drawing says."""
    return [int(text.text.split()[0]) for text in drawing.texts(Role.LAYERS)]
