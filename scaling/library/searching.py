"""`scaling.search`: run a search, or go on with it, and look at what it found."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

import pandas as pd
from matplotlib.figure import Figure
from rich.console import Console
from sqlalchemy import URL

from scaling.analysis import noise_floor
from scaling.analysis.noise import NoiseFloor
from scaling.atomic_write import write_json, write_text
from scaling.errors import ConfigError, ResultsError
from scaling.figures import RUN_CHARTS, run_figure, save_run_figures
from scaling.library.notebook import picture
from scaling.library.progress import TrainingProgress, prepared
from scaling.network.architecture import ArchitectureSpec
from scaling.plans.search.conclusion import conclusion
from scaling.plans.search.config import SearchConfig, load_config
from scaling.plans.search.result import choice_document, network_of, result_document, to_build
from scaling.plans.search.run import Announced, SearchState, is_finished, read_search, run_search
from scaling.plans.search.status import SearchStatus, status_of
from scaling.plans.search.storage_url import locate
from scaling.plans.search.surface import SearchSurface, search_surface
from scaling.provenance import utc_now
from scaling.report import read_record, record_of, report_page, save_report
from scaling.runs.arithmetic import arithmetic_document
from scaling.runs.coordinator import RunEnd
from scaling.runs.experiment_file import bundled
from scaling.runs.exporting import export_run
from scaling.runs.folder import RunFolder
from scaling.runs.job import BACKWARD
from scaling.runs.launch import Where
from scaling.runs.store import Store
from scaling.training.kernels import Progress, no_progress

QUICK = Path("experiments") / "quick.toml"


class RunFailedError(ResultsError):
    """A run that failed, not bad input."""

    exit_code = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchRun:
    """A search and what it has found by now, as its folder and the store have it."""

    state: SearchState

    @property
    def path(self) -> Path:
        """The run's folder."""
        return self.state.folder.path

    @property
    def config(self) -> SearchConfig:
        """What was asked for."""
        return self.state.config

    @property
    def trials(self) -> pd.DataFrame:
        """The table of trials: one row a network and seed."""
        return self.state.trials()

    @property
    def noise(self) -> NoiseFloor | None:
        """Seed-to-seed spread; None where no network has two complete seeds."""
        return noise_floor(self.trials, self.config.setup.data.validation)

    @property
    def finished(self) -> bool:
        """Whether nothing is left to train."""
        return is_finished(self.state)

    @property
    def best(self) -> dict[str, Any] | None:
        """The winner by fresh seeds, or what leads so far; None where nothing has an accuracy."""
        trials = self.trials
        choice = choice_document(trials, noise_floor(trials))
        return None if choice is None else dict(choice["winner"])

    @property
    def result(self) -> dict[str, Any]:
        """Everything that was found, as plain data."""
        trials = self.trials
        found = result_document(self.config, trials, noise_floor(trials))
        return {**found, "arithmetic": arithmetic_document(self.state.trained())}

    @property
    def surface(self) -> SearchSurface:
        """What the trainings say together: gains, contrasts, the optimum, the network to build.

        Raises:
            ResultsError: no surface can be fitted yet.
        """
        return search_surface(self.config, self.trials)

    def network(self, trial: int | None = None) -> ArchitectureSpec:
        """Return the network of a trial; without a number the one to build, as `best` prints it.

        Raises:
            ResultsError: no trial has that number or a network, or nothing has an accuracy yet.
        """
        trials = self.trials
        if trial is not None:
            rows = trials[trials["trial"] == trial]
            if rows.empty:
                raise ResultsError(f"{self.path} has no trial {trial}")
        else:
            result = self.result
            found = to_build(self.config, result)
            if found is None:
                raise ResultsError(f"no network of {self.path} has an accuracy yet")
            if "predicted_top1" in found and (built := self.surface.built) is not None:
                assert built.network.spec is not None
                return built.network.spec
            rows = trials[trials["architecture"] == found["architecture"]]
        return network_of(self.config, rows.iloc[0])

    @property
    def answered(self) -> bool:
        """Whether the search ended before its budget because its answer was sure enough."""
        spent = sum(one.fate.trains for one in self.state.history.proposals)
        return self.config.search.stop.asked and spent < self.config.search.trials

    def status(self) -> SearchStatus:
        """Return how far the search is at this moment."""
        return status_of(self.state)

    def figure(self, name: str | None = None) -> Figure:
        """Return a chart of the run, one of `figure_names`; what a doubling is worth, where that is known.

        Raises:
            ConfigError: nothing has that name.
        """
        data = read_record(self.path).chart_data()
        return run_figure(data, name or ("run_flops" if data.surface is None else "run_gains"))

    @property
    def figure_names(self) -> tuple[str, ...]:
        """The charts that `figure` draws."""
        return tuple(RUN_CHARTS)

    def report(self, path: Path | str | None = None) -> Path:
        """Write the run's report, one HTML page that needs no network, to report.html if None."""
        return save_report(self.path, self.path / "report.html" if path is None else Path(path))

    def _repr_html_(self) -> str:
        columns = ["trial", "name", "seed", "achieved_factor", "image_size", "params", "top1", "state"]
        table = self.trials[columns].to_html(index=False, na_rep="", max_rows=40)
        surface = self.result["surface"]
        said = "" if "refusal" in surface else conclusion(surface, self.config.setup.data.name)[0]
        return f"<p>{escape(said)}</p>{picture(self.figure())}{table}"


