"""`run_search.py export`: copy a run's results to where they are kept."""

from __future__ import annotations

from pathlib import Path

import click

from scaling.analysis import noise_floor
from scaling.cli.output import console
from scaling.cli.trials import result_document
from scaling.results import read_trials, write_json
from scaling.results.exporting import export_run
from scaling.search.folder import RunFolder


@click.command()
@click.argument("run_folder", type=click.Path(path_type=Path))
@click.option("--to", "to", type=click.Path(path_type=Path), help="Where to (results/<experiment>).")
def export(run_folder: Path, to: Path | None) -> None:
    """Copy a run's table, provenance and charts to where results are kept."""
    config = RunFolder(path=run_folder).read_config()
    target = to or Path("results") / config.name
    paths = export_run(run_folder, target)
    trials = read_trials(target / "trials.csv")
    write_json(target / "result.json", result_document(config, trials, noise_floor(trials)))
    for path in [*paths, target / "result.json"]:
        console.print(str(path))
