"""The folder of a run: what lies where, whose it is, and that only one coordinator uses it."""

from __future__ import annotations

import errno
import os
import re
import socket
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from io import FileIO
from pathlib import Path
from typing import Any, ClassVar

from filelock import BaseFileLock, FileLock, SoftFileLock, Timeout

from scaling.atomic_write import LARGEST_DOCUMENT, read_json, read_regular, write_json
from scaling.errors import ConfigError, ResultsError, printable
from scaling.provenance import package_version, utc_now

NAME = r"^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$"
"""Names of experiments: nothing that could lead out of the folder of results."""
PACKAGE = "efficientnet-scaling"
SCHEMA = 1
WITHOUT_LOCKS = {errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOSYS}
"""How file systems that know no locks answer."""
FREE = ("setup.engine.workers", "setup.engine.checkpoint_s", "command", "expected_minutes")
"""Settings in which one run may differ from launch to launch."""


class _Within:
    """A path within the folder of a run."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __get__(self, folder: RunFolder, kind: type[RunFolder]) -> Path:
        return folder.path / self.name


@dataclass(frozen=True, slots=True, kw_only=True)
class RunFolder:
    """Paths within the folder of one run, whatever its plan."""

    path: Path
    config: ClassVar = _Within("run.json")
    """What the run is: kind, resolved configuration, version."""
    proposals: ClassVar = _Within("proposals.jsonl")
    """What a search proposed, in order, one JSON document a line."""
    records: ClassVar = _Within("records.txt")
    """Keys of the trainings that the run names, one a line."""
    progress: ClassVar = _Within("progress.json")
    """What is being trained at this moment; a file that status reads."""
    study: ClassVar = _Within("study.sqlite3")
    """The Optuna study, a projection of proposals and records."""
    trials: ClassVar = _Within("trials.csv")
    """The table of trials."""
    result: ClassVar = _Within("result.json")
    """Conclusions with intervals."""
    provenance: ClassVar = _Within("provenance.json")
    """Where the results come from."""
    figures: ClassVar = _Within("figures")
    """The charts."""
    owner: ClassVar = _Within("run.owner.json")
    """Which process holds the folder."""

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

    def document(self) -> dict[str, Any]:
        """Return what the run is, as plain data.

        Raises:
            ResultsError: it is not the folder of a run, or that is damaged, or another version's.
        """
        try:
            found = read_json(self.config)
        except FileNotFoundError:
            raise ResultsError(f"{self.path} is not the folder of a run: it has no run.json") from None
        if found.get("schema_version") != SCHEMA:
            raise ResultsError(f"cannot read {self.config}: it is not a run of this version")
        return found

    def store(self) -> Path:
        """Return where the run's trainings lie.

        Raises:
            ResultsError: as `document`.
        """
        noted = self.document().get("store")
        return Path("runs") / "trainings" if noted is None else self.path / str(noted)

    def started(self) -> bool:
        """Whether anything was proposed, trained or found here."""
        return any(path.exists() for path in (self.records, self.proposals, self.trials, self.study))

    def keys(self) -> list[str]:
        """Return the keys of the trainings that the run names.

        Raises:
            ResultsError: the file cannot be read.
        """
        try:
            lines = whole_lines(read_regular(self.records, LARGEST_DOCUMENT))
            return [line.decode() for line in lines if line]
        except FileNotFoundError:
            return []
        except (OSError, UnicodeDecodeError) as error:
            raise ResultsError(f"cannot read {self.records}: {error}") from None

    def note_keys(self, keys: Iterable[str]) -> None:
        """Name trainings as the run's, before they begin.

        Raises:
            ResultsError: the file cannot be written.
        """
        lines = "\n".join(keys)
        if lines:
            append_line(self.records, lines)


def append_line(path: Path, line: str) -> None:
    """Add a line to a file that one process writes, and see it on the disk.

    What an earlier line that broke off left behind is removed; a line that cannot be written leaves nothing.

    Raises:
        ResultsError: the file cannot be written.
    """
    try:
        with path.open("ab+", buffering=0) as file:
            size = _whole_lines(file)
            file.truncate(size)
            try:
                _write_all(file, line.encode() + b"\n")
                os.fsync(file.fileno())
            except OSError:
                file.truncate(size)
                raise
    except OSError as error:
        raise ResultsError(f"cannot write {path}: {error.strerror or error}") from None


def whole_lines(content: bytes) -> list[bytes]:
    r"""Return the lines of a file that grows by `append_line`, without a last one that broke off.

    >>> whole_lines(b"one\ntwo\nthr")
    [b'one', b'two']
    """
    return content.split(b"\n")[:-1]


def _whole_lines(file: FileIO) -> int:
    """Return the size of a file up to its last line break."""
    end = file.seek(0, os.SEEK_END)
    while end:
        start = max(0, end - 4096)
        file.seek(start)
        block = file.read(end - start)
        if b"\n" in block:
            return start + block.rindex(b"\n") + 1
        end = start
    return 0


def _write_all(file: FileIO, content: bytes) -> None:
    while content:
        content = content[file.write(content) :]


def open_folder(
    folder: RunFolder,
    kind: str,
    config: Mapping[str, Any],
    key: str,
    *,
    store: Path | None = None,
    device: str | None = None,
) -> bool:
    """Make the folder ready for a configuration, under its lock; return whether it continues an earlier run.

    A folder in which nothing was proposed or trained yet takes any configuration. The store of its trainings
    is noted relative to the folder, for whoever reads the run; the type of device that trains, because `auto`
    may decide otherwise on another machine.

    Raises:
        ConfigError: it holds a run of another configuration, whose first difference is shown, of another
            device, or whose trainings are elsewhere.
        ResultsError: it holds something else, or a run of another version.
    """
    document = {
        "schema_version": SCHEMA,
        "kind": kind,
        "key": key,
        "version": package_version(PACKAGE),
        "created": utc_now(),
        "config": dict(config),
    }
    if store is not None:
        document["store"] = os.path.relpath(store, folder.path)
    if device is not None:
        document["device"] = device
    if not folder.config.exists():
        if folder.started():
            raise ResultsError(
                f"{folder.path} holds results but no run.json; nothing of it is touched: "
                "choose another --output, or --fresh to set it aside"
            )
        write_json(folder.config, document)
        return False
    earlier = folder.document()
    if not folder.started():
        write_json(folder.config, document)
        return False
    if earlier.get("kind") != kind or earlier.get("key") != key:
        raise ConfigError(
            f"{folder.path} holds a run of another configuration "
            f"({difference(earlier, document)}); choose another --output, or --fresh to set it aside"
        )
    if device not in {None, earlier.get("device", device)}:
        raise ConfigError(
            f"{folder.path} holds trainings on {earlier['device']}, this is {device}: set engine.device, or "
            "choose another --output"
        )
    if earlier.get("version") != document["version"]:
        raise ResultsError(
            f"{folder.path} was made by {PACKAGE} {earlier.get('version')}, this is {document['version']}; "
            "go on with that version, or choose another --output"
        )
    if not folder.records.exists() and not folder.proposals.exists():
        raise ResultsError(
            f"{folder.path} holds results without the trainings that they come from, so nothing can go on; "
            "choose another --output, or --fresh to set it aside"
        )
    _note_store(folder, earlier, store)
    return True


def _note_store(folder: RunFolder, earlier: Mapping[str, Any], store: Path | None) -> None:
    """Take over where a run's trainings were moved to.

    Raises:
        ConfigError: they are where they were, and that is elsewhere.
    """
    if store is None or "store" not in earlier:
        return
    noted = Path(os.path.normpath(folder.path / str(earlier["store"])))
    if noted.resolve() == store.resolve():
        return
    if noted.is_dir():
        raise ConfigError(
            f"the trainings of {folder.path} are in {noted}, not in {store}: give --store {noted}"
        )
    write_json(folder.config, {**earlier, "store": os.path.relpath(store, folder.path)})


@contextmanager
def held(folder: RunFolder) -> Iterator[None]:
    """Hold a run's folder for one coordinator, before anything in it is read or written.

    Raises:
        ResultsError: the folder cannot be made, or another coordinator holds it: where, and since when.
    """
    try:
        folder.path.mkdir(parents=True, exist_ok=True)
        lock = _lock(folder.path / "run.lock")
    except Timeout:  # before OSError, whose child it is
        raise ResultsError(f"another run is using {folder.path}: {_holder(folder)}") from None
    except OSError as error:
        raise ResultsError(f"cannot use the folder {folder.path}: {error.strerror or error}") from None
    try:
        pid = os.getpid()
        owner = {"host": socket.gethostname(), "pid": pid, "process": process_start(pid), "since": utc_now()}
        write_json(folder.owner, owner)
        yield
    finally:
        with suppress(OSError):
            folder.owner.unlink(missing_ok=True)
        lock.release()


def _lock(path: Path) -> BaseFileLock:
    lock: BaseFileLock = FileLock(path)
    try:
        lock.acquire(timeout=0)
    except (NotImplementedError, OSError) as error:
        if isinstance(error, OSError) and error.errno not in WITHOUT_LOCKS:
            raise
        lock = SoftFileLock(path)
        lock.acquire(timeout=0)
    return lock


def _owner(folder: RunFolder) -> dict[str, Any]:
    """Return which process holds a folder, or held it when it was killed; empty where none says so."""
    try:
        return read_json(folder.owner)
    except (FileNotFoundError, ResultsError):
        return {}


def _holder(folder: RunFolder) -> str:
    owner = _owner(folder)
    if not {"pid", "host", "since"} <= set(owner):
        return "it does not say who"
    return printable(f"process {owner['pid']} on {owner['host']}, since {owner['since']}", 200)


def is_interrupted(folder: RunFolder) -> bool:
    """Whether the folder's coordinator was a process of this machine that is gone without having left it."""
    owner = _owner(folder)
    known = bool(owner.get("process")) and owner.get("host") == socket.gethostname()
    return known and owner["process"] != process_start(owner.get("pid"))


