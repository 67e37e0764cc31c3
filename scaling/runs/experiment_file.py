"""Experiment and setup files: TOML read strictly into frozen tables; what is wrong is said with its line."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from scaling.errors import ConfigError, ScalingError, printable
from scaling.runs.job import RecordedData
from scaling.runs.rates import read_rates
from scaling.runs.setup import Setup
from scaling.toml_errors import DEEPEST, LARGEST_TEXT, located, parse_toml, problem_of, read_text, toml_of

Model = TypeVar("Model", bound=BaseModel)
SETUP_TABLES = tuple(Setup.model_fields)
CHECKOUT = Path(__file__).resolve().parents[2]
"""Where the experiments lie that come with the package."""


def bundled(path: Path) -> Path:
    """Return a path from the current folder, or of the checkout where only that has it."""
    own = CHECKOUT / path
    return own if own.exists() and not path.exists() else path


def load_setup(path: Path, overrides: Sequence[str] = (), *, with_rates: bool = True) -> Setup:
    """Read a setup file, with `table.key=value` overrides whose values are TOML.

    Args:
        path: of the file.
        overrides: of its settings.
        with_rates: whether to read the bracketed learning rates that it names.

    Raises:
        ConfigError: the file is missing or not TOML, a key is unknown (the nearest known one is named), a
            value is out of range, or its parts do not fit together.
    """
    text = read_text(path, "the setup")
    document = parse_toml(text, path)
    if not with_rates:
        document.pop("rates", None)
    document = _with_rates(document, path.parent)
    for one in overrides:
        override(document, one)
    return validated(Setup, document, where=str(path), text="" if overrides else text, check=Setup.check)


def load_document(path: Path, overrides: Sequence[str] = ()) -> tuple[dict[str, Any], str]:
    """Read an experiment file whose `setup` is a table, or the path of a file beside it.

    Args:
        path: of the file.
        overrides: `table.key=value`; a setup's own tables may be named alone, such as `recipe.epochs=5`.

    Returns:
        The document with its setup filled in, and the text to look up lines in; none where what was read is
        not all that counts.

    Raises:
        ConfigError: a file is missing or not TOML, or an override is none.
    """
    text = read_text(path, "the experiment file")
    document = parse_toml(text, path)
    named = document.get("setup")
    if isinstance(named, str):
        setup = path.parent / named
        document["setup"] = _with_rates(parse_toml(read_text(setup, "the setup"), setup), setup.parent)
    elif isinstance(named, dict):
        document["setup"] = _with_rates(named, path.parent)
    for one in overrides:
        table = one.split(".", 1)[0].strip()
        override(document, f"setup.{one}" if table in SETUP_TABLES else one)
    return document, "" if overrides or isinstance(named, str) else text


def validated(
    model: type[Model],
    document: dict[str, Any],
    *,
    where: str,
    text: str = "",
    check: Callable[[Model], object] = lambda _found: None,
    recorded: RecordedData | None = None,
) -> Model:
    """Validate a document.

    Args:
        model: what it should be.
        document: as TOML or JSON gives it.
        where: it comes from, for messages.
        text: that it was read from, to look up the line of a wrong entry; none where it was changed since.
        check: what else must hold, beyond the model's own validators.
        recorded: of the data, where a run is read; no data are loaded then.

    Raises:
        ConfigError: a key is unknown (the nearest known one is named) or a value is out of range.
    """
    try:
        found = model.model_validate(document, context=recorded)
        check(found)
    except ValidationError as error:
        entry, problem = problem_of(error, model)
        raise located(where, text, entry, problem) from None
    except ScalingError as error:
        raise ConfigError(f"{where}: {error}") from None
    return found


def override(document: dict[str, Any], text: str) -> None:
    """Set an entry of a document by `table.key=value`, whose value is TOML, or a bare word.

    Raises:
        ConfigError: it is no such text, or one of its tables is a value.

    >>> document = {"recipe": {"epochs": 3}}
    >>> override(document, "recipe.epochs=5")
    >>> document
    {'recipe': {'epochs': 5}}
    """
    key, equals, value = text.partition("=")
    if not equals or not key.strip():
        raise ConfigError(f"expected --set table.key=value, got {text!r}")
    *tables, last = key.strip().split(".")
    if len(tables) >= DEEPEST or len(text) > LARGEST_TEXT:
        raise ConfigError(f"expected --set table.key=value, got {printable(text, 100)!r}")
    parsed = _value(value)
    place = document
    for table in tables:
        place = place.setdefault(table, {})
        if not isinstance(place, dict):
            raise ConfigError(f"--set {key}: {table!r} is a value, not a table")
    place[last] = parsed


def _with_rates(setup: dict[str, Any], folder: Path) -> dict[str, Any]:
    """Read the learning rates that a setup names by a path from its folder."""
    named = setup.get("rates")
    return {**setup, "rates": read_rates(folder / named)} if isinstance(named, str) else setup


def _value(text: str) -> Any:
    try:
        document = toml_of(f"value = {text}")
    except ValueError:
        return text  # a bare word: --set search.sampler=random
    return document["value"] if len(document) == 1 else text
