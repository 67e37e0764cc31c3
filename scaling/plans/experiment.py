"""What the files of studies and audits have in common, and how they are read."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from enum import StrEnum
from pathlib import Path
from typing import Any, TypeVar, get_args

from pydantic import Field

from scaling.errors import ConfigError
from scaling.runs.experiment_file import load_setup, validated
from scaling.runs.folder import NAME
from scaling.runs.setup import ConfigTable, Setup


class Size(StrEnum):
    """How large an experiment is."""

    QUICK = "quick"
    """Minutes on two cores."""
    STANDARD = "standard"
    """Hours of one GPU."""
    PAPER = "paper"
    """What the paper did: it is costed, not run."""


class ExperimentTable(ConfigTable):
    """The top of an experiment file."""

    schema_version: int = Field(description="version of this file's format")
    kind: str = Field(description="what this file is")
    name: str = Field(pattern=NAME, description="of the run and of its folder: letters, digits, - and _")
    question: str = Field(description="what it is to answer")
    prediction: str = Field(description="what you expect, written before the run; empty where nothing was")
    command: str = Field(default="", description="how it is started; for the reader")


Table = TypeVar("Table", bound=ExperimentTable)


def parsed(
    table: type[Table],
    document: dict[str, Any],
    *,
    where: str,
    text: str = "",
    check: Callable[[Table], object] = lambda _found: None,
) -> Table:
    """Validate a document of the table's kind; see `validated`.

    Raises:
        ConfigError: it is of another kind, a key is unknown, or a value is out of range.
    """
    (kind,) = get_args(table.model_fields["kind"].annotation)
    if document.get("kind") != kind:
        raise ConfigError(f"{where}: expected kind {kind!r}, got {str(document.get('kind'))[:40]!r}")
    return validated(table, document, where=where, text=text, check=check)


def changed_setup(path: Path, overrides: Sequence[str]) -> tuple[Setup, tuple[str, ...]]:
    """Read a setup with overrides; return it, and the overrides, none where they shape no result.

    Raises:
        ConfigError: as `load_setup`.
    """
    setup = load_setup(path, overrides)
    shaping = bool(overrides) and setup.key() != load_setup(path).key()
    return setup, tuple(overrides) if shaping else ()
