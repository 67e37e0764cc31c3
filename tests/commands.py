"""Calls of `scaling` in this process, as a terminal makes them."""

from __future__ import annotations

import contextlib
import io
import json
from typing import Any

import click
from click.testing import CliRunner

from scaling.cli import group
from scaling.cli.output import run


def printed(*arguments: object, columns: int = 80) -> str:
    """Return what a command prints; its errors are raised, and warnings fail the test."""
    outcome = CliRunner(env={"COLUMNS": str(columns)}).invoke(
        group, [str(one) for one in arguments], catch_exceptions=False, standalone_mode=False
    )
    assert outcome.stderr == ""
    return outcome.stdout


def document(*arguments: object) -> Any:
    """Return the one JSON document of a command."""
    return json.loads(printed(*arguments, "--json"))


def refused(*arguments: object, command: click.Command = group) -> str:
    """Return the one line of standard error with which a command ends; nothing else may happen."""
    out, err, code = io.StringIO(), io.StringIO(), None
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            run(command, [str(one) for one in arguments])
        except SystemExit as leave:
            code = leave.code
    assert (code, out.getvalue()) == (2, "")
    line = err.getvalue()
    assert line.startswith("scaling: ")
    assert line.count("\n") == 1, line
    return line
