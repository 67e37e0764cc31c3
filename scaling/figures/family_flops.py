"""Fig. 5 of the paper: FLOPs against ImageNet accuracy. Floor 7."""

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
    "Inception-v4": LabelPlace(x=4.5, y=-4.5),
    "Inception-ResNet-v2": LabelPlace(x=4.5, y=2.5),
    "PNASNet": LabelPlace(x=-4.5, y=3.5, align="right"),
    "AmoebaNet-A": LabelPlace(x=-4.5, y=-4, align="right"),
    "NASNet-A": LabelPlace(x=4.5, y=-4),
    "AmoebaNet-C": LabelPlace(x=12, y=7, align="right"),
    "SENet": LabelPlace(x=0, y=-7, align="center"),
}


def family_flops_frame() -> pd.DataFrame:
    """Return B0–B7 and their rivals, printed and exact; GPipe has no printed FLOPs.

    >>> frame = family_flops_frame()
    >>> frame.loc[frame["macs_billions"].isna(), "label"].tolist()
    ['GPipe']
    """
    return published_frame()


def draw_family_flops(frame: pd.DataFrame, ax: Axes) -> None:
    """Draw FLOPs against accuracy with the printed figures, as the paper's Fig. 5 does.

    Args:
        frame: from `family_flops_frame`.
        ax: where to draw.
    """
    draw_published(frame, ax, x="macs_billions", places=PLACES)
    missing = frame.loc[frame["macs_billions"].isna(), "label"]
    if len(missing):
        ax.text(
            0.99,
            0.02,
            f"not shown: {', '.join(missing)} (no FLOPs printed)",
            transform=ax.transAxes,
            ha="right",
            va="bottom",
            fontsize=6.0,
            color=GREY,
        ).set_gid("label not shown")
    ax.set(
        title=TITLE,
        xlim=(0, 45),
        ylim=(75.2, 84.8),
        xlabel="FLOPs (multiply-adds, billions, as printed)",
        ylabel="ImageNet top-1 accuracy (%)",
    )
