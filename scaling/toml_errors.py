"""Small TOML files of people: what is wrong in one, in words, and on which line.

`tomllib` keeps no lines, so the line of a wrong entry is looked up in the text.
"""

from __future__ import annotations

import difflib
import re
import tomllib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, get_args, get_type_hints

from pydantic import ValidationError

from scaling.atomic_write import check_depth, read_regular
from scaling.errors import ConfigError

LARGEST_TEXT = 2**18
"""Bytes of a file that a person wrote; the largest of ours has 5,000."""
DEEPEST = 16
"""Tables and arrays within one another; ours have 4."""

Entry = tuple[str | int, ...]
"""Tables, key and perhaps the index in an array, as pydantic's locations."""

_HEADER = re.compile(r"\s*\[\[?\s*([^\[\]#]+?)\s*\]\]?\s*(?:#.*)?")
_KEY = re.compile(r"""\s*((?:[A-Za-z0-9_.-]|"[^"\n]*"|'[^'\n]*')+)\s*=(.*)""")
_PART = r"""(?:[A-Za-z0-9_-]+|"[^"\n]*"|'[^'\n]*')"""
_LONG_KEY = re.compile(rf"(?<![A-Za-z0-9_-])(?:{_PART}[ \t]*\.[ \t]*){{{DEEPEST}}}")
_TOKEN = re.compile(r"""#.*|"(?:\\.|[^"\\\n])*"|'[^'\n]*'|[\[\]{}]""")


def read_text(path: Path, what: str) -> str:
    """Return the text of a file that a person wrote.

    Args:
        path: of the file.
        what: it should be, for the message.

    Raises:
        ConfigError: it cannot be read, or is no UTF-8 text.
    """
    try:
        return read_regular(path, LARGEST_TEXT).decode("utf-8-sig")  # Windows' editors begin with a mark
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise ConfigError(f"cannot read {what} {path}: {reason}") from None


def parse_toml(text: str, path: Path) -> dict[str, Any]:
    """Return a TOML document.

    Raises:
        ConfigError: the text is no TOML, with the parser's own line and column, or is nested too deep.
    """
    try:
        return toml_of(text)
    except ValueError as error:  # the parser's own, and of an integer of thousands of digits
        raise ConfigError(f"{path} is not TOML: {str(error).splitlines()[0]}") from None


def toml_of(text: str) -> dict[str, Any]:
    """Return a TOML text as plain data.

    Raises:
        ValueError: it is no TOML, or nested deeper than any table of this program.
    """
    if _LONG_KEY.search(text):
        raise ValueError(f"a key has more than {DEEPEST} parts")
    try:
        document = tomllib.loads(text)
    except RecursionError:
        raise ValueError("it is nested too deep") from None
    check_depth(document, DEEPEST)
    return document


def first_problem(error: ValidationError) -> str:
    """Say in one line where validation failed first and what came."""
    problem = error.errors(include_url=False)[0]
    said, limits = problem["msg"].removeprefix("Value error, "), problem.get("ctx", {})
    if problem["type"] in {"too_short", "too_long"}:  # of a list; the words are pydantic's for its own types
        bounds = {"at least": limits.get("min_length"), "at most": limits.get("max_length")}
        allowed = " and ".join(f"{word} {count}" for word, count in bounds.items() if count is not None)
        said = f"expected {allowed} entries, got {limits.get('actual_length', 'more')}"
    where = ".".join(str(part) for part in problem["loc"]) or "document"
    more = "" if error.error_count() == 1 else f" (and {error.error_count() - 1} more)"
    return f"{where}: {said}{more}"


def problem_of(error: ValidationError, model: type[Any]) -> tuple[Entry, str]:
    """Return where a document is wrong first, and what is; for an unknown key, name the nearest known one.

    Args:
        error: from validating it.
        model: that it was validated by.
    """
    for problem in error.errors(include_url=False):
        # pydantic's names for an unknown key of a model, and of a dataclass such as the recipe
        if problem["type"] in {"extra_forbidden", "unexpected_keyword_argument"}:
            entry, known = _entry_of(problem["loc"], model)
            close = difflib.get_close_matches(entry[-1], known, n=1)
            hint = f"did you mean {close[0]!r}?" if close else f"known keys: {', '.join(known)}"
            return entry, f"unknown key {'.'.join(entry)!r}; {hint}"
    first = error.errors(include_url=False)[0]
    # A model's own validator may say which of its entries is wrong.
    return (*first["loc"], *first.get("ctx", {}).get("entry", ())), first_problem(error)


