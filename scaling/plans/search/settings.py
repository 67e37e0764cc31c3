"""Every setting of an experiment file, with its default and what it means, as its models describe them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from scaling.plans.search.config import SearchConfig

Schema = Mapping[str, Any]
"""JSON Schema of a table or of a setting, as pydantic gives it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """One setting of an experiment file.

    Args:
        table: the tables above it, joined by dots; empty at the top.
        choices: the values it may take; empty where they are not a short list.
        default: plain; None where it has none.
    """

    table: str
    key: str
    meaning: str
    choices: tuple[str, ...]
    default: Any
    required: bool

    @property
    def path(self) -> str:
        """The key with its tables."""
        return f"{self.table}.{self.key}" if self.table else self.key


def settings() -> tuple[Setting, ...]:
    """Return every setting, in the order of the models.

    >>> next(one.meaning for one in settings() if one.path == "search.trials")
    'Networks that the sampler proposes, beside the references.'
    """
    schema = SearchConfig.model_json_schema()
    return tuple(_of_table(schema, "", schema["$defs"]))


def _of_table(schema: Schema, table: str, known: Schema) -> Iterator[Setting]:
    for key, own in schema["properties"].items():
        kind = _kind(own, known)
        if "properties" in kind:
            yield from _of_table(kind, f"{table}.{key}" if table else key, known)
            continue
        meaning = str(own.get("description", "")).replace("\n", " ")
        yield Setting(
            table=table,
            key=key,
            meaning=meaning[:1].upper() + meaning[1:].rstrip(".") + "." if meaning else "",
            choices=_choices(kind, known),
            default=own.get("default"),
            required=key in schema.get("required", ()),
        )


def _kind(schema: Schema, known: Schema) -> Schema:
    """Return the schema itself, or the one that it refers to by name."""
    name = str(schema.get("$ref", "")).rpartition("/")[2]
    found: Schema = known[name] if name else schema
    return found


def _choices(kind: Schema, known: Schema) -> tuple[str, ...]:
    kinds = [_kind(one, known) for one in kind.get("anyOf", [kind.get("items", kind)])]
    named = [one for one in kinds if one.get("type") != "null"]
    return tuple(str(value) for value in named[0].get("enum", ())) if len(named) == 1 else ()
