"""`run_search.py worker`: one more worker of a study, started by anything, anywhere."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

import click

from scaling.cli.output import errors
from scaling.cli.placing import place_of, storage_options
from scaling.search.folder import RunFolder
from scaling.search.joining import join, use_threads
from scaling.search.run import join_run, shown
from scaling.search.signals import StopSignals
from scaling.search.worker import Message

EXIT_PUT_BACK = 75
"""Stopped by SIGTERM before the study was done; start it again. (EX_TEMPFAIL of sysexits.h.)"""


@click.command()
@storage_options
@click.option("--study", metavar="NAME", help="Which experiment, where the database holds several.")
@click.option(
    "--output",
    type=click.Path(path_type=Path),
    help="Folder for checkpoints (runs/<experiment>); shared, so that others can go on from them.",
)
def worker(storage: str | None, storage_file: Path | None, study: str | None, output: Path | None) -> None:
    """Claim and train networks of a study until it is done.

    The configuration comes from the database. Ctrl-C, and SIGTERM as batch systems send it, stop at the next
    step and put the trial back; a second Ctrl-C leaves at once. Exit status: 0 when the study is done, 75
    after SIGTERM, 130 after Ctrl-C.
    """
    folder = RunFolder(path=output) if output else None
    run = join_run(
        place_of(storage, storage_file, (folder or RunFolder.of(study or "")).database), study, folder
    )
    threads = use_threads(os.environ)
    with StopSignals(run.patience) as stop:
        errors.print(f"worker of {run.config.name} in {shown(run.place)}, {threads} threads", soft_wrap=True)
        done = join(run, stop=stop, send=_print)
    if done:
        errors.print(f"{run.config.name} is done")
    else:
        errors.print("stopped; the trial in training was put back")
        sys.exit(EXIT_PUT_BACK if stop.received == signal.SIGTERM else 128 + stop.received)


def _print(message: Message) -> None:
    if message.event == "end":
        errors.print(f"{message.label:<22} {message.text}", soft_wrap=True)
