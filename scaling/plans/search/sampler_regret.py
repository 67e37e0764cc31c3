"""Regret curves of samplers over many replayed searches, and which differ from random."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

from scaling.analysis.choosing import holm
from scaling.analysis.intervals import LEVEL, paired_difference
from scaling.errors import ResultsError
from scaling.plans.search.replay import AccuracyTable, Float, chosen_networks, observations, replay
from scaling.plans.search.samplers import Sampler

RESAMPLES = 2000
Flags = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True)
class RegretCurves:
    """What searches of one sampler had after each network, one row a search; one that ended keeps its last.

    Args:
        sampler: which.
        seen: what a search saw of a network, in words.
        network_share: of the table's epochs that one network takes.
        regret: float64 (searches, networks), fractions.
        trained: bool, likewise: whether the table's winner had been trained.
        chosen: bool, likewise: whether it was the choice.
        proposals: float64, likewise: proposals that it took; nan after a search had ended.
        networks: every network that some search trained.
    """

    sampler: Sampler
    seen: str
    network_share: float
    regret: Float
    trained: Flags
    chosen: Flags
    proposals: Float
    networks: frozenset[int]


def regret_curves(
    table: AccuracyTable, sampler: Sampler, *, repetitions: int, seeds: int | None, most: int
) -> RegretCurves:
    """Replay searches with seeds 0, 1, … and return their curves; each ends after `most` networks.

    It sees so many `seeds` of a network, drawn from the table's; where they are None, the table's means.

    Raises:
        ResultsError: a search found no network of the table.
    """
    truth, rows, proposals, networks = table.top1.mean(1), [], [], set[int]()
    for seed in range(repetitions):
        observed = observations(table, seed=seed, seeds=seeds)
        one = replay(table, sampler, budget=most, seed=seed, observed=observed)
        if not one.found:
            raise ResultsError(f"{sampler} found no network of the table: nothing to draw a curve of")
        last = np.minimum(np.arange(most), len(one.found) - 1)
        rows.append((chosen_networks(one.found, observed)[last], np.array(one.found)[last]))
        took = np.cumsum(one.proposals, dtype=np.float64)
        proposals.append(np.append(took, np.full(most - len(took), np.nan)))
        networks |= set(one.found)
    chosen, found = (np.stack(part) for part in zip(*rows, strict=True))
    trained_seeds = table.top1.shape[1]
    return RegretCurves(
        sampler=sampler,
        seen=f"mean of {trained_seeds} seeds" if seeds is None else f"{seeds} seed{'s' * (seeds > 1)}",
        network_share=(seeds or trained_seeds) / table.top1.size,
        regret=truth.max() - truth[chosen],
        trained=np.maximum.accumulate(found == table.winner, axis=1),
        chosen=chosen == table.winner,
        proposals=np.stack(proposals),
        networks=frozenset(networks),
    )


def sampler_regret_frame(curves: Sequence[RegretCurves]) -> pd.DataFrame:
    """Return one row a (seen, sampler, number of networks): regret with its interval, and the winner's fate.

    `regret_low`, `regret_high`: 95 % percentile bootstrap of the mean over searches, 2,000 resamples;
    `chosen_low`, `chosen_high`: Wilson's interval of the share of searches that chose the table's winner.
    Both speak of further searches on this table, not of other tables. `epochs_share` is of the table's.

    Source: Wilson 1927, doi:10.1080/01621459.1927.10502953; scipy.stats.bootstrap.
    """
    return pd.DataFrame([row for one in curves for row in _rows(one)])


def _rows(one: RegretCurves) -> list[dict[str, Any]]:
    found = stats.bootstrap(
        (one.regret,),
        np.mean,
        axis=0,
        confidence_level=LEVEL,
        n_resamples=RESAMPLES,
        method="percentile",
        rng=np.random.default_rng(0),
    ).confidence_interval
    lows, highs = np.asarray(found.low), np.asarray(found.high)
    rows = []
    for place in range(one.regret.shape[1]):
        regret, chosen = one.regret[:, place], one.chosen[:, place]
        share = stats.binomtest(int(chosen.sum()), len(chosen)).proportion_ci(LEVEL, method="wilson")
        ended = np.isnan(one.proposals[:, place])
        rows.append(
            {
                "seen": one.seen,
                "sampler": str(one.sampler),
                "networks": place + 1,
                "epochs_share": (place + 1) * one.network_share,
                "searches": len(regret),
                "regret": float(regret.mean()),
                "regret_low": float(lows[place]),
                "regret_high": float(highs[place]),
                "regret_median": float(np.median(regret)),
                "regret_ninth_decile": float(np.quantile(regret, 0.9)),
                "winner_trained": float(one.trained[:, place].mean()),
                "winner_chosen": float(chosen.mean()),
                "chosen_low": float(share.low),
                "chosen_high": float(share.high),
                "proposals": float(one.proposals[~ended, place].mean()) if not ended.all() else None,
                "searches_ended": float(ended.mean()),
            }
        )
    return rows


def against_random(curves: Sequence[RegretCurves], networks: int) -> pd.DataFrame:
    """Return how each sampler's regret differs from random's after some networks, search by search.

    Searches of one seed make a pair: they see the same of every network. Intervals are paired t; `p` is
    corrected for the number of samplers by Holm; `verdict` at 5 %: `better`, `worse` or `same`, which means
    not significantly different. The curves are of one way of seeing, random among them.

    Raises:
        ResultsError: random is not among them.
    """
    random = next((one for one in curves if one.sampler == Sampler.RANDOM), None)
    if random is None:
        raise ResultsError("nothing to compare with: replay random too")
    rows = []
    for one in (one for one in curves if one.sampler != Sampler.RANDOM):
        pairs = min(len(one.regret), len(random.regret))
        own, other = one.regret[:pairs, networks - 1], random.regret[:pairs, networks - 1]
        found = paired_difference(own.tolist(), other.tolist())
        alike = found.low == found.high  # no spread: the t-test has nothing to divide by
        p = float(found.value == 0) if alike else float(stats.ttest_rel(own, other).pvalue)
        row = {"seen": one.seen, "sampler": str(one.sampler), "networks": networks, "searches": pairs}
        rows.append({**row, "difference": found.value, "low": found.low, "high": found.high, "p": p})
    frame = pd.DataFrame(rows)
    if len(frame):
        frame["p"] = holm(frame["p"].tolist())
        sign = np.where(frame["difference"] < 0, "better", "worse")
        frame["verdict"] = np.where(frame["p"] < 1 - LEVEL, sign, "same")
    return frame