def _entry_of(location: Entry, model: Any) -> tuple[tuple[str, ...], list[str]]:
    """Return the tables and the key of an unknown entry, and the keys that are known in its place.

    Args:
        location: as pydantic names it, with indices of arrays and tags of unions between the tables.
        model: of the document.
    """
    models, names = [model], list[str]()
    *tables, key = location
    for table in tables:
        inner = [one for model in models for one in _inner_tables(_annotations(model).get(str(table)))]
        if inner:
            models, names = inner, [*names, str(table)]
        elif isinstance(table, str):  # the tag of a union: its `kind`
            models = [one for one in models if table in get_args(_annotations(one).get("kind"))]
    known = [name for model in models for name in _annotations(model)]
    return (*names, str(key)), list(dict.fromkeys(known))


def _annotations(model: Any) -> dict[str, Any]:
    if hasattr(model, "model_fields"):
        return {name: field.annotation for name, field in model.model_fields.items()}
    hints = get_type_hints(model)
    return {name: hints[name] for name in model.__dataclass_fields__}


def _inner_tables(annotation: Any) -> list[Any]:
    """Return the models and dataclasses of an annotation such as `tuple[Table, ...]` or `Table | None`."""
    if hasattr(annotation, "model_fields") or hasattr(annotation, "__dataclass_fields__"):
        return [annotation]
    return [inner for part in get_args(annotation) for inner in _inner_tables(part)]


def line_of(text: str, entry: Entry) -> int | None:
    r"""Return the line, from 1, where a TOML text sets an entry; of a missing one, the table above it.

    Approximation: tables, keys and arrays of strings are understood, one key a line; within an inline table
    or a string of several lines it is the line where that begins.

    Args:
        text: of the document.
        entry: such as ("baseline", "stages", 2).

    >>> line_of("[a]\nb = [\n  'x',\n  'y',\n]\n", ("a", "b", 1)), line_of("[a]", ("a", "c"))
    (4, 1)
    """
    names = [part for part in entry if isinstance(part, str)]
    found: tuple[int, int] | None = None
    for path, number, rest in _settings(text):
        if list(path) == names[: len(path)] and len(path) >= (found[0] if found else 1):
            found = (len(path), number)
            if list(path) == names and isinstance(entry[-1], int):
                value = "\n".join([rest, *text.splitlines()[number:]])
                return number + _lines_before(value, entry[-1])
    return found[1] if found else None


def _settings(text: str) -> Iterator[tuple[tuple[str, ...], int, str]]:
    """Yield (path, line, text from its value to the end of the line) of every table and key."""
    table: tuple[str, ...] = ()
    depth = 0
    for number, line in enumerate(text.splitlines(), start=1):
        if depth == 0 and (header := _HEADER.fullmatch(line.rstrip())):
            table = _path(header[1])
            yield table, number, ""
            continue
        if depth == 0 and (key := _KEY.match(line)):
            yield (*table, *_path(key[1])), number, key[2]
        depth += sum({"[": 1, "{": 1, "]": -1, "}": -1}.get(token, 0) for token in _TOKEN.findall(line))


def _path(text: str) -> tuple[str, ...]:
    return tuple(part.strip().strip("\"'") for part in text.split("."))


def _lines_before(value: str, index: int) -> int:
    """Count the line breaks before an array's string of this index; none where there is no such string."""
    strings = [token for token in _TOKEN.finditer(value) if token[0][0] in "\"'"]
    closing = next((token.start() for token in _TOKEN.finditer(value) if token[0] == "]"), len(value))
    inside: Sequence[re.Match[str]] = [token for token in strings if token.start() < closing]
    return value.count("\n", 0, inside[index].start()) if index < len(inside) else 0


def located(where: Path | str, text: str, entry: Entry, problem: str) -> ConfigError:
    """Return the error of a wrong entry: file, line, and what is wrong."""
    line = line_of(text, entry)
    return ConfigError(f"{where}{'' if line is None else f', line {line}'}: {problem}")
