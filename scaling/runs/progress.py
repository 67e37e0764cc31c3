"""What a run trains at this moment: written about once a second by its coordinator, read by anybody."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from scaling.atomic_write import LARGEST_DOCUMENT, json_of, read_regular, write_json
from scaling.errors import ResultsError
from scaling.provenance import utc_now
from scaling.runs.coordinator import Listener, Started
from scaling.runs.executor import Ended, EpochEnded, Event, Stepped
from scaling.runs.folder import RunFolder, is_interrupted
from scaling.runs.job import RecordedData
from scaling.runs.store import Known

STATUS_EVERY_S = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """What a coordinator said last.

    Args:
        running: by key of the job: since, worker, steps, epochs, data, image_size.
        silent_s: seconds since it said so; None where none is at work.
        interrupted: whether its process is gone although nothing was wound up.
    """

    running: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    silent_s: float | None = None
    interrupted: bool = False


def read_progress(folder: RunFolder) -> Progress:
    """Return what is trained now; nothing where that cannot be read, or its coordinator was killed."""
    if is_interrupted(folder):
        return Progress(interrupted=True)
    try:
        found = json_of(read_regular(folder.progress, LARGEST_DOCUMENT))
        silent = datetime.now(UTC) - datetime.fromisoformat(found["at"])
        return Progress(running=dict(found["running"]), silent_s=max(0.0, silent.total_seconds()))
    except (OSError, ValueError, KeyError, TypeError):
        return Progress()


def recorded_data(folder: RunFolder, known: Known) -> RecordedData:
    """Return what a run's records, and what it trains now, say of its data."""
    records = [record for key in folder.keys() if (record := known.get(key)) is not None]  # noqa: SIM118
    seen = [(record.identity["data"], record.spec.image_size) for record in records]
    running = read_progress(folder).running.values()
    seen += [(one["data"], one["image_size"]) for one in running if "data" in one]
    shape = (records[0].spec.num_classes, records[0].spec.in_channels) if records else None
    sums = {RecordedData.place_of(data, size): data["checksums"] for data, size in seen}
    return RecordedData(checksums=sums, shape=shape)


class StatusWriter:
    """Names the run's trainings in its folder, and writes what is trained now, about once a second."""

    def __init__(self, folder: RunFolder, known: Known, listener: Listener) -> None:
        self.folder, self.known, self.listener = folder, known, listener
        self.named = set(folder.keys())
        self.running: dict[str, dict[str, Any]] = {}
        self.written = -math.inf
        self.seen = 0

    def __call__(self, event: Started | Event) -> None:
        """Take note of what happened.

        Raises:
            ResultsError: a training cannot be named.
        """
        match event:
            case Started():
                self._name([*self.known.found[self.seen :], event.key])
                self.running[event.key] = {
                    "since": utc_now(),
                    "worker": "",
                    "steps": 0,
                    "epochs": 0,
                    "data": event.job.data_identity(),
                    "image_size": event.job.spec.image_size,
                }
            case Stepped():
                if event.key in self.running:
                    self.running[event.key] |= {"worker": event.worker, "steps": event.steps}
            case EpochEnded():
                if event.key in self.running:
                    self.running[event.key]["epochs"] = len(event.curve)
            case Ended():
                self.running.pop(event.key, None)
        self.listener(event)
        if time.monotonic() - self.written >= STATUS_EVERY_S:
            self._write()

    def close(self) -> None:
        """Name what was there already, and say that nothing runs any more."""
        with suppress(OSError):
            self.folder.progress.unlink(missing_ok=True)
        self._name(self.known.found[self.seen :])

    def _name(self, keys: Sequence[str]) -> None:
        """Name what is to be trained, and what was found trained, before it is built upon."""
        self.seen = len(self.known.found)
        new = [key for key in dict.fromkeys(keys) if key not in self.named]
        self.folder.note_keys(new)
        self.named.update(new)

    def _write(self) -> None:
        self.written = time.monotonic()
        with suppress(ResultsError):  # a full disk; nothing that was found is lost by it
            write_json(self.folder.progress, {"at": utc_now(), "running": self.running})
