"""What a search says of cost: how far nominal cost spread, and which networks trade accuracy best."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import pandas as pd

from scaling.analysis import NoiseFloor
from scaling.analysis.cost_correlation import CostCorrelation, cost_correlation
from scaling.analysis.pareto import trained_front
from scaling.cli.output import console, table_of
from scaling.search.config import SearchConfig
from scaling.search.search_table import CostRule

COLUMNS = 4
"""Objectives that fit into the table beside the network's name."""


def trade_offs(config: SearchConfig, trials: pd.DataFrame, noise: NoiseFloor | None) -> dict[str, Any]:
    """Return what goes into a result's document: nothing for a search of one objective at achieved cost."""
    found: dict[str, Any] = {}
    if config.search.cost == CostRule.NOMINAL:
        correlation = cost_correlation(trials)
        found["nominal_cost"] = None if correlation is None else asdict(correlation)
    if len(config.search.objectives) > 1:
        front = trained_front(trials, _costs(config), noise)
        found["pareto_front"] = front.astype(object).where(front.notna(), None).to_dict("records")
    return found


def print_trade_offs(config: SearchConfig, trials: pd.DataFrame, noise: NoiseFloor | None) -> None:
    """Print the spread of nominal cost, and the Pareto front, where the search has them."""
    if config.search.cost == CostRule.NOMINAL:
        console.print(cost_sentence(cost_correlation(trials)))
    if len(config.search.objectives) > 1:
        _print_front(config, trained_front(trials, _costs(config), noise))


def cost_sentence(found: CostCorrelation | None) -> str:
    """Say how far achieved cost spread at equal nominal cost, and how it goes with the ranking."""
    if found is None:
        return "nominal cost: too few different networks to say how achieved cost goes with accuracy"
    interval = "" if pd.isna(found.low) else f" [{found.low:.2f}, {found.high:.2f}]"
    return (
        f"nominal cost: {found.networks} proposals achieve {found.least:.2f}× to {found.most:.2f}×; rank "
        f"correlation of achieved cost with top-1 {found.spearman:.2f}{interval} (Spearman, 95 % bootstrap)"
    )


def _print_front(config: SearchConfig, front: pd.DataFrame) -> None:
    costs = _costs(config)[:COLUMNS]
    table = table_of("Pareto front", "top-1 %", *costs, "")
    for row in front.to_dict("records"):
        name = str(row["name"]) if row["kind"] == "reference" else f"trial {row['trial']}"
        reach = 50 * (row["high"] - row["low"])
        accuracy = f"{100 * row['top1']:.1f}" + ("" if pd.isna(reach) else f"±{reach:.1f}")
        amounts = [f"{row[cost]:,.0f}" if row[cost] >= 100 else f"{row[cost]:.3g}" for cost in costs]
        table.add_row(name, accuracy, *amounts, "" if row["sure"] else "≈")
    console.print(table)
    console.print("≈ a network no dearer is as accurate within the noise")


def _costs(config: SearchConfig) -> list[str]:
    return [str(one) for one in config.search.objectives[1:]]
