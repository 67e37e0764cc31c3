"""Fig. 3 and Fig. 4 of the paper, their abscissas: what its scaled networks cost exactly.

The ordinates of both figures are printed nowhere; accuracies come from runs of ours (`run_dimensions`).
"""

from __future__ import annotations

from typing import Any

import pandas as pd
from matplotlib.axes import Axes

from scaling.cost import count_cost
from scaling.drawings.palette import BLUE, GREEN, GREY, INK, VERMILION
from scaling.figures.axes import plain_ticks
from scaling.figures.chart import Chart
from scaling.figures.marks import DASHED, DIMENSIONS, METHOD_STYLES, LabelPlace, draw_line, name_point
from scaling.network.coefficients import ScalingCoefficients
from scaling.network.families import variant
from scaling.network.generation import scale

# arXiv:1905.11946, Figs. 3 and 4.
DEPTHS = (1.0, 2.0, 3.0, 4.0, 6.0, 8.0)
WIDTHS = (1.0, 1.4, 1.8, 2.6, 3.8, 5.0)
RESOLUTIONS = (1.0, 1.3, 1.5, 1.7, 1.9, 2.2, 2.5)
WIDTH_LINES = ((1.0, 1.0), (1.0, 1.3), (2.0, 1.0), (2.0, 1.3))
"""(d, r) of Fig. 4's lines."""
LINE_STYLES = (
    (INK, "o", "solid"),
    (BLUE, "s", (0, (4, 1.5))),
    (GREEN, "^", (0, (1, 1))),
    (VERMILION, "D", (0, (3, 1, 1, 1))),
)
EAST = LabelPlace(x=6, y=0)
PLACES = {
    "resolution": LabelPlace(x=-6, y=3, align="right"),
    "d = 2, r = 1": LabelPlace(x=6, y=4),
    "d = 1, r = 1.3": LabelPlace(x=6, y=-4),
}
"""Of the lines' names, by eye, where the end of another line is near."""
NOMINAL_POWER = {"depth": 1, "width": 2, "resolution": 2}


def single_axis_frame() -> pd.DataFrame:
    """Return B0 scaled in one dimension at the points of the paper's Fig. 3, counted exactly.

    `nominal_macs` is what d, w² or r² times B0's own would be.

    >>> frame = single_axis_frame()
    >>> (frame[frame["dimension"] == "width"]["macs"] / 1e9).round(3).tolist()
    [0.386, 0.744, 1.176, 2.391, 5.06, 8.712]
    """
    points = (("depth", DEPTHS), ("width", WIDTHS), ("resolution", RESOLUTIONS))
    rows = []
    for dimension, values in points:
        for value in values:
            multipliers = dict.fromkeys(DIMENSIONS, 1.0) | {dimension: value}
            row = _counted(multipliers["depth"], multipliers["width"], multipliers["resolution"])
            nominal = _counted(1.0, 1.0, 1.0)["macs"] * value ** NOMINAL_POWER[dimension]
            rows.append({"dimension": dimension, "coefficient": value, **row, "nominal_macs": nominal})
    return pd.DataFrame(rows)


def width_axis_frame() -> pd.DataFrame:
    """Return B0 widened at the four depths and resolutions of the paper's Fig. 4, counted exactly.

    >>> width_axis_frame().groupby(["d", "r"]).size().tolist()
    [6, 6, 6, 6]
    """
    return pd.DataFrame(
        [
            {"d": depth, "r": resolution, "coefficient": width, **_counted(depth, width, resolution)}
            for depth, resolution in WIDTH_LINES
            for width in WIDTHS
        ]
    )


def _counted(depth: float, width: float, resolution: float) -> dict[str, int]:
    multipliers = ScalingCoefficients(
        depth_coefficient=depth, width_coefficient=width, resolution_coefficient=resolution
    )
    spec = scale(variant("b0"), multipliers)
    cost = count_cost(spec)
    counts = {name: getattr(cost, name) for name in ("params", "macs", "activations")}
    return {"image_size": spec.image_size, **counts}


def draw_single_axis(frame: pd.DataFrame, ax: Axes) -> None:
    """Draw coefficient against exact multiply-adds, a line a dimension, the nominal cost beside it."""
    for dimension, rows in frame.groupby("dimension", sort=False):
        color, marker, _ = METHOD_STYLES[str(dimension)]
        nominal = rows["nominal_macs"] / 1e9
        ax.plot(rows["coefficient"], nominal, color=GREY, zorder=1, **DASHED | {"linewidth": 0.7})
        _line(rows, ax, str(dimension), (color, marker, "solid"))
    _axes(ax, "B0 scaled in one dimension: exact cost", "depth, width or resolution coefficient (× B0)")
    ax.set(xlim=(0.95, 12.5), ylim=(0.33, 12))
    plain_ticks(ax, (1, 1.5, 2, 3, 4, 5, 6, 8), (0.4, 0.6, 1, 2, 4, 6, 10))
    note: dict[str, Any] = {"transform": ax.transAxes, "va": "top", "fontsize": 6.0, "color": GREY}
    ax.text(0.02, 0.97, "dashed: nominal, d, w² and r² times B0", **note)


def draw_width_axis(frame: pd.DataFrame, ax: Axes) -> None:
    """Draw width against exact multiply-adds, a line a pair of depth and resolution."""
    groups = frame.groupby(["d", "r"], sort=False)
    for look, ((depth, resolution), rows) in zip(LINE_STYLES, groups, strict=True):
        _line(rows, ax, f"d = {depth:g}, r = {resolution:g}", look)
    _axes(ax, "B0 widened: exact cost", "width coefficient w (× B0)")
    ax.set(xlim=(0.95, 8.6), ylim=(0.33, 45))
    plain_ticks(ax, (1, 1.4, 1.8, 2.6, 3.8, 5), (0.4, 1, 2, 4, 10, 20, 40))


def _axes(ax: Axes, title: str, abscissa: str) -> None:
    ax.set(title=title, xlabel=abscissa, ylabel="FLOPs (multiply-adds, billions)", xscale="log", yscale="log")


def _line(rows: pd.DataFrame, ax: Axes, name: str, look: tuple[str, str, Any]) -> None:
    """Draw coefficient against exact cost, the line's name at its end."""
    x, y = rows["coefficient"], rows["macs"] / 1e9
    draw_line(ax, x, y, look, linewidth=1.3, markersize=4.8, markeredgewidth=0.4)
    end = (x.iloc[-1], y.iloc[-1])
    name_point(ax, name, end, PLACES.get(name, EAST), size=6.5, color=look[0], fontweight="bold")


SINGLE_AXIS = Chart(
    frame=single_axis_frame,
    draw=draw_single_axis,
    caption=(
        "Exact cost of B0 scaled in depth, width or resolution alone, at the points of the paper's "
        "Fig. 3. The accuracies of that figure are printed nowhere, so none is shown."
    ),
)
WIDTH_AXIS = Chart(
    frame=width_axis_frame,
    draw=draw_width_axis,
    caption="Exact cost of B0 widened at the four depths and resolutions of the paper's Fig. 4.",
)
