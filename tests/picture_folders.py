"""Pictures in class folders, made up or shipped by matplotlib."""

from __future__ import annotations

from pathlib import Path

import matplotlib
import numpy as np
from PIL import Image

HOPPER = Path(matplotlib.get_data_path()) / "sample_data" / "grace_hopper.jpg"
LOGO = HOPPER.with_name("logo2.png")
"""A photograph and a drawing that matplotlib ships."""


def picture(path: Path, seed: int, size: tuple[int, int] = (60, 50)) -> None:
    """Write a picture of noise."""
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(seed).integers(0, 256, (size[1], size[0], 3), np.uint8)
    Image.fromarray(pixels).save(path)


def two_classes(root: Path, *, each: int = 4, seed: int = 0) -> Path:
    """Fill a folder with pictures of two classes, and return it."""
    for label, name in enumerate(("cat", "dog")):
        for number in range(each):
            picture(root / name / f"{number}.png", seed + each * label + number)
    return root
