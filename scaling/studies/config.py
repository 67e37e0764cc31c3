"""The file of a study: question, prediction, networks, sizes; TOML read strictly into frozen data."""

from __future__ import annotations

import difflib
import tomllib
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from scaling.data import LARGEST_SEED
from scaling.errors import ConfigError, ScalingError
from scaling.network.strategies import Points, Shares, Strategy, compound, strategy_named
from scaling.search.config import NAME, SearchConfig, override
from scaling.search.search_table import CostRule
from scaling.studies.paper import PaperNetworks, PaperTable
from scaling.targets.target import LARGEST_FACTOR, Metric
from scaling.toml_errors import first_problem

FOLDER = Path("experiments")
BASELINE = "baseline"
Seed = Annotated[int, Field(ge=0, le=LARGEST_SEED)]
Factor = Annotated[float, Field(gt=0, le=LARGEST_FACTOR)]


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Size(StrEnum):
    """How large a study is."""

    QUICK = "quick"
    """Minutes on two cores."""
    STANDARD = "standard"
    """Hours of one GPU."""
    PAPER = "paper"
    """What the paper did: it is costed, not run."""


class Equal(StrEnum):
    """What the trainings of a study's networks have in common."""

    EPOCHS = "epochs"
    """Each sees every image as often, so a dearer network has more compute."""
    COMPUTE = "compute"
    """Multiply-adds of a training: a dearer network has fewer epochs, rounded, at least 1."""


class OwnStrategy(_Table):
    """`[[design.own]]`: a strategy of the user's, by bases, by shares or by points."""

    name: str = Field(pattern=NAME)
    bases: tuple[float, float, float] | None = None
    shares: tuple[float, float, float] | None = None
    points: tuple[tuple[float, float, float, float], ...] | None = None

    @model_validator(mode="after")
    def _one_of_them(self) -> OwnStrategy:
        if sum(one is not None for one in (self.bases, self.shares, self.points)) != 1:
            raise ValueError("give one of bases, shares and points")
        return self

    def strategy(self) -> Strategy:
        """Return it as the realisation takes it."""
        if self.bases is not None:
            return compound(*self.bases, name=self.name, source="the user's bases")
        if self.shares is not None:
            depth, width, resolution = self.shares
            return Shares(name=self.name, depth=depth, width=width, resolution=resolution)
        assert self.points is not None
        return Points(name=self.name, points=self.points)


class _Design(_Table):
    equal: Equal = Equal.EPOCHS


class _Strategies(_Design):
    strategies: tuple[str, ...] = Field(min_length=1)
    own: tuple[OwnStrategy, ...] = ()
    metric: Metric = Metric.MACS
    tolerance: float = Field(default=0.05, gt=0, lt=1)

    def paths(self) -> tuple[Strategy, ...]:
        """Return the strategies in their order, the user's own by their names.

        Raises:
            ConfigError: nothing has such a name.
        """
        own = {one.name: one.strategy() for one in self.own}
        return tuple(own[name] if name in own else strategy_named(name) for name in self.strategies)


class Ladder(_Strategies):
    """Strategies at equal achieved cost, at one cost or several."""

    kind: Literal["ladder"]
    factors: tuple[Factor, ...] = Field(min_length=1)


class Grid(_Design):
    """Multipliers as they are written, whatever they cost."""

    kind: Literal["grid"]
    depths: tuple[float, ...] = Field(min_length=1)
    widths: tuple[float, ...] = Field(min_length=1)
    resolutions: tuple[float, ...] = Field(min_length=1)


class SearchThenFamily(_Strategies):
    """Step 1: directions at one cost, the best confirmed by fresh seeds; step 2: its family beside others."""

    kind: Literal["search_then_family"]
    directions: int = Field(default=3, ge=1, le=20, description="parts that log-cost is cut into")
    factor: Factor = 2.0
    confirm: int = Field(default=2, ge=1)
    confirm_seeds: tuple[Seed, ...] = Field(default=(1001, 1002, 1003), min_length=2)
    phis: tuple[float, ...] = Field(default=(1.0, 2.0), min_length=1)


