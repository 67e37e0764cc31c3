"""Charts of an audit: each proxy's ranks against the anchors', and cost against agreement."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from scaling.analysis.proxy_agreement import JudgedProxy
from scaling.drawings.palette import BLUE, GREEN, GREY, INK, VERMILION
from scaling.figures.axes import head_figure
from scaling.figures.marks import DASHED, legend_outside, nothing_yet, stroke
from scaling.figures.style import Size, new_figure, save_chart, theme
from scaling.plans.audit.judging import Verdict

PREFIX = "proxy:"
COLUMNS = {"double": 4, "single": 2}
MOST_PANELS = 12


def save_audit_figures(title: str, verdict: Verdict, folder: Path) -> None:
    """Save both charts of an audit, each with its data beside it.

    Args:
        title: of the audit.
        verdict: what it found.
        folder: for the files.
    """
    ranks = audit_ranks_frame(verdict.table, verdict.judged)
    figure = partial(audit_ranks_figure, ranks, title=title)
    save_chart("audit_ranks", ranks, figure, folder, title=f"{title}: ranks")
    costs = audit_cost_frame(verdict.judged, verdict.least)
    figure = partial(audit_cost_figure, costs, title=title, least=verdict.least)
    save_chart("audit_cost", costs, figure, folder, title=f"{title}: cost and agreement")


def audit_ranks_frame(table: pd.DataFrame, judged: Sequence[JudgedProxy]) -> pd.DataFrame:
    """Return one row a (proxy, network): ranks by proxy and by anchor, 1 the best, and the anchor's by seed.

    Args:
        table: of an audit, one row a network; proxies' values in columns `proxy:NAME`, costs by their names.
        judged: the proxies, cheapest first.
    """
    columns = ["proxy", "network", "proxy_rank", "anchor_rank", "anchor_rank_low", "anchor_rank_high"]
    frames = []
    for one in judged:
        column = f"{PREFIX}{one.name}" if f"{PREFIX}{one.name}" in table.columns else one.name
        rows = table[table["anchor_top1"].notna() & table[column].notna()]
        ranks = {
            "proxy_rank": rows[column].rank(ascending=False),
            "anchor_rank": rows["anchor_top1"].rank(ascending=False),
        }
        frames.append(rows.assign(proxy=one.name, **ranks)[columns])
    return pd.concat(frames, ignore_index=True) if frames else pd.DataFrame(columns=columns)


def audit_cost_frame(judged: Sequence[JudgedProxy], least: float) -> pd.DataFrame:
    """Return one row a proxy: cost as a share of the anchors', Spearman's correlation, whether it holds."""
    columns = ["proxy", "cost", "spearman", "low", "high", "holds"]
    return pd.DataFrame(
        [
            {
                "proxy": one.name,
                "cost": one.cost,
                "spearman": one.agreement.spearman.value,
                "low": one.agreement.spearman.low,
                "high": one.agreement.spearman.high,
                "holds": one.holds(least),
            }
            for one in judged
        ],
        columns=columns,
    )


def audit_ranks_figure(frame: pd.DataFrame, size: Size = "double", *, title: str) -> Figure:
    """Draw a panel a proxy: rank by proxy against rank by anchor; bars span the anchor's ranks by seed."""
    names = list(dict.fromkeys(frame["proxy"]))[:MOST_PANELS]
    columns = min(COLUMNS[size], max(1, len(names)))
    rows = max(1, -(-len(names) // columns))
    with theme():
        figure = new_figure(size, 0.5 + 1.75 * rows)
        axes = figure.subplots(rows, columns, squeeze=False, sharex=True, sharey=True).ravel()
        head_figure(axes[0], f"{title} · own runs")
        figure.supxlabel("Rank by anchor (1 is best); bars: by each seed alone", fontsize=7)
        figure.supylabel("Rank by proxy", fontsize=7)
        for ax in axes[max(1, len(names)) :]:
            ax.set_visible(False)
        if not names:
            nothing_yet(axes[0])
        for ax, name in zip(axes, names, strict=False):
            _draw_ranks(frame[frame["proxy"] == name], ax, name)
        for ax in axes[max(0, len(names) - columns) : len(names)]:
            ax.tick_params(labelbottom=True)  # where the last row is not full
    return figure


def _draw_ranks(rows: pd.DataFrame, ax: Axes, name: str) -> None:
    most, rank = len(rows), rows["proxy_rank"]
    ax.set_title(name, fontsize=6.5, fontweight="normal")
    ax.plot([1, most], [1, most], color=GREY, zorder=1, **DASHED | {"linewidth": 0.6})
    low, high = rows["anchor_rank_low"], rows["anchor_rank_high"]
    ax.hlines(rank, low, high, color=BLUE, linewidth=1.2, alpha=0.4, zorder=2)
    ax.scatter(rows["anchor_rank"], rank, s=12, color=BLUE, linewidth=0, zorder=3)
    ax.set(xlim=(0.3, most + 0.7), ylim=(most + 0.7, 0.3))
    for axis in (ax.xaxis, ax.yaxis):
        axis.set_major_locator(MaxNLocator(nbins=5, integer=True))


def audit_cost_figure(frame: pd.DataFrame, size: Size = "double", *, title: str, least: float) -> Figure:
    """Draw rank agreement with intervals, dearest on top; a ranking holds where its bar lies past the line.

    Args:
        frame: from `audit_cost_frame`.
        size: one or two columns wide.
        title: of the audit; "own runs" is added.
        least: low end of the interval that the rule asks for.
    """
    with theme():
        figure = new_figure(size, 1.1 + 0.22 * max(4, len(frame)))
        ax = figure.subplots()
        ax.set(title=f"{title} · own runs", xlabel="Spearman's correlation (95 % interval)")
        if frame.empty:
            nothing_yet(ax)
        else:
            _draw_costs(frame.sort_values("cost", kind="stable", ignore_index=True), ax, least)
    return figure


def _draw_costs(rows: pd.DataFrame, ax: Axes, least: float) -> None:
    for place, row in enumerate(rows.to_dict("records")):
        colour = GREEN if row["holds"] else INK
        ax.hlines(place, row["low"], row["high"], color=colour, linewidth=1.6, alpha=0.45, zorder=2)
        ax.scatter([row["spearman"]], [place], s=18, color=colour, linewidth=0, zorder=3)
    ax.axvline(0, color=GREY, linewidth=0.5, zorder=1)
    ax.axvline(least, color=VERMILION, zorder=1, **DASHED)
    ax.set(xlim=(-1.05, 1.05), ylim=(-0.6, len(rows) - 0.4))
    labels = [f"{name}  {_share(cost)}" for name, cost in zip(rows["proxy"], rows["cost"], strict=True)]
    ax.set_yticks(range(len(rows)), labels)
    ax.set_ylabel("proxy, and its cost in % of the anchors'")
    ax.grid(visible=False, axis="y")
    verdicts = ((GREEN, "its ranking holds"), (INK, "it does not"))
    handles = [stroke(said, colour, marker="o", markersize=4, linewidth=1.6) for colour, said in verdicts]
    legend_outside(ax, [*handles, stroke(f"the rule: {least:g}", VERMILION, **DASHED)])


def _share(cost: float) -> str:
    return "none" if cost == 0 else f"{100 * cost:.2g} %"
