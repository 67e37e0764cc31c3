"""Fig. 1 of the paper: model size against ImageNet accuracy. Floor 7."""

from __future__ import annotations

import pandas as pd
from matplotlib.axes import Axes

from scaling.figures.published_accuracy import (
    TITLE,
    LabelPlace,
    draw_published,
    published_frame,
)
from scaling.figures.style import GREY

LARGEST_MILLIONS = 180.0
"""End of the axis in the paper's Fig. 1; GPipe (557 million) lies beyond and is named at the edge."""

# By eye, in typographic points, so that nothing overlaps in the narrowest size (tested in every size).
PLACES: dict[str, LabelPlace] = {
    "B4": LabelPlace(x=4, y=-6),
    "B5": LabelPlace(x=4, y=-6),
    "B6": LabelPlace(x=4, y=-6),
    "DenseNet-169": LabelPlace(x=-6, y=-15),
    "ResNet-50": LabelPlace(x=4.5, y=-3),
    "DenseNet-264": LabelPlace(x=0, y=5.5, align="center"),
    "Inception-v3": LabelPlace(x=4.5, y=-4.5),
    "Xception": LabelPlace(x=4.5, y=-1.5),
    "Inception-v4": LabelPlace(x=3, y=-7),
    "PNASNet": LabelPlace(x=-4.5, y=3.5, align="right"),
    "AmoebaNet-A": LabelPlace(x=-4.5, y=-4, align="right"),
    "NASNet-A": LabelPlace(x=4.5, y=-4),
    "AmoebaNet-C": LabelPlace(x=0, y=7, align="center"),
}


def family_params_frame() -> pd.DataFrame:
    """Return B0–B7 and their rivals, printed and exact; `beyond_axis` marks what the chart names at its edge.

    >>> frame = family_params_frame()
    >>> frame.loc[frame["beyond_axis"], "label"].tolist()
    ['GPipe']
    """
    frame = published_frame()
    frame["beyond_axis"] = frame["params_millions"] > LARGEST_MILLIONS
    return frame


def draw_family_params(frame: pd.DataFrame, ax: Axes) -> None:
    """Draw size against accuracy with the printed figures, as the paper's Fig. 1 does.

    Args:
        frame: from `family_params_frame`.
        ax: where to draw.
    """
    draw_published(frame[~frame["beyond_axis"]], ax, x="params_millions", places=PLACES)
    beyond = frame[frame["beyond_axis"]]
    for label, millions, top1 in zip(
        beyond["label"], beyond["params_millions"], beyond["top1_percent"], strict=True
    ):
        _name_at_edge(ax, f"{label} ({millions:g} M)", top1)
    ax.set(
        title=TITLE,
        xlim=(0, LARGEST_MILLIONS),
        ylim=(75.2, 84.8),
        xlabel="Parameters (millions, as printed)",
        ylabel="ImageNet top-1 accuracy (%)",
    )


def _name_at_edge(ax: Axes, text: str, height: float) -> None:
    ax.annotate(
        text,
        (LARGEST_MILLIONS, height),
        xytext=(-14, 0),
        textcoords="offset points",
        ha="right",
        va="center",
        fontsize=6.0,
        color=GREY,
        annotation_clip=False,
        arrowprops={"arrowstyle": "-|>", "color": GREY, "linewidth": 0.6, "mutation_scale": 5, "shrinkB": 0},
    ).set_gid(f"label {text}")
