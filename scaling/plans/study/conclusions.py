"""What a study shows, by rule: comparisons with intervals at every learning rate, the prediction judged."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import pandas as pd

from scaling.analysis.blocks import METHOD, Blocks, Contrast, blocks_of, contrast, corrected
from scaling.analysis.noise import NoiseFloor, noise_floor
from scaling.analysis.spread import validation_error
from scaling.errors import ResultsError
from scaling.plans.networks import BASELINE, CONFIRM, SEARCH
from scaling.plans.study.config import Expectation, ExpectedSpread
from scaling.runs.trials_table import LEARNING_RATE_FACTOR, at_own_rate

SENTENCES = {
    "holds": "The prediction holds",
    "does not hold": "The prediction does not hold",
    "not shown": "The prediction is neither shown nor contradicted",
    "not measured yet": "The prediction is not measured yet",
    "no rule": "No rule judges the prediction",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """A comparison at one learning rate.

    Args:
        contrast: what was measured; None where networks are missing.
        predicted: `more`, or `same` where noise should explain the difference.
    """

    claim: str
    more: tuple[str, ...]
    less: tuple[str, ...]
    learning_rate_factor: float
    contrast: Contrast | None = None
    predicted: str = "more"

    @property
    def verdict(self) -> str:
        """`holds`, `contradicted`, `not significant`, or `not measured`."""
        if self.contrast is None:
            return "not measured"
        if self.predicted == "same":
            return "contradicted" if self.contrast.told else "holds"
        if not self.contrast.told:
            return "not significant"
        return "holds" if self.contrast.value > 0 else "contradicted"


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgedSpread:
    """The predicted spread of seeds beside the measured one, at the recipe's learning rate."""

    low: float
    high: float
    floor: NoiseFloor | None

    @property
    def claim(self) -> str:
        """The prediction in words."""
        return spread_claim(100 * self.low, 100 * self.high)

    @property
    def verdict(self) -> str:
        """`holds` where the 95 % interval lies within what was predicted, `contradicted` where outside."""
        if self.floor is None:
            return "not measured"
        low, high = self.floor.limits()
        if self.low <= low and high <= self.high:
            return "holds"
        return "contradicted" if high < self.low or low > self.high else "not significant"


@dataclass(frozen=True, slots=True, kw_only=True)
class Conclusions:
    """What a table of trials of a study shows.

    Args:
        expected: the parts of the prediction, at every learning rate, corrected within a rate.
        pairs: every two strategies at equal cost and learning rate, corrected within a rate.
        leaders: network of the highest mean at each learning rate and cost.
        validation_error: standard error of one top1 that comes of their choice (fraction); None without any.
    """

    expected: tuple[Judged, ...]
    pairs: tuple[Judged, ...]
    leaders: tuple[tuple[float, float, str], ...]
    noise: tuple[tuple[float, NoiseFloor], ...]
    validation_images: int
    validation_error: float | None
    spread: JudgedSpread | None = None

    @property
    def verdict(self) -> str:
        """What becomes of the prediction, at the recipe's own learning rate."""
        spread = [] if self.spread is None else [self.spread.verdict]
        return overall([one.verdict for one in self.expected if one.learning_rate_factor == 1] + spread)

    @property
    def sentence(self) -> str:
        """What becomes of the prediction, in words."""
        kept = {None: "", True: ", at every learning rate", False: ", but not at every learning rate"}
        return f"{SENTENCES[self.verdict]}{kept[self.survives]}."

    @property
    def survives(self) -> bool | None:
        """Whether every part's verdict is the same at all learning rates; None where there is only one."""
        rates = {one.learning_rate_factor for one in self.expected}
        if len(rates) < 2 or any(one.contrast is None for one in self.expected):
            return None
        verdicts = {(one.claim, one.verdict) for one in self.expected}
        return len(verdicts) == len({claim for claim, _ in verdicts})


def spread_claim(low: float, high: float) -> str:
    """Say a predicted spread of seeds, in points.

    >>> spread_claim(0.5, 2)
    'seeds spread by 0.5 to 2 points'
    """
    return f"seeds spread by {low:g} to {high:g} points"


def overall(verdicts: Sequence[str]) -> str:
    """Join the verdicts on the parts of a prediction.

    >>> overall(["holds", "not significant"]), overall(["holds", "contradicted"]), overall([])
    ('not shown', 'does not hold', 'no rule')
    """
    if not verdicts:
        return "no rule"
    if "contradicted" in verdicts:
        return "does not hold"
    if set(verdicts) == {"holds"}:
        return "holds"
    return "not measured yet" if "not measured" in verdicts else "not shown"


