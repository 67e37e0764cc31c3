"""The file of an audit: anchors, proxies, and when a ranking is said to hold. TOML, read strictly."""

from __future__ import annotations

import difflib
import tomllib
from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from scaling.analysis.proxy_agreement import FEWEST
from scaling.data import LARGEST_SEED
from scaling.errors import ConfigError
from scaling.runs.titles import file_name, suffix_of
from scaling.search.config import NAME, SearchConfig, load_changed
from scaling.toml_errors import first_problem, parse_toml, read_text
from scaling.training import Recipe
from scaling.training.zero_cost import ZeroCost

FOLDER = Path("experiments")
BASELINES = ("params", "macs", "activations")
"""Costs of a network that every audit ranks by, too: what does not beat them is no proxy."""


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class AnchorsTable(_Table):
    """`[anchors]`: the networks, and the dear training that is taken for the truth."""

    search: str = Field(
        description="search file whose data, baseline, rounding and recipe are taken, relative to this one; "
        "{data} is filled in"
    )
    networks: int = Field(ge=FEWEST, le=1000, description="how many")
    factors: tuple[float, ...] = Field(default=(2.0,), min_length=1, description="times the baseline's cost")
    tolerance: float = Field(default=0.05, gt=0, lt=1)
    epochs: int = Field(ge=1, description="of an anchor")
    seeds: tuple[int, ...] = Field(default=(0, 1, 2), min_length=1)


class ProxyTable(_Table):
    """`[[proxies]]`: a cheaper training; what is not set is as in the anchors."""

    name: str = Field(min_length=1, max_length=40)
    epochs: int | None = Field(default=None, ge=1)
    image_size: float = Field(default=1.0, gt=0, le=1, description="share of the anchors' side")
    train: float = Field(default=1.0, gt=0, le=1, description="share of the anchors' training images")
    width: float = Field(default=1.0, gt=0, le=1, description="share of the anchors' channels")
    seeds: tuple[int, ...] = Field(default=(100,), min_length=1, description="fresh ones")


class ScoresTable(_Table):
    """`[scores]`: scores of networks that are not trained."""

    names: tuple[ZeroCost, ...] = tuple(ZeroCost)
    batch: int = Field(default=64, ge=2, description="images")
    seeds: tuple[int, ...] = Field(
        default=(100, 101), min_length=1, description="of initial weights; averaged"
    )


class AuditConfig(_Table):
    """A whole file of `kind = "audit"`."""

    schema_version: Literal[1]
    kind: Literal["audit"]
    name: str = Field(pattern=NAME)
    question: str
    prediction: str
    command: str = ""
    paper: str = Field(default="", description="what the paper did of this kind, and what it would cost")
    minutes: dict[str, float] = Field(default={}, description="expected wall time by data set")
    least_spearman: float = Field(
        default=0.5,
        gt=0,
        lt=1,
        description="a ranking holds where the low end of the interval is at least this",
    )
    best: int = Field(default=3, ge=1, description="k of precision at k")
    anchors: AnchorsTable
    proxies: tuple[ProxyTable, ...] = ()
    scores: ScoresTable = ScoresTable()

    @field_validator("proxies")
    @classmethod
    def _named(cls, value: tuple[ProxyTable, ...]) -> tuple[ProxyTable, ...]:
        names = [one.name for one in value]
        taken = [*names, *BASELINES, *ZeroCost]
        double = next((name for name in names if taken.count(name) > 1), None)
        if double is not None:
            raise ValueError(f"proxies need different names, and none of a score's; got {double!r} again")
        return value

    @model_validator(mode="after")
    def _fits(self) -> AuditConfig:
        if self.best > self.anchors.networks:
            raise ValueError(f"best is {self.best}, but there are {self.anchors.networks} networks")
        used = set(self.anchors.seeds)
        for seeds, where in ((self.scores.seeds, "scores"), *((one.seeds, one.name) for one in self.proxies)):
            shared = sorted(used & set(seeds))
            if shared:
                raise ValueError(
                    f"seeds of {where} must be fresh, or it knows the anchors' initial weights; "
                    f"{shared[0]} is among theirs"
                )
            if min(seeds) < 0 or max(seeds) > LARGEST_SEED or len(set(seeds)) != len(seeds):
                raise ValueError(f"seeds must be different, from 0 to {LARGEST_SEED}, got {list(seeds)}")
        return self

    def document(self) -> dict[str, Any]:
        """Return the configuration as plain data."""
        return self.model_dump(mode="json")


