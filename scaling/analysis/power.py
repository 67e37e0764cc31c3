"""How many seeds tell two networks apart."""

from __future__ import annotations

import math

from scipy import stats

from scaling.analysis.intervals import LEVEL
from scaling.errors import ResultsError

POWER = 0.8
MOST_SEEDS = 1_000_000


def power_of(seeds: int, *, difference: float, standard_deviation: float) -> float:
    """Return the chance that a two-sided t-test at 95 % sees a difference of two means.

    Args:
        seeds: of each of the two networks, 2 or more.
        difference: of their true means, above 0, in the unit of the standard deviation.
        standard_deviation: from seed to seed, above 0, the same for both.

    Source: noncentral t distribution; Cohen 1988, chapter 2.

    >>> round(power_of(17, difference=1.0, standard_deviation=1.0), 3)
    0.807
    """
    freedom = 2 * seeds - 2
    shift = difference / standard_deviation * math.sqrt(seeds / 2)
    critical = float(stats.t.ppf((1 + LEVEL) / 2, freedom))
    return float(stats.nct.sf(critical, freedom, shift) + stats.nct.cdf(-critical, freedom, shift))


def seeds_to_tell(difference: float, *, standard_deviation: float) -> int | None:
    """Return the fewest seeds a network with which two are told apart with 80 % power; None above a million.

    Args:
        difference: of their true means, above 0.
        standard_deviation: from seed to seed, 0 or more, in the same unit.

    Raises:
        ResultsError: a value is out of range.

    >>> seeds_to_tell(0.005, standard_deviation=0.01), seeds_to_tell(0.02, standard_deviation=0.01)
    (64, 6)
    """
    if not difference > 0 or not standard_deviation >= 0:
        raise ResultsError(
            f"expected a difference above 0 and a spread of 0 or more, got {difference}, {standard_deviation}"
        )
    if standard_deviation == 0:
        return 2

    def enough(seeds: int) -> bool:
        return power_of(seeds, difference=difference, standard_deviation=standard_deviation) >= POWER

    high = 2
    while not enough(high):
        if high >= MOST_SEEDS:
            return None
        high = min(MOST_SEEDS, 2 * high)
    low = high // 2
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if enough(middle) else (middle, high)
    return high
