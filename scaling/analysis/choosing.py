"""Which network to call best, and which others it cannot be told from.

Whoever leads among many noisy means is too high on average (the winner's curse). So candidates are ranked by
fresh seeds alone, rows of kind `confirm`, which took no part in choosing them.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import pandas as pd
from scipy import stats

from scaling.analysis.intervals import LEVEL
from scaling.analysis.noise import NoiseFloor
from scaling.analysis.ranking import FIRST

TEST = (
    "two-sided t-tests against the winner, spread pooled over all networks with two seeds or more, "
    "Holm's correction for their number, 5 %"
)
"""How `same` and `below` are told apart, in words."""


def contenders(trials: pd.DataFrame, noise: NoiseFloor | None) -> pd.DataFrame:
    """Return one row a network: the winner, then all others by accuracy.

    The winner is the highest of evidence `fresh`. Where there is none, nothing may be called best: the first
    row, the highest proposal (or reference, where there is no proposal), only leads. A network that was not
    confirmed keeps the mean of the seeds that searched: it was passed over for being lower, so that mean is,
    if anything, too low.

    Args:
        trials: the table of trials.
        noise: the run's noise floor; None where there is none.

    Returns:
        `trial` (of the search, or of the reference), the columns of `ranked`, `top1` (mean), `low`, `high`
        (95 % t interval), `seeds`, `evidence` (`fresh` or `search`), `search_top1` (mean of the seeds that
        searched), `p` (Holm, against the first) and `verdict` (`best` or `leads`; `same`, `below`, `above`,
        `unknown`).

    Source: Holm 1979, Scandinavian Journal of Statistics 6, 65-70.
    """
    complete = trials[trials["state"] == "complete"]
    confirming = complete["kind"] == "confirm"
    frame = _networks(complete[~confirming])
    new = confirming & ~complete["architecture"].isin(frame["architecture"])
    fresh = complete[confirming].groupby("architecture")["top1"].agg(["mean", "count"])
    frame = frame.assign(search_top1=frame["top1"], evidence="search")
    if new.any():  # chosen by a surface, and never trained before
        frame = pd.concat([frame, _networks(complete[new]).assign(evidence="fresh")], ignore_index=True)
    again = frame["architecture"].isin(fresh.index)
    found = frame.loc[again, "architecture"]
    frame.loc[again, "top1"] = found.map(fresh["mean"]).astype("Float64")
    frame.loc[again, "seeds"] = found.map(fresh["count"]).astype(frame["seeds"].dtype)
    frame.loc[again, "evidence"] = "fresh"
    frame = _leader_first(frame.sort_values("top1", ascending=False, kind="stable", ignore_index=True))
    reach = [math.nan if noise is None else noise.reach(int(seeds)) for seeds in frame["seeds"]]
    frame = frame.assign(low=frame["top1"] - reach, high=frame["top1"] + reach)
    p = _p_values(frame, noise)
    return frame.assign(p=p, verdict=[_verdict(frame, row, p) for row in range(len(frame))])


def _networks(complete: pd.DataFrame) -> pd.DataFrame:
    means = complete.groupby("trial").agg(
        top1=("top1", "mean"), seeds=("seed", "count"), **{column: (column, "first") for column in FIRST}
    )
    # Proposals before references: only a network at the search's own cost can win it.
    return means.reset_index().sort_values(["kind", "top1"], ascending=False, kind="stable")


def _leader_first(frame: pd.DataFrame) -> pd.DataFrame:
    """Move to the front the highest judged by fresh seeds; without one, the highest proposal."""
    for column, value in (("evidence", "fresh"), ("kind", "search")):
        places = [place for place, found in enumerate(frame[column]) if found == value]
        if places:
            others = [place for place in range(len(frame)) if place != places[0]]
            return frame.iloc[[places[0], *others]].reset_index(drop=True)
    return frame


def _p_values(frame: pd.DataFrame, noise: NoiseFloor | None) -> list[float]:
    """Return each network's p against the first, after Holm; nan for the first and without a spread."""
    if noise is None or frame.empty or not noise.standard_deviation:
        return [math.nan] * len(frame)
    first = frame.iloc[0]
    raw = [
        _p(noise, float(first["top1"] - row["top1"]), int(first["seeds"]), int(row["seeds"]))
        for _, row in frame.iloc[1:].iterrows()
    ]
    return [math.nan, *holm(raw)]


def _p(noise: NoiseFloor, difference: float, seeds: int, other_seeds: int) -> float:
    error = noise.standard_deviation * math.sqrt(1 / seeds + 1 / other_seeds)
    return float(2 * stats.t.sf(abs(difference) / error, noise.degrees_of_freedom))


def holm(p: Sequence[float]) -> list[float]:
    """Return p-values adjusted for their number by Holm's step-down rule, in the same order.

    >>> [round(one, 3) for one in holm([0.01, 0.04, 0.03])]
    [0.03, 0.06, 0.06]
    """
    order = sorted(range(len(p)), key=lambda place: p[place])
    adjusted, highest = [0.0] * len(p), 0.0
    for rank, place in enumerate(order):
        highest = max(highest, min(1.0, p[place] * (len(p) - rank)))
        adjusted[place] = highest
    return adjusted


def _verdict(frame: pd.DataFrame, row: int, p: Sequence[float]) -> str:
    if row == 0:
        return "best" if frame["evidence"].iloc[0] == "fresh" else "leads"
    if math.isnan(p[row]):
        return "unknown"
    if p[row] >= 1 - LEVEL:
        return "same"
    return "below" if frame["top1"].iloc[row] < frame["top1"].iloc[0] else "above"
