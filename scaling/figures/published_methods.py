"""Ways to scale a baseline, as published: Table 7 and Fig. 8 (EfficientNet-B0), Table 3 (others)."""

from __future__ import annotations

import pandas as pd
from matplotlib.axes import Axes

from scaling.cost import count_cost
from scaling.figures.axes import PRINTED_ACCURACY, PRINTED_MACS
from scaling.figures.chart import Chart, Layout
from scaling.figures.marks import (
    METHOD_STYLES,
    LabelPlace,
    draw_ways,
    legend_outside,
    method_marks,
    name_point,
)
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
    own = frame.loc[frame["baseline"] == "EfficientNet-B0", list(COEFFICIENTS)]
    multipliers = [ScalingCoefficients(**dict(zip(COEFFICIENTS, row, strict=True))) for row in own.to_numpy()]
    exact = [count_cost(scale(variant("b0"), one)).macs for one in multipliers]
    frame.insert(6, "exact_macs", pd.Series(exact, own.index, dtype="Int64").reindex(frame.index))
    return frame


def scaling_methods_frame() -> pd.DataFrame:
    """Return Table 7: EfficientNet-B0, scaled in four ways."""
    frame = published_methods_frame()
    return frame[frame["baseline"] == "EfficientNet-B0"].reset_index(drop=True)


def other_baselines_frame() -> pd.DataFrame:
    """Return Table 3: MobileNetV1, MobileNetV2 and ResNet-50, scaled in several ways."""
    frame = published_methods_frame()
    return frame[frame["baseline"].isin(OTHERS)].drop(columns="exact_macs").reset_index(drop=True)


def draw_scaling_methods(frame: pd.DataFrame, ax: Axes) -> None:
    """Draw the printed FLOPs of Table 7 against accuracy, coefficients that are not 1 beside their points."""
    _draw_methods(frame, ax)
    ax.set(title="Published: B0 scaled in four ways (Table 7)", xlim=(0.25, 2.05), ylim=(76.8, 81.6))
    for row in frame[frame["method"] != "baseline"].to_dict("records"):
        coefficients = [f"{column[0]} {row[column]:g}" for column in COEFFICIENTS if row[column] != 1]
        point, color = (row["macs_billions"], row["top1_percent"]), METHOD_STYLES[row["method"]][0]
        name_point(ax, ", ".join(coefficients), point, PLACES[row["method"]], color=color)
    legend_outside(ax, method_marks(frame["method"]), columns=3)


def draw_other_baselines(frame: pd.DataFrame, *axes: Axes) -> None:
    """Draw the printed FLOPs of Table 3 against accuracy, a panel a baseline."""
    for baseline, ax in zip(OTHERS, axes, strict=True):
        _draw_methods(frame[frame["baseline"] == baseline], ax)
        ax.set_title(f"Published: {baseline}")
        ax.margins(0.12)
        if ax is not axes[0]:
            ax.set_ylabel("")
    legend_outside(axes[0], method_marks(frame["method"]), columns=3)


def _draw_methods(rows: pd.DataFrame, ax: Axes) -> None:
    draw_ways(rows.assign(x=rows["macs_billions"], y=rows["top1_percent"]), ax)
    ax.set(xlabel=PRINTED_MACS, ylabel=PRINTED_ACCURACY)


SCALING_METHODS = Chart(
    frame=scaling_methods_frame,
    draw=draw_scaling_methods,
    caption=(
        "EfficientNet-B0 scaled in four ways, as printed in Table 7 (the ends of the paper's Fig. 8). "
        "Exact arithmetic gives 1.575, 1.450 and 1.538 billion for the single dimensions; the data hold "
        "both."
    ),
)
OTHER_BASELINES = Chart(
    frame=other_baselines_frame,
    draw=draw_other_baselines,
    caption="MobileNetV1, MobileNetV2 and ResNet-50 scaled in several ways, as printed in Table 3.",
    layout=Layout(double=2.7, single=7.0, panels=3),
)
