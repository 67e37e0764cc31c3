"""Options that say where trainings run and where their records lie."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from scaling.cli.output import compose

if TYPE_CHECKING:
    from scaling.runs.launch import Where

STORE = Path("runs") / "trainings"
Command = TypeVar("Command", bound=Callable[..., Any])


def where_options(command: Command) -> Command:
    """Add the options; they arrive as the arguments of `where_of`."""
    return compose(
        click.option("--workers", type=click.IntRange(1, 256), help="Worker processes (by cores or GPU)."),
        click.option(
            "--store",
            "store_path",
            type=click.Path(path_type=Path),
            default=STORE,
            show_default=True,
            help="Folder of all trainings.",
        ),
    )(command)


def where_of(*, workers: int | None, store_path: Path) -> Where:
    """Return where trainings run, as the options say."""
    from scaling.runs.launch import Where  # noqa: PLC0415  it imports torch
    from scaling.runs.store import Store  # noqa: PLC0415

    return Where(store=Store(path=store_path), workers=workers)
