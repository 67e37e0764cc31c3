"""The noise floor of a proxy: how far apart two networks must be before seeds cannot explain it. Floor 6."""

from __future__ import annotations

import math
from dataclasses import dataclass

import pandas as pd
from scipy import stats

LEVEL = 0.95


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

    def half_width(self, seeds: int) -> float:
        """Return half of the 95 % interval of one mean (a fraction), by t with the pooled deviation.

        Args:
            seeds: of the mean.

        >>> round(NoiseFloor(standard_deviation=0.01, degrees_of_freedom=2).half_width(4), 4)
        0.0215
        """
        return self._quantile() * self.standard_deviation / math.sqrt(seeds)

    def _quantile(self) -> float:
        return float(stats.t.ppf((1 + LEVEL) / 2, self.degrees_of_freedom))


def usual_difference(trials: pd.DataFrame) -> float | None:
    """Return the least difference (fraction) of two networks with the run's usual number of seeds.

    Args:
        trials: the table of trials; the usual number is the median over networks.
    """
    noise = noise_floor(trials)
    if noise is None:
        return None
    seeds = trials[trials["state"] == "complete"].groupby("trial")["seed"].count()
    usual = max(1, round(float(seeds.median())))
    return noise.least_difference(usual, usual)


def noise_floor(trials: pd.DataFrame) -> NoiseFloor | None:
    """Return the noise floor of a run, or None where no network has two complete seeds.

    Args:
        trials: the table of trials.
    """
    complete = trials[trials["state"] == "complete"]
    groups = complete.groupby("architecture")["top1"]
    counts, variances = groups.count(), groups.var()
    repeated = counts > 1
    freedom = int((counts[repeated] - 1).sum())
    if freedom == 0:
        return None
    pooled = float(((counts[repeated] - 1) * variances[repeated]).sum()) / freedom
    return NoiseFloor(standard_deviation=math.sqrt(pooled), degrees_of_freedom=freedom)
