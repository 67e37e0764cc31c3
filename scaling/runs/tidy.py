"""Look at a store of trainings and tidy it: what is there, which run names it, what nobody needs."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from scaling.atomic_write import read_json
from scaling.errors import ConfigError, ResultsError
from scaling.runs.folder import RunFolder
from scaling.runs.record import read_record
from scaling.runs.store import KEY, Store

LIVE_S = 24 * 3600.0
"""Seconds since the last change of a checkpoint or a temporary file after which nobody writes it any more."""
_CHECKPOINT = re.compile(r"[0-9a-f]{20}\.checkpoint(?:\.before)?")
_TEMPORARY = re.compile(r"\.(?:[0-9a-f]{20}\.|kernels-).+")


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredTraining:
    """A record of a store in one line.

    Args:
        state: how the training ended; `damaged` where the record cannot be read.
        top1: fraction of validation images answered right; None unless it is complete.
        finished: when, UTC, ISO 8601; empty where nobody noted it.
    """

    key: str
    state: str
    network: str = ""
    data: str = ""
    seed: int | None = None
    epochs: int = 0
    top1: float | None = None
    finished: str = ""
    bytes: int = 0


def stored_trainings(store: Store) -> list[StoredTraining]:
    """Return one line a record, the last finished first; damaged ones are listed too."""
    rows = [_row(store, key) for key in store.keys()]  # noqa: SIM118  a store is no mapping
    return sorted(rows, key=lambda row: (row.finished, row.key), reverse=True)


def _row(store: Store, key: str) -> StoredTraining:
    path = store.record(key)
    size = _size(path)
    try:
        record = read_record(path, key)
    except ResultsError:
        record = None
    if record is None:
        return StoredTraining(key=key, state="damaged", bytes=size)
    return StoredTraining(
        key=key,
        state=record.state.value,
        network=str(record.provenance.get("network", "")),
        data=str(record.identity.get("data", {}).get("name", "")),
        seed=record.identity.get("seed"),
        epochs=len(record.curve),
        top1=record.top1,
        finished=str(record.provenance.get("finished", "")),
        bytes=size,
    )


def run_folders(runs: Path) -> list[RunFolder]:
    """Return every folder of a run at or below a folder, those that were set aside or linked among them.

    Raises:
        ResultsError: a folder cannot be looked into.
    """

    def unreadable(error: OSError) -> None:
        if not isinstance(error, FileNotFoundError):
            raise ResultsError(f"cannot look into {error.filename}: {error.strerror}") from None

    found, seen = [], set[str]()
    for folder, inner, files in os.walk(runs, followlinks=True, onerror=unreadable):
        if os.path.realpath(folder) in seen:  # a link in a circle
            inner.clear()
            continue
        seen.add(os.path.realpath(folder))
        if {"run.json", "records.txt"} & set(files):
            found.append(RunFolder(path=Path(folder)))
    return sorted(found, key=lambda one: one.path)


def names_of(runs: Path) -> dict[str, list[Path]]:
    """Return which runs name a training, by its key.

    Raises:
        ResultsError: a run's list of names, or its configuration, cannot be read.
    """
    names: dict[str, list[Path]] = {}
    for folder in run_folders(runs):
        for key in {*folder.keys(), *_own_key(folder)}:
            names.setdefault(key, []).append(folder.path)
    return names


def _own_key(folder: RunFolder) -> list[str]:
    """Return the key of a run that is one training: its configuration is the job."""
    try:
        found = read_json(folder.config)
    except FileNotFoundError:
        return []
    return [str(found["key"])] if "key" in found else []


def whole_key(store: Store, beginning: str) -> str:
    """Return the key of a record that begins so.

    Raises:
        ConfigError: there is none, or more than one.
    """
    if re.fullmatch("[0-9a-f]{4,20}", beginning) is None:
        raise ConfigError(f"expected a key or its first letters, at least four, got {beginning[:40]!r}")
    found = [key for key in store.keys() if key.startswith(beginning)]  # noqa: SIM118
    if len(found) != 1:
        many = "no record" if not found else f"{len(found)} records"
        raise ConfigError(
            f"{many} of {store.path} {'begin' if len(found) > 1 else 'begins'} with {beginning}"
        )
    return found[0]


def remove_trainings(store: Store, keys: Iterable[str], runs: Path, *, force: bool = False) -> None:
    """Remove records, all of them or none; by force those that a run names, which trains them again.

    Raises:
        ConfigError: a run names one of them.
        ResultsError: a file cannot be removed, or a run's names cannot be read.
    """
    wanted, names = list(keys), {} if force else names_of(runs)
    for key in wanted:
        if key in names:
            raise ConfigError(f"{key} belongs to {names[key][0]}; --force removes it all the same")
    for key in wanted:
        _delete(store.record(key))


@dataclass(frozen=True, slots=True, kw_only=True)
class Unneeded:
    """Files of a store that nobody needs.

    Args:
        checkpoints: of trainings that have ended, or that no run names, unchanged for a day.
        temporary: what was left of writing, unchanged for a day.
    """

    records: tuple[Path, ...]
    checkpoints: tuple[Path, ...]
    temporary: tuple[Path, ...]

    @property
    def files(self) -> tuple[Path, ...]:
        """All of them."""
        return (*self.records, *self.checkpoints, *self.temporary)

    @property
    def bytes(self) -> int:
        """What they take."""
        return sum(map(_size, self.files))


def unneeded(store: Store, runs: Path) -> Unneeded:
    """Return what nobody needs: nothing of a run at work, which names its trainings before they begin.

    Raises:
        ResultsError: there is no run in that folder, or its names cannot be read: nothing is known then.
    """
    if not run_folders(runs):
        raise ResultsError(f"{runs} holds no run, so nothing says which trainings are needed: give --runs")
    names, unfinished = names_of(runs), store.checkpoint("x").parent
    checkpoints = _old_files(_CHECKPOINT, [unfinished])
    return Unneeded(
        records=tuple(store.record(key) for key in store.keys() if key not in names),  # noqa: SIM118
        checkpoints=tuple(path for path in checkpoints if _is_over(store, path, names)),
        temporary=tuple(_old_files(_TEMPORARY, [store.path, unfinished])),
    )


def delete_unneeded(store: Store, found: Unneeded, runs: Path) -> int:
    """Delete what `unneeded` found and what is still unneeded now; return how many files went.

    Raises:
        ResultsError: a file cannot be removed, or a run's names cannot be read.
    """
    now = set(unneeded(store, runs).files)
    gone = [path for path in found.files if path in now]
    for path in gone:
        _delete(path)
    return len(gone)


def _old_files(pattern: re.Pattern[str], folders: Iterable[Path]) -> Iterator[Path]:
    now = time.time()
    for path in (path for folder in folders for path in _files(folder)):
        if pattern.fullmatch(path.name) and not KEY.fullmatch(path.name) and _is_old(path, now):
            yield path


def _is_over(store: Store, checkpoint: Path, names: dict[str, list[Path]]) -> bool:
    key = checkpoint.name.partition(".")[0]
    record = store.find(key) if key in names else None
    return key not in names or (record is not None and record.state.settled)


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if path.is_file()) if folder.is_dir() else []


def _is_old(path: Path, now: float) -> bool:
    try:
        return now - path.stat().st_mtime > LIVE_S  # what a wrong clock puts into the future is young
    except OSError:
        return False


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0


def _delete(path: Path) -> None:
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        raise ResultsError(f"cannot remove {path}: {error.strerror}") from None
