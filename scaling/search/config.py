"""The experiment file of a search: TOML read strictly into frozen data."""

from __future__ import annotations

import hashlib
import json
import tomllib
from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from scaling.data import LARGEST_SEED, dataset_info
from scaling.errors import ConfigError, ScalingError
from scaling.latency.calibration import Calibration, read_calibration
from scaling.model import TENSORFLOW, Numerics
from scaling.network.architecture import ArchitectureSpec
from scaling.network.baseline_files import BaselineTable, RoundingTable
from scaling.network.baselines import rules_of_baseline
from scaling.network.generation import scaled_channels
from scaling.network.rounding import RELEASED, RoundingRules
from scaling.search.search_table import CostRule, SearchTable
from scaling.targets.target import Metric, Target
from scaling.toml_errors import located, parse_toml, problem_of, read_text
from scaling.training import Recipe
from scaling.training.job import TrainingJob
from scaling.training.options import EngineOptions

NAME = r"^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$"
"""Names of experiments and their studies: nothing that could lead out of the folder of results."""


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class DataTable(_Table):
    """`[data]`: which images, and how many."""

    name: str
    train: int = Field(ge=2)
    validation: int = Field(ge=1)
    seed: int = Field(default=0, ge=0, le=LARGEST_SEED)
    allow_upsampling: bool = False


class ClusterTable(_Table):
    """`[cluster]`: how workers that live are told from workers that died; shapes no result."""

    heartbeat_s: float = Field(default=60, gt=0, description="seconds between renewals of a trial's lease")
    grace_s: float = Field(default=180, gt=0, description="seconds without renewal until a trial is put back")
    patience_s: float = Field(default=1800, ge=0, description="seconds to wait for a database that is away")

    @model_validator(mode="after")
    def _live_trials_stay(self) -> ClusterTable:
        if self.grace_s < 2 * self.heartbeat_s:
            raise ValueError(
                f"grace_s must be at least twice heartbeat_s, or live trials are put back; "
                f"got {self.grace_s:g} and {self.heartbeat_s:g}"
            )
        return self


class NumericsTable(_Table):
    """`[numerics]`: batch norm; short proxies need a faster momentum than the released 0.01."""

    batch_norm_epsilon: float = TENSORFLOW.batch_norm_epsilon
    batch_norm_momentum: float = TENSORFLOW.batch_norm_momentum


class SearchConfig(_Table):
    """A whole experiment file of `kind = "search"`."""

    schema_version: Literal[1]
    kind: Literal["search"]
    name: str = Field(pattern=NAME)
    question: str
    prediction: str
    command: str = ""
    expected_minutes: float | None = Field(default=None, gt=0)
    data: DataTable
    baseline: BaselineTable
    rounding: RoundingTable = RoundingTable()
    numerics: NumericsTable = NumericsTable()
    search: SearchTable
    cluster: ClusterTable = ClusterTable()
    recipe: Recipe
    engine: EngineOptions = EngineOptions()

    @cached_property
    def baseline_spec(self) -> ArchitectureSpec:
        """The baseline with the data's classes and channels."""
        info = dataset_info(self.data.name)
        spec = self.baseline.network()
        return replace(spec, in_channels=info.in_channels, num_classes=info.num_classes)

    @cached_property
    def rounding_rules(self) -> RoundingRules:
        """The rounding rules as the generator takes them."""
        named = self.baseline.stages is None
        released = rules_of_baseline(self.baseline.name) if named else RELEASED
        return replace(released, **self.rounding.model_dump())

    @cached_property
    def target(self) -> Target:
        """What a candidate must cost; a data set of photographs caps the image size at its own."""
        native = None if self.data.allow_upsampling else dataset_info(self.data.name).native_size
        limits = [size for size in (self.search.largest_image_size, native) if size]
        if not self.search.target_factor > 1:
            raise ConfigError(f"target factor must be above 1 in a search, got {self.search.target_factor}")
        return Target(
            factor=self.search.target_factor,
            tolerance=self.search.tolerance,
            largest_image_size=min(limits) if limits else None,
            metric=self.search.metric,
            limits=self.search.limits,
            latency=self.search.latency,
        )

    @cached_property
    def model_numerics(self) -> Numerics:
        """Padding and batch norm."""
        return Numerics(padding=TENSORFLOW.padding, **self.numerics.model_dump())

    def training_job(
        self, spec: ArchitectureSpec, *, seed: int, recipe: Recipe, train: int | None = None
    ) -> TrainingJob:
        """Return one training on this experiment's data, as studies and audits keep it in their store.

        Args:
            spec: the network.
            seed: of the training.
            recipe: how it is trained.
            train: images; the experiment's if None.
        """
        data = self.data
        return TrainingJob(
            spec=spec,
            recipe=recipe,
            data=data.name,
            train=data.train if train is None else train,
            validation=data.validation,
            data_seed=data.seed,
            allow_upsampling=data.allow_upsampling,
            seed=seed,
            numerics=self.model_numerics,
            kernels=self.engine.kernels,
        )

    def document(self) -> dict[str, Any]:
        """Return the resolved configuration as plain data."""
        return self.model_dump(mode="json")

    def key(self) -> str:
        """Return a hash of everything that shapes results; the number of workers and their leases do not.

        Settings at their defaults are left out, so that a new setting leaves the keys of earlier runs alone.
        """
        plain = self.model_dump(mode="json", exclude_defaults=True)
        for table, setting in (
            ("search", "workers"),
            ("", "command"),
            ("", "expected_minutes"),
            ("", "cluster"),
        ):
            (plain[table] if table else plain).pop(setting, None)
        return hashlib.sha256(json.dumps(plain, sort_keys=True).encode()).hexdigest()[:16]


