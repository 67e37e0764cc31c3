"""`scaling.bracket_rates`: find the learning rates of a setup, or go on with it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
from matplotlib.figure import Figure
from rich.console import Console

from scaling.figures.run_rates import run_rates_figure, run_rates_frame, save_run_rates
from scaling.library.notebook import picture
from scaling.library.progress import RunStopped, TrainingProgress, prepared
from scaling.plans.study.rates import RatesPlan
from scaling.plans.study.rates_run import (
    RatesOutcome,
    rates_folder,
    rates_plan,
    report_rates,
    run_rates,
)
from scaling.runs.coordinator import RunEnd
from scaling.runs.folder import RunFolder
from scaling.runs.launch import Where
from scaling.runs.rates import LearningRates
from scaling.runs.setup import Setup
from scaling.training.kernels import Progress, no_progress


@dataclass(frozen=True, slots=True, kw_only=True)
class RatesRun:
    """The learning rates of a setup, as far as they are known.

    Args:
        folder: where everything is written.
        outcome: what is known.
    """

    folder: RunFolder
    outcome: RatesOutcome

    @property
    def path(self) -> Path:
        """The run's folder."""
        return self.folder.path

    @property
    def result(self) -> dict[str, Any]:
        """Everything that was found, as plain data."""
        return self.outcome.document()

    @property
    def rates(self) -> LearningRates | None:
        """The bracketed rates, of any network by `rate_at`; None while one is open."""
        return self.outcome.rates

    @property
    def conclusion(self) -> str:
        """The best rate everywhere, in a sentence."""
        return self.outcome.conclusion

    @property
    def ladders(self) -> pd.DataFrame:
        """One row a network and rate: validation_loss (nats) and top1 (fraction), means over seeds; best."""
        return run_rates_frame(self.outcome.brackets)

    def figure(self) -> Figure:
        """Return the chart of the ladders: validation loss against rate, a line a network."""
        return run_rates_figure(self.ladders, title=self.outcome.plan.title)

    def _repr_html_(self) -> str:
        columns = ["network", "learning_rate", "validation_loss", "top1", "best"]
        table = self.ladders[columns].to_html(index=False, na_rep="diverged")
        return f"<p><b>{self.conclusion}</b></p>{picture(self.figure())}{table}"


def bracket_rates(
    setup: Setup | str | Path | RatesPlan,
    *,
    factor: float = 4.0,
    seeds: int = 2,
    overrides: Sequence[str] = (),
    output: str | Path | None = None,
    where: Where | None = None,
    train: bool = True,
    fresh: bool = False,
    console: Console | None = None,
    progress: Progress = no_progress,
) -> RatesRun:
    """Find the best learning rates at a setup's baseline and at its corners, or go on with that.

    The corners are the baseline scaled by depth, width or resolution alone. Each network is trained at half,
    once and twice the recipe's rate; its ladder is extended by factors of two until the best rate, by
    validation loss, is inside.

    Args:
        setup: a setup, the path of one, or a plan, which the next three arguments would make.
        factor: cost of the scaled networks, times the baseline's, in (1, 128].
        seeds: of every training, 1 or more.
        overrides: `table.key=value` of the setup's file.
        output: folder; runs/studies/rates-NAME if None.
        where: trainings run, and records lie.
        train: False to look at what is trained by now.
        fresh: set an earlier run in that folder out of the way.
        console: for progress; standard error if None.
        progress: of measuring kernels.

    Raises:
        ConfigError: the setup is missing or wrong, a number is out of range, or the folder holds another run.
        DataError: the data are missing.
        ResultsError: the folder is in use, or something cannot be written.
        RunStopped: Ctrl-C, SIGTERM or SIGHUP; a KeyboardInterrupt.
    """
    if isinstance(setup, RatesPlan):
        plan = setup
    else:
        plan = rates_plan(setup, factor=factor, seeds=seeds, overrides=overrides)
    folder, where = rates_folder(plan, output), where or Where()
    if not train:
        return RatesRun(folder=folder, outcome=report_rates(plan, folder, where, draw=_draw))
    with TrainingProgress(prepared(console, folder, fresh=fresh)) as bars:
        end, outcome = run_rates(
            plan,
            folder,
            where,
            draw=_draw,
            announce=lambda found: bars.begin(
                found.plan.label,
                total=sum(job.train_macs for job in found.missing),
                count=len(found.missing),
                sentence=found.sentence,
            ),
            listener=bars,
            progress=progress,
        )
    run = RatesRun(folder=folder, outcome=outcome)
    if end == RunEnd.STOPPED:
        raise RunStopped(run)
    return run


def _draw(outcome: RatesOutcome, directory: Path) -> None:
    save_run_rates(outcome.brackets, directory, title=outcome.plan.title)
