"""Options that say where the study's database is; a password never stands on a command line."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click
from sqlalchemy import URL

from scaling.cli.output import compose
from scaling.errors import ConfigError
from scaling.results import write_text
from scaling.search.folder import RunFolder
from scaling.search.location import VARIABLE, is_sqlite, locate, parsed, printable, sqlite_url

Command = TypeVar("Command", bound=Callable[..., Any])


def storage_options(command: Command) -> Command:
    """Add `--storage` and `--storage-file`; they arrive as `storage` and `storage_file`."""
    return compose(
        click.option(
            "--storage",
            metavar="URL",
            help=f"Database, without a password (${VARIABLE}, or SQLite in the run's folder).",
        ),
        click.option(
            "--storage-file",
            type=click.Path(path_type=Path),
            help="File that holds the database's URL; chmod 600 where that has a password.",
        ),
    )(command)


def place_of(storage: str | None, storage_file: Path | None, default: Path) -> URL:
    """Return the database that the options, the environment or the run's folder name.

    Raises:
        ConfigError: a password on the command line, a file that others can read, or no URL.
    """
    return locate(storage, storage_file, os.environ, default)


def note_place(folder: RunFolder, place: URL) -> None:
    """Note in a run's folder where its study is, for commands that are given the folder alone."""
    if not is_sqlite(place):
        write_text(folder.storage_note, f"{printable(place)}\n")


def place_of_run(folder: RunFolder, storage: str | None, storage_file: Path | None) -> URL:
    """Return the database of a run that was started before.

    Raises:
        ConfigError: as `place_of`; or the study is elsewhere and its URL needs a password.
    """
    place = place_of(storage, storage_file, folder.database)
    if place != sqlite_url(folder.database) or not folder.storage_note.exists():
        return place
    noted = folder.storage_note.read_text(encoding="utf-8").strip()
    if "***" in noted:
        raise ConfigError(
            f"the study of {folder.path} is in {noted}; set {VARIABLE} or give --storage-file FILE"
        )
    return parsed(noted, where=str(folder.storage_note))
