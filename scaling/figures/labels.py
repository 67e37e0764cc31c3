"""Labels for points that are not known beforehand: the best of many places, always the same one.

adjustText was tried first: in a crowd its forces leave a label on another trial's marker. Here each
label tries places around its point and takes the one that covers least.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from matplotlib import patheffects
from matplotlib.axes import Axes
from matplotlib.text import Annotation

from scaling.drawings.palette import GREY, INK

Boxes = npt.NDArray[np.float64]
"""Rectangles in pixels, one a row: left, bottom, right, top."""

DISTANCES_POINTS = (5.0, 8.0, 12.0, 17.0, 23.0, 30.0, 38.0, 48.0, 60.0, 75.0)
ANGLES = np.radians(np.arange(0, 360, 15))
DISTANCES = np.repeat(DISTANCES_POINTS, len(ANGLES))
"""Of each place from the point, in points: every angle at every distance."""
DIRECTIONS = np.tile(np.column_stack([np.cos(ANGLES), np.sin(ANGLES)]), (len(DISTANCES_POINTS), 1))
LEADER_FROM_POINTS = 9.0
# Prices: covering a label is out of the question, a marker bad, an error bar tolerable; near is better.
LABEL_PRICE, OUTSIDE_PRICE, MARKER_PRICE, BAR_PRICE, DISTANCE_PRICE = 1e6, 1e5, 40.0, 4.0, 1.0
SWEEPS = 3


def boxes_around(points: npt.ArrayLike, radius: float) -> Boxes:
    """Return squares around points, all in pixels.

    >>> boxes_around([[10, 20]], 2).tolist()
    [[8.0, 18.0, 12.0, 22.0]]
    """
    centres = np.asarray(points, dtype=float).reshape(-1, 2)
    return np.hstack([centres - radius, centres + radius])


def overlaps(boxes: Boxes, others: Boxes) -> npt.NDArray[np.int64]:
    """Return how many of the others each box shares area with.

    >>> overlaps(np.array([[0.0, 0, 2, 2], [5, 5, 6, 6]]), np.array([[1.0, 1, 3, 3], [2, 2, 3, 3]])).tolist()
    [1, 0]
    """
    one, other = boxes[..., None, :], others.reshape(-1, 4)
    shared = (other[:, :2] < one[..., 2:]) & (other[:, 2:] > one[..., :2])
    return np.asarray(shared.all(-1).sum(-1))


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
    points = ax.transData.transform([(x, y) for _, x, y in labels])
    places = [_places(ax, text, point, size) for (text, _, _), point in zip(labels, points, strict=True)]
    frame = np.asarray(ax.get_window_extent().extents)
    fixed = [_fixed_prices(boxes, markers, bars, frame) for boxes in places]
    chosen, taken = [0] * len(labels), np.hstack([points, points])
    for _ in range(SWEEPS):
        for index, boxes in enumerate(places):
            rest = np.delete(taken, index, axis=0)
            best = int(np.argmin(fixed[index] + LABEL_PRICE * overlaps(boxes, rest)))  # the first of equals
            chosen[index], taken[index] = best, boxes[best]
    return [
        _write(ax, label, point, box, far=DISTANCES[place] > LEADER_FROM_POINTS, size=size)
        for label, point, box, place in zip(labels, points, taken, chosen, strict=True)
    ]


def _places(ax: Axes, text: str, point: npt.NDArray[np.float64], size: float) -> Boxes:
    """Return the boxes, in pixels, that a label would fill in each place around its point."""
    probe = ax.text(0, 0, text, fontsize=size)
    extent = probe.get_window_extent()
    probe.remove()
    half = np.array([extent.width + 2.0, extent.height]) / 2
    centres = point + DIRECTIONS * (DISTANCES[:, None] * ax.figure.dpi / 72 + half)
    return np.hstack([centres - half, centres + half])


def _fixed_prices(boxes: Boxes, markers: Boxes, bars: Boxes, frame: Boxes) -> npt.NDArray[np.float64]:
    outside = (boxes[:, :2] < frame[:2]).any(1) | (boxes[:, 2:] > frame[2:]).any(1)
    covered = MARKER_PRICE * overlaps(boxes, markers) + BAR_PRICE * overlaps(boxes, bars)
    prices: npt.NDArray[np.float64] = OUTSIDE_PRICE * outside + covered + DISTANCE_PRICE * DISTANCES
    return prices


def _write(
    ax: Axes,
    label: tuple[str, float, float],
    point: npt.NDArray[np.float64],
    box: Boxes,
    *,
    far: bool,
    size: float,
) -> Annotation:
    text, x, y = label
    leader = {"arrowstyle": "-", "color": GREY, "linewidth": 0.5, "shrinkA": 0.5, "shrinkB": 3.0}
    written = ax.annotate(
        text,
        (x, y),
        xytext=tuple(((box[:2] + box[2:]) / 2 - point) * 72 / ax.figure.dpi),
        textcoords="offset points",
        ha="center",
        va="center",
        fontsize=size,
        color=INK,
        zorder=7,
        arrowprops=leader if far else None,
        path_effects=[patheffects.withStroke(linewidth=1.5, foreground="white")],
    )
    written.set_gid(f"label {text}")
    return written
