"""The glyphs data set: fonts, scenes and pixels."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.ft2font import FT2Font, LoadFlags

from scaling.data import SplitName, checksum, dataset_info, glyphs, load_split
from scaling.data.dataset import SPLIT_NAMES
from scaling.data.fonts import ALPHABET, FAMILIES, SPLIT_FAMILIES, font_file, outlines
from scaling.data.rendering import draw_characters, render_glyphs
from scaling.data.scenes import DEFAULT_RANGES, draw_scenes, faces_of
from scaling.errors import DataError

# version: the first twelve characters of training, seed 0, and the fingerprint below, as it drew them
GOLDEN = {2: ("MFMRZYN44VFN", 285.01164)}

FACES = tuple(face for faces in FAMILIES.values() for face in faces)
NOISELESS = replace(DEFAULT_RANGES, noise=(0.0, 0.0))


def upright(faces: tuple[str, ...], size: int = 32) -> np.ndarray:
    """Draw every character of every face into one box, as ink in [0, 1]: (faces, characters, size, size)."""
    count = len(faces) * len(ALPHABET)
    scenes = draw_scenes("train", range(count), seed=0, ranges=replace(DEFAULT_RANGES, strokes=0))
    labels, numbers = (
        np.tile(np.arange(len(ALPHABET)), len(faces)),
        np.repeat(range(len(faces)), len(ALPHABET)),
    )
    boxes = np.stack([outlines(face).boxes for face in faces]).reshape(-1, 4)
    scale = 0.8 / (boxes[:, 2:] - boxes[:, :2])
    matrices = np.tile(np.eye(3), (count, 1, 1))
    matrices[:, (0, 1), (0, 1)] = scale
    matrices[:, :2, 2] = 0.5 - scale * (boxes[:, :2] + boxes[:, 2:]) / 2
    plain = replace(
        scenes, labels=labels, faces=numbers, matrices=matrices, levels=np.tile([1.0, 0.0], (count, 1))
    )
    return 1 - draw_characters(plain, faces, size).reshape(len(faces), len(ALPHABET), size, size) / 255


def readable(faces: tuple[str, ...]) -> float:
    """Return the share of characters that look most like the same character of the other allowed faces."""
    reference = upright(FACES).reshape(len(FACES), len(ALPHABET), -1)
    right = 0
    for face, drawn in zip(faces, upright(faces).reshape(len(faces), len(ALPHABET), -1), strict=True):
        others = [index for index, other in enumerate(FACES) if other != face]
        means = reference[others].mean(axis=0)
        means = means / np.linalg.norm(means, axis=1, keepdims=True)
        right += int(((drawn @ means.T).argmax(axis=1) == np.arange(len(ALPHABET))).sum())
    return right / (len(faces) * len(ALPHABET))


@pytest.mark.parametrize("face", FACES)
def test_every_face_draws_every_character(face: str) -> None:
    font = FT2Font(str(font_file(face)))
    font.load_glyph(font.get_char_index(0x10FFFF), flags=LoadFlags.NO_SCALE)
    missing = font.get_path()[0]
    shapes = set()
    for character in ALPHABET:
        assert font.get_char_index(ord(character)) != 0
        font.load_char(ord(character), flags=LoadFlags.NO_SCALE)
        vertices, _ = font.get_path()
        assert len(vertices) > 3
        assert not np.array_equal(vertices, missing)
        shapes.add(vertices.tobytes())
    assert len(shapes) == len(ALPHABET)
    ink = upright((face,)).sum(axis=(2, 3))
    assert ink.min() > 10  # of 32 x 32 pixels


def test_allowed_faces_draw_what_they_claim_and_forbidden_ones_do_not() -> None:
    assert min(readable((face,)) for face in FACES) > 0.7  # cmti10, a cursive italic, is the least alike
    assert readable(FACES) > 0.95
    assert readable(("cmsy10",)) < 0.6  # letters, but symbols in the places of digits


def test_no_family_is_in_two_splits() -> None:
    named = [family for families in SPLIT_FAMILIES.values() for family in families]
    assert sorted(named) == sorted(FAMILIES)
    assert set(SPLIT_FAMILIES) == set(SPLIT_NAMES)
    files = [face for faces in FAMILIES.values() for face in faces]
    assert len(files) == len(set(files))


@pytest.mark.parametrize("split", SPLIT_NAMES)
def test_scenes_use_the_split_s_families_evenly(split: SplitName) -> None:
    scenes = draw_scenes(split, range(3000), seed=5)
    family_of = {face: family for family, faces in FAMILIES.items() for face in faces}
    used = [family_of[faces_of(split)[face]] for face in scenes.faces]
    assert set(used) == set(SPLIT_FAMILIES[split])
    assert set(scenes.faces) == set(range(len(faces_of(split))))
    share = 1 / len(SPLIT_FAMILIES[split])
    for family in SPLIT_FAMILIES[split]:
        assert used.count(family) / 3000 == pytest.approx(share, abs=0.04)
    assert np.bincount(scenes.labels, minlength=len(ALPHABET)).min() > 50  # of 88 expected


def test_scenes_keep_their_ranges() -> None:
    scenes = draw_scenes("train", range(1000), seed=1)
    contrast = scenes.levels[:, 0] - scenes.levels[:, 1]
    assert contrast.min() >= DEFAULT_RANGES.contrast[0]
    assert contrast.max() <= DEFAULT_RANGES.contrast[1]
    assert scenes.levels.min() >= 0
    assert scenes.levels.max() <= 1
    both = draw_scenes("train", range(1000), seed=1, ranges=replace(DEFAULT_RANGES, darker=0.5))
    assert 0.4 < (both.levels[:, 0] > both.levels[:, 1]).mean() < 0.6


def test_characters_stay_inside_the_frame() -> None:
    scenes = draw_scenes(
        "train", range(600), seed=2, ranges=replace(NOISELESS, strokes=0, gradient=(0.0, 0.0))
    )
    drawn = draw_characters(scenes, faces_of("train"), 64).astype(int)
    background = np.rint(255 * scenes.levels[:, 0]).astype(int)[:, None]
    border = np.concatenate([drawn[:, 0], drawn[:, -1], drawn[:, :, 0], drawn[:, :, -1]], axis=1)
    assert (border == background).all()


def correlations(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Correlate the images of two sets pairwise."""
    a, b = (x.reshape(len(x), -1).astype(float) for x in (first, second))
    a, b = a - a.mean(axis=1, keepdims=True), b - b.mean(axis=1, keepdims=True)
    return np.asarray((a * b).sum(axis=1) / np.linalg.norm(a, axis=1) / np.linalg.norm(b, axis=1))


