"""The fonts of the glyphs data set: an allow-list split by family, and their outlines.

Symbol and extension fonts (LastResort, cmex10, cmsy10, cmmi10, the STIX size fonts) are left out: their
character maps claim letters that they do not draw.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cache
from pathlib import Path as FilePath

import matplotlib as mpl
import numpy as np
from matplotlib.ft2font import FT2Font, LoadFlags
from matplotlib.path import Path

from scaling.data.dataset import SplitName
from scaling.errors import DataError

# O and I are left out: several of these fonts draw them as 0 and as 1 or l.
ALPHABET = "0123456789ABCDEFGHJKLMNPQRSTUVWXYZ"

FAMILIES: dict[str, tuple[str, ...]] = {
    # file names of matplotlib/mpl-data/fonts/ttf
    "DejaVu Sans": (
        "DejaVuSans",
        "DejaVuSans-Bold",
        "DejaVuSans-Oblique",
        "DejaVuSans-BoldOblique",
    ),
    "DejaVu Sans Mono": (
        "DejaVuSansMono",
        "DejaVuSansMono-Bold",
        "DejaVuSansMono-Oblique",
        "DejaVuSansMono-BoldOblique",
    ),
    "DejaVu Serif": ("DejaVuSerif", "DejaVuSerif-Bold", "DejaVuSerif-Italic", "DejaVuSerif-BoldItalic"),
    "STIXGeneral": ("STIXGeneral", "STIXGeneralBol", "STIXGeneralItalic", "STIXGeneralBolIta"),
    "Computer Modern Roman": ("cmr10", "cmb10", "cmti10"),
    "Computer Modern Sans": ("cmss10",),
    "Computer Modern Typewriter": ("cmtt10",),
}

SPLIT_FAMILIES: dict[SplitName, tuple[str, ...]] = {
    # The two DejaVu sans families are near twins, so they stay on one side. Each split mixes what it can of
    # serif and sans; validation and test hold designs that training never shows.
    "train": ("DejaVu Sans", "DejaVu Sans Mono", "STIXGeneral", "Computer Modern Typewriter"),
    "validation": ("DejaVu Serif", "Computer Modern Sans"),
    "test": ("Computer Modern Roman",),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Outlines:
    """The outlines of one face, scaled so that its capital H is 1 high; y grows upwards.

    Args:
        paths: one per character of the alphabet: lines and quadratic curves.
        boxes: (characters, 4): left, bottom, right, top of each.
    """

    paths: tuple[Path, ...]
    boxes: np.ndarray


def font_file(face: str) -> FilePath:
    """Return the file of a face among the fonts that matplotlib ships.

    Raises:
        DataError: this installation of matplotlib has no such file.
    """
    file = FilePath(mpl.get_data_path()) / "fonts" / "ttf" / f"{face}.ttf"
    if not file.is_file():
        raise DataError(f"glyphs needs the fonts of matplotlib's wheel; {face}.ttf is not in {file.parent}")
    return file


@cache
def outlines(face: str) -> Outlines:
    """Read the outlines of one face, unhinted and in font units, so that no raster size shapes them.

    Raises:
        DataError: the font file is missing or lacks a character of the alphabet.

    >>> left, bottom, right, top = outlines("DejaVuSans").boxes[ALPHABET.index("H")].tolist()
    >>> bottom, top
    (0.0, 1.0)
    """
    font = FT2Font(str(font_file(face)))
    cap_height = _outline(font, face, "H")[0].max(axis=0)[1]
    drawn = [_outline(font, face, character) for character in ALPHABET]
    return Outlines(
        paths=tuple(Path(vertices / cap_height, codes) for vertices, codes in drawn),
        boxes=np.array([[*v.min(axis=0), *v.max(axis=0)] for v, _ in drawn]) / cap_height,
    )


def outlines_digest(faces: tuple[str, ...]) -> str:
    """Return the SHA-256 of the outlines: it changes with font files and with how FreeType reads them."""
    digest = hashlib.sha256(ALPHABET.encode())
    for face in faces:
        digest.update(face.encode())
        for path in outlines(face).paths:
            digest.update(np.asarray(path.vertices, "<f8").tobytes())
            digest.update(np.asarray(path.codes, np.uint8).tobytes())
    return digest.hexdigest()


def split_faces(split: SplitName) -> tuple[tuple[str, ...], ...]:
    """Return the faces of a split, grouped by family.

    >>> [len(family) for family in split_faces("train")]
    [4, 4, 4, 1]
    """
    return tuple(FAMILIES[family] for family in SPLIT_FAMILIES[split])


def _outline(font: FT2Font, face: str, character: str) -> tuple[np.ndarray, np.ndarray]:
    if font.get_char_index(ord(character)) == 0:
        raise DataError(f"the font {face}.ttf that matplotlib ships here has no {character!r}")
    font.load_char(ord(character), flags=LoadFlags.NO_SCALE)
    return font.get_path()
