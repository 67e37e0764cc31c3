"""`run_search.py export` and `charts`: a run's results where they are kept, and Optuna's own charts of it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import optuna

from scaling.cli.options import PATH, run_folder_argument, storage_of, storage_options
from scaling.cli.output import say
from scaling.errors import ConfigError, ResultsError
from scaling.library.searching import export_search, load_search
from scaling.plans.search.projection import rebuild_study, study_in_memory
from scaling.plans.search.storage_url import printable

FEWEST_TRIALS = 2
"""Complete trials below which parameters have no importance."""


@click.command()
@run_folder_argument
@click.option("--to", "to", type=PATH, help="Where to (results/<name of the run>).")
@click.option(
    "--format",
    "kind",
    type=click.Choice(["csv", "parquet"]),
    default="csv",
    show_default=True,
    help="parquet writes trials.parquet beside trials.csv.",
)
@click.option("--force", is_flag=True, help="Replace results of the same name.")
@click.option("--study", "study_only", is_flag=True, help="Make the Optuna study anew instead.")
@storage_options
def export(
    run_folder: Path,
    to: Path | None,
    kind: str,
    force: bool,
    study_only: bool,
    storage: str | None,
    storage_file: Path | None,
) -> None:
    """Write a run's table, result, charts and provenance to where results are kept.

    It works while the run goes on; its provenance then has no end, and charts are those of the last launch
    that ended. With --study the Optuna study is made anew from proposals and records, in --storage or as
    study.sqlite3 in the run's folder.
    """
    run = load_search(run_folder)
    if study_only:
        if to is not None or force:
            raise ConfigError("--study writes a database: give --storage, not --to or --force")
        url = storage_of(storage, storage_file, run.state.folder)
        trials = rebuild_study(run.state.config, run.state.history, run.state.records, url)
        say(f"wrote {trials} trials to {printable(url)}")
        return
    target = to or Path("results") / run_folder.resolve().name
    for path in export_search(run, target, parquet=kind == "parquet", force=force):
        say(path)


@click.command()
@run_folder_argument
@click.option("--output", "-o", type=PATH, help="Folder (RUN_FOLDER/charts).")
def charts(run_folder: Path, output: Path | None) -> None:
    """Write optuna's own charts of a run's proposals as HTML that works without network.

    History, parallel coordinates, slice, contour, rank, EDF, timeline and importances of the sampler's two
    parameters; the Pareto front instead of importances for several objectives. Needs the extra 'dashboard'.
    """
    state = load_search(run_folder).state
    study = study_in_memory(state.config, state.history, state.records)
    complete = study.get_trials(deepcopy=False, states=(optuna.trial.TrialState.COMPLETE,))
    if len(complete) < FEWEST_TRIALS:
        raise ResultsError(
            f"{run_folder} has {len(complete)} complete proposals; charts need {FEWEST_TRIALS}"
        )
    target = output or run_folder / "charts"
    target.mkdir(parents=True, exist_ok=True)
    for name, draw in _charts(study).items():
        path = target / f"{name}.html"
        draw(study).write_html(path, include_plotlyjs="directory", full_html=True)
        say(path)


def _charts(study: optuna.Study) -> dict[str, Callable[[optuna.Study], Any]]:
    """Return each chart's drawing by its name.

    Raises:
        ConfigError: plotly is not installed.
    """
    plots = optuna.visualization
    if not plots.is_available():
        raise ConfigError("charts need plotly: pip install 'efficientnet-scaling[dashboard]'")
    many = len(study.directions) > 1
    target = (lambda trial: float(trial.values[0])) if many else None

    def of_top1(plot: Callable[..., Any]) -> Callable[[optuna.Study], Any]:
        return lambda study: plot(study, target=target, target_name="top1")

    drawings = {
        "history": of_top1(plots.plot_optimization_history),
        "parallel": of_top1(plots.plot_parallel_coordinate),
        "slice": of_top1(plots.plot_slice),
        "contour": of_top1(plots.plot_contour),
        "rank": of_top1(plots.plot_rank),
        "edf": of_top1(plots.plot_edf),
        "timeline": plots.plot_timeline,
    }
    # Of several objectives optuna's importances are those of being low, whatever the direction.
    last = (
        {"pareto": plots.plot_pareto_front}
        if many
        else {"importances": of_top1(plots.plot_param_importances)}
    )
    return drawings | last
