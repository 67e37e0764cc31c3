"""The networks of a run, best first, with what the noise cannot tell apart."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from scaling.analysis import noise_floor, ranked
from scaling.errors import ResultsError
from scaling.tables.table import Table

_VERDICTS = {"best": "best", "same": "≈", "below": "below", "unknown": "?"}


def trials_table(trials: pd.DataFrame) -> Table:
    """Return one row a network, from however many trials are complete.

    Args:
        trials: the table of trials, one row a (trial, seed).

    Raises:
        ResultsError: no trial is complete yet.
    """
    noise = noise_floor(trials)
    data = ranked(trials, noise)
    if data.empty:
        raise ResultsError("no trial of the run is complete yet")
    shown = pd.DataFrame(
        {
            "network": data.apply(network_name, axis=1),
            **{base: data[base].map(lambda value: _fixed(value, 3)) for base in ("alpha", "beta", "gamma")},
            "image": data["image_size"].astype(str),
            "params": data["params"].map("{:,}".format),
            "MACs": data["macs"].map("{:,}".format),
            "cost": data["achieved_factor"].map(lambda value: f"{value:.2f}×"),
            "top-1 %": data.apply(_accuracy, axis=1),
            "seeds": data["seeds"].astype(str),
            "verdict": data["verdict"].map(_VERDICTS),
        }
    )
    experiment = str(trials["experiment"].iloc[0])
    return Table(
        name="trials",
        caption=f"{experiment}: networks by validation top-1",
        data=data,
        shown=shown,
        left=("network", "verdict"),
        notes=(
            "Top-1 is the mean over seeds after the last epoch"
            + ("; ± half of its 95 % t interval, spread pooled over networks." if noise else "."),
            "≈ cannot be told from the best at this noise." if noise else "? there is no noise floor.",
        ),
    )


def _fixed(value: Any, digits: int) -> str:
    return "–" if pd.isna(value) else f"{float(value):.{digits}f}"


def network_name(row: Mapping[Any, Any] | pd.Series[Any]) -> str:
    """Name a network as every chart, table and page does: a reference by its name, else by its trial."""
    return str(row["name"]) if row["kind"] == "reference" else f"trial {row['trial']}"


def _accuracy(row: pd.Series[Any]) -> str:
    reach = 50 * (row["high"] - row["low"])
    return f"{100 * row['top1']:.1f}" + ("" if pd.isna(reach) else f" ± {reach:.1f}")
