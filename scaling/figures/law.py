"""Laws of error against cost, with what they were fitted to."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.patches import Patch
from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

from scaling.analysis.intervals import Estimate
from scaling.analysis.law_fits import Bootstrap, Fit
from scaling.analysis.law_networks import ALL, BASELINE, LawData, published_source
from scaling.analysis.law_report import LawReport, report_laws
from scaling.analysis.laws import CostLaw
from scaling.drawings.palette import GREY, INK
from scaling.figures.axes import cost_label, scale_of
from scaling.figures.chart import Chart, Layout
from scaling.figures.marks import DASHED, legend_outside, mark, nothing_yet, stroke, style_of
from scaling.figures.style import save_chart

POINTS = 60
"""Of a curve."""
ROOM = 0.15
"""Share of the errors that were measured and fitted by which the ordinate goes beyond them."""
BEYOND = 2.0
"""How far a curve goes on beyond its largest cost."""
DIGITS = 5
"""Significant ones in the frame: further ones of a bootstrap differ between machines."""
RESAMPLES = 200


def published_law_frame() -> pd.DataFrame:
    """Return the law of B0 to B7, with 200 resamples: the paper's accuracies against exact multiply-adds."""
    report = report_laws(published_source("EfficientNet"), lambda _name: Bootstrap(resamples=RESAMPLES))
    return laws_frame(report.source, report.laws)


def laws_frame(source: LawData, laws: Sequence[CostLaw]) -> pd.DataFrame:
    """Return points, curves with 95 % bands, and held-out predictions, five significant digits each.

    `what` is `network`, `law`, `floor` (E) or `held_out` (what was predicted). Errors are in percent.

    Args:
        source: the networks.
        laws: one a strategy, refused ones among them.
    """
    rows: list[dict[str, Any]] = []
    for law in laws:
        if law.strategy != ALL:  # its networks are those of the other strategies
            rows += _networks(source, law)
        if law.refusal is None and law.fit is not None:
            rows += _curve(law)
    columns = ["source", "strategy", "what", "cost_name", "cost", "error_percent", "low", "high", "stands"]
    frame = pd.DataFrame(rows, columns=columns).assign(source=source.name, cost_name=source.cost)
    numbers = ["error_percent", "low", "high"]
    frame[numbers] = frame[numbers].map(lambda value: float(f"{value:.{DIGITS}g}"))
    frame["cost"] = frame["cost"].map(lambda value: float(f"{value:.6g}"))
    return frame


def _row(law: CostLaw, what: str, cost: float, error: Estimate) -> dict[str, Any]:
    percent = {"error_percent": 100 * error.value, "low": 100 * error.low, "high": 100 * error.high}
    return {"strategy": law.strategy, "what": what, "cost": cost, "stands": law.refusal is None, **percent}


def _networks(source: LawData, law: CostLaw) -> list[dict[str, Any]]:
    """Return the networks of a strategy, the baseline under its own name."""
    return [
        _row(law, "network", one.cost, Estimate(value=one.error, low=np.nan, high=np.nan))
        | ({"strategy": BASELINE} if one.strategy == BASELINE else {})
        for one in source.strategies()[law.strategy]
    ]


def _curve(law: CostLaw) -> list[dict[str, Any]]:
    assert law.fit is not None
    scales = np.geomspace(1, BEYOND * law.factor, POINTS)
    rows = [_row(law, "law", scale * law.smallest, _predicted(law.fit, scale)) for scale in scales]
    assert law.floor is not None
    rows.append(_row(law, "floor", BEYOND * law.factor * law.smallest, law.floor))
    return rows + [_row(law, "held_out", one.cost, one.predicted) for one in law.fit.rolling]


def _predicted(fit: Fit, scale: float) -> Estimate:
    at = np.array([[scale]])
    return fit.estimate(lambda law: float(law.predict(at)[0]))


