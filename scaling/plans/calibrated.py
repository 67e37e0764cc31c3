"""A latency model in an experiment file: the path of a calibration becomes its coefficients."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from scaling.errors import ConfigError
from scaling.latency.calibration import Calibration, read_calibration


def from_here(overrides: Sequence[str], table: str) -> list[str]:
    """Return overrides in which a calibration's path is relative to the current folder, not to the file.

    Args:
        overrides: `table.key=value`.
        table: that has the latency model, such as `search`.
    """
    return [_absolute(one, f"{table}.latency.calibration") for one in overrides]


def take_calibration(document: dict[str, Any], table: str, folder: Path) -> Calibration | None:
    """Put a calibration's coefficients in the place of its path, and return it; None where none is named.

    Args:
        document: of the experiment.
        table: that has the latency model.
        folder: that the path is relative to.

    Raises:
        ConfigError: it cannot be read, is none, or it comes beside coefficients.
    """
    place = document.get(table)
    latency = place.get("latency") if isinstance(place, dict) else None
    if not isinstance(place, dict) or not isinstance(latency, dict) or "calibration" not in latency:
        return None
    if len(latency) > 1:
        raise ConfigError(f"{table}.latency takes a calibration or coefficients, not both")
    found = read_calibration(folder / str(latency["calibration"]))
    place["latency"] = {name: getattr(found.model, name) for name in ("base_ms", *found.model.terms)}
    return found


def _absolute(one: str, wanted: str) -> str:
    key, equals, value = one.partition("=")
    if key.strip() != wanted or not equals:
        return one
    return f"{key}={json.dumps(str(Path(value.strip().strip(chr(34))).absolute()))}"