class Noise(_Design):
    """One network with many seeds, and a scaled one."""

    kind: Literal["noise"]
    strategies: tuple[str, ...] = ()
    factor: Factor = 2.0
    metric: Metric = Metric.MACS
    tolerance: float = Field(default=0.05, gt=0, lt=1)


DESIGNS: dict[str, type[_Design]] = {
    "ladder": Ladder,
    "grid": Grid,
    "search_then_family": SearchThenFamily,
    "noise": Noise,
}
Design = Annotated[Ladder | Grid | SearchThenFamily | Noise, Field(discriminator="kind")]


class Expectation(_Table):
    """`[[expect]]`: a part of the prediction that a rule can judge: the sum of `more` exceeds that of `less`.

    Networks are named `baseline`, `STRATEGY@FACTOR`, or `dD-wW-rR` in a grid. With `predicted = "same"` the
    prediction is that noise explains their difference; that it does is no proof of equality.
    """

    claim: str
    predicted: Literal["more", "same"] = "more"
    more: tuple[str, ...] = Field(min_length=1)
    less: tuple[str, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _balanced(self) -> Expectation:
        if len(self.more) != len(self.less):
            raise ValueError("more and less need equally many networks, a network may come twice")
        return self


class ExpectedSpread(_Table):
    """`[expect_spread]`: seeds alone are predicted to move top1 by this standard deviation, in points."""

    low: float = Field(ge=0, le=100)
    high: float = Field(gt=0, le=100)

    @model_validator(mode="after")
    def _in_order(self) -> ExpectedSpread:
        if self.low >= self.high:
            raise ValueError(f"low must be below high, got {self.low:g} and {self.high:g}")
        return self


class SizeTable(_Table):
    """`[sizes.quick]`, `[sizes.standard]`: which proxy, which seeds, which learning rates."""

    proxy: str = Field(
        description="search file whose data, baseline and recipe are taken; {data} is filled in"
    )
    seeds: tuple[Seed, ...] = Field(min_length=1)
    learning_rates: tuple[float, ...] = Field(default=(1.0,), min_length=1, description="times the recipe's")
    factors: tuple[Factor, ...] | None = Field(default=None, description="instead of the design's")
    directions: int | None = Field(default=None, ge=1, le=20, description="instead of the design's")
    minutes: dict[str, float] = Field(default={}, description="expected wall time by data set")

    @model_validator(mode="after")
    def _as_it_is(self) -> SizeTable:
        if 1.0 not in self.learning_rates or min(self.learning_rates) <= 0:
            raise ValueError("learning_rates must be above 0 and hold 1.0, the recipe's own")
        if len(set(self.seeds)) != len(self.seeds):
            raise ValueError(f"seeds must be different, got {list(self.seeds)}")
        return self


class Sizes(_Table):
    """`[sizes]`."""

    quick: SizeTable
    standard: SizeTable
    paper: PaperTable = PaperTable()


class StudyConfig(_Table):
    """A whole file of `kind = "study"`."""

    schema_version: Literal[1]
    kind: Literal["study"]
    name: str = Field(pattern=NAME)
    question: str
    prediction: str
    command: str = ""
    law: bool = Field(default=False, description="fit error = E + A·C^(-a) to every strategy")
    design: Design
    expect: tuple[Expectation, ...] = ()
    expect_spread: ExpectedSpread | None = None
    sizes: Sizes

    def table(self, size: Size) -> SizeTable:
        """Return the table of a size that can be run.

        Raises:
            ConfigError: it is the paper's.
        """
        if size == Size.PAPER:
            raise ConfigError("size paper is what the paper did: see what it costs with --plan")
        return self.sizes.quick if size == Size.QUICK else self.sizes.standard


def load_study(name: str, overrides: tuple[str, ...] = ()) -> tuple[StudyConfig, Path]:
    """Read a study by the name of a file in experiments/, or by its path; return it and its path.

    Args:
        name: of the study.
        overrides: `design.key=value`, such as `design.metric=latency`; they win over the sizes too.

    Raises:
        ConfigError: there is none, it is no TOML, a key is unknown, or a value is out of range.
    """
    path = Path(name) if name.endswith(".toml") else FOLDER / f"{name}.toml"
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        known = ", ".join(study_names()) or "none here"
        raise ConfigError(f"there is no study {path}; studies in {FOLDER}/: {known}") from None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"cannot read {path}: {error}") from None
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{path} is not TOML: {error}") from None
    for one in overrides:
        override(document, one)
        _outranked(document, one.partition("=")[0].rpartition(".")[2].strip())
    return parse_study(document, where=str(path)), path


