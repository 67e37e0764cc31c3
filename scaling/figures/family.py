"""Figs. 1 and 5 of the paper: published ImageNet accuracy of B0–B7 and rivals against size and FLOPs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes

from scaling.cost import count_cost
from scaling.drawings.palette import BLUE, BROWN, GREEN, GREY, INK, ORANGE, PURPLE, SKY, VERMILION, VIOLET
from scaling.figures.axes import PRINTED_ACCURACY, PRINTED_MACS
from scaling.figures.chart import Chart, Layout
from scaling.figures.marks import EAST, LabelPlace, name_point
from scaling.network.families import variant
from scaling.network.published import published

OWN_FAMILY = "EfficientNet"
NAMED_AT = "B4"  # the bend of the curve leaves room there for the family's name
LARGEST_MILLIONS = 180.0
"""End of the axis in the paper's Fig. 1; GPipe (557 million) lies beyond and is named at the edge."""

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
PARAMS_PLACES = SHARED_PLACES | {
    "Inception-v4": LabelPlace(x=3, y=-7),
    "AmoebaNet-C": LabelPlace(x=0, y=7, align="center"),
}
FLOPS_PLACES = SHARED_PLACES | {
    "Inception-v4": LabelPlace(x=4.5, y=-4.5),
    "Inception-ResNet-v2": LabelPlace(x=4.5, y=2.5),
    "AmoebaNet-C": LabelPlace(x=12, y=7, align="right"),
    "SENet": LabelPlace(x=0, y=-7, align="center"),
}
FAMILY_NAME_PLACE = LabelPlace(x=6, y=-15.5)


def family_flops_frame() -> pd.DataFrame:
    """Return B0–B7 and their rivals as printed, with our exact counts beside the printed ones.

    `params_millions` and `macs_billions` are as printed (two or three digits; missing where the paper
    prints none, as of GPipe); `exact_params` and `exact_macs` come from the closed form, for B0–B7 only.

    Source: arXiv:1905.11946v5, Table 2.

    >>> frame = family_flops_frame()
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


def family_params_frame() -> pd.DataFrame:
    """Return `family_flops_frame`; `beyond_axis` marks what the chart of size names at its edge.

    >>> frame = family_params_frame()
    >>> frame.loc[frame["beyond_axis"], "label"].tolist()
    ['GPipe']
    """
    frame = family_flops_frame()
    return frame.assign(beyond_axis=frame["params_millions"] > LARGEST_MILLIONS)


def draw_family_params(frame: pd.DataFrame, ax: Axes) -> None:
    """Draw size against accuracy with the printed figures, as the paper's Fig. 1 does."""
    draw_published(frame[~frame["beyond_axis"]], ax, x="params_millions", places=PARAMS_PLACES)
    for row in frame[frame["beyond_axis"]].to_dict("records"):
        text = f"{row['label']} ({row['params_millions']:g} M)"
        arrow = {"arrowstyle": "-|>", "color": GREY, "linewidth": 0.6, "mutation_scale": 5, "shrinkB": 0}
        look: dict[str, Any] = {"color": GREY, "annotation_clip": False, "arrowprops": arrow}
        place = LabelPlace(x=-14, y=0, align="right")
        name_point(ax, text, (LARGEST_MILLIONS, row["top1_percent"]), place, **look)
    ax.set(xlim=(0, LARGEST_MILLIONS), xlabel="Parameters (millions, as printed)")


def draw_family_flops(frame: pd.DataFrame, ax: Axes) -> None:
    """Draw FLOPs against accuracy with the printed figures, as the paper's Fig. 5 does."""
    draw_published(frame, ax, x="macs_billions", places=FLOPS_PLACES)
    missing = frame.loc[frame["macs_billions"].isna(), "label"]
    if len(missing):
        text = f"not shown: {', '.join(missing)} (no FLOPs printed)"
        look: dict[str, Any] = {"ha": "right", "va": "bottom", "fontsize": 6.0, "color": GREY}
        ax.text(0.99, 0.02, text, transform=ax.transAxes, **look).set_gid("label not shown")
    ax.set(xlim=(0, 45), xlabel=PRINTED_MACS)


def draw_family(frame: pd.DataFrame, params_ax: Axes, flops_ax: Axes) -> None:
    """Draw Figs. 1 and 5 side by side."""
    draw_family_params(frame, params_ax)
    draw_family_flops(frame, flops_ax)
    flops_ax.set_title("")


def draw_published(frame: pd.DataFrame, ax: Axes, *, x: str, places: Mapping[str, LabelPlace]) -> None:
    """Draw every row that has an `x`: a line a family, a label a model.

    Args:
        frame: from `family_flops_frame`.
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
    for row in rows.to_dict("records"):
        point, is_own = (row[x], row["top1_percent"]), row["family"] == OWN_FAMILY
        _name_model(ax, row["label"], point, places.get(row["label"], EAST), own=is_own)
        if row["label"] == NAMED_AT:
            _name_model(ax, OWN_FAMILY, point, FAMILY_NAME_PLACE, own=is_own)
    title = "Published figures: Tan & Le 2019, Table 2"
    ax.set(title=title, ylim=(75.2, 84.8), ylabel=PRINTED_ACCURACY)


def _name_model(ax: Axes, text: str, point: tuple[float, float], place: LabelPlace, *, own: bool) -> None:
    """Write a label beside its point, with a thin leader where it stands further off."""
    leader = {
        "arrowstyle": "-",
        "color": GREY,
        "linewidth": 0.4,
        "relpos": (0.15, 1.0),  # straight down from the marker, clear of its neighbours
        "shrinkA": 0.0,
        "shrinkB": 2.0,
    }
    name_point(
        ax,
        text,
        point,
        place,
        size=6.5 if own else 6.0,
        va="center_baseline",
        fontweight="bold" if own else "normal",
        color=VERMILION if own else INK,
        zorder=1.5,
        arrowprops=leader if place.y < -10 and not own else None,
        # Interrupts the grid behind the letters; a halo would do too, at twice the size of the SVG.
        bbox={"boxstyle": "square,pad=0.05", "facecolor": "white", "edgecolor": "none"},
    )


FAMILY = Chart(
    frame=family_params_frame,
    draw=draw_family,
    caption=(
        "Size and FLOPs against ImageNet accuracy: EfficientNet-B0 to B7 and their rivals, as printed in "
        "Table 2 of the paper (its Figs. 1 and 5)."
    ),
    layout=Layout(double=3.2, single=6.0, panels=2),
)
FAMILY_PARAMS = Chart(
    frame=family_params_frame,
    draw=draw_family_params,
    caption="Model size against ImageNet accuracy, as printed in Table 2 (the paper's Fig. 1).",
    layout=Layout(double=4.0),
)
FAMILY_FLOPS = Chart(
    frame=family_flops_frame,
    draw=draw_family_flops,
    caption="FLOPs against ImageNet accuracy, as printed in Table 2 (the paper's Fig. 5).",
    layout=Layout(double=4.0),
)
