"""Accuracy of weights that can be downloaded, beside the paper's figure for the same variant."""

from __future__ import annotations

from typing import Any

import pandas as pd
from matplotlib.axes import Axes

from scaling.drawings.palette import BLUE, GREY, INK, ORANGE, VERMILION
from scaling.figures.marks import PRINTED_ACCURACY, LabelPlace, legend_outside, mark, name_point
from scaling.network.families import variant
from scaling.network.published import published

PAPER = "the paper (Table 2)"
STYLES = {
    PAPER: (INK, "o"),
    "torchvision IMAGENET1K_V1": (BLUE, "s"),
    "torchvision IMAGENET1K_V2": (BLUE, "P"),
    "timm tf_efficientnet aa_in1k": (ORANGE, "^"),
    "timm tf_efficientnet ra_in1k": (VERMILION, "D"),
    "timm tf_efficientnet ns_jft_in1k": (VERMILION, "*"),
}
"""Weights by what they were trained with; the last used 300 million further images."""


def released_weights_frame() -> pd.DataFrame:
    """Return published accuracies of released weights, one row a variant and source, as printed.

    `native` tells whether the weights are evaluated at the variant's own image size.

    Source: arXiv:1905.11946v5 Table 2; torchvision's and timm's published results.

    >>> frame = released_weights_frame()
    >>> frame[~frame["native"]]["variant"].tolist()
    ['b2']
    """
    printed = [
        {
            "variant": row["model"].removeprefix("EfficientNet-").lower(),
            "source": PAPER,
            "image_size": variant(row["model"].lower()).image_size,
            "top1_percent": float(row["top1"]),
        }
        for row in published("imagenet")
        if row["family"] == "EfficientNet"
    ]
    released = [
        {
            "variant": row["variant"],
            "source": row["source"],
            "image_size": int(row["image_size"]),
            "top1_percent": float(row["top1"]),
        }
        for row in published("released_weights")
    ]
    frame = pd.DataFrame(printed + released)
    frame["native"] = [
        variant(name).image_size == size
        for name, size in zip(frame["variant"], frame["image_size"], strict=True)
    ]
    return frame


def draw_released_weights(frame: pd.DataFrame, ax: Axes) -> None:
    """Draw accuracy by variant, a mark a source.

    Args:
        frame: from `released_weights_frame`.
        ax: where to draw; its figure takes the legend.
    """
    places = {name: place for place, name in enumerate(dict.fromkeys(frame["variant"]))}
    handles = []
    shifts = dict(zip(STYLES, (-0.22, 0.0, 0.0, 0.22, 0.0, 0.0), strict=True))
    for source, (color, marker) in STYLES.items():
        rows = frame[frame["source"] == source]
        x = rows["variant"].map(places) + shifts[source]
        look: dict[str, Any] = {"edgecolor": "white", "linewidth": 0.5, "zorder": 3}
        size = 60 if marker == "*" else 28
        ax.scatter(x, rows["top1_percent"], marker=marker, s=size, color=color, **look)
        handles.append(mark(source, marker, color, size=4.8))
    for row in frame[~frame["native"]].to_dict("records"):
        point, above = (places[row["variant"]], row["top1_percent"]), LabelPlace(x=0, y=6, align="center")
        name_point(ax, f"at {row['image_size']} px", point, above, size=5.5, va="baseline", color=GREY)
    ax.set_xticks(list(places.values()), [name.upper() for name in places])
    ax.grid(visible=False, axis="x")
    ax.set(
        title="Published accuracy of released weights",
        xlabel="variant (each at its own image size unless said)",
        ylabel=PRINTED_ACCURACY,
        xlim=(-0.6, len(places) - 0.4),
    )
    legend_outside(ax, handles, columns=1)
