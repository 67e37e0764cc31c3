"""A run's complete trials, one row each, with everything that a chart of them needs."""

from __future__ import annotations

import math

import pandas as pd

from scaling.analysis import noise_floor
from scaling.figures.marks import DIMENSIONS
from scaling.figures.run_accuracy import run_frame

CARRIED = (
    "depth_coefficient",
    "width_coefficient",
    "image_size",
    "activations",
    "nominal_factor",
    "achieved_factor",
)


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
    frame = means.drop(columns="seed").assign(
        # Plain text: comparisons of Arrow's strings give Arrow's booleans, which few operations take.
        **{
            column: means[column].fillna("").astype(object)
            for column in ("kind", "name", "label", "direction")
        },
        top1_low=means["top1_mean"] - reach,
        top1_high=means["top1_mean"] + reach,
    )
    for column in CARRIED:
        if column in first.columns:
            frame[column] = frame["trial"].map(first[column].astype("float64"))
    for dimension in DIMENSIONS:
        realised, proposed = (
            first[column].astype("float64") if column in first.columns else None
            for column in (f"realised_{dimension}_share", f"{dimension}_share")
        )
        if realised is not None and proposed is not None:
            frame[f"{dimension}_share"] = frame["trial"].map(realised.fillna(proposed))
    return frame.drop(columns="top1").sort_values("trial", kind="stable", ignore_index=True)
