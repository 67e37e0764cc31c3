"""The table of trials: one row per (trial, seed), the same columns in every run."""

from __future__ import annotations

import hashlib
import io
import math
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from scaling.atomic_write import LARGEST_TABLE, read_json, read_regular, write_text
from scaling.errors import ResultsError, printable

TRIAL_COLUMNS: dict[str, str] = {
    "experiment": "string",
    "trial": "Int64",
    "seed": "Int64",
    "kind": "string",
    "alpha": "Float64",
    "beta": "Float64",
    "gamma": "Float64",
    "phi": "Float64",
    "depth_share": "Float64",
    "width_share": "Float64",
    "resolution_share": "Float64",
    "realised_depth_share": "Float64",
    "realised_width_share": "Float64",
    "realised_resolution_share": "Float64",
    "x_depth": "Float64",
    "x_width": "Float64",
    "x_resolution": "Float64",
    "x_rounding": "Float64",
    "depth_coefficient": "Float64",
    "width_coefficient": "Float64",
    "image_size": "Int64",
    "params": "Int64",
    "macs": "Int64",
    "activations": "Int64",
    "nominal_factor": "Float64",
    "achieved_factor": "Float64",
    "top1": "Float64",
    "validation_loss": "Float64",
    "fidelity_epochs": "Int64",
    "wall_s": "Float64",
    "train_step_ms": "Float64",
    "inference_ms_batch_1": "Float64",
    "inference_ms": "Float64",
    "memory_bytes": "Int64",
    "images_per_s": "Float64",
    "micro_batch": "Int64",
    "state": "string",
    "name": "string",
    "architecture": "string",
    "record": "string",
}
"""Column to pandas type; what each means is in results/README.md. The last three name the row."""

MEASURED = (
    "train_step_ms",
    "inference_ms_batch_1",
    "inference_ms",
    "memory_bytes",
    "images_per_s",
    "micro_batch",
)
"""Costs that are measured with every training."""

DOUBLINGS = ("x_depth", "x_width", "x_resolution", "x_rounding")
"""Coordinates: doublings of multiply-adds by each dimension, and what they do only together."""

OPTIONAL = (*MEASURED, *DOUBLINGS, "validation_loss", "record")
"""Columns that tables of earlier versions lack."""

STATES = ("complete", "diverged", "failed", "infeasible", "pruned", "waiting")
"""How a training or its trial has ended."""

COUNTS = ("image_size", "params", "macs", "activations")
MOST = 10**18
"""More than any network has, and still a whole number of 64 bits."""
AMOUNTS = ("achieved_factor", "wall_s", "validation_loss")

PROVENANCE, DIGEST = "provenance.json", "trials_sha256"
"""Where an exported table's digest is kept, beside it, and under which key."""

LEARNING_RATE_FACTOR = "learning_rate_factor"
"""A column of studies: times the recipe's learning rate."""


def trials_frame(rows: Iterable[Mapping[str, Any]]) -> pd.DataFrame:
    """Return rows as the table of trials, sorted by trial and seed; columns a row lacks are empty.

    Raises:
        ResultsError: a row has a column that the schema does not know.

    >>> trials_frame([{"trial": 1, "seed": 0, "state": "complete"}])["top1"].isna().all()
    np.True_
    """
    listed = [dict(row) for row in rows]
    unknown = sorted({key for row in listed for key in row} - set(TRIAL_COLUMNS))
    if unknown:
        raise ResultsError(f"the table of trials has no column {unknown[0]!r}")
    frame = pd.DataFrame(listed, columns=list(TRIAL_COLUMNS)).astype(TRIAL_COLUMNS)
    return frame.sort_values(["trial", "seed"], kind="stable", ignore_index=True)


def read_trials(path: Path, *, unverified: bool = False) -> pd.DataFrame:
    """Read trials.csv; measured costs that an earlier version did not write are empty.

    Args:
        path: of the table; the provenance beside it may know its digest.
        unverified: take a table that was edited since it was exported.

    Raises:
        ResultsError: the file is missing, unreadable, cut off or edited, has other columns, a value that
            cannot be, or a trial and seed twice.
    """
    frame = _parsed(path)
    problem = _problem(frame)
    if problem is not None:
        raise ResultsError(f"{path} {problem}")
    if not unverified and is_edited(path):
        raise ResultsError(
            f"{path} was edited since it was exported (its digest is not that of {PROVENANCE}); read it with "
            "--unverified, or export the run again"
        )
    return frame


