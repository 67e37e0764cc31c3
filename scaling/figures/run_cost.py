"""Nominal against achieved cost of a run: what the formula promised, and what the networks cost."""

from __future__ import annotations

import pandas as pd
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.patches import Patch

from scaling.drawings.palette import BLUE, GREY, INK
from scaling.figures.chart import Layout, RunChart
from scaling.figures.labels import boxes_around, place_labels
from scaling.figures.left_out import at_achieved_cost
from scaling.figures.marks import DASHED, draw_groups, legend_outside, nothing_yet, stroke
from scaling.figures.run_data import RunData
from scaling.figures.run_trials import reference_labels

BAND = "#e9eef3"


def run_cost_frame(run: RunData) -> pd.DataFrame:
    """Return one row a network of the run, trained or not, with its nominal and its achieved cost factor."""
    first = run.trials.drop_duplicates("trial")
    frame = pd.DataFrame(
        {
            "trial": first["trial"].astype("Int64"),
            "kind": first["kind"].astype(object),
            "label": reference_labels(first["name"]),
            "infeasible": first["state"].eq("infeasible").fillna(False).astype(bool),
            "nominal_factor": first["nominal_factor"].astype("float64"),
            "achieved_factor": first["achieved_factor"].astype("float64"),
        }
    )
    return frame.dropna(subset=["nominal_factor", "achieved_factor"]).reset_index(drop=True)


def draw_run_cost(frame: pd.DataFrame, ax: Axes, *, run: RunData) -> None:
    """Draw nominal against achieved cost: right on the diagonal, the target shaded with its tolerance."""
    ax.set(
        title=run.heading,
        xlabel="Nominal cost (alpha·beta²·gamma²)^phi (× baseline)",
        ylabel="Achieved multiply-adds (× baseline)",
    )
    if frame.empty:
        nothing_yet(ax, "no network yet")
        return
    points = frame.assign(x=frame["nominal_factor"], y=frame["achieved_factor"])
    values = points[["x", "y"]].to_numpy(float)
    least, most = values.min(), values.max()
    margin = 0.08 * (most - least) or 0.5
    ends = (least - margin, most + margin)
    ax.plot(ends, ends, color=GREY, zorder=1, **DASHED)
    ax.set(xlim=ends, ylim=ends)
    handles: list[Artist] = [stroke("as promised", GREY, **DASHED)]
    if (target := run.target) is not None and run.band is not None:
        ax.axhspan(*run.band, color=BAND, linewidth=0, zorder=0.5)
        handles.append(Patch(color=BAND, label=f"target {target.factor:g}× ± {100 * target.tolerance:g} %"))
    reference, untrained = points["kind"] == "reference", points["infeasible"]
    groups = (
        ("search", ~reference & ~untrained, "o", BLUE, "white"),
        ("off target, not trained", ~reference & untrained, "X", "white", GREY),
        ("reference", reference, "D", "white", INK),
    )
    legend_outside(ax, handles + draw_groups(ax, points, groups, area=26))
    _label(points[reference], points, ax)


def _label(named: pd.DataFrame, points: pd.DataFrame, ax: Axes) -> None:
    ax.figure.draw_without_rendering()  # type: ignore[union-attr]  # settles the layout
    radius = 3.5 * ax.figure.dpi / 72
    place_labels(
        ax,
        list(zip(named["label"], named["x"], named["y"], strict=True)),
        markers=boxes_around(ax.transData.transform(points[["x", "y"]].to_numpy()), radius),
        bars=boxes_around([], radius),
    )


def cost_words(frame: pd.DataFrame) -> str:
    """Say how far achieved cost lies from nominal cost."""
    if frame.empty:
        return "No network yet."
    scaled = frame[frame["label"] != "baseline"]
    ratio = scaled["achieved_factor"] / scaled["nominal_factor"]
    if ratio.empty:
        return "Only the baseline, at 1 times its own cost."
    return (
        f"{len(scaled)} scaled networks cost {ratio.min():.2f} to {ratio.max():.2f} times what the formula "
        f"promised: {scaled['achieved_factor'].min():.2f} to {scaled['achieved_factor'].max():.2f} times the "
        "baseline."
    )


RUN_COST = RunChart(
    frame=run_cost_frame,
    draw=draw_run_cost,
    caption="Nominal against achieved cost: what the formula promised, and what the networks cost.",
    words=cost_words,
    left_out=at_achieved_cost,
    layout=Layout(double=3.6, single=4.0),
)