def search(
    experiment: str | Path | SearchConfig | None = None,
    *,
    trials: int | None = None,
    sampler: str | None = None,
    overrides: Sequence[str] = (),
    output: Path | str | None = None,
    where: Where | None = None,
    storage: URL | None = None,
    fresh: bool = False,
    console: Console | None = None,
    announce: Callable[[Announced], None] = lambda _found: None,
    progress: Progress = no_progress,
) -> SearchRun:
    """Run a coefficient search, or go on with it: the same call continues an interrupted run.

    Ctrl-C stops every training at its next step and leaves a run that the same call goes on with.

    Args:
        experiment: a file, or a configuration; the quick experiment if None.
        trials: networks that the sampler proposes, instead of the file's.
        sampler: instead of the file's.
        overrides: further settings, such as `recipe.epochs=5`.
        output: folder of the run; runs/<name> if None.
        where: trainings run, and records lie; on this machine, where the run's are, or in runs/trainings.
        storage: database of the Optuna study that others look at; SQLite in the folder if None.
        fresh: set an earlier run in that folder out of the way.
        console: for progress; standard error if None.
        announce: called before the first training.
        progress: of measuring kernels.

    Raises:
        ConfigError: the file is wrong, or the folder holds a run of another configuration.
        DataError: the data are missing.
        ResultsError: the folder is in use, or something cannot be written.
        KeyboardInterrupt: the search was asked to stop.
    """
    named = {"search.trials": trials, "search.sampler": sampler}
    more = [*overrides, *(f"{key}={value}" for key, value in named.items() if value is not None)]
    if isinstance(experiment, SearchConfig):
        if more:
            raise ConfigError("settings go into the file, not beside a configuration that was read already")
        config = experiment
    else:
        config = load_config(experiment_file(experiment), more)
    folder = RunFolder(path=Path(output)) if output is not None else RunFolder.of(config.name)
    console = prepared(console, folder, fresh=fresh)
    if where is None:
        where = Where(store=Store(path=folder.store())) if folder.config.exists() else Where()
    with TrainingProgress(console) as bars:

        def begin(found: Announced) -> None:
            announce(found)
            _begin(bars, found)

        end, state = run_search(
            config,
            folder,
            where,
            storage=storage or locate(None, None, os.environ, folder.study),
            announce=begin,
            listener=bars,
            progress=progress,
            warn=lambda line: console.print(line, markup=False, soft_wrap=True),
        )
    run = SearchRun(state=state)
    if end == RunEnd.STOPPED:
        raise KeyboardInterrupt
    conclude(run)
    return run


def _begin(bars: TrainingProgress, found: Announced) -> None:
    """Begin the bars of a search, whose trainings are known by number and about how large they are."""
    status = status_of(read_search(found.folder))
    macs = float(status.trials["macs"].mean()) if len(status.trials) else 1.0
    setup = found.config.setup
    each = BACKWARD * macs * (setup.data.train or 1) * setup.recipe.epochs
    count = status.done + status.left
    bars.begin(found.plan.label, total=each * count, done=each * status.done, count=count, ended=status.done)


def experiment_file(experiment: str | Path | None) -> Path:
    """Return the file of an experiment: a path, or the name of one in experiments/.

    Raises:
        ConfigError: there is no such file here, nor in this checkout.
    """
    wanted = QUICK if experiment is None else Path(experiment)
    if not wanted.suffix:
        wanted = Path("experiments") / f"{wanted}.toml"
    path = bundled(wanted)
    if path.exists():
        return path
    raise ConfigError(f"there is no {wanted} here; give a path to an experiment file")


def conclude(run: SearchRun) -> None:
    """Write charts, report and result of a run into its folder, without charts that say nothing about it.

    Raises:
        ResultsError: something cannot be written.
    """
    folder, record = run.state.folder, record_of(run.state)
    data = record.chart_data()
    if (data.trials["state"] == "complete").any():
        names = [name for name in RUN_CHARTS if name not in record.left_out]
        save_run_figures(data, folder.figures, names=names)
        write_json(folder.result, run.result)
    page = report_page(record, now=utc_now(), figures=folder.figures)
    write_text(folder.path / "report.html", page)


def load_search(path: Path | str, *, unverified: bool = False) -> SearchRun:
    """Read a search from its folder, or from exported results, whose table may be edited if `unverified`.

    Raises:
        ResultsError: it is no search, or a file is damaged.
    """
    return SearchRun(state=read_search(RunFolder(path=Path(path)), unverified=unverified))


def export_search(run: SearchRun, target: Path, *, force: bool = False, parquet: bool = False) -> list[Path]:
    """Write a search's table, result, charts and provenance to where results are kept; return the files.

    Args:
        run: a search, at any moment.
        target: folder under results/.
        force: replace results of the same name.
        parquet: write trials.parquet beside trials.csv.

    Raises:
        ConfigError: results of that name are there already.
        ResultsError: the run has no trial yet, or the target cannot be written.
    """
    trials = run.trials
    if trials.empty:
        raise ResultsError(f"{run.path} holds no trial yet")
    paths = export_run(run.state.folder, target, trials, finished=run.finished, force=force, parquet=parquet)
    write_json(target / "result.json", run.result)
    return [*paths, target / "result.json"]
