"""Which trainings to end early: Optuna's pruners.

Pruners by epoch judge the first seed of a network by its accuracy after each epoch; its other seeds are
trained only if the first one was let through. Wilcoxon's judges seeds: after each it compares the network
with the best one, seed by seed.
"""

from __future__ import annotations

import re
import warnings
from enum import StrEnum
from typing import assert_never

import optuna
from optuna.exceptions import ExperimentalWarning
from optuna.pruners import BasePruner

FEWEST_HYPERBAND_TRIALS = 40
"""Hyperband splits the budget over brackets; below this each is too small to compare within."""
FEWEST_WILCOXON_SEEDS = 5
"""Four pairs are the fewest that can reach p < 0.1 one-sided (1/16), and then a seed must be left to save."""
WILCOXON_IS_NEW = (
    "WilcoxonPruner is experimental (supported from v3.6.0). The interface can change in the future."
)


class Pruner(StrEnum):
    """What ends trainings early."""

    NONE = "none"
    SUCCESSIVE_HALVING = "successive_halving"
    HYPERBAND = "hyperband"
    MEDIAN = "median"
    WILCOXON = "wilcoxon"

    @property
    def by_epoch(self) -> bool:
        """Whether it wants the accuracy after each epoch."""
        return self not in {Pruner.NONE, Pruner.WILCOXON}


def make_pruner(name: Pruner, *, epochs: int, startup_trials: int) -> BasePruner:
    """Make a pruner of trainings of so many epochs; `median` prunes after `startup_trials`."""
    match name:
        case Pruner.SUCCESSIVE_HALVING:
            return optuna.pruners.SuccessiveHalvingPruner(min_resource=1, reduction_factor=3)
        case Pruner.HYPERBAND:
            return optuna.pruners.HyperbandPruner(min_resource=1, max_resource=epochs, reduction_factor=3)
        case Pruner.MEDIAN:
            return optuna.pruners.MedianPruner(n_startup_trials=startup_trials, n_warmup_steps=epochs // 3)
        case Pruner.WILCOXON:
            with warnings.catch_warnings():
                warnings.filterwarnings("ignore", f"^{re.escape(WILCOXON_IS_NEW)}$", ExperimentalWarning)
                return optuna.pruners.WilcoxonPruner(p_threshold=0.1)
        case Pruner.NONE:
            return optuna.pruners.NopPruner()
        case _:
            assert_never(name)
