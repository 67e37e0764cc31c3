"""The one store of trainings: a folder of records, each named by the key of its job.

Several writers on one file system are safe: a record is written beside and renamed, so it is whole or absent;
two writers of one job write the same figures. A record vouches for itself, so nothing here is ever locked.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import torch

from scaling.atomic_write import write_text
from scaling.errors import ResultsError
from scaling.model import KernelTable
from scaling.runs.record import Record, RecordState, read_record, write_record
from scaling.training.checkpoint import delete_checkpoint
from scaling.training.kernels import (
    Progress,
    arithmetic,
    kernels_for,
    no_progress,
    read_kernels,
)
from scaling.training.options import KernelChoice

KEY = re.compile(r"[0-9a-f]{20}\.json")
"""How the file of a record is called."""
DEFAULT_STORE = Path("runs") / "trainings"
log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Store:
    """A folder of records, of unfinished trainings, and of the kernels that they take."""

    path: Path = DEFAULT_STORE

    def find(self, key: str) -> Record | None:
        """Return a record, or None; a damaged one counts as none, with one line in the log."""
        try:
            return read_record(self.record(key), key)
        except ResultsError as error:
            log.warning("%s; the training runs again", error)
            return None

    def add(self, record: Record) -> Record:
        """Write a record, unless a settled one is there; return the one that counts.

        Raises:
            ResultsError: it cannot be written; an earlier one is untouched.
        """
        there = self.find(record.key)
        if there is not None and there.state.settled:
            record = there
        else:
            write_record(self.record(record.key), record)
        if record.state.settled:
            with suppress(OSError):  # what is left of it is in nobody's way
                delete_checkpoint(self.checkpoint(record.key))
        return record

    def keys(self) -> Iterator[str]:
        """Yield the keys of all records, whole or not."""
        if self.path.is_dir():
            yield from sorted(path.stem for path in self.path.iterdir() if KEY.fullmatch(path.name))

    def record(self, key: str) -> Path:
        """Return where the record of a job lies."""
        return self.path / f"{key}.json"

    def checkpoint(self, key: str) -> Path:
        """Return where an unfinished training goes on from."""
        return self.path / "unfinished" / f"{key}.checkpoint"

    def kernels(
        self, choice: KernelChoice, device: str, *, threads: int, progress: Progress = no_progress
    ) -> KernelTable | None:
        """Return the kernels of trainings; a table that was measured stays with the store.

        Raises:
            ConfigError: the store's table is damaged.
            ResultsError: it cannot be written.
        """
        path = self.path / f"kernels-{device}.json"
        if choice == KernelChoice.MEASURED and path.exists():
            return read_kernels(path)
        torch_device = torch.device(device)
        dtype = arithmetic(torch_device)
        table = kernels_for(choice, torch_device, threads=threads, dtype=dtype, progress=progress)
        if choice != KernelChoice.MEASURED or table is None:
            return table
        if not path.exists():  # another launch that measured too may have been first: one table a store
            write_text(path, table.to_json())
        return read_kernels(path)


@dataclass(slots=True, kw_only=True)
class Known(Mapping[str, Record]):
    """The records of a store as one launch sees them: each is read once, what is absent is asked once.

    Args:
        store: where records lie.
        retry: whether a failure of an earlier launch counts as no record, so that it is tried again.
    """

    store: Store
    retry: bool = False
    found: list[str] = field(default_factory=list)
    """Keys that are there, in the order in which that was seen."""
    _records: dict[str, Record | None] = field(default_factory=dict)

    def __getitem__(self, key: str) -> Record:
        """Return a record.

        Raises:
            KeyError: there is none.
        """
        if key not in self._records:
            found = self.store.find(key)
            failed = found is not None and found.state == RecordState.FAILED
            self._take(key, None if failed and self.retry else found)
        record = self._records[key]
        if record is None:
            raise KeyError(key)
        return record

    def __iter__(self) -> Iterator[str]:
        """Yield the keys that were looked at and are there."""
        return iter(self.found)

    def __len__(self) -> int:
        """Return how many of those that were looked at are there."""
        return len(self.found)

    def note(self, record: Record) -> None:
        """Take over a record that has just been made."""
        self._take(record.key, record)

    def _take(self, key: str, record: Record | None) -> None:
        if record is not None and self._records.get(key) is None:
            self.found.append(key)
        self._records[key] = record
