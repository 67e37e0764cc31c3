"""What every command prints with: one console, one JSON document, one-line errors."""

from __future__ import annotations

import functools
import io
import json
import os
import re
import sys
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from pathlib import Path
from typing import Any, TextIO, TypeVar

import click
from rich.console import Console, ConsoleDimensions
from rich.errors import MarkupError
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    TextColumn,
    TimeRemainingColumn,
)
from rich.table import Table
from rich.text import Text

from scaling.environment import prepare_environment
from scaling.errors import ScalingError, printable

UNBROKEN = 10_000
"""Columns of a file or a pipe: there no line is broken, and no table is squeezed."""
_FOREIGN = re.compile(r"(?<!\\)\[(?!/?bold\])")
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


class Printer(Console):
    """A console for texts in which others' words are: of all markup it knows [bold] alone, and no escapes."""

    @property  # type: ignore[misc]  # nothing sets it
    def size(self) -> ConsoleDimensions:
        """Return the terminal's size; COLUMNS has the last word."""
        narrow = self.is_terminal or "COLUMNS" in os.environ
        return super().size if narrow else ConsoleDimensions(UNBROKEN, 25)

    def render_str(self, text: str, *, markup: bool | None = None, **how: Any) -> Text:
        """Return a text with its style; what is not ours in brackets is shown as it is."""
        text = _CONTROL.sub(lambda found: repr(found[0])[1:-1], text)
        if markup is False:
            return super().render_str(text, markup=False, **how)
        try:
            return super().render_str(_FOREIGN.sub(r"\\\g<0>", text), markup=True, **how)
        except MarkupError:  # a [/bold] of theirs
            return super().render_str(text, markup=False, **how)


console = Printer(highlight=False, emoji=False)
"""Standard output for people; anything a script reads goes through `emit_json`."""

errors = Printer(stderr=True, highlight=False, emoji=False)
"""Standard error: progress and spinners, so that standard output stays clean."""

LONGEST = 2000
"""Characters of a message; names of people are in it."""

INTERRUPTED = 130
"""Exit code after Ctrl-C."""

Command = TypeVar("Command", bound=Callable[..., Any])
Columns = dict[str, str | Callable[[Any], str]]
"""Of a table, by heading: a format string of `row`, or what writes the cell of a row."""


def emit_json(document: object) -> None:
    """Print exactly one JSON document on standard output; floats round-trip."""
    click.echo(json.dumps(document, indent=2, allow_nan=False))


def json_option(command: Command) -> Command:
    """Add `--json` to a command; it arrives as `as_json`."""
    option = click.option("--json", "as_json", is_flag=True, help="Print one JSON document and nothing else.")
    return option(command)


def answer(document: object, as_json: bool, printed: Callable[[], object]) -> None:
    """Print a document for scripts, or let `printed` print it for people."""
    if as_json:
        emit_json(document)
    else:
        printed()


def say(line: object, to: Console = console, **style: Any) -> None:
    """Print a line as it is, in which names and paths may have any letters; it is never broken."""
    to.print(str(line), markup=False, soft_wrap=True, **style)


def say_written(paths: Iterable[Path], as_json: bool = False) -> None:
    """Say which files were written."""
    names = [str(path) for path in paths]
    answer(names, as_json, lambda: say("\n".join(f"wrote {name}" for name in names)))


def table_of(first: str, *headings: str) -> Table:
    """Make a plain table: the first column to the left, the others to the right, no box to break."""
    gap = 2 if console.width >= 72 else 1
    table = Table(box=None, pad_edge=False, padding=(0, gap, 0, 0), header_style="bold")
    table.add_column(first, no_wrap=True)
    for heading in headings:
        table.add_column(heading, justify="right")
    return table


def table_by(columns: Columns, rows: Iterable[Any], bold: Callable[[Any], object] = lambda _: False) -> Table:
    """Make a plain table of rows.

    Args:
        columns: by heading, what the cell of a row shows.
        rows: dictionaries or dataclasses.
        bold: which rows are set in bold.

    >>> table_by({"n": "{row[name]}", "%": lambda row: f"{100 * row['share']:.0f}"}, []).row_count
    0
    """
    table = table_of(*columns)
    for row in rows:
        cells = (cell.format(row=row) if isinstance(cell, str) else cell(row) for cell in columns.values())
        table.add_row(*cells, style="bold" if bold(row) else "")
    return table


def print_table(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print a plain table of finished cells."""
    table = table_of(*headings)
    for row in rows:
        table.add_row(*row)
    console.print(table)


def waiting(message: str) -> AbstractContextManager[object]:
    """Show a spinner while something takes seconds; nothing when output is not a terminal."""
    return errors.status(message) if errors.is_terminal else nullcontext()


def counting_bars(*columns: ProgressColumn) -> Progress:
    """Make bars for long work, with how many of how many or other columns; none without a terminal."""
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(bar_width=20),
        *(columns or (MofNCompleteColumn(),)),
        TimeRemainingColumn(),
        console=errors,
        transient=True,
        disable=not errors.is_terminal,
    )


@contextmanager
def measuring(what: str = "measuring kernels") -> Iterator[Callable[[int, int], None]]:
    """Give what shows a bar from its first call on, with how much is done and how much there is."""
    with counting_bars() as bars:
        bar = bars.add_task(what, visible=False)
        yield lambda done, total: bars.update(bar, completed=done, total=total, visible=True)


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
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # of letters that the terminal's encoding lacks
    with warnings.catch_warnings():
        warnings.showwarning = show_warning
        try:
            group.main(args=arguments, standalone_mode=False)
            sys.stdout.flush()
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
        except OSError as error:
            _abandon_output()
            where = "" if error.filename is None else f"{error.filename}: "
            fail(f"cannot go on: {where}{error.strerror or error}", 1)


def _abandon_output() -> None:
    """Point standard output to nowhere: what it could not take is written again as the interpreter ends."""
    with suppress(OSError):  # it is no file
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def compose(*decorators: Callable[[Any], Any]) -> Callable[[Command], Command]:
    """Apply several decorators as one, the first outermost."""

    def decorate(command: Command) -> Command:
        return functools.reduce(lambda inner, outer: outer(inner), reversed(decorators), command)

    return decorate
