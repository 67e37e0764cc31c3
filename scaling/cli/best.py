"""`run_search.py best`: the winner, its rivals, and what is done with it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from scaling.cli.options import run_folder_argument, unverified_option
from scaling.cli.output import answer, console, json_option, table_of
from scaling.cli.running import print_commands
from scaling.cli.trials import print_choice, print_conclusion
from scaling.errors import ResultsError
from scaling.library.searching import SearchRun, load_search
from scaling.network.serialization import to_json
from scaling.plans.search.conclusion import unlearned
from scaling.plans.search.result import family_command, to_build, train_command
from scaling.plans.search.samplers import Sampler
from scaling.tables import network_name


@click.command()
@run_folder_argument
@unverified_option
@json_option
def best(run_folder: Path, unverified: bool, as_json: bool) -> None:
    """Print the winner, the networks that do not differ from it significantly, and the commands to use it.

    RUN_FOLDER is a run, at any moment, or what `export` wrote. The top candidates were trained again with
    fresh seeds, and only these rank them; before that the highest network merely leads.
    """
    found = load_search(run_folder, unverified=unverified)
    result, surface = found.result, found.config.search.sampler == Sampler.SURFACE
    choice = result["choice"]
    if choice is None:
        raise ResultsError(f"no network of {run_folder} has an accuracy yet")
    chosen = to_build(found.config, result)
    assert chosen is not None
    document = {
        "surface": result["surface"],
        **choice,
        "family": family_command(run_folder, chosen),
        "train": train_command(run_folder),
        "spec": _spec(found),
    }

    def printed() -> None:
        for line in unlearned(found.trials, found.config):
            console.print(line, soft_wrap=True)
        if surface:
            print_conclusion(result["surface"], found.config.setup.data.name)
            print_commands(document["train"], document["family"])
        else:
            _show(document)

    answer(document, as_json, printed)


def _spec(found: SearchRun) -> dict[str, Any] | None:
    """Return the network to build as plain data; None where the run's table does not say it whole."""
    try:
        spec: dict[str, Any] = json.loads(to_json(found.network()))
    except ResultsError:
        return None
    return spec


def _show(document: dict[str, Any]) -> None:
    print_choice(document)
    console.print()
    _print_others("not different", document["same"])
    _print_others("above it", document["above"])
    console.print(f"By {document['test']}.")
    print_commands(document["train"], document["family"])


def _print_others(title: str, rows: list[dict[str, Any]]) -> None:
    if not rows:
        return
    table = table_of(title, "top-1 %", "n", "seeds", "cost", "p")
    for row in rows:
        p = "" if row["p"] is None else f"{row['p']:.2f}"
        cells = (f"{100 * row['top1']:.1f}", str(row["seeds"]), row["evidence"])
        table.add_row(network_name(row), *cells, f"{row['achieved_factor']:.2f}×", p)
    console.print(table)