def concluded(
    trials: pd.DataFrame,
    expect: Sequence[Expectation],
    *,
    validation_images: int,
    spread: ExpectedSpread | None = None,
) -> Conclusions:
    """Return what a study's table shows so far.

    Networks that were searched or confirmed have other seeds, and take part in `expect` by their own names
    alone.
    """
    found = {float(rate) for rate in trials[LEARNING_RATE_FACTOR].dropna()}
    expected, pairs, leaders, noise = list[Judged](), list[Judged](), list[Any](), dict[float, NoiseFloor]()
    for rate in sorted(found, key=lambda rate: (rate != 1, rate)):
        rows = trials[(trials[LEARNING_RATE_FACTOR] == rate) & (trials["state"] == "complete")]
        compared = rows[~rows["kind"].isin([SEARCH, CONFIRM])]
        blocks = _blocks(compared)
        parts = [Judged(**one.model_dump(), learning_rate_factor=rate) for one in expect]
        expected += _measured(parts, blocks)
        pairs += _measured(list(_pairs(compared, rate)), blocks)
        leaders += [(rate, *one) for one in _leaders(compared)]
        if floor := noise_floor(rows.drop_duplicates(["architecture", "seed"])):
            noise[rate] = floor
    rows = at_own_rate(trials)
    own = rows[rows["state"] == "complete"]["top1"].dropna()
    return Conclusions(
        expected=tuple(expected),
        pairs=tuple(pairs),
        leaders=tuple(leaders),
        noise=tuple(noise.items()),
        validation_images=validation_images,
        validation_error=validation_error(float(own.mean()), validation_images) if len(own) else None,
        spread=None
        if spread is None
        else JudgedSpread(low=spread.low / 100, high=spread.high / 100, floor=noise.get(1.0)),
    )


def _blocks(rows: pd.DataFrame) -> Blocks | None:
    """Return the blocks of distinct networks; two names of one network have one mean."""
    first = rows.drop_duplicates(["architecture", "seed"])
    try:
        found = blocks_of(first[["name", "seed", "top1"]])
    except ResultsError:
        return None
    means, names = dict(found.means), dict(zip(first["architecture"], first["name"], strict=True))
    for name, architecture in zip(rows["name"], rows["architecture"], strict=True):
        if names[architecture] in means:
            means[name] = means[names[architecture]]
    return replace(found, means=means)


def _measured(parts: list[Judged], blocks: Blocks | None) -> list[Judged]:
    """Fill in the contrasts of those whose networks are there, corrected together."""
    if blocks is None:
        return parts
    there = [one for one in parts if blocks.means.keys() >= {*one.more, *one.less}]
    found = iter(corrected([contrast(blocks, one.more, one.less) for one in there]))
    return [replace(one, contrast=next(found)) if one in there else one for one in parts]


def _pairs(rows: pd.DataFrame, rate: float) -> Iterator[Judged]:
    """Yield every strategy against the baseline, and every two at a cost."""
    scaled = rows[rows["name"] != BASELINE]
    if (rows["name"] == BASELINE).any():
        for name in scaled["name"].unique():
            claim = f"{name} against the baseline"
            yield Judged(claim=claim, more=(str(name),), less=(BASELINE,), learning_rate_factor=rate)
    for _, level in scaled.groupby("target_factor"):
        for one, other in itertools.combinations(level["name"].unique(), 2):
            claim = f"{one} against {other}"
            yield Judged(claim=claim, more=(str(one),), less=(str(other),), learning_rate_factor=rate)


def _leaders(rows: pd.DataFrame) -> Iterator[tuple[float, str]]:
    for factor, level in rows[rows["name"] != BASELINE].groupby("target_factor"):
        yield float(str(factor)), str(level.groupby("name")["top1"].mean().idxmax())


def conclusions_document(found: Conclusions) -> dict[str, Any]:
    """Return conclusions as plain data: fractions, with the methods named."""
    document: dict[str, Any] = {
        "method": METHOD,
        "verdict": found.verdict,
        "survives_learning_rates": found.survives,
        "expected": [_judged(one) for one in found.expected],
        "pairs": [_judged(one) for one in found.pairs],
        "leaders": [
            {"learning_rate_factor": rate, "target_factor": factor, "network": name}
            for rate, factor, name in found.leaders
        ],
        "noise": [{"learning_rate_factor": rate, **asdict(floor)} for rate, floor in found.noise],
        "validation_images": found.validation_images,
        "validation_error": found.validation_error,
    }
    if (one := found.spread) is not None:
        low, high = (None, None) if one.floor is None else one.floor.limits()
        value = None if one.floor is None else one.floor.standard_deviation
        measured = {"value": value, "low": low, "high": high}
        document["spread"] = {"claim": one.claim, "verdict": one.verdict, "measured": measured}
    return document


def _judged(one: Judged) -> dict[str, Any]:
    return {
        "claim": one.claim,
        "predicted": one.predicted,
        "more": list(one.more),
        "less": list(one.less),
        "learning_rate_factor": one.learning_rate_factor,
        "verdict": one.verdict,
        "measured": None if one.contrast is None else asdict(one.contrast),
    }
