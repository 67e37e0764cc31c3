"""Nominal against achieved cost of a run: what the formula promised, and what the networks cost."""

from __future__ import annotations

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from scaling.drawings.palette import BLUE, GREY, INK
from scaling.figures.labels import boxes_around, place_labels
from scaling.figures.marks import legend_outside, mark, nothing_yet
from scaling.figures.run_accuracy import REFERENCE_LABELS
from scaling.figures.run_data import RunData

BAND = "#e9eef3"


def run_cost_frame(trials: pd.DataFrame) -> pd.DataFrame:
    """Return one row a network of the run, trained or not, with its nominal and its achieved cost factor.

    Args:
        trials: the table of trials.
    """
    first = trials.drop_duplicates("trial")
    frame = pd.DataFrame(
        {
            "trial": first["trial"].astype("Int64"),
            "kind": first["kind"].astype(object),
            "label": first["name"]
            .astype("string")
            .fillna("")
            .map(lambda name: REFERENCE_LABELS.get(name, name)),
            "infeasible": first["state"].eq("infeasible").fillna(False).astype(bool),
            "nominal_factor": first["nominal_factor"].astype("float64"),
            "achieved_factor": first["achieved_factor"].astype("float64"),
        }
    )
    return frame.dropna(subset=["nominal_factor", "achieved_factor"]).reset_index(drop=True)


def draw_run_cost(frame: pd.DataFrame, ax: Axes, *, run: RunData) -> None:
    """Draw nominal against achieved cost; the diagonal is where the formula is right.

    Args:
        frame: from `run_cost_frame`.
        ax: where to draw; its figure has its final size, and takes the legend.
        run: gives the title, and the target, which is shaded with its tolerance.
    """
    ax.set(
        title=f"{run.title} · own runs",
        xlabel="Nominal cost (alpha·beta²·gamma²)^phi (× baseline)",
        ylabel="Achieved multiply-adds (× baseline)",
    )
    if frame.empty:
        nothing_yet(ax, "no network yet")
        return
    values = pd.concat([frame["nominal_factor"], frame["achieved_factor"]])
    margin = 0.08 * (values.max() - values.min()) or 0.5
    ends = (values.min() - margin, values.max() + margin)
    ax.plot(ends, ends, color=GREY, linewidth=0.8, linestyle=(0, (4, 2)), zorder=1)
    ax.set(xlim=ends, ylim=ends)
    handles: list[Line2D | Patch] = [
        Line2D([], [], color=GREY, linewidth=0.8, linestyle=(0, (4, 2)), label="as promised")
    ]
    if (target := run.target) is not None:
        low, high = (target.factor * (1 + sign * target.tolerance) for sign in (-1, 1))
        ax.axhspan(low, high, color=BAND, linewidth=0, zorder=0.5)
        handles.append(Patch(color=BAND, label=f"target {target.factor:g}× ± {100 * target.tolerance:g} %"))
    reference = frame["kind"] == "reference"
    for label, rows, marker, face, edge in (
        ("search", ~reference & ~frame["infeasible"], "o", BLUE, "white"),
        ("off target, not trained", ~reference & frame["infeasible"], "X", "white", GREY),
        ("reference", reference, "D", "white", INK),
    ):
        if rows.any():
            part = frame[rows]
            ax.scatter(
                part["nominal_factor"],
                part["achieved_factor"],
                marker=marker,
                s=26,
                facecolor=face,
                edgecolor=edge,
                linewidth=0.8,
                zorder=3,
            )
            handles.append(mark(label, marker, face, edge))
    legend_outside(ax, handles)
    _label(frame[reference], frame, ax)


def _label(named: pd.DataFrame, frame: pd.DataFrame, ax: Axes) -> None:
    ax.figure.draw_without_rendering()  # type: ignore[union-attr]  # settles the layout
    centres = ax.transData.transform(frame[["nominal_factor", "achieved_factor"]].to_numpy())
    radius = 3.5 * ax.figure.dpi / 72
    place_labels(
        ax,
        list(zip(named["label"], named["nominal_factor"], named["achieved_factor"], strict=True)),
        markers=boxes_around(centres, radius),
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
