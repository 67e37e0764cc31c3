"""Charts in words, for readers who cannot see them: made of the same frames."""

from __future__ import annotations

from typing import Any

import pandas as pd

NOTHING = "No complete trial yet."


def accuracy_words(frame: pd.DataFrame) -> str:
    """Say which trials lead, and where the references stand.

    Args:
        frame: from `run_frame`.

    >>> accuracy_words(pd.DataFrame({"trial": []}))
    'No complete trial yet.'
    """
    if frame.empty:
        return NOTHING
    trials = frame.drop_duplicates("trial").sort_values("top1_mean", ascending=False, kind="stable")
    said = [f"{len(trials)} networks; highest mean {_point(trials.iloc[0])}"]
    references = trials[trials["kind"] == "reference"]
    said += [_point(row) for _, row in references.iterrows() if row["trial"] != trials["trial"].iloc[0]]
    return "; ".join(said) + "."


def _point(row: pd.Series[Any]) -> str:
    name = row["label"] if row["kind"] == "reference" else f"trial {row['trial']}"
    costs = f"{row['macs']:,} multiply-adds and {row['params']:,} parameters"
    return f"{name} {100 * row['top1_mean']:.1f} % at {costs}"
