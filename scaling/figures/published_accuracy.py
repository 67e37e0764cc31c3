"""Published ImageNet accuracy of B0–B7 and their rivals against a cost: what Figs. 1 and 5 share."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.text import Annotation

from scaling.cost import count_cost
from scaling.drawings.palette import BLUE, BROWN, GREEN, GREY, INK, ORANGE, PURPLE, SKY, VERMILION, VIOLET
from scaling.figures.marks import LabelPlace, name_point
from scaling.network.families import variant
from scaling.network.published import published

OWN_FAMILY = "EfficientNet"
NAMED_AT = "B4"  # the bend of the curve leaves room there for the family's name
TITLE = "Published figures: Tan & Le 2019, Table 2"

# Colour, marker and dash differ together, so that the chart survives a grey printer.
FAMILY_STYLES: dict[str, tuple[str, str, Any]] = {
    "EfficientNet": (VERMILION, "o", ""),
    "ResNet": (BLUE, "s", (4, 1.5)),
    "DenseNet": (GREEN, "^", (1, 1)),
    "Inception": (PURPLE, "D", (3, 1, 1, 1)),
    "ResNeXt": (INK, "v", ""),
    "PolyNet": (SKY, "p", ""),
    "SENet": (ORANGE, "P", ""),
    "NASNet": (BROWN, ">", ""),
    "AmoebaNet": (VIOLET, "h", (5, 1, 1, 1, 1, 1)),
    "PNASNet": (GREY, "<", ""),
}


SHARED_PLACES: dict[str, LabelPlace] = {
    "B4": LabelPlace(x=4, y=-6),
    "B5": LabelPlace(x=4, y=-6),
    "B6": LabelPlace(x=4, y=-6),
    "DenseNet-169": LabelPlace(x=-6, y=-15),
    "ResNet-50": LabelPlace(x=4.5, y=-3),
    "DenseNet-264": LabelPlace(x=0, y=5.5, align="center"),
    "Inception-v3": LabelPlace(x=4.5, y=-4.5),
    "Xception": LabelPlace(x=4.5, y=-1.5),
    "PNASNet": LabelPlace(x=-4.5, y=3.5, align="right"),
    "AmoebaNet-A": LabelPlace(x=-4.5, y=-4, align="right"),
    "NASNet-A": LabelPlace(x=4.5, y=-4),
}
"""By eye, in typographic points, so that nothing overlaps in the narrowest size (tested in every size)."""


EAST = LabelPlace(x=4.5, y=0)
FAMILY_NAME_PLACE = LabelPlace(x=6, y=-15.5)


def published_frame() -> pd.DataFrame:
    """Return B0–B7 and their rivals as printed, with our exact counts beside the printed ones.

    `params_millions` and `macs_billions` are as printed (two or three digits; missing where the paper
    prints none); `exact_params` and `exact_macs` come from the closed form, for B0–B7 only.

    Source: arXiv:1905.11946v5, Table 2.

    >>> frame = published_frame()
    >>> frame["label"][0], float(frame["params_millions"][0]), int(frame["exact_params"][0])
    ('B0', 5.3, 5288548)
    """
    rows = pd.DataFrame(published("imagenet"))
    own = rows["family"] == OWN_FAMILY
    label = rows["model"].str.removeprefix(f"{OWN_FAMILY}-")
    costs = {name: count_cost(variant(name.lower())) for name in label[own]}
    return pd.DataFrame(
        {
            "model": rows["model"],
            "family": rows["family"],
            "label": label,
            "top1_percent": pd.to_numeric(rows["top1"]),
            "params_millions": pd.to_numeric(rows["params_millions"]),
            "macs_billions": pd.to_numeric(rows["macs_billions"]),
            "exact_params": label.map({name: cost.params for name, cost in costs.items()}).astype("Int64"),
            "exact_macs": label.map({name: cost.macs for name, cost in costs.items()}).astype("Int64"),
            "source": rows["source"],
        }
    )


def draw_published(frame: pd.DataFrame, ax: Axes, *, x: str, places: Mapping[str, LabelPlace]) -> None:
    """Draw every row that has an `x`: a line a family, a label a model.

    Args:
        frame: from `published_frame`.
        ax: where to draw.
        x: column of the abscissa.
        places: where the labels stand, by label; the others stand to the right of their point.
    """
    rows = frame.dropna(subset=[x])
    rivals, own = rows[rows["family"] != OWN_FAMILY], rows[rows["family"] == OWN_FAMILY]
    for part, width, size, order in ((rivals, 0.8, 4.2, 2), (own, 1.6, 5.0, 3)):
        sns.lineplot(
            data=part,
            x=x,
            y="top1_percent",
            hue="family",
            style="family",
            palette={name: style[0] for name, style in FAMILY_STYLES.items()},
            markers={name: style[1] for name, style in FAMILY_STYLES.items()},
            dashes={name: style[2] for name, style in FAMILY_STYLES.items()},
            linewidth=width,
            markersize=size,
            markeredgewidth=0.4,
            estimator=None,
            sort=False,
            legend=False,
            zorder=order,
            ax=ax,
        )
    for label, family, abscissa, top1 in zip(
        rows["label"], rows["family"], rows[x], rows["top1_percent"], strict=True
    ):
        is_own = family == OWN_FAMILY
        label_point(ax, label, (abscissa, top1), places.get(label, EAST), own=is_own)
        if label == NAMED_AT:
            label_point(ax, OWN_FAMILY, (abscissa, top1), FAMILY_NAME_PLACE, own=is_own)


def label_point(
    ax: Axes, text: str, point: tuple[float, float], place: LabelPlace, *, own: bool
) -> Annotation:
    """Write a label beside its point, with a thin leader where it stands further off."""
    far = place.y < -10 and not own
    leader = {
        "arrowstyle": "-",
        "color": GREY,
        "linewidth": 0.4,
        "relpos": (0.15, 1.0),  # straight down from the marker, clear of its neighbours
        "shrinkA": 0.0,
        "shrinkB": 2.0,
    }
    return name_point(
        ax,
        text,
        point,
        place,
        size=6.5 if own else 6.0,
        va="center_baseline",
        fontweight="bold" if own else "normal",
        color=VERMILION if own else INK,
        zorder=1.5,
        arrowprops=leader if far else None,
        # Interrupts the grid behind the letters; a halo would do too, at twice the size of the SVG.
        bbox={"boxstyle": "square,pad=0.05", "facecolor": "white", "edgecolor": "none"},
    )
