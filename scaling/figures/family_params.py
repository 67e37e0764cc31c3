"""Fig. 1 of the paper: model size against ImageNet accuracy."""

from __future__ import annotations

import pandas as pd
from matplotlib.axes import Axes

from scaling.drawings.palette import GREY
from scaling.figures.marks import PRINTED_ACCURACY, LabelPlace
from scaling.figures.published_accuracy import SHARED_PLACES, TITLE, draw_published, published_frame

LARGEST_MILLIONS = 180.0
"""End of the axis in the paper's Fig. 1; GPipe (557 million) lies beyond and is named at the edge."""

# As the shared ones: by eye, in points.
PLACES = SHARED_PLACES | {
    "Inception-v4": LabelPlace(x=3, y=-7),
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
        ylabel=PRINTED_ACCURACY,
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
