"""Accepted pictures of drawings: `python tests/golden/pictures.py` draws them anew, to be looked at.

Small PNGs of 72 dots an inch. Anti-aliasing differs between versions of FreeType, so they are compared within
a tolerance, never byte by byte.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from scaling import variant
from scaling.diagrams import (
    Drawing,
    difference_drawing,
    family_drawing,
    module_drawing,
    render,
    scaling_ways_drawing,
    stage_drawing,
    variant_drawing,
)

FOLDER = Path(__file__).parent / "pictures"
PICTURES: dict[str, Callable[[], Drawing]] = {
    "family": lambda: family_drawing([variant(f"b{number}") for number in range(8)]),
    "modules": lambda: module_drawing(variant("b7")),
    "b4": lambda: variant_drawing(variant("b4")),
    "b4_stage_3": lambda: stage_drawing(variant("b4"), 3),
    "b1_b2": lambda: difference_drawing(variant("b1"), variant("b2")),
    "scaling_ways": lambda: scaling_ways_drawing(variant("b0")),
}


def picture(drawing: Drawing) -> bytes:
    return render(drawing, "png", dots_per_inch=72)


def pixels(content: bytes) -> NDArray[np.float64]:
    return np.asarray(Image.open(io.BytesIO(content)).convert("L"), dtype=np.float64) / 255


def main() -> None:
    FOLDER.mkdir(exist_ok=True)
    for name, draw in PICTURES.items():
        path = FOLDER / f"{name}.png"
        path.write_bytes(picture(draw()))
        print(path)


if __name__ == "__main__":
    main()
