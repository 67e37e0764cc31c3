"""The file of an audit: anchors, proxies, and when a ranking holds. TOML, read strictly."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from pydantic import Field, field_validator, model_validator

from scaling.analysis.proxy_agreement import FEWEST
from scaling.data import LARGEST_SEED
from scaling.errors import ConfigError
from scaling.plans.experiment import ExperimentTable, Size, changed_setup, parsed
from scaling.runs.experiment_file import bundled
from scaling.runs.setup import ConfigTable, Setup
from scaling.runs.titles import file_name, suffix_of
from scaling.toml_errors import parse_toml, read_text
from scaling.training.zero_cost import ZeroCost

BASELINES = ("params", "macs", "activations")
"""Costs of a network that every audit ranks by, too: what does not beat them is no proxy."""


class AnchorsTable(ConfigTable):
    """`[anchors]`: the networks, and the dear training that is taken for the truth."""

    setup: str = Field(description="file of the setup, relative to this one; {data} is filled in")
    networks: int = Field(ge=FEWEST, le=1000, description="how many")
    factors: tuple[float, ...] = Field(default=(2.0,), min_length=1, description="times the baseline's cost")
    tolerance: float = Field(default=0.05, gt=0, lt=1)
    epochs: int = Field(ge=1, description="of an anchor")
    seeds: tuple[int, ...] = Field(default=(0, 1, 2), min_length=1)


class ProxyTable(ConfigTable):
    """`[[proxies]]`: a cheaper training; what is not set is as in the anchors."""

    name: str = Field(min_length=1, max_length=40)
    epochs: int | None = Field(default=None, ge=1)
    image_size: float = Field(default=1.0, gt=0, le=1, description="share of the anchors' side")
    train: float = Field(default=1.0, gt=0, le=1, description="share of the anchors' training images")
    width: float = Field(default=1.0, gt=0, le=1, description="share of the anchors' channels")
    seeds: tuple[int, ...] = Field(default=(100,), min_length=1, description="fresh ones")


class ScoresTable(ConfigTable):
    """`[scores]`: scores of networks that are not trained."""

    names: tuple[ZeroCost, ...] = tuple(ZeroCost)
    batch: int = Field(default=64, ge=2, description="images")
    seeds: tuple[int, ...] = Field(
        default=(100, 101), min_length=1, description="of initial weights; averaged"
    )


class AuditConfig(ExperimentTable):
    """A whole file of `kind = "audit"`."""

    schema_version: Literal[1]
    kind: Literal["audit"]
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


class Audit(ConfigTable):
    """An audit with its setup, and what was changed in that by hand."""

    config: AuditConfig
    setup: Setup
    changes: tuple[str, ...] = ()

    @property
    def title(self) -> str:
        """Name, data set and changes: its folder's name."""
        return f"{self.config.name}-{file_name(self.setup.data.name)}{suffix_of(self.changes)}"

    @property
    def images(self) -> int:
        """Training images of an anchor."""
        assert self.setup.data.train is not None  # `load_audit` has seen to it
        return self.setup.data.train


def file_of(path: Path, size: Size) -> Path:
    """Return the file of an audit at a size, beside the quick one's.

    >>> file_of(Path("experiments/audit.toml"), Size.STANDARD).name
    'audit-standard.toml'
    """
    return path.with_stem(f"{path.stem}-standard") if size == Size.STANDARD else path


def load_audit(path: Path, overrides: Sequence[str] = (), *, data: str = "glyphs") -> Audit:
    """Read an audit and its setup.

    `overrides` are of the setup, such as `recipe.batch_size=32`; `data` fills {data} in its name.

    Raises:
        ConfigError: a file is missing or no TOML, a key is unknown, or a value is out of range.
    """
    path = bundled(path)
    text = read_text(path, "the audit")
    config = parsed(AuditConfig, parse_toml(text, path), where=str(path), text=text)
    file = path.parent / config.anchors.setup.replace("{data}", data)
    setup, changes = changed_setup(file, overrides)
    if setup.data.train is None:
        raise ConfigError(f"{file}: proxies take shares of the training images: set data.train")
    return Audit(config=config, setup=setup, changes=changes)
