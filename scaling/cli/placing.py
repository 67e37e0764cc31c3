"""Options that say where the study's database is; a password never stands on a command line."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click
from sqlalchemy import URL

from scaling.cli.output import compose
from scaling.search.location import VARIABLE, locate

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
