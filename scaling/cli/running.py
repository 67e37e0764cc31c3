"""`run_search.py run`: run a search to its end, then table, charts, provenance."""

from __future__ import annotations

import sys
import time
from dataclasses import asdict
from pathlib import Path

import click
from sqlalchemy import URL

from scaling.atomic_write import write_json
from scaling.cli.aside import Aside, drawing_aside
from scaling.cli.found import note_place, place_of_run
from scaling.cli.kernels import announce_engine, measuring
from scaling.cli.output import errors, json_option
from scaling.cli.placing import place_of, storage_options
from scaling.cli.progress import SearchProgress
from scaling.cli.recording import start_record
from scaling.cli.search import DEFAULT, run_options
from scaling.cost import count_cost
from scaling.errors import ConfigError
from scaling.provenance import utc_now
from scaling.search.candidate import references
from scaling.search.config import SearchConfig, load_config, parse_config
from scaling.search.folder import RunFolder, hold, open_folder, set_aside
from scaling.search.launch import Launch
from scaling.search.location import is_sqlite
from scaling.search.planning import read_overrides
from scaling.search.queueing import networks_planned, space_of
from scaling.search.remaining import Piece, pieces, unproposed
from scaling.search.run_kernels import run_kernels
from scaling.search.search_table import CostRule
from scaling.search.worker import Message
from scaling.targets.space import image_sizes
from scaling.training.engine import best_device


@click.command()
@run_options
def run(
    config_path: Path | None,
    output: Path | None,
    overrides: tuple[str, ...],
    sampler: str | None,
    cost: str | None,
    plan: Path | None,
    workers: int | None,
    device: str | None,
    kernels: str | None,
    storage: str | None,
    storage_file: Path | None,
    fresh: bool,
    as_json: bool,
) -> None:
    """Run a search, or go on with it.

    Started again with the same folder and configuration, a run goes on where it stopped.
    """
    if plan is not None:
        overrides = (*overrides, *read_overrides(plan))
    options = {"search.sampler": sampler, "search.cost": cost, "engine.kernels": kernels}
    given = (f"{setting}={value}" for setting, value in options.items() if value is not None)
    overrides = (*overrides, *given)
    config = load_config(config_path or default_config(), overrides)
    config = with_overrides(config, workers=workers, device=device)
    folder = RunFolder(path=output or Path("runs") / config.name)
    place = place_of(storage, storage_file, folder.database)
    if fresh and not is_sqlite(place):
        raise ConfigError("--fresh cannot set a study of PostgreSQL aside; give the new one another name")
    if fresh and (aside := set_aside(folder)):
        errors.print(f"the earlier run is kept in {aside}")
    run_search(config, folder, place, as_json=as_json)


@click.command()
@click.argument("run_folder", type=click.Path(path_type=Path))
@click.option("--workers", type=click.IntRange(1, 256), help="Worker processes, instead of the run's.")
@storage_options
@json_option
def resume(
    run_folder: Path, workers: int | None, storage: str | None, storage_file: Path | None, as_json: bool
) -> None:
    """Go on with a run by its own configuration, whatever its experiment file says now.

    Only the number of workers may change: everything else, the device too, shapes results.
    """
    folder = RunFolder(path=run_folder)
    config = folder.read_config()
    if workers is not None:
        config = with_overrides(config, workers=workers, device=None)
    run_search(config, folder, place_of_run(folder, storage, storage_file), as_json=as_json)


def with_overrides(config: SearchConfig, *, workers: int | None, device: str | None) -> SearchConfig:
    """Return a configuration with another number of workers or another device."""
    given = {key: one for key, one in (("workers", workers), ("device", device)) if one is not None}
    document = config.document()
    return parse_config({**document, "search": {**document["search"], **given}}, where=config.name)


def default_config() -> Path:
    """Return the quick experiment: of the current folder, or of this checkout."""
    checkout = Path(__file__).resolve().parents[2] / DEFAULT
    for path in (DEFAULT, checkout):
        if path.exists():
            return path
    raise ConfigError(f"there is no {DEFAULT} here; give --config FILE")


