"""`run_search.py plan`: how many trials, seeds and epochs fit into some hours on this machine."""

from __future__ import annotations

import shlex
from pathlib import Path

import click

from scaling.atomic_write import write_json
from scaling.cli.kernels import measuring
from scaling.cli.output import console, emit_json, errors, json_option, table_of
from scaling.cli.running import default_config
from scaling.cli.search import DEFAULT, PATH
from scaling.search.config import load_config
from scaling.search.planning import Calibration, Plan, Size, calibrate, document_of, plan_for


@click.command()
@click.option("--config", "config_path", type=PATH, help=f"Experiment file ({DEFAULT}).")
@click.option("--hours", type=click.FloatRange(min=0, min_open=True), required=True, help="To be filled.")
@click.option("--set", "overrides", multiple=True, metavar="KEY=VALUE", help="Override, as in run.")
@click.option("--output", type=PATH, help="Write the plan here, for run --plan.")
@json_option
def plan(
    config_path: Path | None, hours: float, overrides: tuple[str, ...], output: Path | None, as_json: bool
) -> None:
    """Say how much search fits into some hours on this machine.

    Trains each reference for one epoch, with the run's number of workers, and predicts the rest.
    """
    path = config_path or default_config()
    config = load_config(path, overrides)
    errors.print(f"calibrating {config.name}: each reference for one epoch")
    with measuring() as progress:
        calibration = calibrate(config, progress=progress)
    found = plan_for(config, calibration, 3600 * hours)
    document = document_of(found, calibration, config)
    if output is not None:
        write_json(output, document)
    if as_json:
        emit_json(document)
        return
    print_plan(found, calibration)
    settings = [*overrides, *found.overrides]
    command = ["python", "run_search.py", "run", "--config", str(path)]
    command += [part for setting in settings for part in ("--set", setting)]
    console.print(f"\n{shlex.join(command)}", soft_wrap=True)


def print_plan(found: Plan, calibration: Calibration) -> None:
    """Print what fits, and what would go first."""
    table = table_of("", "trials", "seeds", "epochs", "minutes")
    table.columns[0].justify = "left"
    rows: list[tuple[str, Size]] = [("as the file says", found.asked), ("planned", found.chosen)]
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
        f"one proposal and seed: {calibration.training_s(None, found.chosen.epochs):.1f} s on each of "
        f"{calibration.workers} workers; start {calibration.startup_s:.1f} s. Charts and report come on top."
    )