def load_config(path: Path, overrides: Sequence[str] = ()) -> SearchConfig:
    """Read an experiment file, with `table.key=value` overrides whose values are TOML.

    Raises:
        ConfigError: the file is missing or not TOML, a key is unknown (the nearest known one is named), a
            value is out of range, or the baseline's channels do not fit the divisor.
    """
    text = read_text(path, "the experiment file")
    document = parse_toml(text, path)
    for one in overrides:
        override(document, one)
    _calibrated(document, path.parent)
    return parse_config(document, where=str(path), text="" if overrides else text)


def load_changed(path: Path, overrides: Sequence[str]) -> tuple[SearchConfig, tuple[str, ...]]:
    """Read an experiment file with overrides; return it, and the overrides, none where they shape no result.

    Raises:
        ConfigError: as `load_config`.
    """
    config = load_config(path, overrides)
    shaping = bool(overrides) and config.key() != load_config(path).key()
    return config, tuple(overrides) if shaping else ()


def calibration_of(path: Path, overrides: Sequence[str] = ()) -> Calibration | None:
    """Return the calibration that an experiment file, or an override, names; None where none is named.

    Raises:
        ConfigError: it cannot be read, or is none.
    """
    document = parse_toml(read_text(path, "the experiment file"), path)
    for one in overrides:
        override(document, one)
    named = _named_calibration(document)
    return None if named is None else read_calibration(path.parent / named)


def _named_calibration(document: dict[str, Any]) -> str | None:
    search = document.get("search")
    latency = search.get("latency") if isinstance(search, dict) else None
    return str(latency["calibration"]) if isinstance(latency, dict) and "calibration" in latency else None


def _calibrated(document: dict[str, Any], folder: Path) -> None:
    """Put a calibration's coefficients in the place of its path, relative to the experiment file."""
    named = _named_calibration(document)
    if named is None:
        return
    if len(document["search"]["latency"]) > 1:
        raise ConfigError("search.latency takes a calibration or coefficients, not both")
    model = read_calibration(folder / named).model
    document["search"]["latency"] = {name: getattr(model, name) for name in ("base_ms", *model.terms)}


def parse_config(document: dict[str, Any], *, where: str, text: str = "") -> SearchConfig:
    """Validate a document.

    Args:
        document: as TOML gives it.
        where: it comes from, for messages.
        text: that it was read from, to look up the line of a wrong entry; none where it was changed since.

    Raises:
        ConfigError: as `load_config`.
    """
    if document.get("kind") == "study":
        raise ConfigError(f"{where}: kind is 'study', this command runs kind 'search'")
    try:
        config = SearchConfig.model_validate(document)
        _check_baseline(config)
        _ = config.model_numerics  # refuses what is out of range
    except ValidationError as error:
        entry, problem = problem_of(error, SearchConfig)
        raise located(where, text, entry, problem) from None
    except ConfigError:
        raise
    except ScalingError as error:
        raise ConfigError(f"{where}: {error}") from None
    return config


def _check_baseline(config: SearchConfig) -> None:
    spec, rules, divisor = config.baseline_spec, config.rounding_rules, config.rounding.channel_divisor
    channels = (spec.stem.out_channels, *(s.out_channels for s in spec.stages), spec.head.out_channels)
    for count, scaled in zip(channels, scaled_channels(spec, 1.0, rules), strict=True):
        if scaled != count:
            raise ConfigError(
                f"the baseline's {count} channels are not a multiple of channel_divisor {divisor} (of a "
                "bottleneck, its inner ones): scaling by 1 would change it"
            )
    if rules.image_size(spec.image_size, 1.0) != spec.image_size:
        raise ConfigError(
            f"the baseline's image size {spec.image_size} is not a multiple of image_size_step "
            f"{rules.image_size_step}: scaling by 1 would change it"
        )
    largest = config.target.largest_image_size
    if largest is not None and spec.image_size > largest:
        raise ConfigError(
            f"the baseline's image size {spec.image_size} is above the largest allowed, {largest} "
            "(the data's native size, unless data.allow_upsampling is set)"
        )
    _check_target(config)


def _check_target(config: SearchConfig) -> None:
    search, target = config.search, config.target
    free = target.largest_image_size is None and not target.limits.bounds_image_size
    if target.metric == Metric.PARAMS and free and search.cost == CostRule.ACHIEVED:
        raise ConfigError(
            "metric params leaves the image size free: set search.largest_image_size, or a limit on macs, "
            "activations or memory_bytes"
        )
    if not target.within_limits(config.baseline_spec):
        raise ConfigError("the baseline itself is beyond search.limits or search.largest_image_size")


def override(document: dict[str, Any], text: str) -> None:
    """Set an entry of a document by `table.key=value`, whose value is TOML, or a bare word.

    A calibration's path is relative to the current folder here, where in a file it is relative to the file.

    Raises:
        ConfigError: it is no such text, or one of its tables is a value.
    """
    key, equals, value = text.partition("=")
    if not equals or not key.strip():
        raise ConfigError(f"expected --set table.key=value, got {text!r}")
    try:
        parsed = tomllib.loads(f"value = {value}")["value"]
    except tomllib.TOMLDecodeError:
        parsed = value  # a bare word: --set search.sampler=random
    if key.strip() == "search.latency.calibration":
        parsed = str(Path(str(parsed)).absolute())
    *tables, last = key.strip().split(".")
    place = document
    for table in tables:
        place = place.setdefault(table, {})
        if not isinstance(place, dict):
            raise ConfigError(f"--set {key}: {table!r} is a value, not a table")
    place[last] = parsed
