"""Which networks no other one beats in accuracy and cost at once."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from scaling.analysis.noise import NoiseFloor


def trained_front(trials: pd.DataFrame, costs: Sequence[str], noise: NoiseFloor | None) -> pd.DataFrame:
    """Return the Pareto front of a run's trained networks, as `pareto_front` does.

    Args:
        trials: the table of trials; networks trained again to confirm a choice are left out.
        costs: columns in which less is better; means over seeds.
        noise: the run's noise floor; None where there is none.

    Returns:
        A row a network: trial, name, kind, seeds, `top1` (mean), every cost, `low` and `high` (the 95 %
        interval of the mean with the pooled spread; nan without a noise floor) and `sure`.
    """
    searched = trials["kind"].ne("confirm").fillna(True)
    rows = trials[(trials["state"] == "complete") & searched]
    means = rows.groupby("trial", as_index=False).agg(
        name=("name", "first"),
        kind=("kind", "first"),
        seeds=("seed", "count"),
        top1=("top1", "mean"),
        **{cost: (cost, "mean") for cost in costs},
    )
    counts = [int(count) for count in means["seeds"]]
    least = [] if noise is None else [noise.least_difference(count, count) for count in counts]
    reach = [float("nan") if noise is None else noise.reach(count) for count in counts]
    means = means.assign(low=means["top1"] - reach, high=means["top1"] + reach)
    return pareto_front(means, costs=costs, least=least)


def pareto_front(frame: pd.DataFrame, *, costs: Sequence[str], least: Sequence[float] = ()) -> pd.DataFrame:
    """Return the rows that no other row beats.

    A row is beaten by one that is at least as accurate and at most as dear in every cost, and better in one.

    Args:
        frame: one row a network, with `top1` and every cost; rows without a value are left out.
        costs: columns in which less is better.
        least: for each row of the frame the difference in accuracy (fraction) that noise does not explain;
            left out, any difference counts.

    Returns:
        The front's rows, cheapest first, with `sure`: every network that is no dearer is less accurate by
        more than noise explains.
    """
    margin = np.asarray(least, float) if len(least) else np.zeros(len(frame))
    known = frame[["top1", *costs]].notna().all(axis=1).to_numpy()
    whole, margin = frame[known].reset_index(drop=True), margin[known]
    top1 = whole["top1"].to_numpy(float)
    price = whole[list(costs)].to_numpy(float)
    # [i, j]: row j is no dearer than row i, and cheaper in one
    no_dearer = (price[None] <= price[:, None]).all(2)
    cheaper = no_dearer & (price[None] < price[:, None]).any(2)
    ahead = top1[None] > top1[:, None]
    beaten = (no_dearer & ahead) | (cheaper & (top1[None] >= top1[:, None]))
    near = no_dearer & (top1[None] + margin[:, None] >= top1[:, None])
    np.fill_diagonal(near, val=False)
    front = np.flatnonzero(~beaten.any(1))
    order = np.lexsort([price[front, column] for column in reversed(range(len(costs)))])
    judged: pd.DataFrame = whole.assign(sure=~near.any(1)).take(front[order].tolist())
    return judged.reset_index(drop=True)


def not_ruled_out(cost: pd.Series[float], low: pd.Series[float], high: pd.Series[float]) -> pd.Series[bool]:
    """Return which rows could be on the front: no row at most as dear has an interval wholly above theirs.

    Args:
        cost: less is better.
        low: lower end of the accuracy's interval.
        high: upper end; same index.

    >>> ends = pd.Series([0.45, 0.35, 0.65]), pd.Series([0.55, 0.44, 0.75])
    >>> not_ruled_out(pd.Series([1.0, 2.0, 3.0]), *ends).tolist()
    [True, False, True]
    """
    possible = [not bool(((cost <= one) & (low > top)).any()) for one, top in zip(cost, high, strict=True)]
    return pd.Series(possible, index=cost.index, dtype=bool)
