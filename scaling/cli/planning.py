"""`run_search.py plan`: how many trials, seeds and epochs fit into some hours on this machine."""

from __future__ import annotations

import shlex
from pathlib import Path

import click

from scaling.atomic_write import write_json
from scaling.cli.kernels import measuring
from scaling.cli.output import console, emit_json, errors, json_option, table_of
from scaling.cli.search import DEFAULT, PATH
from scaling.cli.where import STORE
from scaling.library.searching import experiment_file
from scaling.plans.search.config import load_config
from scaling.plans.search.power import measured_spread, power_sentence
from scaling.plans.search.samplers import Sampler
from scaling.plans.search.sizing import SearchSize, SizedSearch, document_of, plan_for, seconds_of
from scaling.plans.search.speed import SpeedMeasure, measure_speed
from scaling.runs.store import Store


@click.command()
@click.option("--config", "config_path", type=PATH, help=f"Experiment file ({DEFAULT}).")
@click.option("--hours", type=float, required=True, help="To be filled.")
@click.option("--set", "overrides", multiple=True, metavar="KEY=VALUE", help="Override, as in run.")
@click.option("--workers", type=click.IntRange(1, 256), help="Worker processes, as in run.")
@click.option("--output", type=PATH, help="Write the plan here, for run --plan.")
@click.option(
    "--store", "store_path", type=PATH, default=STORE, show_default=True, help="Folder of all trainings."
)
@json_option
def plan(
    config_path: Path | None,
    hours: float,
    overrides: tuple[str, ...],
    workers: int | None,
    output: Path | None,
    store_path: Path,
    as_json: bool,
) -> None:
    """Say how much search fits into some hours on this machine.

    Trains each reference for one epoch, with the run's number of workers, and predicts the rest.
    """
    path, budget_s = experiment_file(config_path), seconds_of(hours)
    config = load_config(path, overrides)
    errors.print(f"measuring {config.name}: each reference for one epoch")
    with measuring() as progress:
        speed = measure_speed(config, workers=workers, progress=progress)
    found = plan_for(config, speed, budget_s)
    document = document_of(found, speed, config)
    if output is not None:
        write_json(output, document)
    if as_json:
        emit_json(document)
        return
    print_plan(found, speed)
    if config.search.sampler == Sampler.SURFACE:
        spread = measured_spread(config, Store(path=store_path))
        console.print(power_sentence(config, spread, trials=found.chosen.trials), soft_wrap=True)
    settings = [*overrides, *found.overrides]
    command = ["python", "run_search.py", "run", "--config", str(path)]
    command += [] if workers is None else ["--workers", str(workers)]
    command += [part for setting in settings for part in ("--set", setting)]
    console.print(f"\n{shlex.join(command)}", soft_wrap=True)


def print_plan(found: SizedSearch, speed: SpeedMeasure) -> None:
    """Print what fits, and what would go first."""
    table = table_of("", "trials", "seeds", "epochs", "minutes")
    table.columns[0].justify = "left"
    rows: list[tuple[str, SearchSize]] = [("as the file says", found.asked), ("planned", found.chosen)]
    rows += [(f"cut {number}", cut) for number, cut in enumerate(found.cuts, 1)]
    for label, size in rows:
        table.add_row(
            label,
            *(str(value) for value in (size.trials, size.seeds, size.epochs)),
            f"{size.seconds / 60:.1f}",
            style="bold" if label == "planned" else "",
        )
    console.print(table)
    console.print(
        f"one proposal and seed: {speed.training_s(None, found.chosen.epochs):.1f} s on each of "
        f"{speed.workers} workers; start {speed.startup_s:.1f} s. Charts and report come on top."
    )
