"""Charts of an audit: each proxy's ranks against the anchors', and cost against agreement."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from scaling.analysis.proxy_agreement import JudgedProxy
from scaling.drawings.palette import BLUE, GREEN, GREY, INK, VERMILION
from scaling.figures.marks import legend_outside, nothing_yet
from scaling.figures.style import Size, new_figure, save_figure, save_frame, theme
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
    costs = audit_cost_frame(verdict.judged, verdict.least)
    save_figure(audit_ranks_figure(ranks, title=title), folder / "audit_ranks", title=f"{title}: ranks")
    figure = audit_cost_figure(costs, title=title, least=verdict.least)
    save_figure(figure, folder / "audit_cost", title=f"{title}: cost and agreement")
    save_frame(ranks, folder / "audit_ranks.csv")
    save_frame(costs, folder / "audit_cost.csv")


def audit_ranks_frame(table: pd.DataFrame, judged: Sequence[JudgedProxy]) -> pd.DataFrame:
    """Return one row a (proxy, network): ranks by proxy and by anchor, 1 the best, and the anchor's by seed.

    Args:
        table: of an audit, one row a network; proxies' values in columns `proxy:NAME`, costs by their names.
        judged: the proxies, cheapest first.
    """
    frames = []
    for one in judged:
        column = f"{PREFIX}{one.name}" if f"{PREFIX}{one.name}" in table.columns else one.name
        rows = table[table["anchor_top1"].notna() & table[column].notna()]
        frames.append(
            pd.DataFrame(
                {
                    "proxy": one.name,
                    "network": rows["network"],
                    "proxy_rank": rows[column].rank(ascending=False),
                    "anchor_rank": rows["anchor_top1"].rank(ascending=False),
                    "anchor_rank_low": rows["anchor_rank_low"],
                    "anchor_rank_high": rows["anchor_rank_high"],
                }
            )
        )
    columns = ["proxy", "network", "proxy_rank", "anchor_rank", "anchor_rank_low", "anchor_rank_high"]
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
        figure.suptitle(f"{title} · own runs", x=0.01, ha="left", fontsize=7.5, fontweight="bold")
        figure.supxlabel("Rank by anchor (1 is best); bars: by each seed alone", fontsize=7)
        figure.supylabel("Rank by proxy", fontsize=7)
        for ax in axes[len(names) :]:
            ax.set_visible(False)
        if not names:
            axes[0].set_visible(True)
            nothing_yet(axes[0])
        for ax, name in zip(axes, names, strict=False):
            _ranks(frame[frame["proxy"] == name], ax, name)
        for ax in axes[max(0, len(names) - columns) : len(names)]:
            ax.tick_params(labelbottom=True)  # where the last row is not full
    return figure


def _ranks(rows: pd.DataFrame, ax: Axes, name: str) -> None:
    most = len(rows)
    ax.set_title(name, fontsize=6.5, fontweight="normal")
    ax.plot([1, most], [1, most], color=GREY, linewidth=0.6, linestyle=(0, (4, 2)), zorder=1)
    ax.hlines(
        rows["proxy_rank"],
        rows["anchor_rank_low"],
        rows["anchor_rank_high"],
        color=BLUE,
        linewidth=1.2,
        alpha=0.4,
        zorder=2,
    )
    ax.scatter(rows["anchor_rank"], rows["proxy_rank"], s=12, color=BLUE, linewidth=0, zorder=3)
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
            return figure
        rows = frame.sort_values("cost", kind="stable", ignore_index=True)
        for place, row in enumerate(rows.to_dict("records")):
            colour = GREEN if row["holds"] else INK
            ax.hlines(place, row["low"], row["high"], color=colour, linewidth=1.6, alpha=0.45, zorder=2)
            ax.scatter([row["spearman"]], [place], s=18, color=colour, linewidth=0, zorder=3)
        ax.axvline(0, color=GREY, linewidth=0.5, zorder=1)
        ax.axvline(least, color=VERMILION, linewidth=0.8, linestyle=(0, (4, 2)), zorder=1)
        ax.set(xlim=(-1.05, 1.05), ylim=(-0.6, len(rows) - 0.4))
        labels = [f"{name}  {_share(cost)}" for name, cost in zip(rows["proxy"], rows["cost"], strict=True)]
        ax.set_yticks(range(len(rows)), labels)
        ax.set_ylabel("proxy, and its cost in % of the anchors'")
        ax.grid(visible=False, axis="y")
        handles = [
            Line2D([], [], color=GREEN, marker="o", markersize=4, linewidth=1.6, label="its ranking holds"),
            Line2D([], [], color=INK, marker="o", markersize=4, linewidth=1.6, label="it does not"),
            Line2D(
                [], [], color=VERMILION, linewidth=0.8, linestyle=(0, (4, 2)), label=f"the rule: {least:g}"
            ),
        ]
        legend_outside(ax, handles)
    return figure


def _share(cost: float) -> str:
    return "none" if cost == 0 else f"{100 * cost:.2g} %"
