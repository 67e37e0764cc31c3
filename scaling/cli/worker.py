"""`run_search.py worker`: one more worker of a study, started by anything, anywhere."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

import click
from sqlalchemy import URL

from scaling.cli.found import note_place
from scaling.cli.output import errors
from scaling.cli.placing import place_of, storage_options
from scaling.cli.recording import start_record
from scaling.errors import ConfigError
from scaling.search.config import SearchConfig, load_config
from scaling.search.folder import RunFolder, open_folder
from scaling.search.joining import join, use_threads
from scaling.search.run import Run, join_run, open_run, shown
from scaling.search.signals import StopSignals
from scaling.search.worker import Message

EXIT_PUT_BACK = 75
"""Stopped by SIGTERM before the study was done; start it again. (EX_TEMPFAIL of sysexits.h.)"""


@click.command()
@storage_options
@click.option(
    "--config",
    "config_path",
    type=click.Path(path_type=Path),
    help="Experiment file; the first worker makes the study from it.",
)
@click.option("--study", metavar="NAME", help="Which experiment, where the database holds several.")
@click.option(
    "--output",
    type=click.Path(path_type=Path),
    help="Folder of the run (runs/<experiment>); shared, so that others go on from its checkpoints.",
)
def worker(
    storage: str | None,
    storage_file: Path | None,
    config_path: Path | None,
    study: str | None,
    output: Path | None,
) -> None:
    """Claim and train networks of a study until it is done.

    The configuration comes from the database; with --config, the first worker puts it there. Ctrl-C, and
    SIGTERM as batch systems send it, stop at the next step and put the trial back; a second Ctrl-C leaves at
    once. Exit status: 0 when the study is done, 75 after SIGTERM, 130 after Ctrl-C.
    """
    if config_path is not None and study is not None:
        raise ConfigError("give --config or --study, not both")
    config = load_config(config_path) if config_path else None
    name = config.name if config else study
    folder = RunFolder(path=output) if output else RunFolder.of(name) if name else None
    place = place_of(storage, storage_file, (folder or RunFolder.of("none")).database)
    run = _made(config, folder, place) if config and folder else join_run(place, study, folder)
    threads = use_threads(os.environ)
    with StopSignals(run.patience) as stop:
        errors.print(f"worker of {run.config.name} in {shown(run.place)}, {threads} threads", soft_wrap=True)
        done = join(run, stop=stop, send=_print)
    if done:
        errors.print(f"{run.config.name} is done")
    else:
        errors.print("stopped; the trial in training was put back")
        sys.exit(EXIT_PUT_BACK if stop.received == signal.SIGTERM else 128 + stop.received)


def _made(config: SearchConfig, folder: RunFolder, place: URL) -> Run:
    """Open the study, made from its configuration if it is not there, with its folder and provenance."""
    open_folder(folder, config)
    run = open_run(config, folder, place)
    note_place(folder, place)
    if not folder.provenance.exists():
        start_record(config, folder)
    return run


def _print(message: Message) -> None:
    if message.event == "end":
        errors.print(f"{message.label:<22} {message.text}", soft_wrap=True)
