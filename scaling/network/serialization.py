"""Specs to JSON and back, and the identity of an architecture."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from typing import Any

from pydantic import TypeAdapter, ValidationError

from scaling.errors import SpecError
from scaling.network.architecture import ArchitectureSpec, BlockKind
from scaling.toml_errors import first_problem

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
