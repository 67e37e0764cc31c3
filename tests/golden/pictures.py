"""Accepted pictures of drawings and charts: `python tests/golden/pictures.py` draws them anew.

Small PNGs of 72 dots an inch. Anti-aliasing differs between versions of FreeType, so they are compared within
a tolerance, never byte by byte.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray
from PIL import Image

from scaling import variant
from scaling.drawings import (
    Drawing,
    difference_drawing,
    family_drawing,
    module_drawing,
    render,
    scaling_ways_drawing,
    stage_drawing,
    variant_drawing,
)
from scaling.figures import family_figure, run_figure
from scaling.figures.style import theme
from scaling.network.baselines import RESNET_50
from scaling.report import read_record

FOLDER = Path(__file__).parent / "pictures"
RESULTS = Path(__file__).parents[2] / "results"


def picture(drawing: Drawing) -> bytes:
    return render(drawing, "png", dots_per_inch=72)


def family_chart_picture(name: str) -> bytes:
    return _painted(family_figure(name, "single"))


def run_chart_picture(name: str) -> bytes:
    run = read_record(RESULTS / "quick").chart_data()
    return _painted(run_figure(run, name, "single"))


def _painted(figure: Figure) -> bytes:
    buffer = io.BytesIO()
    with theme():
        figure.savefig(buffer, format="png", dpi=100)
    return buffer.getvalue()


PICTURES: dict[str, Callable[[], bytes]] = {
    "family": lambda: picture(family_drawing([variant(f"b{number}") for number in range(8)])),
    "modules": lambda: picture(module_drawing(variant("b7"))),
    "b4": lambda: picture(variant_drawing(variant("b4"))),
    "b4_stage_3": lambda: picture(stage_drawing(variant("b4"), 3)),
    "b1_b2": lambda: picture(difference_drawing(variant("b1"), variant("b2"))),
    "scaling_ways": lambda: picture(scaling_ways_drawing(variant("b0"))),
    "resnet_50": lambda: picture(variant_drawing(RESNET_50)),
    "resnet_50_modules": lambda: picture(module_drawing(RESNET_50)),
    "resnet_50_stage_2": lambda: picture(stage_drawing(RESNET_50, 2)),
    "chart_family": lambda: family_chart_picture("family"),
    "chart_phi_implied": lambda: family_chart_picture("phi_implied"),
    "chart_run_noise": lambda: run_chart_picture("run_noise"),
    "chart_run_triangle": lambda: run_chart_picture("run_triangle"),
}


def pixels(content: bytes) -> NDArray[np.float64]:
    return np.asarray(Image.open(io.BytesIO(content)).convert("L"), dtype=np.float64) / 255


def main() -> None:
    FOLDER.mkdir(exist_ok=True)
    for name, draw in PICTURES.items():
        path = FOLDER / f"{name}.png"
        path.write_bytes(draw())
        print(path)


if __name__ == "__main__":
    main()
