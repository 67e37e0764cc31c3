"""The trials as rows of the page's table: one a network, with everything sortable as a number."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pandas as pd

from scaling.report.record import RunRecord
from scaling.tables import network_name


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """A column of the table.

    Args:
        key: name in a row.
        heading: what the reader sees.
        unit: in small letters under it.
        numeric: aligned to the right, sorted as numbers.
        decimals: shown of a number.
    """

    key: str
    heading: str
    unit: str = ""
    numeric: bool = True
    decimals: int = 0


COLUMNS = (
    Column(key="network", heading="network", numeric=False),
    Column(key="kind", heading="kind", numeric=False),
    Column(key="state", heading="state", numeric=False),
    Column(key="top1", heading="top-1", unit="%", decimals=1),
    Column(key="interval", heading="±", unit="95 %, points", decimals=1),
    Column(key="seeds", heading="seeds"),
    Column(key="verdict", heading="against the best", numeric=False),
    Column(key="alpha", heading="α", decimals=3),
    Column(key="beta", heading="β", decimals=3),
    Column(key="gamma", heading="γ", decimals=3),
    Column(key="image_size", heading="image", unit="px"),
    Column(key="params", heading="params"),
    Column(key="macs", heading="multiply-adds"),
    Column(key="achieved_factor", heading="cost", unit="× baseline", decimals=2),
    Column(key="wall_s", heading="time", unit="s", decimals=1),
    Column(key="train_step_ms", heading="step", unit="ms, training", decimals=1),
    Column(key="inference_ms_batch_1", heading="inference", unit="ms, batch 1", decimals=2),
)
MEASURED = ("train_step_ms", "inference_ms_batch_1")
"""Averaged over seeds; a run of an older version has none, and its table no such column."""
CONFIRM = "confirm"
VERDICTS = {"best": "best", "same": "not different", "below": "below", "unknown": "no noise floor"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """What a cell shows, and by what it sorts: "" where there is nothing."""

    text: str
    sort: str


def columns_of(record: RunRecord) -> tuple[Column, ...]:
    """Return the columns for which a run has values."""
    empty = {name for name in MEASURED if record.trials[name].isna().all()}
    return tuple(column for column in COLUMNS if column.key not in empty)


def table_rows(record: RunRecord) -> list[list[Cell]]:
    """Return one row a trial, trained ones first and best first, in the order of `columns_of`."""
    columns = columns_of(record)
    trials, noise = record.trials, record.noise
    ranking = {row["trial"]: row for _, row in record.ranking().iterrows()}
    rows = []
    for number, group in trials.groupby("trial", sort=True):
        first = group.iloc[0]
        ranked = ranking.get(number)
        values: dict[str, Any] = {column.key: first.get(column.key) for column in COLUMNS}
        values |= {"network": network_name(first), "state": _state(group), "seeds": None, "top1": None}
        values["wall_s"] = group["wall_s"].sum(min_count=1)
        for measured in MEASURED:
            values[measured] = group[measured].mean()
        if ranked is not None:
            seeds = int(ranked["seeds"])
            values |= {
                "top1": 100 * float(ranked["top1"]),
                "seeds": seeds,
                "interval": None if noise is None else 100 * noise.reach(seeds),
                "verdict": VERDICTS[str(ranked["verdict"])],
            }
        else:
            values |= _aside(group, trials)
        rows.append(values)
    rows.sort(key=lambda row: (row["top1"] is None, -(row["top1"] or 0.0), str(row["kind"]) == CONFIRM))
    return [[_cell(column, row[column.key]) for column in columns] for row in rows]


def _aside(group: pd.DataFrame, trials: pd.DataFrame) -> dict[str, Any]:
    """Return what is said of a network outside the ranking: trained again, or ended by the pruner."""
    first = group.iloc[0]
    if str(first["kind"]) == CONFIRM:
        complete = group[group["state"] == "complete"]["top1"]
        searched = trials[trials["kind"].ne(CONFIRM).fillna(True)]
        chosen = searched[searched["architecture"].eq(first["architecture"]).fillna(False)]
        again = f"{network_name(chosen.iloc[0])} again, fresh seeds" if len(chosen) else "fresh seeds"
        mean = 100 * float(complete.mean()) if len(complete) else None
        return {"top1": mean, "seeds": len(complete) or None, "verdict": again}
    ended = group[(group["state"] == "pruned") & group["top1"].notna()]
    if len(ended):
        top1, epochs = 100 * float(ended["top1"].iloc[-1]), int(ended["fidelity_epochs"].iloc[-1])
        return {"verdict": f"{top1:.1f} % after {epochs} epoch{'s' * (epochs != 1)}"}
    return {}


def _state(group: pd.DataFrame) -> str:
    states = group["state"].fillna("unknown").value_counts()
    if len(states) == 1:
        return str(states.index[0])
    return ", ".join(f"{count} {state}" for state, count in states.items())


def _cell(column: Column, value: Any) -> Cell:
    if value is None or pd.isna(value):
        return Cell(text="", sort="")
    if not column.numeric:
        return Cell(text=str(value), sort=str(value))
    number = float(value)
    return Cell(text=f"{number:,.{column.decimals}f}", sort=repr(number))