def halved(images: np.ndarray) -> np.ndarray:
    """Average 2 x 2 pixels."""
    count, channels, side, _ = images.shape
    return np.asarray(images.reshape(count, channels, side // 2, 2, side // 2, 2).mean(axis=(3, 5)))


@pytest.mark.parametrize("split", SPLIT_NAMES)
def test_an_index_is_the_same_scene_at_every_size(split: SplitName) -> None:
    small, small_labels = render_glyphs(split, 200, image_size=24, seed=3, ranges=NOISELESS)
    large, large_labels = render_glyphs(split, 200, image_size=48, seed=3, ranges=NOISELESS)
    assert (small_labels == large_labels).all()
    same = correlations(halved(large), small)
    assert same.min() > 0.98  # clipping and rounding to 8 bits are not linear
    assert np.median(correlations(np.roll(halved(large), 1, axis=0), small)) < 0.6
    noisy, _ = render_glyphs(split, 200, image_size=24, seed=3)
    assert np.median(correlations(halved(large), noisy)) > 0.8


def test_larger_images_hold_detail_that_smaller_ones_lack() -> None:
    small, _ = render_glyphs("train", 200, image_size=24, seed=3, ranges=NOISELESS)
    large, _ = render_glyphs("train", 200, image_size=48, seed=3, ranges=NOISELESS)
    enlarged = small.repeat(2, axis=2).repeat(2, axis=3)
    detail = large.astype(float) - enlarged
    assert detail.std(axis=(1, 2, 3)).min() > 3  # levels of 255


def test_a_smaller_count_gives_the_first_of_the_same_images() -> None:
    many, many_labels = render_glyphs("train", 700, image_size=16, seed=4)
    few, few_labels = render_glyphs("train", 550, image_size=16, seed=4)
    assert (many[:550] == few).all()
    assert (many_labels[:550] == few_labels).all()


def test_seeds_and_splits_differ() -> None:
    first, _ = render_glyphs("train", 20, image_size=16, seed=0)
    for split, seed in (("train", 1), ("validation", 0), ("test", 0)):
        other, _ = render_glyphs(split, 20, image_size=16, seed=seed)  # type: ignore[arg-type]
        assert not (first == other).all(axis=(1, 2, 3)).any()


def fingerprint() -> float:
    """Weigh the mean levels of 1,500 images so that a change of any one of them shows."""
    images, _ = render_glyphs("train", 1500, image_size=24, seed=0)
    return float(images.mean(axis=(1, 2, 3)) @ np.linspace(1, 2, 1500) / 1500)


def test_the_generator_version_rises_with_every_change_of_pixels() -> None:
    _, labels = render_glyphs("train", 12, image_size=24, seed=0)
    characters, expected = GOLDEN[glyphs.GENERATOR_VERSION]
    assert "".join(ALPHABET[label] for label in labels) == characters, "raise GENERATOR_VERSION"
    # One image darker by a level shows; 300 pixels may differ by one, as another processor's last bits do.
    assert fingerprint() == pytest.approx(expected, abs=5e-4), "raise GENERATOR_VERSION"


def test_mean_and_std_are_those_of_the_training_split(tmp_path: Path) -> None:
    info = dataset_info("glyphs")
    pixels = load_split("glyphs", "train", image_size=34, count=3000, seed=7, cache_dir=tmp_path).images / 255
    assert pixels.mean() == pytest.approx(info.mean[0], abs=0.01)
    assert pixels.std() == pytest.approx(info.std[0], abs=0.01)
    assert (info.num_classes, info.in_channels, info.native_size) == (34, 1, None)


def test_the_same_arguments_give_the_same_bytes_cached_or_not(tmp_path: Path) -> None:
    def load(folder: str) -> str:
        return checksum(
            load_split("glyphs", "test", image_size=20, count=30, seed=9, cache_dir=tmp_path / folder)
        )

    assert load("a") == load("a") == load("b")
    assert len(list((tmp_path / "a").iterdir())) == 1


def test_the_cache_key_names_what_shapes_the_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    key = glyphs.cache_key("train", 24, 100, 0)
    for other in (
        glyphs.cache_key("validation", 24, 100, 0),
        glyphs.cache_key("train", 25, 100, 0),
        glyphs.cache_key("train", 24, 101, 0),
        glyphs.cache_key("train", 24, 100, 1),
    ):
        assert other != key
    for name, value in (
        ("GENERATOR_VERSION", glyphs.GENERATOR_VERSION + 1),
        ("_SOURCE_SHA256", "other code"),
    ):
        with monkeypatch.context() as patch:
            patch.setattr(glyphs, name, value)
            assert glyphs.cache_key("train", 24, 100, 0) != key


def test_missing_fonts_are_one_clear_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mpl, "get_data_path", lambda: str(tmp_path))
    with pytest.raises(DataError, match=r"needs the fonts of matplotlib's wheel; DejaVuSans.ttf"):
        font_file("DejaVuSans")