class Audit(_Table):
    """An audit with the search file that it takes its data and baseline from, and what was changed in it."""

    config: AuditConfig
    search: SearchConfig
    changes: tuple[str, ...] = ()

    @property
    def title(self) -> str:
        """Name, data set and changes: its folder's name."""
        return f"{self.config.name}-{file_name(self.search.data.name)}{suffix_of(self.changes)}"

    def recipe(self, epochs: int | None) -> Recipe:
        """Return the recipe at some epochs; None for the anchors'."""
        return replace(self.search.recipe, epochs=self.config.anchors.epochs if epochs is None else epochs)


class AuditSize(StrEnum):
    """How large an audit is."""

    QUICK = "quick"
    """Minutes on two cores: NAME.toml."""
    STANDARD = "standard"
    """Hours of one GPU: NAME-standard.toml."""
    PAPER = "paper"
    """What the paper did: it is told, not run."""


def audit_file(name: str, size: AuditSize = AuditSize.QUICK) -> Path | None:
    """Return the file of an audit in experiments/, or None if that name is no audit's.

    Args:
        name: of the audit, or the path of its file.
        size: the paper's is told by the file of the quick one.
    """
    path = Path(name) if name.endswith(".toml") else FOLDER / f"{name}.toml"
    try:
        if tomllib.loads(path.read_text(encoding="utf-8")).get("kind") != "audit":
            return None
    except (OSError, ValueError):
        return None
    return path.with_stem(f"{path.stem}-standard") if size == AuditSize.STANDARD else path


def audits() -> list[Path]:
    """Return the files of audits in experiments/, the quick size of each."""
    found = (audit_file(str(path)) for path in sorted(FOLDER.glob("*.toml")))
    return [path for path in found if path is not None and not path.stem.endswith("-standard")]


def load_audit(path: Path, overrides: tuple[str, ...] = (), *, data: str = "glyphs") -> Audit:
    """Read an audit and its search file.

    Args:
        path: of the audit.
        overrides: `table.key=value` for the search file, such as `recipe.batch_size=32`.
        data: what `{data}` in the search file's name becomes.

    Raises:
        ConfigError: a file is missing or no TOML, a key is unknown, or a value is out of range.
    """
    document = parse_toml(read_text(path, "the audit"), path)
    if document.get("kind") != "audit":
        raise ConfigError(f"{path}: expected kind 'audit', got {document.get('kind')!r}")
    try:
        config = AuditConfig.model_validate(document)
    except ValidationError as error:
        raise ConfigError(f"{path}: {_problem(error)}") from None
    file = path.parent / config.anchors.search.replace("{data}", data)
    search, changes = load_changed(file, overrides)
    return Audit(config=config, search=search, changes=changes)


def _problem(error: ValidationError) -> str:
    problem = error.errors(include_url=False)[0]
    if problem["type"] != "extra_forbidden":
        return first_problem(error)
    *tables, key = (str(part) for part in problem["loc"])
    models: dict[str, type[BaseModel]] = {
        "anchors": AnchorsTable,
        "proxies": ProxyTable,
        "scores": ScoresTable,
    }
    model = models.get(tables[0], AuditConfig) if tables else AuditConfig
    close = difflib.get_close_matches(key, model.model_fields, n=1)
    hint = f"did you mean {close[0]!r}?" if close else f"known keys: {', '.join(model.model_fields)}"
    return f"unknown key {'.'.join([*tables, key])!r}; {hint}"
