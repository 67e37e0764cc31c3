"""What the charts of one run are drawn from."""

from __future__ import annotations

import math
from dataclasses import dataclass

import pandas as pd

from scaling.network.architecture import ArchitectureSpec
from scaling.network.rounding import RoundingRules
from scaling.plans.search.search_table import SearchTable
from scaling.plans.search.surface import SearchSurface
from scaling.targets.target import Target


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchedSpace:
    """What a run scaled, and to which cost: charts that count networks of their own need it.

    Args:
        baseline: what was scaled.
        rounding: by which rules.
        target: wanted cost.
    """

    baseline: ArchitectureSpec
    rounding: RoundingRules
    target: Target


@dataclass(frozen=True, slots=True, kw_only=True)
class RunData:
    """A run as its charts see it, at any moment.

    Args:
        trials: the table of trials, one row a (trial, seed).
        title: experiment and data set; charts add "own runs".
        noise: difference in top-1 (a fraction) below which two trials are not distinguishable.
        space: what was scaled; None where only the table is known.
        surface: what its trainings say together; None where no surface can be fitted.
        search: what a search was asked for; None of another run, or where only the table is known.
    """

    trials: pd.DataFrame
    title: str
    noise: float | None = None
    space: SearchedSpace | None = None
    surface: SearchSurface | None = None
    search: SearchTable | None = None

    @property
    def floor(self) -> float | None:
        """The noise, where it can be drawn."""
        return self.noise if self.noise is not None and math.isfinite(self.noise) and self.noise > 0 else None

    @property
    def target(self) -> Target | None:
        """What the run's networks should cost, if that is known."""
        return None if self.space is None else self.space.target
