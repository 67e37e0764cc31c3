"""What a search of several objectives found: the networks that no other beats."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pandas as pd

from scaling.analysis.pareto import trained_front
from scaling.plans.search.objectives import Objective
from scaling.report.record import RunRecord
from scaling.tables import network_name

WORDS = {
    Objective.PARAMS: ("params", "params"),
    Objective.MACS: ("multiply-adds", "multiply-adds"),
    Objective.ACTIVATIONS: ("activations", "activations"),
    Objective.INFERENCE_MS: ("inference, ms", "inference time"),
    Objective.MEMORY_BYTES: ("memory, bytes", "memory in training"),
}
"""Of each cost: the heading of its column, and what it is called in a sentence."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Front:
    """The Pareto front as the page shows it.

    Args:
        title: what is traded against what.
        headings: of the columns, the network's first.
        rows: as text, cheapest first.
        trained: networks that the front was chosen from.
    """

    title: str
    headings: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    trained: int


def front_of(record: RunRecord) -> Front | None:
    """Return the Pareto front of a run of several objectives; None for one, or before a training."""
    costs = record.settings.search.objectives[1:] if record.settings is not None else ()
    if not costs or record.ranking().empty:
        return None
    found = trained_front(record.trials, [str(one) for one in costs], record.noise)
    names = " and ".join(WORDS[one][1] for one in costs)
    return Front(
        title=f"Pareto front: top-1 against {names}",
        headings=("network", "top-1, %", "±", *(WORDS[one][0] for one in costs), "seeds", "noise"),
        rows=tuple(_row(row, costs) for _, row in found.iterrows()),
        trained=len(record.ranking()),
    )


def _row(row: pd.Series[Any], costs: tuple[Objective, ...]) -> tuple[str, ...]:
    reach = 50 * (row["high"] - row["low"])
    amounts = [f"{row[one]:,.{1 if one == Objective.INFERENCE_MS else 0}f}" for one in costs]
    return (
        network_name(row),
        f"{100 * row['top1']:.1f}",
        "" if pd.isna(reach) else f"{reach:.1f}",
        *amounts,
        f"{row['seeds']}",
        "" if row["sure"] else "≈ a network no dearer is as accurate within the noise",
    )
