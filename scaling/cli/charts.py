"""`run_search.py charts`: the generic charts of a study, all of them optuna's."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import optuna

from scaling.cli.output import console
from scaling.errors import ConfigError, ResultsError
from scaling.library.searching import load_search
from scaling.plans.search.projection import study_in_memory

FEWEST_TRIALS = 2
"""Complete trials below which parameters have no importance."""


@click.command()
@click.argument("run_folder", type=click.Path(path_type=Path))
@click.option("--output", "-o", type=click.Path(path_type=Path), help="Folder (RUN_FOLDER/charts).")
def charts(run_folder: Path, output: Path | None) -> None:
    """Write optuna's own charts of a run's proposals as HTML that works without network.

    History, parallel coordinates, slice, contour, rank, EDF, timeline and importances of the sampler's two
    parameters; the Pareto front instead of importances for several objectives. Needs the extra 'dashboard'.
    """
    state = load_search(run_folder).state
    study = study_in_memory(state.config, state.history, state.records)
    target = output or run_folder / "charts"
    complete = study.get_trials(deepcopy=False, states=(optuna.trial.TrialState.COMPLETE,))
    if len(complete) < FEWEST_TRIALS:
        raise ResultsError(
            f"{run_folder} has {len(complete)} complete proposals; charts need {FEWEST_TRIALS}"
        )
    target.mkdir(parents=True, exist_ok=True)
    for name, draw in _drawings(study):
        path = target / f"{name}.html"
        draw().write_html(path, include_plotlyjs="directory", full_html=True)
        console.print(str(path), markup=False, soft_wrap=True)


def _drawings(study: optuna.Study) -> list[tuple[str, Callable[[], Any]]]:
    """Return name and drawing of each chart.

    Raises:
        ConfigError: plotly is not installed.
    """
    visualization = optuna.visualization
    if not visualization.is_available():
        raise ConfigError("charts need plotly: pip install 'efficientnet-scaling[dashboard]'")

    many = len(study.directions) > 1
    target = (lambda trial: float(trial.values[0])) if many else None

    def chart(plot: Callable[..., Any]) -> Callable[[], Any]:
        return lambda: plot(study, target=target, target_name="top1")

    drawings = [
        ("history", chart(visualization.plot_optimization_history)),
        ("parallel", chart(visualization.plot_parallel_coordinate)),
        ("slice", chart(visualization.plot_slice)),
        ("contour", chart(visualization.plot_contour)),
        ("rank", chart(visualization.plot_rank)),
        ("edf", chart(visualization.plot_edf)),
        ("timeline", lambda: visualization.plot_timeline(study)),
    ]
    if many:
        return [*drawings, ("pareto", lambda: visualization.plot_pareto_front(study))]
    # Of several objectives optuna's importances are those of being low, whatever the direction.
    return [*drawings, ("importances", chart(visualization.plot_param_importances))]