def run_search(config: SearchConfig, folder: RunFolder, place: URL, *, as_json: bool) -> None:
    """Run, or go on with, a search; print its result."""
    asked = config.search.trials > 0 or config.search.sampler.queues
    if asked and config.search.cost == CostRule.ACHIEVED and len(space_of(config)) == 0:
        raise ConfigError(
            "no network is on target: widen search.tolerance, lower rounding.channel_divisor "
            "or set rounding.coefficient_rounding = 'none'"
        )
    continued = open_folder(folder, config)
    lock = hold(folder)
    with drawing_aside() as aside:
        try:
            launch = Launch.of(config, folder, place)
            note_place(folder, place)
            if continued and is_finished(launch):
                errors.print(f"{folder.path} is finished; --fresh starts anew")
            else:
                _train(launch, continued, aside)
        finally:
            lock.release()
        aside.prepare()
        from scaling.cli.concluding import conclude  # noqa: PLC0415

        conclude(launch, aside.pool, as_json=as_json)


def is_finished(launch: Launch) -> bool:
    """Whether no network is left to train."""
    return not _left(launch)


def _left(launch: Launch) -> list[Piece]:
    def read() -> list[Piece]:
        queued, proposals = (study.get_trials(deepcopy=False) for study in (launch.reference, launch.search))
        to_come = unproposed(launch.config, launch.search.user_attrs, proposals)
        return pieces(launch.config, queued, proposals, to_come, now_s=time.time())

    return launch.opened.patiently(read)


def _train(launch: Launch, continued: bool, aside: Aside) -> None:
    config, folder = launch.config, launch.run
    _announce(config, folder, continued)
    with measuring() as progress_of_kernels:
        table = run_kernels(launch.opened, threads=launch.packing.threads, progress=progress_of_kernels)
    announce_engine(launch.packing, table)
    record = start_record(config, folder)
    progress = _progress(launch)

    def heed(message: Message) -> None:
        progress.update(message)
        if progress.left < launch.packing.workers:  # one has nothing more to train
            aside.prepare()

    with progress.shown():
        launch.run_workers(heed)
    trials = launch.save()
    left = int((trials["state"] == "waiting").sum())
    finished = None if left or launch.interrupted else utc_now()
    write_json(folder.provenance, {**record, "finished": finished})
    if launch.interrupted:
        errors.print(f"stopped; the same command goes on from here ({folder.path})")
        sys.exit(130)


def _announce(config: SearchConfig, folder: RunFolder, continued: bool) -> None:
    baseline, target, rules = config.baseline_spec, config.target, config.rounding_rules
    cost, sizes = count_cost(baseline), image_sizes(baseline, target, rules)
    verb = "going on with" if continued else "starting"
    errors.print(f"[bold]{config.name}[/bold]: {config.question}")
    errors.print(
        f"{verb} {folder.path}: baseline {cost.params:,} params, {cost.macs:,} multiply-adds "
        f"at {baseline.image_size} px; {_wanted(config)}"
    )
    errors.print(
        f"{len(space_of(config)):,} distinct networks on target ({sizes[0]}–{sizes[-1]} px, coefficient "
        f"rounding {rules.coefficient_rounding}, channels in steps of {rules.channel_divisor}); "
        f"{networks_planned(config)} proposals and {len(list(references(config)))} references "
        f"to train on {best_device(config.search.device)}"
    )


def _wanted(config: SearchConfig) -> str:
    """Say what proposals must cost."""
    target, limits = config.target, asdict(config.target.limits)
    if config.search.cost == CostRule.NOMINAL:
        wanted = f"nominal cost {target.factor:g}×, wherever achieved cost ends"
    else:
        wanted = f"target {target.factor:g}× the {target.metric} within {100 * target.tolerance:g} %"
    return ", ".join([wanted, *(f"{name} {most:,}" for name, most in limits.items() if most is not None)])


def _progress(launch: Launch) -> SearchProgress:
    left, trials = _left(launch), launch.trials()
    complete = trials[trials["state"] == "complete"]
    done, finished = float(complete["macs"].sum()), int(complete["trial"].nunique())
    return SearchProgress(
        errors,
        total=done + sum(piece.work for piece in left),
        done=done,
        networks=finished + len(left),
        finished=finished,
    )
