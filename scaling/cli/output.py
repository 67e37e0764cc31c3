"""What every command prints with: one console, one JSON document, one-line errors."""

from __future__ import annotations

import functools
import json
import sys
import warnings
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any, TextIO, TypeVar

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from scaling.environment import prepare_environment
from scaling.errors import ScalingError, printable

console = Console(highlight=False)
"""Standard output for people; anything a script reads goes through `emit_json`."""

errors = Console(stderr=True, highlight=False)
"""Standard error: progress and spinners, so that standard output stays clean."""

LONGEST = 2000
"""Characters of a message; names of people are in it."""

Command = TypeVar("Command", bound=Callable[..., Any])


def emit_json(document: object) -> None:
    """Print exactly one JSON document on standard output; floats round-trip."""
    click.echo(json.dumps(document, indent=2, allow_nan=False))


def json_option(command: Command) -> Command:
    """Add `--json` to a command; it arrives as `as_json`."""
    option = click.option("--json", "as_json", is_flag=True, help="Print one JSON document and nothing else.")
    return option(command)


def table_of(first: str, *headings: str) -> Table:
    """Make a plain table: the first column to the left, the others to the right, no box to break."""
    gap = 2 if console.width >= 72 else 1
    table = Table(box=None, pad_edge=False, padding=(0, gap, 0, 0), header_style="bold")
    table.add_column(first, no_wrap=True)
    for heading in headings:
        table.add_column(heading, justify="right")
    return table


def waiting(message: str) -> AbstractContextManager[object]:
    """Show a spinner while something takes seconds; nothing when output is not a terminal."""
    return errors.status(message) if errors.is_terminal else nullcontext()


def counting_bars() -> Progress:
    """Make bars for long work that is counted in pieces; nothing is drawn without a terminal."""
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(bar_width=20),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=errors,
        transient=True,
        disable=not errors.is_terminal,
    )


def fail(message: str, code: int) -> None:
    """Print one line on standard error and leave with the code."""
    click.echo(f"scaling: {printable(message, LONGEST)}", err=True)
    sys.exit(code)


def show_warning(
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    file: TextIO | None = None,
    line: str | None = None,
) -> None:
    """Print a warning as one line on standard error, without file and line."""
    del category, filename, lineno, file, line
    click.echo(f"scaling: warning: {printable(str(message), LONGEST)}", err=True)


def run(group: click.Command, arguments: list[str] | None = None) -> None:
    """Run a command; bad input ends with one line and exit code 2, a failed run with 1."""
    prepare_environment()  # commands import torch when they are called
    with warnings.catch_warnings():
        warnings.showwarning = show_warning
        try:
            group.main(args=arguments, standalone_mode=False)
        except click.exceptions.NoArgsIsHelpError as error:
            click.echo(error.format_message(), err=True)  # the help, as it is laid out
            sys.exit(error.exit_code)
        except click.ClickException as error:
            fail(error.format_message(), 2)
        except click.exceptions.Abort:
            fail("interrupted", 130)
        except click.exceptions.Exit as leave:
            sys.exit(leave.exit_code)
        except ScalingError as error:
            fail(str(error), getattr(error, "exit_code", 2))
        except BrokenPipeError:
            sys.stderr.close()
            sys.exit(1)


def compose(*decorators: Callable[[Any], Any]) -> Callable[[Command], Command]:
    """Apply several decorators as one, the first outermost."""

    def decorate(command: Command) -> Command:
        return functools.reduce(lambda inner, outer: outer(inner), reversed(decorators), command)

    return decorate
