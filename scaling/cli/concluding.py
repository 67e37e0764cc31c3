"""The end of a search: table, charts, and what went wrong."""

from __future__ import annotations

import multiprocessing
from collections.abc import Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from scaling.analysis import noise_floor
from scaling.cli.best import family_command, print_family
from scaling.cli.choice import choice_document, print_winner
from scaling.cli.output import console, emit_json
from scaling.cli.trade_offs import print_trade_offs
from scaling.cli.trials import print_result, result_document
from scaling.errors import ResultsError
from scaling.figures import save_family_figures, save_run_figures
from scaling.report import read_record, save_report
from scaling.search.claims import ENUMERATED
from scaling.search.launch import Launch
from scaling.search.samplers import Sampler

FAMILY = ("family_params", "family_flops")
"""Charts of the published family, left beside the run's own."""


class RunFailedError(ResultsError):
    """A run that failed, not bad input."""

    exit_code = 1


def conclude(launch: Launch, *, as_json: bool) -> None:
    """Write table, charts and report, print the result.

    Raises:
        RunFailedError: nothing was trained, or something is left to train.
    """
    trials, folder = launch.save(), launch.run
    noise = noise_floor(trials)
    run = read_record(folder.path).chart_data()
    with _family_drawn_aside(folder.figures) as family:
        figures = save_run_figures(trials, folder.figures, title=run.title, noise=run.noise, space=run.space)
        report = save_report(
            folder.path, folder.path / "report.html", launch.opened.place, figures=folder.figures
        )
        figures += family.result()
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


@contextmanager
def _family_drawn_aside(directory: Path) -> Iterator[Future[list[Path]]]:
    """Draw the family's charts in a second process: the cores that trained are idle now."""
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(max_workers=1, mp_context=context) as pool:
        yield pool.submit(save_family_figures, directory, names=FAMILY)


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
