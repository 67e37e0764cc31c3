"""The plan of one full training, and what it gave: record, curve, weights, the test split if asked for."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from html import escape
from pathlib import Path
from typing import Any

import pandas as pd

from scaling.atomic_write import LARGEST_DOCUMENT, json_of, read_regular, write_json, write_text
from scaling.cost import count_cost
from scaling.errors import ResultsError
from scaling.network.architecture import ArchitectureSpec
from scaling.network.serialization import architecture_key, from_json, to_json
from scaling.plans.launching import document_in
from scaling.runs.folder import RunFolder
from scaling.runs.job import Job
from scaling.runs.plan import Records, Wanted, never_pruned
from scaling.runs.record import Record, RecordState
from scaling.runs.store import Store
from scaling.training.curve import Curve, EpochEnd
from scaling.training.evaluation import proportion

KIND = "train"
"""Of its folder."""
COLUMNS = tuple(one.name for one in fields(EpochEnd))
"""Of the curve."""


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


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class TrainingRun:
    """A full training in its folder, ended or stopped.

    Args:
        record: of the training; None where it was stopped before its end.
        test: images, top1 and interval on the test split; None unless it was asked for.
        first: whether this process is the one, of those that trained together, that writes and prints.
    """

    folder: RunFolder
    spec: ArchitectureSpec
    record: Record | None
    test: Mapping[str, Any] | None = None
    first: bool = True

    @property
    def stopped(self) -> bool:
        """Whether it was stopped before its end; the same call goes on."""
        return self.record is None

    @property
    def curve(self) -> pd.DataFrame:
        """One row an epoch: steps, losses, validation top-1, learning rate, seconds."""
        if self.record is not None:
            return curve_frame(self.record.curve)
        try:
            return pd.read_csv(metrics_of(self.folder))
        except FileNotFoundError:
            return curve_frame(())

    @property
    def top1(self) -> float | None:
        """Fraction of validation images after the last epoch; None unless the training is complete."""
        return None if self.record is None else self.record.top1

    @property
    def weights(self) -> Path | None:
        """The trained network; None where there is none."""
        path = weights_of(self.folder)
        return path if self.record is not None and path.exists() else None

    def document(self) -> dict[str, Any]:
        """Return what it gave as plain data.

        Raises:
            ResultsError: it was stopped before its end.
        """
        record = self.record
        if record is None or record.result is None:
            raise ResultsError(f"the training in {self.folder.path} has not ended")
        cost, top1, images = count_cost(self.spec), record.result["top1"], record.result["validation_images"]
        return {
            "network": self.spec.name,
            "architecture": architecture_key(self.spec),
            "image_size": self.spec.image_size,
            "params": cost.params,
            "macs": cost.macs,
            "activations": cost.activations,
            "data": record.identity["data"]["name"],
            "seed": record.identity["seed"],
            **record.result,
            "top1_interval": None if top1 is None else interval_of(round(top1 * images), images),
            **({} if self.test is None else {"test": dict(self.test)}),
            "record": record.key,
            "spec": json.loads(to_json(self.spec)),
        }

    def write(self) -> None:
        """Write result.json and metrics.csv."""
        assert self.record is not None
        write_curve(self.folder, self.record.curve)
        write_json(self.folder.result, self.document())

    def __str__(self) -> str:
        """Say how it ended, in a line."""
        name, done = self.spec.name or "network", len(self.curve)
        if self.record is None:
            return f"{name}: stopped after {done} epoch(s)"
        reached = "" if self.top1 is None else f", validation top-1 {100 * self.top1:.2f} %"
        return f"{name}: {self.record.state}, {done} epoch(s){reached}"

    def __repr__(self) -> str:
        """Say the same, and where."""
        return f"<TrainingRun {self} in {self.folder.path}>"

    def _repr_html_(self) -> str:
        table = self.curve.to_html(index=False, border=0, float_format="{:.4g}".format)
        return f"<p><b>{escape(str(self))}</b> ({escape(str(self.folder.path))})</p>{table}"


def weights_of(folder: RunFolder) -> Path:
    """Return where the trained network lies."""
    return folder.path / "weights.safetensors"


def metrics_of(folder: RunFolder) -> Path:
    """Return where the curve lies, one row an epoch."""
    return folder.path / "metrics.csv"


def board_of(folder: RunFolder) -> Path:
    """Return where TensorBoard's files lie."""
    return folder.path / "tensorboard"


def load_training(path: Path) -> TrainingRun:
    """Return the training in a folder, with its record where its store has that.

    Raises:
        ResultsError: it is not the folder of a training.
    """
    folder = RunFolder(path=path)
    found = document_in(folder, KIND, called="one training")
    record = Store(path=folder.store()).find(found["key"])
    return TrainingRun(
        folder=folder,
        spec=from_json(json.dumps(found["config"]["spec"])),
        record=record if record is not None and record.state.settled else None,
        test=read_test(folder),
    )


def read_test(folder: RunFolder) -> Mapping[str, Any] | None:
    """Return what the test split gave earlier; None where it was not asked for, or that is damaged."""
    try:
        found = json_of(read_regular(folder.result, LARGEST_DOCUMENT))["test"]
    except (OSError, ValueError, LookupError, TypeError):
        return None
    return found if isinstance(found, dict) else None


def curve_frame(curve: Curve) -> pd.DataFrame:
    """Return a curve as a table, one row an epoch."""
    return pd.DataFrame([asdict(point) for point in curve], columns=list(COLUMNS))


def write_curve(folder: RunFolder, curve: Curve) -> None:
    """Write metrics.csv."""
    write_text(metrics_of(folder), curve_frame(curve).to_csv(index=False, lineterminator="\n"))


def interval_of(right: int, images: int) -> list[float]:
    """Return the ends of the 95 % Wilson interval of a share.

    >>> [round(end, 3) for end in interval_of(50, 100)]
    [0.404, 0.596]
    """
    share = proportion(right, images)
    return [share.low, share.high]
