"""`scaling report`: a run as one HTML page, at any moment of it."""

from __future__ import annotations

from pathlib import Path

import click

from scaling.cli.output import console, emit_json, json_option, waiting
from scaling.report import save_report


@click.command()
@click.argument("run_folder", metavar="RUN", type=click.Path(file_okay=False, path_type=Path))
@click.option(
    "-o",
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    help="The page (RUN/report.html).",
)
@json_option
def report(run_folder: Path, output: Path | None, as_json: bool) -> None:
    """Write a run's report: one HTML page that needs no network.

    RUN is the folder of a run, finished or not, or of exported results.
    """
    with waiting("drawing the report"):
        path = save_report(run_folder, output or run_folder / "report.html")
    if as_json:
        emit_json({"report": str(path)})
    else:
        console.print(f"wrote {path}", markup=False, soft_wrap=True)
