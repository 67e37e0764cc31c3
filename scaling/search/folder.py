"""The folder of a run: what lies where, whose it is, and that only one launch uses it."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from scaling.atomic_write import write_json
from scaling.errors import ConfigError, ResultsError
from scaling.search.config import NAME, SearchConfig, parse_config

FREE = ("search.workers", "command", "expected_minutes", "cluster.")
"""Settings in which one run may differ from launch to launch."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunFolder:
    """Paths within the folder of one run.

    Args:
        path: the folder.
    """

    path: Path

    @staticmethod
    def of(name: str) -> RunFolder:
        """Return the folder of an experiment that is given no other.

        Raises:
            ConfigError: no name of an experiment; it could lead out of the folder of runs.

        >>> RunFolder.of("../../etc")
        Traceback (most recent call last):
        ...
        scaling.errors.ConfigError: expected the name of an experiment, got '../../etc'
        """
        if re.fullmatch(NAME, name) is None:
            raise ConfigError(f"expected the name of an experiment, got {name!r}")
        return RunFolder(path=Path("runs") / name)

    @property
    def config(self) -> Path:
        """The resolved configuration."""
        return self.path / "config.json"

    @property
    def database(self) -> Path:
        """The study's database."""
        return self.path / "study.sqlite3"

    @property
    def storage_note(self) -> Path:
        """Where the study's database is, without a password; there is no such file for SQLite's."""
        return self.path / "storage.txt"

    @property
    def trials(self) -> Path:
        """The table of trials."""
        return self.path / "trials.csv"

    @property
    def proposals(self) -> Path:
        """What was proposed when, by which worker."""
        return self.path / "proposals.csv"

    @property
    def provenance(self) -> Path:
        """Where the results come from."""
        return self.path / "provenance.json"

    @property
    def figures(self) -> Path:
        """The charts."""
        return self.path / "figures"

    @property
    def kernels(self) -> Path:
        """The depthwise kernels that every training of the run takes."""
        return self.path / "kernels.json"

    @property
    def checkpoints(self) -> Path:
        """Trainings that are not finished."""
        return self.path / "checkpoints"

    def launch_lock(self) -> FileLock:
        """Return the lock that one launch holds from start to end."""
        return FileLock(self.path / "run.lock")

    def read_config(self) -> SearchConfig:
        """Read the configuration that the run was started with.

        Raises:
            ResultsError: there is none, or it is damaged.
        """
        try:
            document = json.loads(self.config.read_text(encoding="utf-8"))
        except FileNotFoundError:
            raise ResultsError(f"{self.path} is not the folder of a run: it has no config.json") from None
        except (OSError, ValueError) as error:
            raise ResultsError(f"cannot read {self.config}: {error}") from None
        if not isinstance(document, dict):
            raise ResultsError(f"cannot read {self.config}: it is not a JSON object")
        return parse_config(document, where=str(self.config))


def set_aside(folder: RunFolder) -> Path | None:
    """Move an earlier run out of the way, never deleting it; return where it went.

    Raises:
        ResultsError: the folder is not a run's, or is in use.
    """
    if not folder.path.exists() or (folder.path.is_dir() and not any(folder.path.iterdir())):
        return None
    if not folder.config.exists():
        raise ResultsError(f"{folder.path} is not the folder of a run; --fresh leaves it alone")
    lock = hold(folder)
    lock.release()
    stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%S%f")
    path = folder.path.resolve()  # `.` has no name of its own
    aside = path.with_name(f"{path.name}.before-{stamp}")
    path.rename(aside)
    return aside


def open_folder(folder: RunFolder, config: SearchConfig) -> bool:
    """Make the folder ready for a configuration; return whether it continues an earlier run.

    Raises:
        ConfigError: it holds a run of another configuration; the first difference is shown.
        ResultsError: it cannot be made, or holds something else.
    """
    try:
        folder.path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ResultsError(f"cannot make the folder {folder.path}: {error.strerror}") from None
    if not folder.config.exists():
        if folder.database.exists() or folder.trials.exists():
            raise ResultsError(f"{folder.path} holds results but no config.json; choose another --output")
        write_json(folder.config, config.document())
        return False
    earlier = folder.read_config()
    if earlier.key() != config.key():
        raise ConfigError(
            f"{folder.path} holds a run of another configuration "
            f"({difference(earlier.document(), config.document())}); "
            "choose another --output, or --fresh to set it aside"
        )
    return True


def difference(earlier: dict[str, Any], now: dict[str, Any]) -> str:
    """Return the first setting in which the documents of two configurations differ."""
    before, after = _flat(earlier), _flat(now)
    for key in sorted(before | after):
        if before.get(key) != after.get(key) and not key.startswith(FREE):
            return f"{key}: {before.get(key)!r} there, {after.get(key)!r} here"
    return "no visible difference"


def _flat(document: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in document.items():
        if isinstance(value, dict):
            flat |= _flat(value, f"{prefix}{key}.")
        else:
            flat[prefix + key] = value
    return flat


def hold(folder: RunFolder) -> FileLock:
    """Take the launch lock.

    Raises:
        ResultsError: another launch holds it.
    """
    lock = folder.launch_lock()
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise ResultsError(
            f"another run is using {folder.path}; wait for it or choose another --output"
        ) from None
    return lock
