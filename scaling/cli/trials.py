"""The final table of a search, for people and as a document."""

from __future__ import annotations

from typing import Any

import pandas as pd

from scaling.analysis import NoiseFloor, ranked
from scaling.cli.choice import choice_document
from scaling.cli.output import console, table_of
from scaling.cli.trade_offs import trade_offs
from scaling.search.config import SearchConfig

VERDICTS = {
    "best": "highest",
    "same": "≈",
    "below": "",
    "unknown": "?",
}


def print_result(trials: pd.DataFrame, noise: NoiseFloor | None) -> None:
    """Print networks best first, and say what noise does not let one tell apart."""
    frame = ranked(trials, noise)
    table = table_of("network", "α", "β", "γ", "px", "params", "cost", "top-1 %", "n", "")
    table.columns[-1].justify = "left"
    for row in frame.to_dict("records"):
        reference = row["kind"] == "reference"
        table.add_row(
            str(row["name"]) if reference else f"trial {row['trial']}",
            *(_number(row[base]) for base in ("alpha", "beta", "gamma")),
            str(row["image_size"]),
            f"{row['params']:,}",
            f"{row['achieved_factor']:.2f}×",
            _accuracy(row),
            str(row["seeds"]),
            VERDICTS[str(row["verdict"])],
            style="bold" if reference else "",
        )
    console.print(table)
    console.print("≈ not distinguishable from the highest at this noise" if noise else "? no noise floor")
    if noise is not None:
        console.print("± 95 % t interval of the mean, spread pooled over networks")
    console.print(noise_sentence(noise))
    for state in ("failed", "diverged", "infeasible"):
        count = trials.loc[trials["state"] == state, "trial"].nunique()
        if count:
            console.print(f"{count} {state}")


def noise_sentence(noise: NoiseFloor | None) -> str:
    """Say what the noise floor is, in points of top-1."""
    if noise is None:
        return "no noise floor: no network has two complete seeds"
    least = 100 * noise.least_difference(1, 1)
    return (
        f"noise floor: seeds spread by {100 * noise.standard_deviation:.2f} points (standard deviation, "
        f"{noise.degrees_of_freedom} degrees of freedom); two single-seed results differ at 95 % "
        f"from {least:.1f} points on"
    )


def result_document(config: SearchConfig, trials: pd.DataFrame, noise: NoiseFloor | None) -> dict[str, Any]:
    """Return the final table as plain data."""
    frame = ranked(trials, noise)
    rows = frame.astype(object).where(frame.notna(), None).to_dict("records")
    return {
        "experiment": config.name,
        "noise": None
        if noise is None
        else {
            "standard_deviation": noise.standard_deviation,
            "degrees_of_freedom": noise.degrees_of_freedom,
            "least_difference_single_seeds": noise.least_difference(1, 1),
        },
        "ranking": rows,
        "choice": choice_document(trials, noise),
        "states": {str(state): int(count) for state, count in trials["state"].value_counts().items()},
        **trade_offs(config, trials, noise),
    }


def _accuracy(row: dict[Any, Any]) -> str:
    """Return top-1 in percent, with half of its 95 % interval where there is one."""
    known = not pd.isna(row["high"])
    return f"{100 * row['top1']:.1f}" + (f"±{50 * (row['high'] - row['low']):.1f}" if known else "")


def _number(value: Any) -> str:
    digits = 3 if console.width >= 72 else 2
    return "" if pd.isna(value) else f"{float(value):.{digits}f}"
