"""Networks ranked by accuracy, with what the ranking cannot tell apart."""

from __future__ import annotations

import math

import pandas as pd

from scaling.analysis.noise import NoiseFloor

FIRST = (
    "kind",
    "name",
    "alpha",
    "beta",
    "gamma",
    "phi",
    "realised_depth_share",
    "realised_width_share",
    "realised_resolution_share",
    "image_size",
    "params",
    "macs",
    "achieved_factor",
    "architecture",
)


def ranked(trials: pd.DataFrame, noise: NoiseFloor | None) -> pd.DataFrame:
    """Return one row a trial with complete seeds, best first; `choosing` takes those of kind `confirm`.

    Batch norm sees micro-batches, so accuracies compare only within one: trials whose seeds did not all have
    the micro-batch that most rows had come last, as `unknown`. Rows that do not say theirs had the usual one.

    Args:
        trials: the table of trials.
        noise: the run's noise floor; None where there is none.

    Returns:
        The trial's columns, `top1` (mean over complete seeds), `low` and `high` (its 95 % t interval with the
        pooled spread; nan without a noise floor), `seeds`, `wall_s` (sum) and `verdict`: `best`; `same` where
        the difference to the best is within the noise; `below` where it is not; `unknown` without a noise
        floor, or with another micro-batch.
    """
    chosen_by = trials["kind"].ne("confirm").fillna(True)  # a row without a kind is no confirmation
    complete = trials[(trials["state"] == "complete") & chosen_by]
    means = complete.groupby("trial").agg(
        top1=("top1", "mean"),
        seeds=("seed", "count"),
        wall_s=("wall_s", "sum"),
        **{column: (column, "first") for column in FIRST},
    )
    frame = means.assign(apart=_apart(complete)).reset_index()
    frame = frame.sort_values(["apart", "top1"], ascending=[True, False], kind="stable", ignore_index=True)
    apart = frame.pop("apart")
    reach = [math.nan if noise is None else noise.reach(int(seeds)) for seeds in frame["seeds"]]
    place = frame.columns.get_loc("top1")
    assert isinstance(place, int)
    frame.insert(place + 1, "low", frame["top1"] - reach)
    frame.insert(place + 2, "high", frame["top1"] + reach)
    verdicts = ["unknown" if apart[row] else _verdict(frame, row, noise) for row in range(len(frame))]
    return frame.assign(verdict=verdicts)


def _apart(complete: pd.DataFrame) -> pd.Series[bool]:
    """Say for each trial whether a seed was normalised in other micro-batches than most."""
    if "micro_batch" not in complete.columns or complete["micro_batch"].isna().all():
        return complete.groupby("trial")["trial"].any() & False
    usual = int(complete["micro_batch"].mode().max())
    other = complete["micro_batch"].fillna(usual) != usual
    return other.groupby(complete["trial"]).any()


def _verdict(frame: pd.DataFrame, row: int, noise: NoiseFloor | None) -> str:
    if row == 0:
        return "best"
    if noise is None or not noise.standard_deviation:  # seeds that agree are no certainty
        return "unknown"
    seeds, top1 = frame["seeds"], frame["top1"]
    least = noise.least_difference(int(seeds.iloc[row]), int(seeds.iloc[0]))
    return "same" if float(top1.iloc[0] - top1.iloc[row]) < least else "below"
