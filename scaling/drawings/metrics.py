"""How wide a text is, by the metrics of the drawings' font, matplotlib's own DejaVu Sans."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import matplotlib as mpl
from matplotlib.ft2font import FT2Font, LoadFlags

FAMILY = "DejaVu Sans"
CAP_HEIGHT, DESCENT = 0.73, 0.24
"""Of DejaVu Sans, in ems."""
_EM = 1000.0


@cache
def _font(bold: bool) -> FT2Font:
    name = "DejaVuSans-Bold.ttf" if bold else "DejaVuSans.ttf"
    font = FT2Font(str(Path(mpl.get_data_path(), "fonts", "ttf", name)))
    font.set_size(_EM, 72)
    return font


@cache
def _advance(character: str, bold: bool) -> float:
    return float(_font(bold).load_char(ord(character), flags=LoadFlags.NO_SCALE).horiAdvance)


@cache
def _units(bold: bool) -> float:
    return float(_font(bold).units_per_EM)


def text_width(text: str, size: float, *, bold: bool = False) -> float:
    """Return the width of a line of text in points, kerning left out (it only narrows).

    >>> round(text_width("MBConv6", 10.0), 1)
    47.2
    """
    return sum(_advance(character, bold) for character in text) * size / _units(bold)


def drawable(text: str) -> str:
    r"""Return a text with what the font cannot draw replaced: a space for control characters, ? for the rest.

    >>> drawable("net\n笐")
    'net ?'
    """
    return "".join(_drawable(character) for character in text)


@cache
def _drawable(character: str) -> str:
    if not character.isprintable():
        return " "
    known = all(_font(bold).get_char_index(ord(character)) for bold in (False, True))
    return character if known else "?"
