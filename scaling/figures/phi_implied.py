"""Which phi is B4? What each dimension implies, at the paper's bases and at one exact triple."""

from __future__ import annotations

from typing import Any

import pandas as pd
from matplotlib.axes import Axes

from scaling.drawings.palette import INK
from scaling.figures.chart import Chart, Layout
from scaling.figures.marks import DIMENSIONS, METHOD_STYLES, legend_outside, method_marks, stroke
from scaling.network.families import COMPOUND_FAMILY
from scaling.targets.explanation import PAPER_BASES, explain

PAPER, EXACT = "the paper's bases", "one exact triple"
SHIFTS = {"depth": -0.2, "width": 0.0, "resolution": 0.2}


def phi_implied_frame() -> pd.DataFrame:
    """Return, for B1 to B7 and two triples of bases, the phi that each dimension implies.

    `phi` is ln(printed coefficient) / ln(base); from `low` to `high` the dimension's integers are the
    released ones. `exact_phi` is the phi at which the exact triple gives the whole variant.

    >>> frame = phi_implied_frame()
    >>> b4 = frame[(frame["variant"] == "b4") & (frame["bases"] == "the paper's bases")]
    >>> b4["phi"].round(2).tolist()
    [3.22, 3.53, 3.78]
    """
    rows = []
    for name in COMPOUND_FAMILY[1:]:
        found = explain(name)
        triple = found.exact.compound
        exact_bases = {"alpha": triple.alpha, "beta": triple.beta, "gamma": triple.gamma}
        for bases, values, implied in (
            (PAPER, PAPER_BASES, found.implied_by_paper),
            (EXACT, exact_bases, found.implied_by_exact),
        ):
            rows += [
                {
                    "variant": name,
                    "bases": bases,
                    **values,
                    "dimension": one.dimension.value,
                    "phi": one.phi,
                    "low": one.low,
                    "high": one.high,
                    "exact_phi": triple.phi,
                }
                for one in implied
            ]
    return pd.DataFrame(rows)


def draw_phi_implied(frame: pd.DataFrame, paper_ax: Axes, exact_ax: Axes) -> None:
    """Draw the intervals of phi by variant: at the paper's bases they part, at the exact triple they meet."""
    variants = list(dict.fromkeys(frame["variant"]))
    places = {name: place for place, name in enumerate(variants)}
    for bases, ax in ((PAPER, paper_ax), (EXACT, exact_ax)):
        part = frame[frame["bases"] == bases]
        for dimension, rows in part.groupby("dimension", sort=False):
            color, marker, _ = METHOD_STYLES[str(dimension)]
            x = rows["variant"].map(places) + SHIFTS[str(dimension)]
            ax.vlines(x, rows["low"], rows["high"], color=color, linewidth=3.2, alpha=0.35, zorder=2)
            look: dict[str, Any] = {"edgecolor": "white", "linewidth": 0.4, "zorder": 3}
            ax.scatter(x, rows["phi"], marker=marker, s=20, color=color, **look)
        triple = "{:.3g}, {:.3g}, {:.3g}".format(*part.iloc[0][["alpha", "beta", "gamma"]])
        ax.set(
            title=f"{bases[0].upper()}{bases[1:]}: {triple}",
            xlabel="variant",
            ylabel="phi implied by the release",
            ylim=(0, 8),
        )
        ax.set_xticks(range(len(variants)), [name.upper() for name in variants])
        ax.grid(visible=False, axis="x")
    curve = frame[frame["bases"] == EXACT].drop_duplicates("variant")
    exact_ax.plot(curve["variant"].map(places), curve["exact_phi"], color=INK, linewidth=0.9, zorder=2.5)
    exact = stroke("phi that gives the variant exactly", INK, linewidth=0.9)
    reached = stroke("gives the released integers", INK, linewidth=3.2, alpha=0.35)
    legend_outside(paper_ax, [*method_marks(DIMENSIONS), exact, reached])


PHI_IMPLIED = Chart(
    frame=phi_implied_frame,
    draw=draw_phi_implied,
    caption=(
        "The phi that each dimension of the release implies. At the paper's bases the three part from "
        "B5 on; one triple with alpha·beta²·gamma² = 2 lets them meet in every variant."
    ),
    layout=Layout(double=3.2, single=5.6, panels=2),
)
