"""The noise floor of a proxy: how far apart two networks must be before seeds cannot explain it."""

from __future__ import annotations

import math
from dataclasses import dataclass

import pandas as pd
from scipy import stats

from scaling.analysis.intervals import LEVEL
from scaling.analysis.spread import validation_error

EQUAL = 1e-9
"""Spreads of accuracies below this are rounding: there is no such part of an image."""
TAILS = ((1 - LEVEL) / 2, (1 + LEVEL) / 2)


@dataclass(frozen=True, slots=True, kw_only=True)
class NoiseFloor:
    """Seed-to-seed spread of top1, pooled over every network that was trained with two seeds or more.

    Args:
        standard_deviation: of top1 (fraction) from seed to seed, pooled within networks.
        degrees_of_freedom: seeds minus networks, at least 1.
    """

    standard_deviation: float
    degrees_of_freedom: int

    def least_difference(self, seeds: int, other_seeds: int) -> float:
        """Return the smallest difference of two means (fractions) that noise does not explain at 95 %.

        Args:
            seeds: of the one mean.
            other_seeds: of the other.

        Source: two-sample t-test with a pooled standard deviation; two-sided, not corrected for several
            comparisons.

        >>> round(NoiseFloor(standard_deviation=0.01, degrees_of_freedom=2).least_difference(1, 1), 4)
        0.0608
        """
        return self._quantile() * self.standard_deviation * math.sqrt(1 / seeds + 1 / other_seeds)

    def reach(self, seeds: int) -> float:
        """Return half the width of the 95 % t interval of one mean (fraction), with the pooled spread.

        Args:
            seeds: of the mean.

        >>> round(NoiseFloor(standard_deviation=0.01, degrees_of_freedom=2).reach(1), 4)
        0.043
        """
        return self._quantile() * self.standard_deviation / math.sqrt(seeds)

    def limits(self) -> tuple[float, float]:
        """Return the 95 % chi-square interval of the standard deviation (fractions); values must be normal.

        >>> [round(end, 4) for end in NoiseFloor(standard_deviation=0.01, degrees_of_freedom=9).limits()]
        [0.0069, 0.0183]
        """
        high_end, low_end = (float(stats.chi2.ppf(share, self.degrees_of_freedom)) for share in TAILS)
        scaled = self.standard_deviation * math.sqrt(self.degrees_of_freedom)
        return scaled / math.sqrt(low_end), scaled / math.sqrt(high_end)

    def _quantile(self) -> float:
        return float(stats.t.ppf((1 + LEVEL) / 2, self.degrees_of_freedom))


def usual_difference(trials: pd.DataFrame, images: int | None = None) -> float | None:
    """Return the least difference (fraction) of two networks with the run's usual number of seeds.

    Args:
        trials: the table of trials; the usual number is the median over networks.
        images: that judged each training, as `noise_floor` takes them.
    """
    noise = noise_floor(trials, images)
    if noise is None:
        return None
    seeds = trials[trials["state"] == "complete"].groupby("trial")["seed"].count()
    usual = max(1, round(float(seeds.median())))
    return noise.least_difference(usual, usual)


def noise_floor(trials: pd.DataFrame, images: int | None = None) -> NoiseFloor | None:
    """Return the noise floor of a run, or None where no network has two complete seeds.

    Args:
        trials: the table of trials.
        images: that judged each training; the spread is then no less than the binomial error of their
            choice, so that seeds that happen to agree are not taken for certainty. None gives what was
            measured.
    """
    complete = trials[trials["state"] == "complete"]
    groups = complete.groupby("architecture")["top1"]
    counts, variances = groups.count(), groups.var()
    repeated = counts > 1
    freedom = int((counts[repeated] - 1).sum())
    if freedom == 0:
        return None
    pooled = float(((counts[repeated] - 1) * variances[repeated]).sum()) / freedom
    spread = math.sqrt(pooled) if pooled > EQUAL**2 else 0.0
    if images is not None:
        spread = max(spread, validation_error(float(complete["top1"].mean()), images))
    return NoiseFloor(standard_deviation=spread, degrees_of_freedom=freedom)


def not_learned(trials: pd.DataFrame, *, classes: int, images: int | None) -> list[int]:
    """Return the trials whose mean top1 is not significantly above chance, one of `classes`.

    Args:
        trials: the table of trials.
        classes: of the data.
        images: that judged each training; None takes chance itself as the limit.

    Source: one-sided binomial test at 97.5 %, normal approximation.
    """
    complete = trials[trials["state"] == "complete"]
    means = complete.groupby("trial")["top1"].mean()
    limit = 1 / classes
    if images is not None:
        limit += float(stats.norm.ppf(TAILS[1])) * validation_error(1 / classes, images)
    return [int(trial) for trial in means.index[means <= limit]]
