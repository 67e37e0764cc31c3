"""A result as a record on disk that vouches for itself: architecture, curve, figures, provenance, digest."""

from __future__ import annotations

import base64
import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

import numpy as np

from scaling.atomic_write import json_of, read_regular, write_whole
from scaling.errors import ResultsError, printable
from scaling.network.architecture import ArchitectureSpec
from scaling.network.serialization import from_json, to_json
from scaling.runs.job import key_of_identity
from scaling.training.curve import Curve, EpochEnd
from scaling.training.engine import TrainingResult

SCHEMA = 2
LARGEST_RECORD = 64 * 2**20
"""Bytes; a record of ImageNet's validation answers takes 10 kB."""


class RecordState(StrEnum):
    """How a training ended."""

    COMPLETE = "complete"
    DIVERGED = "diverged"
    PRUNED = "pruned"
    """Ended early on purpose; whoever wants all of it trains on."""
    FAILED = "failed"
    """An error, which another launch may not meet: it is tried again then."""

    @property
    def settled(self) -> bool:
        """Whether training again would give the same."""
        return self in {RecordState.COMPLETE, RecordState.DIVERGED}


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Record:
    """What a training gave, or why it gave nothing.

    Args:
        identity: everything that the result depends on, as plain data; the key is its hash.
        result: final figures and measured costs as `plain_result` gives them; None where it failed.
        right: which validation images were right, bool (N,); None unless the training is complete.
        error: of a failed training, one line.
        provenance: when, by which code, where, on which kernels and threads, as plain data.
    """

    key: str
    identity: Mapping[str, Any]
    spec: ArchitectureSpec
    state: RecordState
    curve: Curve = ()
    result: Mapping[str, Any] | None = None
    right: np.ndarray | None = None
    error: str | None = None
    provenance: Mapping[str, Any]

    def __eq__(self, other: object) -> bool:
        """Whether two records say the same, answers image by image included."""
        return isinstance(other, Record) and self.document() == other.document()

    def __hash__(self) -> int:
        return hash(self.key)

    @property
    def top1(self) -> float | None:
        """Fraction of validation images after the final epoch; None unless the training is complete."""
        if self.state != RecordState.COMPLETE or self.result is None:
            return None
        return float(self.result["top1"])

    @property
    def wall_s(self) -> float:
        """Seconds of training and evaluation."""
        return 0.0 if self.result is None else float(self.result["wall_s"])

    def document(self) -> dict[str, Any]:
        """Return the record as plain data, with a digest of all of it."""
        plain = {
            "schema_version": SCHEMA,
            "key": self.key,
            "identity": dict(self.identity),
            "spec": json.loads(to_json(self.spec)),
            "state": self.state.value,
            "curve": [_plain_point(point) for point in self.curve],
            "result": None if self.result is None else dict(self.result),
            "right": None if self.right is None else packed(self.right),
            "error": self.error,
            "provenance": dict(self.provenance),
        }
        return {**plain, "digest": _digest(plain)}


def write_record(path: Path, record: Record) -> None:
    """Write a record, whole or not at all.

    Raises:
        ResultsError: it cannot be written; an earlier one is untouched.
    """
    write_whole(path, (json.dumps(record.document(), separators=(",", ":")) + "\n").encode())


def read_record(path: Path, key: str) -> Record | None:
    """Read a record; None where there is none.

    Raises:
        ResultsError: it is torn, was changed, or is another job's; one line says which.
    """
    try:
        document = json_of(read_regular(path, LARGEST_RECORD))
        digest = document.pop("digest")
        if digest != _digest(document):
            raise ValueError("its digest does not fit")
        if document["key"] != key or document["schema_version"] != SCHEMA:
            raise ValueError("it is the record of another training, or of another version")
        if key_of_identity(document["identity"]) != key:
            raise ValueError("its key is not that of what it says was trained")
        result = document["result"]
        return Record(
            key=key,
            identity=document["identity"],
            spec=from_json(json.dumps(document["spec"])),
            state=RecordState(document["state"]),
            curve=tuple(_point(point) for point in document["curve"]),
            result=result,
            right=_right(document["right"], result),
            error=document["error"],
            provenance=document["provenance"],
        )
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError, AttributeError, ArithmeticError) as error:
        reason = (isinstance(error, OSError) and error.strerror) or str(error) or type(error).__name__
        raise ResultsError(f"{path} is damaged ({printable(reason, 200)})") from None


def plain_result(result: TrainingResult, *, validation_images: int) -> dict[str, Any]:
    """Return a result as JSON values, without its curve; top1 is None where no epoch was finished."""
    plain = asdict(result)
    del plain["curve"]
    for figure in ("top1", "loss", "validation_loss"):
        if plain[figure] is not None and not math.isfinite(plain[figure]):
            plain[figure] = None
    return {**plain, "outcome": result.outcome.value, "validation_images": validation_images}


def _plain_point(point: EpochEnd) -> dict[str, Any]:
    """JSON knows no nan: a loss that is no number is null."""
    figures = asdict(point).items()
    return {name: value if math.isfinite(value) else None for name, value in figures}


def _point(plain: Mapping[str, Any]) -> EpochEnd:
    figures: dict[str, Any] = {name: math.nan if value is None else value for name, value in plain.items()}
    return EpochEnd(**figures)


def packed(right: np.ndarray) -> str:
    """Return right answers, bool (N,), as text, eight to a byte.

    >>> unpacked(packed(np.array([True, False, True])), 3).tolist()
    [True, False, True]
    """
    return base64.b64encode(np.packbits(right).tobytes()).decode()


def unpacked(text: str, images: int) -> np.ndarray:
    """Return right answers from text.

    Raises:
        ValueError: they are of another number of images.
    """
    found = np.unpackbits(np.frombuffer(base64.b64decode(text, validate=True), np.uint8))
    if len(found) != -(-images // 8) * 8:
        raise ValueError(f"expected {images} validation images, got {len(found)}")
    return found[:images].astype(bool)


def _right(text: str | None, result: Mapping[str, Any] | None) -> np.ndarray | None:
    if text is None or result is None:
        return None
    images = int(result["validation_images"])
    right = unpacked(text, images)
    if result["top1"] != int(right.sum()) / images:
        raise ValueError("its answers do not give its top1")
    return right


def _digest(plain: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(plain, sort_keys=True).encode()).hexdigest()
