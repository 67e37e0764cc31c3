"""The plan of one training whose network is wanted, and where its folder keeps what it leaves."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from scaling.runs.folder import RunFolder
from scaling.runs.job import Job
from scaling.runs.plan import Records, Wanted, never_pruned
from scaling.runs.record import RecordState

KIND = "train"
"""Of its folder."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FinalPlan:
    """One job, wanted until there is a record of it and its weights are in the folder."""

    job: Job
    kept: bool
    prune = staticmethod(never_pruned)

    def next_jobs(self, records: Records, room: int) -> Wanted:
        """Return the job, or nothing; a training that diverged has no weights to wait for."""
        del room
        record = records.get(self.job.key)
        ended = record is not None and (
            record.state == RecordState.DIVERGED or (record.state == RecordState.COMPLETE and self.kept)
        )
        return Wanted(jobs=() if ended else (self.job,), done=True)


def weights_of(folder: RunFolder) -> Path:
    """Return where the trained network lies."""
    return folder.path / "weights.safetensors"


def metrics_of(folder: RunFolder) -> Path:
    """Return where the curve lies, one row an epoch."""
    return folder.path / "metrics.csv"


def board_of(folder: RunFolder) -> Path:
    """Return where TensorBoard's files lie."""
    return folder.path / "tensorboard"
