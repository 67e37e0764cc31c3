"""What a search found, for people: the choice first, then the table."""

from __future__ import annotations

from typing import Any

import pandas as pd

from scaling.analysis import NoiseFloor, ranked
from scaling.analysis.cost_correlation import CostCorrelation, cost_correlation
from scaling.analysis.pareto import trained_front
from scaling.cli.output import console, table_of
from scaling.plans.search.conclusion import conclusion
from scaling.plans.search.config import SearchConfig
from scaling.plans.search.result import traded
from scaling.plans.search.search_table import CostRule
from scaling.tables import network_name

VERDICTS = {"best": "highest", "same": "≈", "below": "", "unknown": "?"}
MOST_OBJECTIVES = 4
"""That fit into the table beside the network's name."""


def print_conclusion(surface: dict[str, Any], data: str) -> None:
    """Say what the trainings say together, the conclusion first."""
    for number, sentence in enumerate(conclusion(surface, data)):
        console.print(sentence, style="bold" if number == 0 else "", markup=False, soft_wrap=True)


def print_choice(choice: dict[str, Any]) -> None:
    """Say who won, how sure that is, and how many others may be as good."""
    winner = choice["winner"]
    if choice["confirmed"]:
        console.print(f"[bold]best: {network_name(winner)}[/bold], {accuracy(winner)}, from fresh seeds")
        flattery = 100 * (winner["search_top1"] - winner["top1"])
        console.print(f"the seeds that chose it gave {100 * winner['search_top1']:.1f} % ({flattery:+.1f})")
    else:
        console.print(f"[bold]leads: {network_name(winner)}[/bold], {accuracy(winner)}")
        console.print("not confirmed with fresh seeds (yet): the highest of several is likely too high")
    if winner["alpha"] is not None:
        bases = "  ".join(f"{key} {winner[key]:.4f}" for key in ("alpha", "beta", "gamma", "phi"))
        console.print(f"{bases}; {winner['image_size']} px, {winner['params']:,} params")
    counts = [len(choice[verdict]) for verdict in ("same", "below", "above")]
    console.print(
        f"of {sum(counts)} others {counts[0]} are not significantly different at 95 %, {counts[1]} are "
        f"below, {counts[2]} above it"
    )


def accuracy(row: dict[str, Any]) -> str:
    """Write a mean with its interval and number of seeds."""
    seeds = "1 seed" if row["seeds"] == 1 else f"{row['seeds']} seeds"
    if row["low"] is None:
        return f"{100 * row['top1']:.1f} % ({seeds}, no interval)"
    half = 100 * (row["high"] - row["low"]) / 2
    return f"{100 * row['top1']:.1f} ± {half:.1f} % ({seeds}, 95 %)"


def print_result(trials: pd.DataFrame, noise: NoiseFloor | None, *, marks: bool = True) -> None:
    """Print networks best first, and say which differences noise explains.

    Args:
        trials: the table of trials.
        noise: seed-to-seed spread.
        marks: whether each network is compared with the highest; a surface compares all of them at once.
    """
    frame = ranked(trials, noise)
    table = table_of(
        "network", "α", "β", "γ", "px", "params", "cost", "top-1 %", "n", *([""] if marks else [])
    )
    table.columns[-1].justify = "left" if marks else "right"
    for row in frame.to_dict("records"):
        reference = row["kind"] == "reference"
        table.add_row(
            network_name(row),
            *(_number(row[base]) for base in ("alpha", "beta", "gamma")),
            str(row["image_size"]),
            f"{row['params']:,}",
            f"{row['achieved_factor']:.2f}×",
            _accuracy(row),
            str(row["seeds"]),
            *([VERDICTS[str(row["verdict"])]] if marks else []),
            style="bold" if reference else "",
        )
    console.print(table)
    if noise is None:
        console.print("? no noise floor: no network has two complete seeds")
    elif not marks:
        console.print("± 95 % t interval of the mean, spread pooled over networks")
    else:
        console.print("≈ not significantly different from the highest")
        console.print("± 95 % t interval of the mean, spread pooled over networks")
        console.print(_noise_sentence(noise))
    for state in ("failed", "diverged", "infeasible"):
        count = trials.loc[trials["state"] == state, "trial"].nunique()
        if count:
            console.print(f"{count} {state}")


def _noise_sentence(noise: NoiseFloor) -> str:
    """Say what the noise floor is, in points of top-1."""
    least = 100 * noise.least_difference(1, 1)
    return (
        f"noise floor: seeds spread by {100 * noise.standard_deviation:.2f} points (standard deviation, "
        f"{noise.degrees_of_freedom} degrees of freedom); two single-seed results differ at 95 % "
        f"from {least:.1f} points on"
    )


def _accuracy(row: dict[Any, Any]) -> str:
    """Return top-1 in percent, with half of its 95 % interval where there is one."""
    known = not pd.isna(row["high"])
    return f"{100 * row['top1']:.1f}" + (f"±{50 * (row['high'] - row['low']):.1f}" if known else "")


def _number(value: Any) -> str:
    digits = 3 if console.width >= 72 else 2
    return "" if pd.isna(value) else f"{float(value):.{digits}f}"


def print_trade_offs(config: SearchConfig, trials: pd.DataFrame, noise: NoiseFloor | None) -> None:
    """Print the spread of nominal cost, and the Pareto front, where the search has them."""
    if config.search.cost == CostRule.NOMINAL:
        console.print(_cost_sentence(cost_correlation(trials)))
    if traded(config):
        _print_front(config, trained_front(trials, traded(config), noise))


def _cost_sentence(found: CostCorrelation | None) -> str:
    """Say how far achieved cost spread at equal nominal cost, and how it goes with the ranking."""
    if found is None:
        return "nominal cost: too few different networks to say how achieved cost goes with accuracy"
    interval = "" if pd.isna(found.low) else f" [{found.low:.2f}, {found.high:.2f}]"
    return (
        f"nominal cost: {found.networks} proposals achieve {found.least:.2f}× to {found.most:.2f}×; rank "
        f"correlation of achieved cost with top-1 {found.spearman:.2f}{interval} (Spearman, 95 % bootstrap)"
    )


def _print_front(config: SearchConfig, front: pd.DataFrame) -> None:
    costs = traded(config)[:MOST_OBJECTIVES]
    table = table_of("Pareto front", "top-1 %", *costs, "")
    for row in front.to_dict("records"):
        reach = 50 * (row["high"] - row["low"])
        percent = f"{100 * row['top1']:.1f}" + ("" if pd.isna(reach) else f"±{reach:.1f}")
        amounts = [f"{row[cost]:,.0f}" if row[cost] >= 100 else f"{row[cost]:.3g}" for cost in costs]
        table.add_row(network_name(row), percent, *amounts, "" if row["sure"] else "≈")
    console.print(table)
    console.print("≈ a network that costs no more is as accurate within the noise")
