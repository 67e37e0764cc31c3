"""Width along the depth of each variant: output channels block by block, B0 to B7."""

from __future__ import annotations

from typing import Any

import pandas as pd
from matplotlib import colormaps, patheffects
from matplotlib.axes import Axes

from scaling.figures.chart import Chart
from scaling.figures.marks import LabelPlace, name_point
from scaling.network.families import COMPOUND_FAMILY, variant

EAST = LabelPlace(x=4, y=0)
PLACES = {"b1": LabelPlace(x=-2, y=-8), "b2": LabelPlace(x=4, y=2)}
"""B1 and B2 have as many blocks: their labels stand apart by hand."""


def width_profile_frame() -> pd.DataFrame:
    """Return every block of B0 to B7 with its output channels and the share of the depth at which it ends.

    >>> frame = width_profile_frame()
    >>> frame.groupby("variant")["block"].max().tolist()
    [16, 23, 23, 26, 32, 39, 45, 55]
    """
    rows = []
    for name in COMPOUND_FAMILY:
        block = 0
        for number, stage in enumerate(variant(name).stages, start=1):
            for _ in range(stage.repeats):
                block += 1
                rows.append((name, block, number, stage.out_channels))
    return pd.DataFrame(rows, columns=["variant", "block", "stage", "out_channels"])


def draw_width_profile(frame: pd.DataFrame, ax: Axes) -> None:
    """Draw output channels against the number of the block, a stair a variant."""
    names = list(dict.fromkeys(frame["variant"]))
    shades = colormaps["cividis"].resampled(len(names) + 2)
    for number, name in enumerate(names):
        rows = frame[frame["variant"] == name]
        color = shades(number)
        x = [0, *rows["block"]]
        y = [rows["out_channels"].iloc[0], *rows["out_channels"]]
        ax.step(x, y, where="pre", color=color, linewidth=1.2, zorder=2 + number / 10)
        end = (rows["block"].iloc[-1], rows["out_channels"].iloc[-1])
        ax.plot(*end, marker="o", markersize=3.0, color=color)
        halo = [patheffects.withStroke(linewidth=1.5, foreground="white")]
        look: dict[str, Any] = {"fontweight": "bold", "color": color, "path_effects": halo, "zorder": 5}
        label = name_point(ax, name.upper(), end, PLACES.get(name, EAST), size=6.5, **look)
        label.set_gid(f"label {name}")
    ax.set(
        title="Width along depth, B0 to B7",
        xlabel="block, from stem to head",
        ylabel="output channels",
        xlim=(0, 59),
        ylim=(0, 690),
    )


WIDTH_PROFILE = Chart(
    frame=width_profile_frame,
    draw=draw_width_profile,
    caption="Output channels of every block of B0 to B7.",
)
