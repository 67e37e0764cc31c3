"""`run_search.py export`: put a run's results where they are kept, at any moment of the run."""

from __future__ import annotations

import os
from pathlib import Path

import click

from scaling.cli.output import console
from scaling.cli.search import storage_options
from scaling.errors import ConfigError
from scaling.library.searching import export_search, load_search
from scaling.plans.search.projection import rebuild_study
from scaling.plans.search.storage_url import locate, printable


@click.command()
@click.argument("run_folder", type=click.Path(path_type=Path))
@click.option("--to", "to", type=click.Path(path_type=Path), help="Where to (results/<name of the run>).")
@click.option(
    "--format",
    "kind",
    type=click.Choice(["csv", "parquet"]),
    default="csv",
    show_default=True,
    help="parquet writes trials.parquet beside trials.csv.",
)
@click.option("--force", is_flag=True, help="Replace results of the same name.")
@click.option("--study", "study_only", is_flag=True, help="Make the Optuna study anew instead.")
@storage_options
def export(
    run_folder: Path,
    to: Path | None,
    kind: str,
    force: bool,
    study_only: bool,
    storage: str | None,
    storage_file: Path | None,
) -> None:
    """Write a run's table, result, charts and provenance to where results are kept.

    It works while the run goes on; its provenance then has no end, and charts are those of the last launch
    that ended. With --study the Optuna study is made anew from proposals and records, in --storage or as
    study.sqlite3 in the run's folder.
    """
    run = load_search(run_folder)
    if study_only:
        if to is not None or force:
            raise ConfigError("--study writes a database: give --storage, not --to or --force")
        url = locate(storage, storage_file, os.environ, run.state.folder.study)
        trials = rebuild_study(run.state.config, run.state.history, run.state.records, url)
        console.print(f"wrote {trials} trials to {printable(url)}", markup=False, soft_wrap=True)
        return
    target = to or Path("results") / run_folder.resolve().name
    for path in export_search(run, target, parquet=kind == "parquet", force=force):
        console.print(str(path), markup=False, soft_wrap=True)
