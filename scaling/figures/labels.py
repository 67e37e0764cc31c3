"""Labels for points that are not known beforehand: the best of many places, always the same one.

adjustText was tried first: in a crowd its forces leave a label on another trial's marker. Here each
label tries places around its point and takes the one that covers least.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from matplotlib import patheffects
from matplotlib.axes import Axes
from matplotlib.text import Annotation
from matplotlib.transforms import Bbox

from scaling.drawings.palette import GREY, INK

Boxes = npt.NDArray[np.float64]
"""Rectangles in pixels, one a row: left, bottom, right, top."""

DISTANCES_POINTS = (5.0, 8.0, 12.0, 17.0, 23.0, 30.0, 38.0, 48.0, 60.0, 75.0)
ANGLES = tuple(math.radians(degrees) for degrees in range(0, 360, 15))
LEADER_FROM_POINTS = 9.0
# Prices: covering a label is out of the question, a marker bad, an error bar tolerable; near is better.
LABEL_PRICE, OUTSIDE_PRICE, MARKER_PRICE, BAR_PRICE, DISTANCE_PRICE = 1e6, 1e5, 40.0, 4.0, 1.0
SWEEPS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Spot:
    """A candidate: the box it would fill, in pixels, and its distance from the point in points."""

    box: Boxes
    distance: float


def boxes_around(points: npt.ArrayLike, radius: float) -> Boxes:
    """Return squares around points, all in pixels.

    >>> boxes_around([[10, 20]], 2).tolist()
    [[8.0, 18.0, 12.0, 22.0]]
    """
    centres = np.asarray(points, dtype=float).reshape(-1, 2)
    return np.hstack([centres - radius, centres + radius])


def overlaps(box: Boxes, others: Boxes) -> int:
    """Return how many of the others a box shares area with.

    >>> overlaps(np.array([0.0, 0, 2, 2]), np.array([[1.0, 1, 3, 3], [2, 2, 3, 3]]))
    1
    """
    apart = (
        (others[:, 0] >= box[2])
        | (others[:, 2] <= box[0])
        | (others[:, 1] >= box[3])
        | (others[:, 3] <= box[1])
    )
    return int((~apart).sum())


def place_labels(
    ax: Axes,
    labels: Sequence[tuple[str, float, float]],
    *,
    markers: Boxes,
    bars: Boxes,
    size: float = 6.5,
) -> list[Annotation]:
    """Write labels beside their points, none upon another, away from markers and bars where there is room.

    The layout and the limits of the axes must be settled. A label far from its point gets a thin leader.

    Args:
        ax: where to write.
        labels: text and point, in the axes' data units.
        markers: what should stay visible.
        bars: what had better stay visible.
        size: of the letters, in points.
    """
    if not labels:
        return []
    pixel = ax.figure.dpi / 72
    points = ax.transData.transform([(x, y) for _, x, y in labels])
    extents = [_extent(ax, text, size) for text, _, _ in labels]
    frame = np.asarray(ax.get_window_extent().extents)
    chosen = [Spot(box=boxes_around(point, 0.0)[0], distance=0.0) for point in points]
    for _ in range(SWEEPS):
        for index, (point, extent) in enumerate(zip(points, extents, strict=True)):
            rest = np.array([place.box for other, place in enumerate(chosen) if other != index])
            places = _places(point, extent, pixel)
            prices = [_price(place, rest.reshape(-1, 4), markers, bars, frame) for place in places]
            chosen[index] = places[int(np.argmin(prices))]  # the first of equals: always the same
    return [
        _write(ax, text, (x, y), point, place, size)
        for (text, x, y), point, place in zip(labels, points, chosen, strict=True)
    ]


def _extent(ax: Axes, text: str, size: float) -> tuple[float, float]:
    probe = ax.text(0, 0, text, fontsize=size)
    box = probe.get_window_extent()
    probe.remove()
    return box.width + 2.0, box.height


def _places(point: Boxes, extent: tuple[float, float], pixel: float) -> list[Spot]:
    width, height = extent
    places = []
    for distance in DISTANCES_POINTS:
        for angle in ANGLES:
            reach = distance * pixel
            x = point[0] + math.cos(angle) * (reach + width / 2)
            y = point[1] + math.sin(angle) * (reach + height / 2)
            box = np.array([x - width / 2, y - height / 2, x + width / 2, y + height / 2])
            places.append(Spot(box=box, distance=distance))
    return places


def _price(place: Spot, rest: Boxes, markers: Boxes, bars: Boxes, frame: Boxes) -> float:
    box = place.box
    outside = bool(box[0] < frame[0] or box[1] < frame[1] or box[2] > frame[2] or box[3] > frame[3])
    return (
        LABEL_PRICE * overlaps(box, rest)
        + OUTSIDE_PRICE * outside
        + MARKER_PRICE * overlaps(box, markers)
        + BAR_PRICE * overlaps(box, bars)
        + DISTANCE_PRICE * place.distance
    )


def _write(
    ax: Axes, text: str, xy: tuple[float, float], point: Boxes, place: Spot, size: float
) -> Annotation:
    box = Bbox.from_extents(*place.box)
    centre = np.array([(box.x0 + box.x1) / 2, (box.y0 + box.y1) / 2])
    leader = {"arrowstyle": "-", "color": GREY, "linewidth": 0.5, "shrinkA": 0.5, "shrinkB": 3.0}
    label = ax.annotate(
        text,
        xy,
        xytext=tuple((centre - point) * 72 / ax.figure.dpi),
        textcoords="offset points",
        ha="center",
        va="center",
        fontsize=size,
        color=INK,
        zorder=7,
        arrowprops=leader if place.distance > LEADER_FROM_POINTS else None,
        path_effects=[patheffects.withStroke(linewidth=1.5, foreground="white")],
    )
    label.set_gid(f"label {text}")
    return label