def process_start(pid: object) -> str:
    """Return when a process began, as the kernel counts; empty where it is gone, or no kernel says so."""
    try:
        text = Path(f"/proc/{int(str(pid))}/stat").read_text(encoding="utf-8")
        state, *fields = text.rpartition(")")[2].split()
        return "" if state == "Z" else fields[18]  # a zombie was killed; field 22 of proc(5)
    except (OSError, ValueError, IndexError):
        return ""


def set_aside(folder: RunFolder) -> Path | None:
    """Move an earlier run out of the way, never deleting it; return where it went.

    Raises:
        ResultsError: the folder is not a run's, or is in use.
    """
    if not folder.path.exists() or (folder.path.is_dir() and not any(folder.path.iterdir())):
        return None
    if not folder.config.exists() and not folder.started():
        raise ResultsError(f"{folder.path} is not the folder of a run; --fresh leaves it alone")
    with held(folder):
        stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%S%f")
        path = folder.path.resolve()  # `.` has no name of its own
        aside = path.with_name(f"{path.name}.before-{stamp}")
        try:
            path.rename(aside)
        except OSError as error:
            raise ResultsError(f"cannot set {folder.path} aside: {error.strerror}") from None
    RunFolder(path=aside).owner.unlink(missing_ok=True)
    return aside


def difference(earlier: Mapping[str, Any], now: Mapping[str, Any]) -> str:
    """Return the first setting in which two runs differ.

    >>> difference({"config": {"a": {"b": 1}}}, {"config": {"a": {"b": 2}}})
    'a.b: 1 there, 2 here'
    """
    if earlier.get("kind") != now.get("kind"):
        return f"kind: {earlier.get('kind')!r} there, {now.get('kind')!r} here"
    before, after = _flat(earlier.get("config", {})), _flat(now.get("config", {}))
    for key in sorted(before | after):
        if before.get(key) != after.get(key) and key not in FREE:
            return f"{key}: {before.get(key)!r} there, {after.get(key)!r} here"
    return "no visible difference"


def _flat(document: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in document.items():
        if isinstance(value, dict):
            flat |= _flat(value, f"{prefix}{key}.")
        else:
            flat[prefix + key] = value
    return flat