def draw_law(frame: pd.DataFrame, ax: Axes) -> None:
    """Draw error against cost: networks, laws with their bands, and each cost as predicted from below."""
    divisor, unit = scale_of(frame["cost"])
    label = cost_label(str(frame["cost_name"].iloc[0]), unit) if len(frame) else "Cost"
    source = frame["source"].iloc[0] if len(frame) else ""
    ax.set(title=f"Law of error and cost: {source}", xlabel=label, ylabel="Top-1 error (%)", xscale="log")
    if frame.empty:
        nothing_yet(ax, "no network is complete yet")
        return
    points = frame.assign(cost=frame["cost"] / divisor)
    handles: list[Artist] = []
    for number, (strategy, rows) in enumerate(points.groupby("strategy", sort=False)):
        color, marker = (INK, "o") if strategy == ALL else style_of(str(strategy), number)
        handles += _draw_strategy(rows, ax, str(strategy), color, marker)
    handles += _shared_handles(set(points["what"]))
    costs = points.loc[points["what"] == "network", "cost"]
    ax.set_xlim(costs.min() / 1.25, costs.max() * BEYOND)
    # Bands of laws that few networks hold reach far beyond what was measured, and would flatten it.
    low, high = points["error_percent"].min(), points["error_percent"].max()
    ax.set_ylim(max(0.0, low - ROOM * (high - low)), min(100.0, high + ROOM * (high - low)))
    ax.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    ax.xaxis.set_minor_locator(NullLocator())
    ax.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    legend_outside(ax, handles)


def _shared_handles(drawn: set[str]) -> list[Artist]:
    """Return the legend's entries that are alike for every strategy."""
    entries: dict[str, list[Artist]] = {
        "law": [
            stroke("law", GREY, linewidth=1.2),
            Patch(color=GREY, alpha=0.25, label="95 % interval"),
        ],
        "floor": [stroke("E, its floor", GREY, **DASHED)],
        "held_out": [stroke("predicted from\nsmaller costs", GREY, marker="_", linewidth=0.8)],
    }
    return [entry for what, some in entries.items() if what in drawn for entry in some]


def _draw_strategy(rows: pd.DataFrame, ax: Axes, strategy: str, color: str, marker: str) -> list[Artist]:
    networks, law = rows[rows["what"] == "network"], rows[rows["what"] == "law"]
    handles: list[Artist] = []
    if len(networks):
        label = strategy if networks["stands"].all() or strategy == BASELINE else f"{strategy} (no law)"
        handles.append(mark(label, marker, color))
    elif len(law):
        handles.append(stroke(f"{strategy} networks", color, linewidth=1.2))
    look: dict[str, Any] = {"edgecolor": "white", "linewidth": 0.5, "zorder": 4}
    ax.scatter(networks["cost"], networks["error_percent"], marker=marker, s=24, color=color, **look)
    if law.empty:
        return handles
    ax.plot(law["cost"], law["error_percent"], color=color, linewidth=1.2, zorder=3)
    ax.fill_between(law["cost"], law["low"], law["high"], color=color, alpha=0.15, linewidth=0, zorder=1)
    floor = rows[rows["what"] == "floor"].iloc[0]
    ax.axhline(floor["error_percent"], color=color, zorder=2, **DASHED)
    held = rows[rows["what"] == "held_out"]
    if len(held):
        middle = held["error_percent"]
        reach = [middle - held["low"], held["high"] - middle]
        bar: dict[str, Any] = {"color": GREY, "marker": "_", "capsize": 3, "linewidth": 0.8, "zorder": 3.5}
        ax.errorbar(held["cost"], middle, yerr=reach, **bar)
    return handles


LAW = Chart(
    frame=published_law_frame,
    draw=draw_law,
    caption=(
        "error = E + A·C^(−a), fitted to the published error of B0 to B7 (Table 2) and their exact "
        "multiply-adds; grey: each variant as predicted from the smaller ones, with its 95 % interval."
    ),
    layout=Layout(double=3.2, single=4.2),
)


def save_law(report: LawReport, path_stem: Path, formats: Sequence[str] = ("svg", "png")) -> list[Path]:
    """Write the chart of a report, and its data as CSV.

    Args:
        report: from `report_laws`.
        path_stem: path without the ending.
        formats: among svg, png and pdf.

    Raises:
        ResultsError: the folder cannot be written.
    """
    frame, title = laws_frame(report.source, report.laws), f"Law of error and cost: {report.source.name}"
    figure = partial(LAW.figure, frame)
    return save_chart(path_stem.name, frame, figure, path_stem.parent, formats, title=title)
