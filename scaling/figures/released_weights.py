"""Accuracy of weights that can be downloaded, beside the paper's figure for the same variant."""

from __future__ import annotations

from typing import Any

import pandas as pd
from matplotlib.axes import Axes

from scaling.drawings.palette import BLUE, GREY, INK, ORANGE, VERMILION
from scaling.figures.axes import PRINTED_ACCURACY
from scaling.figures.chart import Chart, Layout
from scaling.figures.marks import LabelPlace, legend_outside, mark, name_point
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
        (row["model"].removeprefix("EfficientNet-").lower(), PAPER, row["top1"])
        for row in published("imagenet")
        if row["family"] == "EfficientNet"
    ]
    rows = [(name, source, variant(name).image_size, float(top1)) for name, source, top1 in printed]
    rows += [
        (row["variant"], row["source"], int(row["image_size"]), float(row["top1"]))
        for row in published("released_weights")
    ]
    frame = pd.DataFrame(rows, columns=["variant", "source", "image_size", "top1_percent"])
    own = frame["variant"].map(lambda name: variant(name).image_size)
    return frame.assign(native=own == frame["image_size"])


def draw_released_weights(frame: pd.DataFrame, ax: Axes) -> None:
    """Draw accuracy by variant, a mark a source."""
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


RELEASED_WEIGHTS = Chart(
    frame=released_weights_frame,
    draw=draw_released_weights,
    caption=(
        "Published ImageNet accuracy of weights that can be downloaded, beside the paper's. The star was "
        "trained with 300 million further images."
    ),
    layout=Layout(double=3.4, single=4.0),
)
