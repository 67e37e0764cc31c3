"""One picture of the glyphs data set: what a person looks at before trusting it."""

from __future__ import annotations

import math

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure
from matplotlib.patches import PathPatch
from matplotlib.transforms import Affine2D

from scaling.data.dataset import SPLIT_NAMES, SplitName
from scaling.data.fonts import ALPHABET, FAMILIES, SPLIT_FAMILIES, outlines
from scaling.data.rendering import render_glyphs

COLUMNS = 14
_PAPER = "0.85"
_GAP = 0.06  # of an image's side
_ADVANCE = 1.4  # of a capital's height: the widest character, W, stays clear of its neighbours


def contact_sheet(*, image_size: int = 24, seed: int = 0) -> Figure:
    """Draw the first scenes of every split at four image sizes, then every face's alphabet.

    Args:
        image_size: of the first row in pixels; the others are sqrt(2), 2 and 4 times that.
        seed: of the scenes, 0 to 2^32 - 1.
    """
    sizes = tuple(round(image_size * factor) for factor in (1, math.sqrt(2), 2, 4))
    # Not white, so that images with a white background keep their edges.
    figure = Figure(figsize=(11, 16), layout="constrained", facecolor=_PAPER)
    grid = figure.add_gridspec(len(SPLIT_NAMES) + 1, 1, height_ratios=(3.5, 3.5, 3.5, 5.5))
    for row, split in enumerate(SPLIT_NAMES):
        _draw_scenes(figure.add_subfigure(grid[row], facecolor=_PAPER), split, sizes, seed)
    _draw_faces(figure.add_subfigure(grid[-1], facecolor=_PAPER))
    return figure


def sheet_rows(split: SplitName, sizes: tuple[int, ...], *, seed: int) -> list[np.ndarray]:
    """Return one row of images per size: the same scenes side by side, uint8 (size, width of the row).

    >>> [row.shape for row in sheet_rows("train", (24, 48), seed=0)]
    [(24, 349), (48, 711)]
    """
    rows = []
    for size in sizes:
        images, _ = render_glyphs(split, COLUMNS, image_size=size, seed=seed)
        gap = np.full((size, round(size * _GAP)), round(255 * float(_PAPER)), np.uint8)
        pieces = [piece for image in images[:, 0] for piece in (image, gap)][:-1]
        rows.append(np.concatenate(pieces, axis=1))
    return rows


def _draw_scenes(part: SubFigure, split: SplitName, sizes: tuple[int, ...], seed: int) -> None:
    part.suptitle(f"{split}: {', '.join(SPLIT_FAMILIES[split])}", x=0.01, ha="left", fontsize=11)
    rows = sheet_rows(split, sizes, seed=seed)
    for axes, size, row in zip(part.subplots(len(sizes), 1), sizes, rows, strict=True):
        axes.imshow(row, cmap="gray", vmin=0, vmax=255, interpolation="nearest")
        _strip(axes)
        axes.set_ylabel(f"{size} px", rotation=0, ha="right", va="center", fontsize=9)


def _draw_faces(part: SubFigure) -> None:
    part.suptitle("Every face of the allow-list draws the whole alphabet", x=0.01, ha="left", fontsize=11)
    axes = part.subplots()
    _strip(axes)
    lines = [
        (split, face)
        for split in SPLIT_NAMES
        for family in SPLIT_FAMILIES[split]
        for face in FAMILIES[family]
    ]
    for number, (split, face) in enumerate(lines):
        baseline = -1.8 * number
        axes.text(-1.2, baseline, f"{face} ({split})", ha="right", va="baseline", fontsize=8)
        for column, path in enumerate(outlines(face).paths):
            left, _, right, _ = outlines(face).boxes[column]
            place = Affine2D().translate(column * _ADVANCE - (left + right) / 2, baseline)
            axes.add_patch(PathPatch(place.transform_path(path), facecolor="black", linewidth=0))
    axes.set_facecolor(_PAPER)
    axes.set(xlim=(-12.5, len(ALPHABET) * _ADVANCE), ylim=(-1.8 * len(lines) + 1, 1.8), aspect="equal")


def _strip(axes: Axes) -> None:
    axes.set(xticks=[], yticks=[])
    axes.spines[:].set_visible(False)
