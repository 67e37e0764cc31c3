"""`run_search.py export`: put a run's results where they are kept, at any moment of the run."""

from __future__ import annotations

from pathlib import Path

import click

from scaling.analysis import noise_floor
from scaling.atomic_write import write_json
from scaling.cli.found import place_of_run
from scaling.cli.output import console
from scaling.cli.placing import storage_options
from scaling.cli.trials import result_document
from scaling.errors import ResultsError
from scaling.runs.exporting import export_run
from scaling.search.folder import RunFolder
from scaling.search.snapshot import read_snapshot


@click.command()
@click.argument("run_folder", type=click.Path(path_type=Path))
@click.option("--to", "to", type=click.Path(path_type=Path), help="Where to (results/<experiment>).")
@click.option(
    "--format",
    "kind",
    type=click.Choice(["csv", "parquet"]),
    default="csv",
    show_default=True,
    help="parquet writes trials.parquet beside trials.csv.",
)
@storage_options
def export(
    run_folder: Path, to: Path | None, kind: str, storage: str | None, storage_file: Path | None
) -> None:
    """Write a run's table, result and provenance to where results are kept.

    The table is the database's at this moment, so this works while the run goes on; its provenance then has
    no end, and charts are those of the last launch that ended.
    """
    folder = RunFolder(path=run_folder)
    found = read_snapshot(folder, place_of_run(folder, storage, storage_file))
    if found.trials.empty:
        raise ResultsError(f"the database of {run_folder} holds no trial yet")
    target = to or Path("results") / found.config.name
    paths = export_run(run_folder, target, found.trials, finished=found.finished, parquet=kind == "parquet")
    result = result_document(found.config, found.trials, noise_floor(found.trials))
    write_json(target / "result.json", result)
    for path in [*paths, target / "result.json"]:
        console.print(str(path), soft_wrap=True)
