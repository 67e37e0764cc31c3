"""What an audit finds: each proxy's agreement with the anchors, and the cheapest whose ranking holds."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from scaling.analysis.intervals import Estimate
from scaling.analysis.proxy_agreement import (
    FEWEST,
    JudgedProxy,
    RankAgreement,
    agreement,
    cheapest,
    plain,
    reliability,
)
from scaling.cost import count_cost
from scaling.network.architecture import ArchitectureSpec
from scaling.network.coefficients import UNSCALED
from scaling.network.serialization import architecture_key
from scaling.plans.audit.config import BASELINES, Audit
from scaling.plans.audit.plan import ANCHOR, Results, Trainings
from scaling.plans.audit.scoring import Scores
from scaling.runs.record import Record


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What an audit found so far.

    Args:
        table: one row a network: its cost, the anchors' mean top1, and the value of every proxy and score;
            nan where it is not there yet.
        judged: proxies and scores that have enough networks, cheapest first.
        missing: names of those that have not.
        reliability: of the anchors; None with one seed, or too few networks.
        cheapest: whose ranking holds; None where none does.
        wall_s: seconds of every way, by name.
        least: the low end of Spearman's interval that the rule asks for.
    """

    table: pd.DataFrame
    judged: tuple[JudgedProxy, ...]
    missing: tuple[str, ...]
    reliability: Estimate | None
    cheapest: JudgedProxy | None
    wall_s: Mapping[str, float]
    least: float

    @property
    def conclusion(self) -> str:
        """Say in words what follows."""
        if not self.judged:
            return f"Too little is trained: fewer than {FEWEST} networks have an anchor and a proxy."
        rule = f"95 % interval of Spearman's correlation at {self.least:g} or above"
        shaky = self.reliability is not None and self.reliability.low < self.least
        note = (
            " The anchors do not agree with themselves from seed to seed by that rule, so no proxy could be "
            "expected to: train them longer, with more seeds, or on networks that differ more."
            if shaky
            else ""
        )
        if self.cheapest is None:
            best = max(self.judged, key=lambda one: one.agreement.spearman.value)
            return (
                f"No ranking holds by the rule ({rule}). The nearest is {best.name!r} with "
                f"{_range(best.agreement.spearman)}.{note}"
            )
        one = self.cheapest
        return (
            f"The cheapest whose ranking holds ({rule}) is {one.name!r}, at {100 * one.cost:.2g} % of the "
            f"anchors' training: {_range(one.agreement.spearman)}.{note}"
        )


def _range(one: Estimate) -> str:
    return f"{one.value:.2f} ({one.low:.2f} to {one.high:.2f})"


def judge(
    audit: Audit,
    networks: Sequence[ArchitectureSpec],
    trainings: Sequence[Trainings],
    results: Results,
    scores: Sequence[Scores],
) -> Verdict:
    """Compare what is there; a diverged training counts as an accuracy of 0, a failed one as missing."""
    top1 = {name: _accuracies(rows) for name, rows in results.items()}
    anchors = top1[ANCHOR].mean(1)
    values = {one.name: top1[one.name].mean(1) for one in trainings if one.name != ANCHOR}
    values |= {one.name: np.asarray(one.values, np.float64) for one in scores}
    macs = {one.name: one.macs for one in trainings} | {one.name: one.macs for one in scores}
    judged, missing = list[JudgedProxy](), list[str]()
    for name, own in values.items():
        both = ~np.isnan(own) & ~np.isnan(anchors)
        if both.sum() < FEWEST:
            missing.append(name)
            continue
        found = agreement(own[both], anchors[both], best=min(audit.config.best, int(both.sum())))
        judged.append(JudgedProxy(name=name, cost=macs[name] / macs[ANCHOR], agreement=found))
    judged.sort(key=lambda one: one.cost)
    whole = top1[ANCHOR][~np.isnan(anchors)]
    return Verdict(
        table=_table(networks, top1[ANCHOR], values),
        judged=tuple(judged),
        missing=tuple(missing),
        reliability=reliability(whole.T.tolist()) if len(whole) >= FEWEST else None,
        cheapest=cheapest(judged, audit.config.least_spearman),
        wall_s={
            **{name: sum(one.wall_s for row in rows for one in row if one) for name, rows in results.items()},
            **{one.name: one.wall_s for one in scores},
        },
        least=audit.config.least_spearman,
    )


def _accuracies(rows: Sequence[Sequence[Record | None]]) -> np.ndarray:
    """Return float64 (networks, seeds): top1, 0 of a diverged training, nan where there is none."""
    return np.array(
        [[one.top1 or 0.0 if one and one.state.settled else math.nan for one in row] for row in rows]
    )


def _table(
    networks: Sequence[ArchitectureSpec], anchors: np.ndarray, values: Mapping[str, np.ndarray]
) -> pd.DataFrame:
    """Return one row a network; ranks are by each of the anchors' seeds alone, 1 the best."""
    ranks = pd.DataFrame(anchors).rank(ascending=False).to_numpy()
    rows = []
    for number, spec in enumerate(networks):
        scaling, cost = spec.derivation.scaling if spec.derivation else UNSCALED, count_cost(spec)
        rows.append(
            {
                "network": number,
                "depth_coefficient": scaling.depth_coefficient,
                "width_coefficient": scaling.width_coefficient,
                "image_size": spec.image_size,
                "params": cost.params,
                "macs": cost.macs,
                "activations": cost.activations,
                "architecture": architecture_key(spec),
                "anchor_top1": anchors[number].mean(),
                "anchor_rank_low": ranks[number].min(),
                "anchor_rank_high": ranks[number].max(),
                **{f"proxy:{name}": value[number] for name, value in values.items() if name not in BASELINES},
            }
        )
    return pd.DataFrame(rows)


def document_of(audit: Audit, verdict: Verdict) -> dict[str, Any]:
    """Return a verdict as plain data."""
    config = audit.config
    return {
        "schema_version": 1,
        "name": config.name,
        "question": config.question,
        "prediction": config.prediction,
        "rule": f"low end of Spearman's 95 % bootstrap interval at least {verdict.least:g}",
        "networks": len(verdict.table),
        "anchors_trained": int(verdict.table["anchor_top1"].notna().sum()),
        "reliability": plain(verdict.reliability),
        "proxies": [_row(one, verdict) for one in verdict.judged],
        "missing": list(verdict.missing),
        "cheapest": None if verdict.cheapest is None else verdict.cheapest.name,
        "conclusion": verdict.conclusion,
        "anchor_wall_s": verdict.wall_s[ANCHOR],
    }


def _row(one: JudgedProxy, verdict: Verdict) -> dict[str, Any]:
    found: RankAgreement = one.agreement
    return {
        "name": one.name,
        "cost": one.cost,
        "wall_s": verdict.wall_s[one.name],
        "networks": found.networks,
        "spearman": plain(found.spearman),
        "kendall": plain(found.kendall),
        "precision": plain(found.precision),
        "best": found.best,
        "regret": plain(found.regret),
        "holds": one.holds(verdict.least),
    }
