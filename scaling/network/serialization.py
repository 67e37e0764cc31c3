"""Specs to JSON and back, and the identity of an architecture."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from scaling.atomic_write import json_of, read_regular
from scaling.errors import ConfigError, SpecError
from scaling.network.architecture import ArchitectureSpec, BlockKind
from scaling.toml_errors import first_problem

LARGEST = 64 * 2**20
"""Bytes of a document that holds a network; a record of a training is the largest."""
_ADAPTER = TypeAdapter(ArchitectureSpec)
_UNNAMED = {"name": "", "dropout": 0.0, "stochastic_depth": 0.0, "derivation": None}


def to_json(spec: ArchitectureSpec) -> str:
    """Write a spec, metadata included, as one JSON document; floats round-trip.

    What only other networks than EfficientNets have (kind, pool_stride) is left out at its default, so that
    documents and keys of EfficientNets are those of earlier versions.

    >>> from scaling import variant
    >>> from_json(to_json(variant("b4"))) == variant("b4")
    True
    """
    return _ADAPTER.dump_json(spec, indent=2, exclude=_at_default(spec)).decode()


def from_json(text: str) -> ArchitectureSpec:
    """Read a spec.

    Raises:
        SpecError: the text is not JSON, a key is unknown or missing, or a value is out of range.
    """
    try:
        return _ADAPTER.validate_json(text)
    except ValidationError as error:
        raise SpecError(f"not an architecture: {first_problem(error)}") from None


def read_spec(path: Path) -> ArchitectureSpec:
    """Read a network from a file: a spec as `to_json` writes it, or a document that holds one as `spec`.

    Such documents are what `describe --json` prints, a training's `result.json` and the records of the store.

    Raises:
        ConfigError: the file cannot be read.
        SpecError: it holds no network; the message says why.
    """
    try:
        text = read_regular(path, LARGEST).decode()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise ConfigError(f"cannot read the network {path}: {reason}") from None
    try:
        document = json_of(text)
    except ValueError as error:
        raise SpecError(f"{path} is not JSON: {str(error).splitlines()[0]}") from None
    inner = document.get("spec") if isinstance(document, dict) else None
    try:
        return from_json(text if inner is None else json.dumps(inner))
    except SpecError as error:
        raise SpecError(f"{path} is {error}") from None


def _at_default(spec: ArchitectureSpec) -> dict[str, Any]:
    """Return what pydantic is to leave out."""
    plain = {number: {"kind"} for number, stage in enumerate(spec.stages) if stage.kind == BlockKind.MBCONV}
    return {"stages": plain} if spec.stem.has_pool else {"stages": plain, "stem": {"pool_stride"}}


def architecture_key(spec: ArchitectureSpec) -> str:
    """Name an architecture: equal specs have equal keys, on every machine; metadata does not count.

    >>> from scaling import variant
    >>> from dataclasses import replace
    >>> architecture_key(variant("b0")) == architecture_key(replace(variant("b0"), name="mine"))
    True
    """
    unnamed = replace(spec, **_UNNAMED)  # type: ignore[arg-type]
    bare = json.loads(_ADAPTER.dump_json(unnamed, exclude=_at_default(spec)))
    canonical = json.dumps(bare, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()[:16]
