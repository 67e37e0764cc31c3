"""Cost against accuracy for one run of ours, from its table of trials.

Works at any moment of a run: with no complete trial, with one, with hundreds.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from scipy.stats import t as student_t

from scaling.drawings.palette import GREY
from scaling.errors import ResultsError
from scaling.figures.marks import DIMENSIONS, OWN_ACCURACY
from scaling.figures.run_data import RunData
from scaling.figures.run_marks import draw_legend, draw_noise, draw_seeds, draw_trials, label_references

RunCost = Literal["params", "macs"]
CONFIDENCE = 0.95
BALANCED_BELOW = 0.5
"""A direction is named after the dimension that takes at least half of the log-cost, else it is balanced."""
LEAST_RANGE = 2.0
"""Percentage points on the axis at least, so that a first trial is not shown under a microscope."""

NEEDED = ("trial", "seed", "kind", "name", "params", "macs", "top1", "state")
REFERENCE_LABELS = {"compound": "compound (paper)"}
SCALES = ((1e9, "billions"), (1e6, "millions"), (1e3, "thousands"))


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
        label=name.map(lambda text: REFERENCE_LABELS.get(text, text)).astype("string"),
        direction=_direction(rows),
        params=rows["params"].astype("int64"),
        macs=rows["macs"].astype("int64"),
        top1=rows["top1"],
    )
    return _with_intervals(frame).reset_index(drop=True)


def _numbers(trials: pd.DataFrame, column: str) -> pd.Series[float]:
    try:
        return pd.to_numeric(trials[column]).astype("float64")
    except (ValueError, TypeError) as error:
        raise ResultsError(f"expected numbers in the column {column} of the trials: {error}") from None


def _direction(rows: pd.DataFrame) -> pd.Series[str]:
    shares = pd.DataFrame(index=rows.index)
    for dimension in DIMENSIONS:
        realised, proposed = (
            _numbers(rows, column) if column in rows.columns else pd.Series(np.nan, index=rows.index)
            for column in (f"realised_{dimension}_share", f"{dimension}_share")
        )
        shares[dimension] = realised.fillna(proposed)
    known = shares.notna().all(axis="columns")
    dominant = shares.fillna(0.0).idxmax(axis="columns").astype("string")
    named = dominant.where(shares.max(axis="columns") >= BALANCED_BELOW, "balanced")
    return named.where(known, "unknown")


def _with_intervals(frame: pd.DataFrame) -> pd.DataFrame:
    groups = frame.groupby("trial")["top1"]
    count, mean = groups.transform("count"), groups.transform("mean")
    # Student's quantile has no value at 0 degrees of freedom: a single seed gets no interval.
    quantile = student_t.ppf((1 + CONFIDENCE) / 2, (count - 1).where(count > 1))
    half = quantile * groups.transform("std") / np.sqrt(count)
    return frame.assign(seeds=count, top1_mean=mean, top1_low=mean - half, top1_high=mean + half)


def draw_run(frame: pd.DataFrame, ax: Axes, *, x: RunCost, run: RunData) -> None:
    """Draw cost against validation accuracy: means with 95 % t-intervals, seeds as small dots.

    Args:
        frame: from `run_frame`.
        ax: where to draw; its figure has its final size, and takes the legend.
        x: the cost on the abscissa.
        run: gives title and noise.
    """
    divisor, unit = scale_of(frame[x])
    ax.set(title=f"{run.title} · own runs", xlabel=cost_label(x, unit), ylabel=OWN_ACCURACY)
    if frame.empty:
        ax.set(xticks=[], yticks=[])
        ax.text(0.5, 0.5, "no complete trial yet", transform=ax.transAxes, ha="center", color=GREY)
        return
    points = frame.assign(
        cost=frame[x] / divisor,
        **{column: 100 * frame[column] for column in ("top1", "top1_mean", "top1_low", "top1_high")},
    )
    trials = points.drop_duplicates("trial")
    floor = None if run.floor is None else 100 * run.floor
    draw_seeds(points, ax)
    draw_trials(trials, ax)
    _set_limits(points, ax)
    draw_noise(trials, ax, floor)
    draw_legend(trials, ax, floor)
    label_references(trials, ax)


def scale_of(costs: pd.Series[float]) -> tuple[float, str]:
    """Return the divisor and the word of a cost's axis.

    >>> scale_of(pd.Series([2e6, 5e5]))
    (1000000.0, 'millions')
    """
    largest = costs.max() if len(costs) else 0.0
    return next(((size, unit) for size, unit in SCALES if largest >= size), (1.0, ""))


def cost_label(cost: str, unit: str) -> str:
    """Name the axis of a cost in a unit of `scale_of`.

    >>> cost_label("macs", "millions"), cost_label("macs", ""), cost_label("params", "millions")
    ('FLOPs (multiply-adds, millions)', 'FLOPs (multiply-adds)', 'Parameters (millions)')
    """
    name, what = {
        "macs": ("FLOPs", "multiply-adds"),
        "params": ("Parameters", ""),
        "activations": ("Activations", ""),
    }[cost]
    bracket = ", ".join(word for word in (what, unit) if word)
    return f"{name} ({bracket})" if bracket else name


def _set_limits(points: pd.DataFrame, ax: Axes) -> None:
    # Two seeds can give an interval of many times the run's range: the axis follows the accuracies and
    # gives intervals half a range more on either side; a bar that goes further leaves the chart.
    low, high = points["top1"].min(), points["top1"].max()
    lacking = max(0.0, LEAST_RANGE - (high - low)) / 2
    low, high = low - lacking, high + lacking
    room = high - low
    bottom = max(np.nanmin([*points["top1_low"], low]), low - room / 2)
    top = min(np.nanmax([*points["top1_high"], high]), high + room / 2)
    ax.set_ylim(bottom - 0.08 * room, top + 0.08 * room)
    left, right = points["cost"].min(), points["cost"].max()
    margin = 0.1 * (right - left) or 0.1 * right or 1.0
    ax.set_xlim(left - margin, right + margin)
    ax.ticklabel_format(useOffset=False, style="plain")
