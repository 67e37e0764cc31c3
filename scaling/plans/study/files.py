"""Reads studies: the file by its name, what is changed by hand, its setup and its calibration."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scaling.errors import ConfigError
from scaling.latency.calibration import Calibration
from scaling.plans.calibrated import from_here, take_calibration
from scaling.plans.experiment import Size, parsed
from scaling.plans.study.config import Grid, StudyConfig
from scaling.runs.experiment_file import CHECKOUT, SETUP_TABLES, bundled, override
from scaling.toml_errors import parse_toml, read_text

FOLDER = Path("experiments")


@dataclass(frozen=True, slots=True, kw_only=True)
class StudyFile:
    """A study as its file says it; its latency model may come from a calibration."""

    config: StudyConfig
    path: Path
    calibration: Calibration | None

    def setup_path(self, size: Size, data: str) -> Path:
        """Return the setup of a size.

        Raises:
            ConfigError: there is none.
        """
        path = self.path.parent / self.config.table(size).setup.replace("{data}", data)
        if not path.exists():
            known = ", ".join(sorted(one.stem for one in path.parent.glob("*.toml"))) or "none"
            raise ConfigError(f"there is no setup {path}; there are: {known}; or give --setup FILE")
        return path


def split_overrides(overrides: Sequence[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the overrides of the study's own tables, and those of its setup.

    >>> split_overrides(["recipe.epochs=5", "design.metric=params"])
    (('design.metric=params',), ('recipe.epochs=5',))
    """
    of_setup = tuple(one for one in overrides if one.partition(".")[0].strip() in SETUP_TABLES)
    return tuple(one for one in overrides if one not in of_setup), of_setup


def load_study(name: str | Path, overrides: Sequence[str] = ()) -> StudyFile:
    """Read a study by the name of a file in experiments/, or by its path.

    Overrides of the design win over the sizes too. A calibration's path is relative to the current folder in
    an override, and in a file to the file.

    Raises:
        ConfigError: there is none, it is no TOML, a key is unknown, or a value is out of range.
    """
    path = path_of(name)
    if not path.exists():
        known = ", ".join(listed("study")) or "none here"
        raise ConfigError(f"there is no study {path}; studies in {FOLDER}/: {known}")
    text = read_text(path, "the study")
    document = parse_toml(text, path)
    for one in from_here(overrides, "design"):
        override(document, one)
        table, _, key = one.partition("=")[0].strip().rpartition(".")
        if table == "design":
            _win_over_sizes(document, key)
    calibration = take_calibration(document, "design", path.parent)
    config = parse_study(document, where=str(path), text="" if overrides else text)
    return StudyFile(config=config, path=path, calibration=calibration)


def parse_study(document: dict[str, Any], *, where: str, text: str = "") -> StudyConfig:
    """Validate a document; see `parsed`."""
    return parsed(StudyConfig, document, where=where, text=text, check=_check_strategies)


def listed(*kinds: str) -> dict[str, str]:
    """Return the questions of the files of some kinds, such as `study`, in experiments/, by name."""
    found = {}
    for path in sorted(
        [*(CHECKOUT / FOLDER).glob("*.toml"), *FOLDER.glob("*.toml")], key=lambda one: one.stem
    ):
        document = _document(path)
        if document.get("kind") in kinds:
            found[path.stem] = str(document.get("question", ""))
    return found


def kind_of(name: str | Path) -> str | None:
    """Return the kind of an experiment by its name or path; None where there is no such file, or no kind."""
    kind = _document(path_of(name)).get("kind")
    return kind if isinstance(kind, str) else None


def path_of(name: str | Path) -> Path:
    """Return the file of an experiment by its name in experiments/, or by its path; see `bundled`."""
    return bundled(Path(name) if str(name).endswith(".toml") else FOLDER / f"{name}.toml")


def _document(path: Path) -> dict[str, Any]:
    try:
        return parse_toml(read_text(path, "the experiment"), path)
    except ConfigError:
        return {}


def _check_strategies(config: StudyConfig) -> None:
    if not isinstance(config.design, Grid):
        config.design.paths()


def _win_over_sizes(document: dict[str, Any], key: str) -> None:
    """Leave out what a size says instead of the design, where the design was changed by hand."""
    sizes = document.get("sizes")
    for size in (Size.QUICK, Size.STANDARD):
        table = sizes.get(size) if isinstance(sizes, dict) else None
        if isinstance(table, dict):
            table.pop(key, None)
