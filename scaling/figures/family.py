"""The family at a glance: Figs. 1 and 5 of the paper side by side."""

from __future__ import annotations

import pandas as pd
from matplotlib.axes import Axes

from scaling.figures.family_flops import draw_family_flops
from scaling.figures.family_params import draw_family_params, family_params_frame


def family_frame() -> pd.DataFrame:
    """Return what both panels draw.

    >>> len(family_frame())
    24
    """
    return family_params_frame()


def draw_family(frame: pd.DataFrame, params_ax: Axes, flops_ax: Axes) -> None:
    """Draw size against accuracy and FLOPs against accuracy, one panel each.

    Args:
        frame: from `family_frame`.
        params_ax: the first panel, which carries the title.
        flops_ax: the second.
    """
    draw_family_params(frame, params_ax)
    draw_family_flops(frame, flops_ax)
    flops_ax.set_title("")
