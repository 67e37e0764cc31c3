"""What a search can resolve, said before it runs: from the noise that was measured and the design."""

from __future__ import annotations

import statistics

from scaling.analysis.surface.design import expected_reach, star_points
from scaling.plans.search.config import SearchConfig
from scaling.runs.store import Store

SEEDS_LOOKED_FOR = 16
"""Trainings of the baseline with seeds below this are looked for in the store."""


def measured_spread(config: SearchConfig, store: Store) -> float | None:
    """Return the baseline's seed-to-seed standard deviation in points by the store; None without one."""
    jobs = (config.setup.job(config.baseline_spec, seed=seed) for seed in range(SEEDS_LOOKED_FOR))
    records = (store.find(job.key) for job in jobs)
    values = [100 * one.top1 for one in records if one is not None and one.top1 is not None]
    return statistics.stdev(values) if len(values) > 1 else None


def resolvable(config: SearchConfig, spread: float, *, trials: int) -> dict[str, float]:
    """Return half the width of the 95 % intervals of gains and contrasts, in points per doubling.

    `spread` is that from seed to seed, in points.
    """
    search = config.search
    references = len(search.seeds) * 4
    extra = max(0, references + trials - len(star_points(search.target_factor)))
    return expected_reach(
        spread, factor=search.target_factor, baseline=len(search.baseline_seeds), extra=extra
    )


def power_sentence(config: SearchConfig, spread: float | None, *, trials: int) -> str:
    """Say which differences a search of so many trials can resolve."""
    if spread is None:
        return (
            "which differences it can resolve is not known: no two seeds of the baseline are recorded "
            "(scaling study noise trains them)"
        )
    found = resolvable(config, spread, trials=trials)
    return (
        f"seeds of the baseline spread by {spread:.1f} points, so gains will be known to about "
        f"±{found['gain']:.1f} points a doubling, and differences of them from {found['contrast']:.1f} on "
        "will be significant (95 %)"
    )
