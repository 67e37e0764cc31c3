"""A run's complete trials with what its charts need, at any moment: with none, with one, with hundreds."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
from scipy.stats import t as student_t

from scaling.analysis import noise_floor
from scaling.analysis.intervals import LEVEL
from scaling.errors import ResultsError
from scaling.figures.marks import DIMENSIONS

BALANCED_BELOW = 0.5
"""A direction is named after the dimension that takes at least half of the log-cost, else it is balanced."""
NEEDED = ("trial", "seed", "kind", "name", "params", "macs", "top1", "state")
REFERENCE_LABELS = {"compound": "compound (paper)"}
CARRIED = (
    "depth_coefficient",
    "width_coefficient",
    "image_size",
    "activations",
    "nominal_factor",
    "achieved_factor",
)
MEAN = ["seeds", "top1_mean", "top1_low", "top1_high"]
"""Columns of a network's accuracy."""


def run_frame(trials: pd.DataFrame) -> pd.DataFrame:
    """Return a run's complete trials, one row a seed, with the trial's mean and 95 % t-interval beside it.

    Trials of kind `confirm` train a network of another trial again and are left out: charts show what the
    search saw. Of a trial trained at several fidelities only the longest counts. `direction` is the dimension
    that takes most of the log-cost (realised shares, else the proposed ones). `top1_low` and `top1_high` are
    missing for a trial of one seed. Accuracies are fractions.

    Args:
        trials: the table of trials, one row a (trial, seed).

    Raises:
        ResultsError: a column that the chart needs is missing or holds no numbers.

    >>> row = dict(trial=0, seed=0, kind="reference", name="baseline", params=100, macs=900, state="complete")
    >>> run_frame(pd.DataFrame([row | {"top1": 0.5}, row | {"seed": 1, "top1": 0.75}]))["top1_mean"].tolist()
    [0.625, 0.625]
    """
    missing = [column for column in NEEDED if column not in trials.columns]
    if missing:
        raise ResultsError(f"a table of trials needs the columns {', '.join(NEEDED)}; missing: {missing[0]}")
    searched = ~trials["kind"].eq("confirm").fillna(False).astype(bool)
    complete = trials["state"].eq("complete").fillna(False).astype(bool) & searched
    numbers = trials.assign(**{column: _numbers(trials, column) for column in ("params", "macs", "top1")})
    rows = numbers[complete].dropna(subset=["params", "macs", "top1"])
    if "fidelity_epochs" in rows.columns:
        epochs = _numbers(rows, "fidelity_epochs")
        rows = rows[epochs.isna() | (epochs == epochs.groupby(rows["trial"]).transform("max"))]
    name = rows["name"].astype("string").fillna("")
    frame = rows[["trial", "seed"]].astype("int64")
    frame = frame.assign(
        kind=rows["kind"].astype("string"),
        name=name,
        label=reference_labels(rows["name"]),
        direction=_direction(rows),
        params=rows["params"].astype("int64"),
        macs=rows["macs"].astype("int64"),
        top1=rows["top1"],
    )
    return _with_intervals(frame).reset_index(drop=True)


def reference_labels(names: pd.Series[str]) -> pd.Series[str]:
    """Return the names of trials as charts write them, empty where there is none."""
    plain = names.astype("string").fillna("")
    return plain.map(lambda name: REFERENCE_LABELS.get(name, name)).astype("string")


def _numbers(trials: pd.DataFrame, column: str) -> pd.Series[float]:
    """Return a column as floats, missing where the table has no such column."""
    try:
        return pd.to_numeric(trials.get(column, pd.Series(np.nan, trials.index))).astype("float64")
    except (ValueError, TypeError) as error:
        raise ResultsError(f"expected numbers in the column {column} of the trials: {error}") from None


def _shares(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the share of log-cost of each dimension, realised or else proposed."""
    return pd.DataFrame(
        {
            name: _numbers(rows, f"realised_{name}_share").fillna(_numbers(rows, f"{name}_share"))
            for name in DIMENSIONS
        }
    )


def _direction(rows: pd.DataFrame) -> pd.Series[str]:
    shares = _shares(rows)
    dominant = shares.fillna(0.0).idxmax(axis="columns").astype("string")
    named = dominant.where(shares.max(axis="columns") >= BALANCED_BELOW, "balanced")
    return named.where(shares.notna().all(axis="columns"), "unknown")


def _with_intervals(frame: pd.DataFrame) -> pd.DataFrame:
    groups = frame.groupby("trial")["top1"]
    count, mean = groups.transform("count"), groups.transform("mean")
    # Student's quantile has no value at 0 degrees of freedom: a single seed gets no interval.
    quantile = student_t.ppf((1 + LEVEL) / 2, (count - 1).where(count > 1))
    half = quantile * groups.transform("std") / np.sqrt(count)
    return frame.assign(seeds=count, top1_mean=mean, top1_low=mean - half, top1_high=mean + half)


def trials_with_intervals(trials: pd.DataFrame) -> pd.DataFrame:
    """Return one row a complete trial, in the order of their numbers.

    `top1_mean` is over seeds; `top1_low` and `top1_high` are its 95 % t-interval from the noise pooled over
    the run (missing where no network has two seeds). Shares are the realised ones, else those proposed.
    Accuracies are fractions.

    Args:
        trials: the table of trials, one row a (trial, seed).
    """
    means = run_frame(trials).drop_duplicates("trial")
    first = trials.drop_duplicates("trial").set_index("trial")
    noise = noise_floor(trials)
    reach = means["seeds"].map(lambda seeds: math.nan if noise is None else noise.reach(int(seeds)))
    frame = means.drop(columns=["seed", "top1"]).fillna({"kind": ""})
    # Plain text: comparisons of Arrow's strings give Arrow's booleans, which few operations take.
    frame = frame.astype(dict.fromkeys(("kind", "name", "label", "direction"), object))
    frame = frame.assign(top1_low=means["top1_mean"] - reach, top1_high=means["top1_mean"] + reach)
    for column in CARRIED:
        if column in first.columns:
            frame[column] = frame["trial"].map(first[column].astype("float64"))
    for dimension, share in _shares(first).items():
        frame[f"{dimension}_share"] = frame["trial"].map(share)
    return frame.sort_values("trial", kind="stable", ignore_index=True)


def reached(points: pd.DataFrame, at: str) -> str:
    """Say what each network reached.

    Args:
        points: with `top1_mean`, a fraction.
        at: says which network it is, a format of the row's columns.

    >>> reached(pd.DataFrame({"top1_mean": [0.5, 0.75], "coefficient": [1.0, 2.0]}), "w = {coefficient:.2f}")
    '50.0 % at w = 1.00, 75.0 % at w = 2.00'
    """
    rows = points.to_dict("records")
    return ", ".join(f"{100 * row['top1_mean']:.1f} % at {at.format_map(row)}" for row in rows)