def _outranked(document: dict[str, Any], key: str) -> None:
    """Leave out what a size says instead of the design, where the design was changed by hand."""
    sizes = document.get("sizes")
    for size in (Size.QUICK, Size.STANDARD):
        table = sizes.get(size) if isinstance(sizes, dict) else None
        if isinstance(table, dict):
            table.pop(key, None)


def parse_study(document: dict[str, Any], *, where: str) -> StudyConfig:
    """Validate a document.

    Raises:
        ConfigError: as `load_study`.
    """
    if document.get("kind") != "study":
        raise ConfigError(f"{where}: expected kind 'study', got {document.get('kind')!r}")
    try:
        config = StudyConfig.model_validate(document)
        if not isinstance(config.design, Grid | Noise):
            config.design.paths()
    except ValidationError as error:
        raise ConfigError(f"{where}: {_problem(error)}") from None
    except ScalingError as error:
        raise ConfigError(f"{where}: {error}") from None
    return config


def study_names() -> list[str]:
    """Return the studies in experiments/."""
    found = []
    for path in sorted(FOLDER.glob("*.toml")):
        try:
            if tomllib.loads(path.read_text(encoding="utf-8")).get("kind") == "study":
                found.append(path.stem)
        except (OSError, ValueError):
            continue
    return found


def proxy_file(config: StudyConfig, path: Path, size: Size, data: str) -> Path:
    """Return the proxy of a size: the search file whose data, baseline, rounding and recipe are taken.

    Args:
        config: the study.
        path: of its file; proxies are looked for beside it.
        size: quick or standard.
        data: what `{data}` in the proxy's name becomes.

    Raises:
        ConfigError: there is none.
    """
    proxy = path.parent / config.table(size).proxy.replace("{data}", data)
    if not proxy.exists():
        known = ", ".join(sorted(one.stem for one in proxy.parent.glob("*.toml"))) or "none"
        raise ConfigError(f"there is no proxy {proxy}; there are: {known}; or give --proxy FILE")
    return proxy


def checked_proxy(proxy: SearchConfig) -> SearchConfig:
    """Refuse a proxy whose settings a study would ignore.

    Raises:
        ConfigError: its search asks for nominal cost.
    """
    if proxy.search.cost == CostRule.NOMINAL:
        raise ConfigError("a study brings networks on their achieved cost; its proxy has search.cost nominal")
    return proxy


def _problem(error: ValidationError) -> str:
    problem = error.errors(include_url=False)[0]
    if problem["type"] == "extra_forbidden":
        *tables, key = (str(part) for part in problem["loc"])
        close = difflib.get_close_matches(key, _known(tables), n=1)
        tables = [one for one in tables if one not in DESIGNS]
        return f"unknown key {'.'.join([*tables, key])!r}" + (
            f"; did you mean {close[0]!r}?" if close else ""
        )
    return first_problem(error)


def _known(tables: list[str]) -> list[str]:
    """Return the keys that there are in some tables; at the top, those of every table."""
    models: dict[str, tuple[type[BaseModel], ...]] = {
        "design": tuple(one for kind, one in DESIGNS.items() if kind in tables) or tuple(DESIGNS.values()),
        "sizes": (SizeTable, PaperTable, PaperNetworks),
        "expect": (Expectation,),
        "expect_spread": (ExpectedSpread,),
    }
    known = models.get(tables[0], ()) if tables else (StudyConfig,)
    return [key for model in known for key in model.model_fields]
