"""Nominal against achieved cost: what rounding makes of the formula's promise."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.patches import Patch

from scaling.cost import count_cost
from scaling.drawings.palette import BLUE, GREY, INK, ORANGE
from scaling.figures.marks import legend_outside, mark, plain_ticks
from scaling.network.families import variant
from scaling.network.generation import scale
from scaling.network.rounding import RELEASED, CoefficientRounding, RoundingRules
from scaling.targets.directions import Direction
from scaling.targets.realise import realise
from scaling.targets.target import Target

DRAWS, CLOUD, REALISED, SEED = 2000, 500, 150, 0
TARGET = Target()
HOW = {
    "released": ("the formula at phi = 1,\nrounded as released", GREY),
    "unrounded": ("the same, coefficients\nnot rounded", ORANGE),
    "realised": ("phi moved to the target\n(this package)", BLUE),
}


def nominal_achieved_frame() -> pd.DataFrame:
    """Return random directions from B0 with the nominal cost and the one that the network has.

    `panel` is `growth` (phi from 0 to 3, rounded as released) or `twofold`, where `how` is `released`
    (phi = 1), `unrounded` (phi = 1, coefficients not rounded) or `realised` (phi moved to the target).
    Directions are uniform over the triangle of shares, the same in every panel; the seed is fixed.

    >>> frame = nominal_achieved_frame()
    >>> part = frame[(frame["panel"] == "twofold") & (frame["how"] == "released")]["achieved_factor"]
    >>> [round(float(value), 2) for value in (part.min(), part.max(), part.mean())]
    [1.76, 3.4, 2.53]
    """
    return pd.DataFrame([*_twofold(), *_growth()])


def _twofold() -> Iterator[dict[str, Any]]:
    random, baseline = np.random.default_rng(SEED), variant("b0")
    macs, free = count_cost(baseline).macs, RoundingRules(coefficient_rounding=CoefficientRounding.NONE)
    for draw in range(DRAWS):
        direction = Direction.of_square(*random.random(2))
        bases = direction.bases(TARGET.factor, phi=1.0)
        common = _common("twofold", direction)
        for how, rules in (("released", RELEASED), ("unrounded", free)):
            achieved = count_cost(scale(baseline, bases, rules)).macs / macs
            yield common | {"how": how, "nominal_factor": TARGET.factor, "achieved_factor": achieved}
        if draw < REALISED:
            found = realise(direction, baseline, TARGET, free)
            nominal = found.compound.nominal_factor
            yield common | {
                "how": "realised",
                "nominal_factor": nominal,
                "achieved_factor": found.achieved_factor,
            }


def _growth() -> Iterator[dict[str, Any]]:
    random, baseline = np.random.default_rng(SEED), variant("b0")
    macs = count_cost(baseline).macs
    for _ in range(CLOUD):
        direction = Direction.of_square(*random.random(2))
        bases = direction.bases(TARGET.factor, phi=float(3 * random.random()))
        achieved = count_cost(scale(baseline, bases)).macs / macs
        yield _common("growth", direction) | {
            "how": "released",
            "nominal_factor": bases.nominal_factor,
            "achieved_factor": achieved,
        }


def _common(panel: str, direction: Direction) -> dict[str, Any]:
    depth, width, resolution = direction.shares
    return {"panel": panel, "depth_share": depth, "width_share": width, "resolution_share": resolution}


def draw_nominal_achieved(frame: pd.DataFrame, growth_ax: Axes, twofold_ax: Axes) -> None:
    """Draw nominal against achieved cost, and how achieved cost spreads at a nominal 2×.

    Args:
        frame: from `nominal_achieved_frame`.
        growth_ax: the cloud.
        twofold_ax: the histogram; its figure takes the legend.
    """
    cloud = frame[frame["panel"] == "growth"]
    ends = (0.92, 13.0)
    growth_ax.plot(ends, ends, color=INK, linewidth=0.8, linestyle=(0, (4, 2)), zorder=3)
    growth_ax.scatter(
        cloud["nominal_factor"], cloud["achieved_factor"], s=6, color=GREY, alpha=0.55, linewidth=0, zorder=2
    )
    growth_ax.set(
        title="Random directions from B0",
        xlabel="Nominal cost (alpha·beta²·gamma²)^phi (× B0)",
        ylabel="Achieved multiply-adds (× B0)",
        xscale="log",
        yscale="log",
        xlim=(0.92, 8.7),
        ylim=ends,
    )
    plain_ticks(growth_ax, (1, 2, 4, 8), (1, 2, 4, 8))
    bins = np.arange(1.4, 3.6, 0.05).tolist()
    for how, (_, color) in HOW.items():
        values = frame[(frame["panel"] == "twofold") & (frame["how"] == how)]["achieved_factor"]
        share = np.full(len(values), 100 / len(values))
        filled = how != "unrounded"
        twofold_ax.hist(
            values,
            bins=bins,
            weights=share,
            histtype="stepfilled" if filled else "step",
            color=color,
            alpha=0.75 if filled else 1.0,
            linewidth=1.2,
            zorder=2 if how == "released" else 3,
        )
    twofold_ax.axvline(TARGET.factor, color=INK, linewidth=0.8, linestyle=(0, (4, 2)), zorder=4)
    twofold_ax.set(
        title="At a nominal 2×",
        xlabel="Achieved multiply-adds (× B0)",
        ylabel="Share of directions (%)",
        xlim=(1.4, 3.55),
    )
    handles = [
        Patch(color=color, label=label, fill=how != "unrounded") for how, (label, color) in HOW.items()
    ]
    handles_all = [mark("a direction", "o", GREY, GREY, size=3.0), *handles]
    legend_outside(growth_ax, handles_all)