def is_edited(path: Path) -> bool:
    """Whether a table is not the one that was exported; of a run's own folder, or earlier exports, no."""
    try:
        exported = read_json(path.with_name(PROVENANCE)).get(DIGEST)
    except (FileNotFoundError, ResultsError):
        return False
    return exported is not None and exported != digest_of(path)


def digest_of(path: Path) -> str:
    """Return the SHA-256 of a table.

    Raises:
        ResultsError: it cannot be read.
    """
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise ResultsError(f"cannot read {path}: {error.strerror}") from None


def _problem(frame: pd.DataFrame) -> str | None:
    """Say what in a table cannot be, naming its row; None where nothing is wrong."""
    complete = frame["state"] == "complete"
    wrong = {
        "state": ~frame["state"].isin(STATES),
        "trial": frame["trial"].isna(),
        "top1": ~frame["top1"].between(0, 1).where(frame["top1"].notna(), ~complete),
        **{name: frame[name].notna() & ~frame[name].between(0, MOST) for name in COUNTS},
        **{name: frame[name].notna() & ~frame[name].between(0, math.inf, "left") for name in AMOUNTS},
    }
    for column, rows in wrong.items():
        if rows.fillna(value=True).any():
            line = int(rows.fillna(value=True).to_numpy().argmax())
            return f"cannot be: row {line + 1} has {column} {str(frame[column].iloc[line])[:40]}"
    twice = frame["seed"].notna() & frame.duplicated(["trial", "seed"])
    if twice.any():
        row = frame[twice].iloc[0]
        return f"lists trial {row['trial']} with seed {row['seed']} twice"
    return None


def _parsed(path: Path) -> pd.DataFrame:
    try:
        # An experiment may be called NA or null; only an empty cell is missing.
        content = read_regular(path, LARGEST_TABLE)
        frame = pd.read_csv(
            io.BytesIO(content), dtype=dict(TRIAL_COLUMNS.items()), keep_default_na=False, na_values=[""]
        )
    except FileNotFoundError:
        raise ResultsError(f"there is no {path}; give the folder of a run") from None
    except (OSError, ValueError, TypeError, OverflowError) as error:  # pandas says so of a seed of 0.5
        reason = (isinstance(error, OSError) and error.strerror) or str(error)
        raise ResultsError(f"cannot read {path}: {printable(reason, 200)}") from None
    if not content.endswith(b"\n"):
        raise ResultsError(f"{path} is cut off: its last line has no end")
    missing = [column for column in TRIAL_COLUMNS if column not in frame.columns]
    lacking = [column for column in missing if column not in OPTIONAL]
    if lacking:
        raise ResultsError(f"{path} is not a table of trials: column {lacking[0]!r} is missing")
    empty = {column: pd.array([None] * len(frame), dtype=TRIAL_COLUMNS[column]) for column in missing}  # type: ignore[call-overload]
    known = [*TRIAL_COLUMNS, *(column for column in frame.columns if column not in TRIAL_COLUMNS)]
    return frame.assign(**empty)[known]


def at_own_rate(trials: pd.DataFrame) -> pd.DataFrame:
    """Return what was trained at the recipe's own learning rate: all of a search, a part of most studies.

    Networks at other learning rates are other trainings, and no mean or chart may mix them.

    >>> at_own_rate(pd.DataFrame({"top1": [0.5, 0.6], "learning_rate_factor": [1.0, 2.0]}))["top1"].tolist()
    [0.5]
    """
    if LEARNING_RATE_FACTOR not in trials.columns:
        return trials
    return trials[trials[LEARNING_RATE_FACTOR].fillna(1.0) == 1.0]


def write_trials(path: Path, frame: pd.DataFrame) -> None:
    """Write the table of trials as CSV, atomically; floats round-trip."""
    write_text(path, frame.to_csv(index=False, lineterminator="\n"))
