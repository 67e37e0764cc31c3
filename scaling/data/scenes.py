"""What each glyph image shows, in units of the frame: no pixel appears here.

A scene is drawn from a generator seeded by (seed, split, index), so an index is the same scene at every image
size and in every subset.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from scaling.data.dataset import SPLIT_NAMES, SplitName
from scaling.data.fonts import ALPHABET, outlines, split_faces


@dataclass(frozen=True, slots=True, kw_only=True)
class SceneRanges:
    """How far scenes vary; lengths are fractions of the frame, levels are in [0, 1].

    The defaults are tuned, not derived: `docs/data.md` tells what accuracy they give and in which budget.
    """

    cap_height: tuple[float, float] = (0.40, 0.64)
    """Of a capital H: 10 to 15 of 24 pixels, so that serifs and thin strokes want more pixels than that."""
    aspect: tuple[float, float] = (0.85, 1.15)
    rotation_degrees: tuple[float, float] = (-15.0, 15.0)
    shear: tuple[float, float] = (-0.2, 0.2)
    margin: float = 0.04
    """Kept free around the character; one too large for that, such as a wide bold W, is made smaller."""
    contrast: tuple[float, float] = (0.40, 0.90)
    darker: float = 1.0
    """Probability that the character is darker than its background. At one half, the tuning networks spend
    their whole budget on learning that a sign means nothing."""
    gradient: tuple[float, float] = (0.0, 0.15)
    """Uneven lighting: level difference from the centre to an edge."""
    strokes: int = 4
    """At most this many curves behind the character, each present with probability one half."""
    stroke_width: tuple[float, float] = (0.015, 0.04)
    stroke_contrast: tuple[float, float] = (0.3, 1.0)
    """Of the character's own contrast."""
    noise: tuple[float, float] = (0.02, 0.10)
    """Standard deviation per pixel, as a sensor's read noise: the same at every image size."""


DEFAULT_RANGES = SceneRanges()


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenes:
    """N scenes as arrays; (x, y) in [0, 1], y upwards.

    Args:
        labels: (N,) index into the alphabet.
        faces: (N,) index into the split's faces.
        matrices: (N, 3, 3) from the units of an outline to the frame.
        levels: (N, 2) of background and character.
        gradients: (N, 2) level change per half frame along x and y.
        curves: (N, K, 3, 2) control points of quadratic curves.
        curve_widths: (N, K); 0 where the curve is absent.
        curve_levels: (N, K).
        noise: (N,) standard deviation.
    """

    labels: np.ndarray
    faces: np.ndarray
    matrices: np.ndarray
    levels: np.ndarray
    gradients: np.ndarray
    curves: np.ndarray
    curve_widths: np.ndarray
    curve_levels: np.ndarray
    noise: np.ndarray


def faces_of(split: SplitName) -> tuple[str, ...]:
    """Return the faces of a split in the order that `Scenes.faces` counts."""
    return tuple(face for family in split_faces(split) for face in family)


def draw_scenes(
    split: SplitName, indices: range, *, seed: int, ranges: SceneRanges = DEFAULT_RANGES
) -> Scenes:
    """Draw the scenes of the given indices; character, family, and face within the family are uniform.

    >>> scenes = draw_scenes("train", range(100), seed=0)
    >>> bool((draw_scenes("train", range(7, 9), seed=0).matrices == scenes.matrices[7:9]).all())
    True
    """
    uniforms = _uniforms(split, indices, seed, columns=16 + 9 * ranges.strokes)
    column = iter(uniforms.T)
    labels = (next(column) * len(ALPHABET)).astype(np.int64)
    faces = _faces(split, next(column), next(column))
    boxes = np.stack([outlines(face).boxes for face in faces_of(split)])[faces, labels]
    matrices = _matrices(boxes, column, ranges)
    levels, gradients = _lighting(column, ranges)
    noise = _between(next(column), ranges.noise)
    curves = np.stack(list(column), axis=-1)[:, : 9 * ranges.strokes].reshape(len(labels), ranges.strokes, 9)
    contrast = (levels[:, 1] - levels[:, 0])[:, None]
    return Scenes(
        labels=labels,
        faces=faces,
        matrices=matrices,
        levels=levels,
        gradients=gradients,
        curves=curves[..., :6].reshape(len(labels), ranges.strokes, 3, 2) * 1.2 - 0.1,
        curve_widths=_between(curves[..., 6], ranges.stroke_width) * (curves[..., 7] < 0.5),
        curve_levels=levels[:, :1] + contrast * _between(curves[..., 8], ranges.stroke_contrast),
        noise=noise,
    )


def _uniforms(split: SplitName, indices: range, seed: int, columns: int) -> np.ndarray:
    rows = np.empty((len(indices), columns))
    for row, index in zip(rows, indices, strict=True):
        np.random.default_rng((seed, SPLIT_NAMES.index(split), index)).random(out=row)
    return rows


def _between(uniform: np.ndarray, low_high: tuple[float, float]) -> np.ndarray:
    low, high = low_high
    return low + (high - low) * uniform


def _faces(split: SplitName, family: np.ndarray, face: np.ndarray) -> np.ndarray:
    """Choose the family first, so that a family with four faces is no more frequent than one with one."""
    sizes = np.array([len(faces) for faces in split_faces(split)])
    chosen = (family * len(sizes)).astype(np.int64)
    first = np.cumsum(sizes) - sizes
    return np.asarray(first[chosen] + (face * sizes[chosen]).astype(np.int64))


def _matrices(boxes: np.ndarray, column: Iterator[np.ndarray], ranges: SceneRanges) -> np.ndarray:
    """Rotate, shear and scale about the middle of each box, then move it to where it still fits the frame."""
    height = _between(next(column), ranges.cap_height)
    width = height * _between(next(column), ranges.aspect)
    angle = np.deg2rad(_between(next(column), ranges.rotation_degrees))
    shear = _between(next(column), ranges.shear)
    cosine, sine = np.cos(angle), np.sin(angle)
    linear = np.empty((len(boxes), 2, 2))
    linear[:, 0, 0], linear[:, 0, 1] = cosine * width, (cosine * shear - sine) * height
    linear[:, 1, 0], linear[:, 1, 1] = sine * width, (sine * shear + cosine) * height
    centre, half = (boxes[:, :2] + boxes[:, 2:]) / 2, (boxes[:, 2:] - boxes[:, :2]) / 2
    reach = np.einsum("nij,nj->ni", np.abs(linear), half)
    fit = np.minimum(1.0, (0.5 - ranges.margin) / reach.max(axis=1))
    linear *= fit[:, None, None]
    room = 0.5 - ranges.margin - reach * fit[:, None]
    offset = np.stack([next(column), next(column)], axis=-1) * 2 - 1
    matrices = np.tile(np.eye(3), (len(boxes), 1, 1))
    matrices[:, :2, :2] = linear
    matrices[:, :2, 2] = 0.5 + room * offset - np.einsum("nij,nj->ni", linear, centre)
    return matrices


def _lighting(column: Iterator[np.ndarray], ranges: SceneRanges) -> tuple[np.ndarray, np.ndarray]:
    contrast = _between(next(column), ranges.contrast)
    sign = np.where(next(column) < ranges.darker, -0.5, 0.5)
    middle = contrast / 2 + (1 - contrast) * next(column)
    levels = np.stack([middle - sign * contrast, middle + sign * contrast], axis=-1)
    strength = _between(next(column), ranges.gradient)
    angle = 2 * np.pi * next(column)
    return levels, np.stack([strength * np.cos(angle), strength * np.sin(angle)], axis=-1)
