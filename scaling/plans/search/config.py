"""The experiment file of a search: a setup, what is searched, and the question; frozen data."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

from pydantic import Field

from scaling.errors import ConfigError
from scaling.network.architecture import ArchitectureSpec
from scaling.plans.calibrated import from_here, take_calibration
from scaling.plans.search.search_table import CostRule, SearchTable
from scaling.runs.experiment_file import load_document, validated
from scaling.runs.folder import NAME
from scaling.runs.job import RecordedData
from scaling.runs.setup import ConfigTable, Setup
from scaling.targets.target import Metric, Target


class SearchConfig(ConfigTable):
    """A whole experiment file of `kind = "search"`."""

    schema_version: Literal[2] = Field(description="version of this file's format")
    kind: Literal["search"] = Field(description="what this file is")
    name: str = Field(pattern=NAME, description="of the run and of its folder: letters, digits, - and _")
    question: str = Field(description="what the search is to answer")
    prediction: str = Field(description="what you expect, written before the run; empty where nothing was")
    command: str = Field(default="", description="how it is started; for the reader")
    expected_minutes: float | None = Field(
        default=None, gt=0, description="how long it takes; for the reader"
    )
    search: SearchTable
    setup: Setup

    @property
    def baseline_spec(self) -> ArchitectureSpec:
        """The baseline with the data's classes and channels."""
        return self.setup.baseline_spec

    @cached_property
    def target(self) -> Target:
        """What a candidate must cost; a data set of photographs caps the image size at its own.

        Raises:
            ConfigError: the factor is not above 1.
        """
        search = self.search
        limits = [size for size in (search.largest_image_size, self.setup.largest_image_size) if size]
        if not search.target_factor > 1:
            raise ConfigError(f"target factor must be above 1 in a search, got {search.target_factor}")
        return Target(
            factor=search.target_factor,
            tolerance=search.tolerance,
            largest_image_size=min(limits) if limits else None,
            metric=search.metric,
            limits=search.limits,
            latency=search.latency,
        )

    def document(self) -> dict[str, Any]:
        """Return the resolved configuration as plain data."""
        return self.model_dump(mode="json")

    def key(self) -> str:
        """Return a hash of everything that shapes results; the number of workers does not.

        Settings at their defaults are left out, so that a new setting leaves the keys of earlier runs alone.
        """
        plain = self.model_dump(mode="json", exclude_defaults=True)
        for free in ("command", "expected_minutes"):
            plain.pop(free, None)
        plain["setup"] = self.setup.shaping()
        return hashlib.sha256(json.dumps(plain, sort_keys=True).encode()).hexdigest()[:16]


def load_config(path: Path, overrides: Sequence[str] = ()) -> SearchConfig:
    """Read an experiment file, with `table.key=value` overrides whose values are TOML.

    A path of a calibration is relative to the file, in an override to the current folder.

    Raises:
        ConfigError: the file is missing or not TOML, a key is unknown (the nearest known one is named), a
            value is out of range, or its parts do not fit together.
    """
    document, text = load_document(path, from_here(overrides, "search"))
    take_calibration(document, "search", path.parent)
    return parse_config(document, where=str(path), text=text)


def parse_config(
    document: dict[str, Any], *, where: str, text: str = "", recorded: RecordedData | None = None
) -> SearchConfig:
    """Validate a document.

    Args:
        document: as TOML or JSON gives it.
        where: it comes from, for messages.
        text: that it was read from, to look up the line of a wrong entry.
        recorded: of the data, where a run is read; no data are loaded then.

    Raises:
        ConfigError: as `load_config`.
    """
    if document.get("kind") != "search":
        raise ConfigError(f"{where}: expected kind 'search', got {str(document.get('kind'))[:40]!r}")
    return validated(SearchConfig, document, where=where, text=text, check=_check, recorded=recorded)


def _check(config: SearchConfig) -> None:
    spec, search, target = config.setup.check().baseline_spec, config.search, config.target
    free = target.largest_image_size is None and not target.limits.bounds_image_size
    if target.metric == Metric.PARAMS and free and search.cost == CostRule.ACHIEVED:
        raise ConfigError(
            "metric params leaves the image size free: set search.largest_image_size, or a limit on macs, "
            "activations or memory_bytes"
        )
    if not target.within_limits(spec):
        raise ConfigError("the baseline itself is beyond search.limits or search.largest_image_size")
