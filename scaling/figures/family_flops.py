"""Fig. 5 of the paper: FLOPs against ImageNet accuracy."""

from __future__ import annotations

import pandas as pd
from matplotlib.axes import Axes

from scaling.drawings.palette import GREY
from scaling.figures.family_params import draw_family_params
from scaling.figures.marks import PRINTED_ACCURACY, LabelPlace
from scaling.figures.published_accuracy import SHARED_PLACES, TITLE, draw_published, published_frame

# As the shared ones: by eye, in points.
PLACES = SHARED_PLACES | {
    "Inception-v4": LabelPlace(x=4.5, y=-4.5),
    "Inception-ResNet-v2": LabelPlace(x=4.5, y=2.5),
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
        ylabel=PRINTED_ACCURACY,
    )


def draw_family(frame: pd.DataFrame, params_ax: Axes, flops_ax: Axes) -> None:
    """Draw Figs. 1 and 5 side by side.

    Args:
        frame: from `family_params_frame`.
        params_ax: size against accuracy; it carries the title.
        flops_ax: FLOPs against accuracy.
    """
    draw_family_params(frame, params_ax)
    draw_family_flops(frame, flops_ax)
    flops_ax.set_title("")
