"""`run_search.py init` and `plan`: a new experiment file, and how much of it fits into some hours here."""

from __future__ import annotations

import shlex
from pathlib import Path

import click

from scaling.atomic_write import write_json, write_text
from scaling.cli.options import PATH, STORE, overrides_option, workers_option
from scaling.cli.output import Columns, answer, console, errors, json_option, measuring, say, table_by
from scaling.cli.search import config_option
from scaling.errors import ConfigError
from scaling.library.searching import experiment_file
from scaling.plans.search.candidates import space_of
from scaling.plans.search.config import load_config
from scaling.plans.search.power import measured_spread, power_sentence
from scaling.plans.search.samplers import Sampler
from scaling.plans.search.sizing import SizedSearch, document_of, plan_for, seconds_of
from scaling.plans.search.speed import SpeedMeasure, measure_speed
from scaling.plans.search.template import experiment_toml
from scaling.runs.store import Store


@click.command()
@click.option("--data", default="glyphs", show_default=True, help="Data set (scaling data list).")
@click.option("--baseline", help="A known network, e.g. efficientnet-b0; else a tiny one for CPUs.")
@click.option("--name", default="mine", show_default=True, help="Of the experiment.")
@click.option("--output", type=PATH, help="The file (experiments/<name>.toml).")
def init(data: str, baseline: str | None, name: str, output: Path | None) -> None:
    """Write a new experiment file: every setting, explained, valid as it is.

    An existing file is never overwritten.
    """
    path = output or Path("experiments") / f"{name}.toml"
    if path.exists():
        raise ConfigError(f"{path} exists already; choose another --name or --output")
    command = f"python run_search.py run --config {shlex.quote(str(path))}"
    write_text(path, experiment_toml(name=name, data=data, baseline=baseline, command=command))
    try:
        config = load_config(path)
    except ConfigError:
        path.unlink()  # a name that is none, say; the file would be of no use
        raise
    say(f"wrote {path}: {len(space_of(config)):,} networks on target")
    say(f"write your question and your prediction in it, then: {command}")


@click.command()
@config_option
@click.option("--hours", type=float, required=True, help="To be filled.")
@overrides_option
@workers_option
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
    power = None
    if config.search.sampler == Sampler.SURFACE:
        spread = measured_spread(config, Store(path=store_path))
        power = power_sentence(config, spread, trials=found.chosen.trials)
    command = ["python", "run_search.py", "run", "--config", str(path)]
    command += [] if workers is None else ["--workers", str(workers)]
    command += [part for setting in (*overrides, *found.overrides) for part in ("--set", setting)]
    answer(document, as_json, lambda: _print_plan(found, speed, shlex.join(command), power))


def _print_plan(found: SizedSearch, speed: SpeedMeasure, command: str, power: str | None) -> None:
    """Print what fits, what would go first, and the command that runs it."""
    sizes = [("as the file says", found.asked), ("planned", found.chosen)]
    sizes += [(f"cut {number}", cut) for number, cut in enumerate(found.cuts, 1)]
    columns: Columns = {
        "": "{row[0]}",
        "trials": "{row[1].trials}",
        "seeds": "{row[1].seeds}",
        "epochs": "{row[1].epochs}",
        "minutes": lambda row: f"{row[1].seconds / 60:.1f}",
    }
    console.print(table_by(columns, sizes, bold=lambda row: row[0] == "planned"))
    console.print(
        f"one proposal and seed: {speed.training_s(None, found.chosen.epochs):.1f} s on each of "
        f"{speed.workers} workers; start {speed.startup_s:.1f} s. Charts and report come on top."
    )
    if power is not None:
        console.print(power, soft_wrap=True)
    say(f"\n{command}")
