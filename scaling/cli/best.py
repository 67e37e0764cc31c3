"""`run_search.py best`: the winner, what cannot be told from it, and the family that it builds."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any

import click
import pandas as pd

from scaling.analysis import noise_floor
from scaling.cli.choice import choice_document, network, print_winner
from scaling.cli.found import place_of_run
from scaling.cli.output import console, emit_json, json_option, table_of
from scaling.cli.placing import storage_options
from scaling.errors import ResultsError
from scaling.runs.trials_table import read_trials
from scaling.search.folder import RunFolder
from scaling.search.location import file_of, is_sqlite
from scaling.search.snapshot import read_snapshot

PHIS = "0:7"


@click.command()
@click.argument("run_folder", type=click.Path(path_type=Path))
@storage_options
@json_option
def best(run_folder: Path, storage: str | None, storage_file: Path | None, as_json: bool) -> None:
    """Print the winner, the networks that cannot be told from it at 95 %, and its family's command.

    RUN_FOLDER is a run, at any moment, or what `export` wrote. The top candidates were trained again with
    fresh seeds, and only these rank them; before that the highest network merely leads.
    """
    folder = RunFolder(path=run_folder)
    trials = _trials(folder, storage, storage_file)
    choice = choice_document(trials, noise_floor(trials))
    if choice is None:
        raise ResultsError(f"no network of {run_folder} has an accuracy yet")
    document = {**choice, "family": family_command(run_folder, choice["winner"])}
    if as_json:
        emit_json(document)
    else:
        _show(document)


def _trials(folder: RunFolder, storage: str | None, storage_file: Path | None) -> pd.DataFrame:
    place = place_of_run(folder, storage, storage_file)
    if is_sqlite(place) and not file_of(place).exists() and folder.trials.exists():
        return read_trials(folder.trials)
    return read_snapshot(folder, place).trials


def family_command(run_folder: Path, winner: dict[str, Any]) -> str | None:
    """Return the command that scales the run's baseline by the winner; None for the unscaled baseline."""
    if winner["alpha"] is None:
        return None
    bases = " ".join(f"--{base} {winner[base]:.10g}" for base in ("alpha", "beta", "gamma"))
    return f"scaling family {bases} --phi {PHIS} --config {shlex.quote(str(run_folder))}"


def _show(document: dict[str, Any]) -> None:
    print_winner(document)
    console.print()
    _print_others("not told from it", document["same"])
    _print_others("above it", document["above"])
    console.print(f"By {document['test']}.")
    print_family(document["family"])


def print_family(command: str | None) -> None:
    """Print how the winner's family is built."""
    if command is not None:
        console.print("\nits family, on this run's baseline (without --config: on EfficientNet-B0):")
        console.print(command, soft_wrap=True)


def _print_others(title: str, rows: list[dict[str, Any]]) -> None:
    if not rows:
        return
    table = table_of(title, "top-1 %", "n", "seeds", "cost", "p")
    for row in rows:
        p = "" if row["p"] is None else f"{row['p']:.2f}"
        cells = (f"{100 * row['top1']:.1f}", str(row["seeds"]), row["evidence"])
        table.add_row(network(row), *cells, f"{row['achieved_factor']:.2f}×", p)
    console.print(table)
