"""Ways to scale a baseline, as published: Table 7 and Fig. 8 (EfficientNet-B0), Table 3 (others)."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any

import pandas as pd
from matplotlib.axes import Axes

from scaling.cost import count_cost
from scaling.figures.marks import AREA, AREAS, METHOD_STYLES, legend_outside, mark
from scaling.figures.published_accuracy import LabelPlace
from scaling.network.coefficients import ScalingCoefficients
from scaling.network.families import variant
from scaling.network.generation import scale
from scaling.network.published import published

OTHERS = ("MobileNetV1", "MobileNetV2", "ResNet-50")
PLACES = {
    "depth": LabelPlace(x=-1, y=8, align="center"),
    "width": LabelPlace(x=0, y=-8, align="center"),
    "resolution": LabelPlace(x=4.5, y=4),
    "compound": LabelPlace(x=-6, y=2, align="right"),
}
"""Of Table 7's labels, by eye."""
COEFFICIENTS = ("depth_coefficient", "width_coefficient", "resolution_coefficient")


def published_methods_frame() -> pd.DataFrame:
    """Return Tables 3 and 7 as printed; B0's own rows with our exact count beside the printed FLOPs.

    Coefficients are missing where the paper prints none.

    Source: arXiv:1905.11946v5, Tables 3 and 7.

    >>> frame = published_methods_frame()
    >>> (frame["exact_macs"].dropna() / 1e9).round(3).tolist()
    [0.386, 1.575, 1.45, 1.538, 1.8]
    """
    rows = pd.DataFrame(published("scaling_methods"))
    frame = pd.DataFrame(
        {
            "baseline": rows["baseline"],
            "method": rows["method"],
            **{column: pd.to_numeric(rows[column], errors="coerce") for column in COEFFICIENTS},
            "macs_billions": pd.to_numeric(rows["macs_billions"]),
            "top1_percent": pd.to_numeric(rows["top1"]),
            "source": rows["source"],
        }
    )
    exact = [
        _exact(row) if row["baseline"] == "EfficientNet-B0" else None for row in frame.to_dict("records")
    ]
    frame.insert(6, "exact_macs", pd.Series(exact, dtype="Int64"))
    return frame


def _exact(row: dict[Hashable, Any]) -> int:
    multipliers = ScalingCoefficients(**{column: row[column] for column in COEFFICIENTS})
    return count_cost(scale(variant("b0"), multipliers)).macs


def scaling_methods_frame() -> pd.DataFrame:
    """Return Table 7: EfficientNet-B0, scaled in four ways."""
    frame = published_methods_frame()
    return frame[frame["baseline"] == "EfficientNet-B0"].reset_index(drop=True)


def other_baselines_frame() -> pd.DataFrame:
    """Return Table 3: MobileNetV1, MobileNetV2 and ResNet-50, scaled in several ways."""
    frame = published_methods_frame()
    return frame[frame["baseline"].isin(OTHERS)].drop(columns="exact_macs").reset_index(drop=True)


def draw_scaling_methods(frame: pd.DataFrame, ax: Axes) -> None:
    """Draw the printed FLOPs of Table 7 against accuracy, each way to scale from the baseline on.

    Args:
        frame: from `scaling_methods_frame`.
        ax: where to draw; its figure takes the legend.
    """
    _draw_methods(frame, ax)
    ax.set(title="Published: B0 scaled in four ways (Table 7)", xlim=(0.25, 2.05), ylim=(76.8, 81.6))
    for row in frame[frame["method"] != "baseline"].to_dict("records"):
        _label(ax, row)
    _legend(ax, frame)


def _label(ax: Axes, row: dict[Hashable, Any]) -> None:
    """Write the coefficients that are not 1 beside their point."""
    coefficients = [f"{column[0]} {row[column]:g}" for column in COEFFICIENTS if row[column] != 1]
    place = PLACES[row["method"]]
    label = ax.annotate(
        ", ".join(coefficients),
        (row["macs_billions"], row["top1_percent"]),
        xytext=(place.x, place.y),
        textcoords="offset points",
        ha=place.align,
        va="center",
        fontsize=6.0,
        color=METHOD_STYLES[row["method"]][0],
    )
    label.set_gid(f"label {label.get_text()}")


def draw_other_baselines(frame: pd.DataFrame, *axes: Axes) -> None:
    """Draw the printed FLOPs of Table 3 against accuracy, a panel a baseline.

    Args:
        frame: from `other_baselines_frame`.
        axes: MobileNetV1, MobileNetV2, ResNet-50.
    """
    for baseline, ax in zip(OTHERS, axes, strict=True):
        rows = frame[frame["baseline"] == baseline]
        _draw_methods(rows, ax)
        ax.set_title(f"Published: {baseline}")
        ax.margins(0.12)
        if ax is not axes[0]:
            ax.set_ylabel("")
    _legend(axes[0], frame)


def _draw_methods(rows: pd.DataFrame, ax: Axes) -> None:
    start = rows[rows["method"] == "baseline"]
    for method, (color, marker, dashes) in METHOD_STYLES.items():
        part = rows[rows["method"] == method]
        if part.empty:
            continue
        line = part if method == "baseline" else pd.concat([start, part])
        style = (0, dashes) if dashes else "solid"
        ax.plot(
            line["macs_billions"], line["top1_percent"], color=color, linestyle=style, linewidth=1.1, zorder=2
        )
        ax.scatter(
            part["macs_billions"],
            part["top1_percent"],
            marker=marker,
            s=AREAS.get(marker, AREA),
            color=color,
            edgecolor="white",
            linewidth=0.6,
            zorder=3,
        )
    ax.set(xlabel="FLOPs (multiply-adds, billions, as printed)", ylabel="ImageNet top-1 accuracy (%)")


def _legend(ax: Axes, frame: pd.DataFrame) -> None:
    methods = set(frame["method"])
    handles = [
        mark(name, marker, color) for name, (color, marker, _) in METHOD_STYLES.items() if name in methods
    ]
    legend_outside(ax.figure, handles, columns=3)  # type: ignore[arg-type]
