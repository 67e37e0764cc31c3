"""`scaling tables`: the tables of the paper from our counts, and those of a run."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import click

from scaling.cli.options import FILE, FOLDER
from scaling.cli.output import console, say
from scaling.errors import ConfigError
from scaling.network.architecture import ArchitectureSpec
from scaling.network.baseline_files import network_named
from scaling.runs.trials_table import read_trials
from scaling.tables import (
    Table,
    TableFormat,
    channels_table,
    counting_table,
    family_table,
    imagenet_table,
    save_table,
    stages_table,
    trials_table,
    write_table,
)

_MAKERS: dict[str, Callable[[list[ArchitectureSpec]], Table]] = {
    "channels": channels_table,
    "stages": lambda specs: stages_table(specs[0]),
    "family": family_table,
    "imagenet": lambda _: imagenet_table(),
    "counting": lambda specs: counting_table(specs[0]),
}
NAMES = (*_MAKERS, "trials")
FORMAT = click.Choice([form.value for form in TableFormat])
DEFAULT_VARIANTS = "b0,b1,b2,b3,b4,b5,b6,b7"


@click.command()
@click.argument("name", type=click.Choice(NAMES))
@click.option(
    "--variants",
    default=DEFAULT_VARIANTS,
    show_default=True,
    help="Which networks, baselines and files of your own too; stages and counting take the first.",
)
@click.option("--run", "run_directory", type=FOLDER, help="Folder of a run.")
@click.option("--format", "form", type=FORMAT, default=TableFormat.TEXT.value, show_default=True)
@click.option("-o", "--output", type=FILE, help="FILE, instead of printing.")
def tables(name: str, variants: str, run_directory: Path | None, form: str, output: Path | None) -> None:
    """Print a table, or write it to a file.

    channels: nine rows, stem to head, a column a variant. stages: Table 1. family: coefficients and cost.
    imagenet: Table 2, exact counts beside the printed. counting: why counters disagree. trials: of a --run.
    """
    if (name == "trials") != (run_directory is not None):
        raise ConfigError("the table of trials is of a run: scaling tables trials --run FOLDER")
    if run_directory is not None:
        table = trials_table(read_trials(run_directory / "trials.csv"))
    else:
        table = _MAKERS[name]([network_named(each.strip()) for each in variants.split(",")])
    if output is None:
        click.echo(write_table(table, TableFormat(form), width=console.width), nl=False)
        return
    say(f"wrote {save_table(table, output, TableFormat(form))}")
