"""The end of a search: table, charts, and what went wrong."""

from __future__ import annotations

from concurrent.futures import Executor
from functools import partial
from pathlib import Path

import pandas as pd

from scaling.analysis import noise_floor
from scaling.cli.best import family_command, print_family
from scaling.cli.choice import choice_document, print_winner
from scaling.cli.output import console, emit_json
from scaling.cli.trade_offs import print_trade_offs
from scaling.cli.trials import print_result, result_document
from scaling.errors import ResultsError
from scaling.figures import RUN_CHARTS, save_family_figures, save_run_figures
from scaling.report import read_record, save_report
from scaling.search.claims import ENUMERATED
from scaling.search.launch import Launch
from scaling.search.samplers import Sampler

FAMILY = ("family_params", "family_flops")
"""Charts of the published family, left beside the run's own."""
ASIDE = ("run_triangle", "run_cost", "run_methods")
"""Charts of the run that a second process draws, a half of the work; then the family's."""


class RunFailedError(ResultsError):
    """A run that failed, not bad input."""

    exit_code = 1


def conclude(launch: Launch, aside: Executor, *, as_json: bool) -> None:
    """Write table, charts and report, print the result.

    Args:
        launch: that has ended.
        aside: draws a part of the charts at the same time: the cores that trained are idle now.
        as_json: print one JSON document.

    Raises:
        RunFailedError: nothing was trained, or something is left to train.
    """
    trials, folder = launch.save(), launch.run
    noise = noise_floor(trials)
    figures, report = _draw(launch, trials, aside)
    if as_json:
        emit_json(result_document(launch.config, trials, noise))
    else:
        print_result(trials, noise)
        print_trade_offs(launch.config, trials, noise)
        _print_exhausted(launch)
        if choice := choice_document(trials, noise):
            console.print()
            print_winner(choice)
            print_family(family_command(folder.path, choice["winner"]))
        console.print(
            f"\n{folder.trials}\n{folder.provenance}\n{folder.figures}/ ({len(figures)} files)\n{report}"
        )
    if not (trials["state"] == "complete").any():
        raise RunFailedError(
            f"no network of {folder.path} was trained: {launch.problem or _first_error(launch)}"
        )
    if (trials["state"] == "waiting").any():
        raise RunFailedError(
            f"{folder.path} is not finished: {launch.problem or 'workers died'}; "
            "the same command goes on from here"
        )


def _draw(launch: Launch, trials: pd.DataFrame, aside: Executor) -> tuple[list[Path], Path]:
    folder = launch.run
    run = read_record(folder.path).chart_data()
    charts = partial(
        save_run_figures, trials, folder.figures, title=run.title, noise=run.noise, space=run.space
    )
    others = aside.submit(charts, names=ASIDE)
    family = aside.submit(save_family_figures, folder.figures, names=FAMILY)
    aside.shutdown(wait=False)  # it leaves when it has drawn, which takes a second
    figures = charts(names=tuple(name for name in RUN_CHARTS if name not in ASIDE)) + others.result()
    report = save_report(
        folder.path, folder.path / "report.html", launch.opened.place, figures=folder.figures
    )
    return figures + family.result(), report


def _print_exhausted(launch: Launch) -> None:
    if launch.config.search.sampler == Sampler.GRID:
        console.print("the whole grid was queued")
    elif launch.search.user_attrs.get(ENUMERATED):
        console.print("space exhausted: every network on target was queued")
    elif launch.search.user_attrs.get("space_exhausted"):
        console.print("space exhausted: the sampler found no further network on target")


def _first_error(launch: Launch) -> str:
    for study in (launch.reference, launch.search):
        for trial in study.get_trials(deepcopy=False):
            if "error" in trial.user_attrs:
                return str(trial.user_attrs["error"])
    return "every training diverged or was stopped"
