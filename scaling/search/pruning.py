"""Between the engine and the pruner: report, ask, end a training that is not worth going on."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

import optuna

from scaling.errors import ScalingError
from scaling.search.pruners import Pruner, make_pruner
from scaling.search.search_table import SearchTable
from scaling.training.curve import Curve

REPORTS = "reports"
"""Attribute of a trial: accuracy by step. Unlike Optuna's own reports it survives an interruption."""


class PrunedError(ScalingError):
    """A training that its pruner ended.

    Args:
        epochs: finished.
        top1: after the last of them.
        wall_s: seconds that they took in this process.
    """

    def __init__(self, *, epochs: int, top1: float, wall_s: float) -> None:
        super().__init__(f"pruned after {epochs} epochs")
        self.epochs, self.top1, self.wall_s = epochs, top1, wall_s


class Judge:
    """Tells a trial's accuracies to the search's pruner, and heeds it.

    Args:
        search: names the pruner.
        study: of the trial; its pruner is set.
        trial: what is judged.
        seeds: of the trial, in the order of training.
        epochs: of a whole training.
    """

    def __init__(
        self,
        search: SearchTable,
        study: optuna.Study,
        trial: optuna.Trial,
        seeds: Sequence[int],
        epochs: int,
    ) -> None:
        self.pruner, self.trial, self.seeds, self.epochs = search.pruner, trial, tuple(seeds), epochs
        study.pruner = make_pruner(self.pruner, epochs=epochs, startup_trials=search.startup_trials)
        self.reports = {int(step): value for step, value in trial.user_attrs.get(REPORTS, {}).items()}
        for step, value in self.reports.items():
            trial.report(value, step)

    def by_epoch(self, seed: int) -> Callable[[Curve], None] | None:
        """Return what the engine is to call after each epoch of a seed; None where nobody asks."""
        if not self.pruner.by_epoch or seed != self.seeds[0]:
            return None
        start = time.perf_counter()

        def on_epoch(curve: Curve) -> None:
            end = curve[-1]
            pruned = self._says_no(end.epoch, end.top1)
            if pruned and (end.epoch < self.epochs or len(self.seeds) > 1):
                raise PrunedError(epochs=end.epoch, top1=end.top1, wall_s=time.perf_counter() - start)

        return on_epoch

    def ends_after(self, seed: int, top1: float) -> bool:
        """Whether no further seed is worth training."""
        if self.pruner != Pruner.WILCOXON:
            return False
        return self._says_no(seed, top1) and seed != self.seeds[-1]

    def _says_no(self, step: int, value: float) -> bool:
        if step not in self.reports:
            self.reports[step] = value
            self.trial.set_user_attr(REPORTS, {str(one): top1 for one, top1 in self.reports.items()})
            self.trial.report(value, step)
        # What a resumed training goes through again was let through before, but for the last report.
        return step == max(self.reports) and self.trial.should_prune()
