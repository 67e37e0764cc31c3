"""The choice of a search as plain data and in words: the winner and what cannot be told from it."""

from __future__ import annotations

from typing import Any

import pandas as pd

from scaling.analysis import NoiseFloor, contenders
from scaling.analysis.choosing import TEST
from scaling.cli.output import console

COLUMNS = (
    *("trial", "kind", "name", "alpha", "beta", "gamma", "phi", "image_size", "params", "macs"),
    *("achieved_factor", "architecture", "evidence", "seeds", "top1", "low", "high", "search_top1", "p"),
    "verdict",
)


def choice_document(trials: pd.DataFrame, noise: NoiseFloor | None) -> dict[str, Any] | None:
    """Return the winner, and all others by what the test says of them; None where nothing has an accuracy.

    `confirmed` says whether fresh seeds have made the winner; until then it only leads.
    """
    frame = contenders(trials, noise)
    if frame.empty:
        return None
    plain = frame[list(COLUMNS)].astype(object)
    rows: list[dict[str, Any]] = plain.where(plain.notna(), None).to_dict("records")  # type: ignore[assignment]
    confirming = bool(((trials["kind"] == "confirm") & (trials["state"] == "waiting")).any())
    return {
        "confirmed": rows[0]["verdict"] == "best" and not confirming,
        "test": TEST,
        "winner": rows[0],
        "same": [row for row in rows[1:] if row["verdict"] in {"same", "unknown"}],
        "above": [row for row in rows[1:] if row["verdict"] == "above"],
        "below": [row for row in rows[1:] if row["verdict"] == "below"],
    }


def print_winner(document: dict[str, Any]) -> None:
    """Say who won, how sure that is, and how many others may be as good."""
    winner = document["winner"]
    if document["confirmed"]:
        console.print(f"[bold]best: {network(winner)}[/bold], {accuracy(winner)}, by fresh seeds")
        flattery = 100 * (winner["search_top1"] - winner["top1"])
        console.print(
            f"the seeds that chose it had said {100 * winner['search_top1']:.1f} % ({flattery:+.1f})"
        )
    else:
        console.print(f"[bold]leads: {network(winner)}[/bold], {accuracy(winner)}")
        console.print("not confirmed by fresh seeds (yet): the highest of several is likely too high")
    if winner["alpha"] is not None:
        bases = "  ".join(f"{key} {winner[key]:.4f}" for key in ("alpha", "beta", "gamma", "phi"))
        console.print(f"{bases}; {winner['image_size']} px, {winner['params']:,} params")
    counts = [len(document[verdict]) for verdict in ("same", "below", "above")]
    console.print(
        f"of {sum(counts)} others {counts[0]} cannot be told from it at 95 %, {counts[1]} are below, "
        f"{counts[2]} above it"
    )


def network(row: dict[str, Any]) -> str:
    """Name a network as every table does."""
    return str(row["name"]) if row["kind"] == "reference" else f"trial {row['trial']}"


def accuracy(row: dict[str, Any]) -> str:
    """Write a mean with its interval and number of seeds."""
    seeds = "1 seed" if row["seeds"] == 1 else f"{row['seeds']} seeds"
    if row["low"] is None:
        return f"{100 * row['top1']:.1f} % ({seeds}, no interval)"
    half = 100 * (row["high"] - row["low"]) / 2
    return f"{100 * row['top1']:.1f} ± {half:.1f} % ({seeds}, 95 %)"
