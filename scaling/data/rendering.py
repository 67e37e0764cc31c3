"""Scenes become pixels: outlines are rasterised at the wanted size itself, never enlarged.

Agg, matplotlib's rasteriser, fills each outline by area coverage, which is what a sensor of that many pixels
would see.
"""

from __future__ import annotations

import numpy as np
from matplotlib.backend_bases import GraphicsContextBase
from matplotlib.backends.backend_agg import RendererAgg
from matplotlib.path import Path
from matplotlib.transforms import Affine2D

from scaling.data.dataset import SPLIT_NAMES, SplitName
from scaling.data.fonts import outlines
from scaling.data.scenes import DEFAULT_RANGES, SceneRanges, Scenes, draw_scenes, faces_of

_CHUNK = 512
_CURVE = np.array([Path.MOVETO, Path.CURVE3, Path.CURVE3], np.uint8)
_NOISE_STREAM = 1 << 31  # beyond every index, so that noise and scenes never share a generator


def render_glyphs(
    split: SplitName,
    count: int,
    *,
    image_size: int,
    seed: int,
    ranges: SceneRanges = DEFAULT_RANGES,
) -> tuple[np.ndarray, np.ndarray]:
    """Render the first `count` glyph images of a split.

    A smaller count gives the first of the same images. Levels are rounded to 8 bits twice: after drawing, and
    after lighting and noise.

    Returns:
        images uint8 (count, 1, image_size, image_size) and labels int64 (count,).

    >>> images, labels = render_glyphs("train", 3, image_size=16, seed=0)
    >>> images.shape, labels.shape
    ((3, 1, 16, 16), (3,))
    """
    images = np.empty((count, 1, image_size, image_size), np.uint8)
    labels = np.empty(count, np.int64)
    for start in range(0, count, _CHUNK):
        part = slice(start, min(start + _CHUNK, count))
        scenes = draw_scenes(split, range(part.start, part.stop), seed=seed, ranges=ranges)
        stream = (seed, SPLIT_NAMES.index(split), _NOISE_STREAM + image_size, start)
        noise = np.random.default_rng(stream).standard_normal(
            (len(scenes.labels), image_size, image_size), dtype=np.float32
        )
        drawn = draw_characters(scenes, faces_of(split), image_size)
        images[part, 0] = _lit_and_noisy(drawn, scenes, noise)
        labels[part] = scenes.labels
    return images, labels


def draw_characters(scenes: Scenes, faces: tuple[str, ...], image_size: int) -> np.ndarray:
    """Draw curves and characters on flat backgrounds; uint8 (N, image_size, image_size)."""
    # At 72 dots per inch one point is one pixel.
    renderer = RendererAgg(image_size, image_size, 72)  # type: ignore[no-untyped-call]
    canvas = np.asarray(renderer.buffer_rgba())  # type: ignore[no-untyped-call]
    canvas[..., 3] = 255
    context = renderer.new_gc()
    context.set_snap(False)  # snapping would move upright strokes to whole pixels
    paths = [outlines(face).paths for face in faces]
    drawn = np.empty((len(scenes.labels), image_size, image_size), np.uint8)
    to_pixels = np.diag([image_size, image_size, 1.0])
    matrices = to_pixels @ scenes.matrices
    for index, image in enumerate(drawn):
        canvas[..., :3] = round(255 * scenes.levels[index, 0])
        _draw_curves(renderer, context, scenes, index, image_size)
        context.set_linewidth(0)
        path = paths[scenes.faces[index]][scenes.labels[index]]
        level = (scenes.levels[index, 1],) * 3
        renderer.draw_path(context, path, Affine2D(matrices[index]), level)  # type: ignore[no-untyped-call]
        image[...] = canvas[..., 0]
    return drawn


def _draw_curves(
    renderer: RendererAgg, context: GraphicsContextBase, scenes: Scenes, index: int, image_size: int
) -> None:
    to_pixels = Affine2D().scale(image_size)
    for points, width, level in zip(
        scenes.curves[index], scenes.curve_widths[index], scenes.curve_levels[index], strict=True
    ):
        if width > 0:
            context.set_linewidth(width * image_size)
            context.set_foreground((level, level, level, 1.0), isRGBA=True)
            renderer.draw_path(context, Path(points, _CURVE), to_pixels)  # type: ignore[no-untyped-call]


def _lit_and_noisy(drawn: np.ndarray, scenes: Scenes, noise: np.ndarray) -> np.ndarray:
    """Add the lighting gradient and noise of each scene, then clip to [0, 255]."""
    size = drawn.shape[-1]
    across = ((np.arange(size) + 0.5) / size * 2 - 1).astype(np.float32)
    gradients = (255 * scenes.gradients).astype(np.float32)
    noise *= (255 * scenes.noise).astype(np.float32)[:, None, None]
    noise += drawn
    noise += gradients[:, 0, None, None] * across
    noise -= gradients[:, 1, None, None] * across[:, None]
    return np.clip(np.rint(noise, out=noise), 0, 255, out=noise).astype(np.uint8)
