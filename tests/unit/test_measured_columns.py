"""Measured costs in the table of trials: written with every trained seed, empty in older tables."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from scaling.errors import ResultsError
from scaling.network.families import variant
from scaling.plans.networks import training_columns
from scaling.runs.record import Record, RecordState
from scaling.runs.trials_table import MEASURED, TRIAL_COLUMNS, read_trials, trials_frame, write_trials

RESULT = {
    "top1": 0.5,
    "validation_loss": 1.25,
    "epochs": 3,
    "wall_s": 1.23456,
    "images_per_s": 1234.56789,
    "train_step_ms": 40.1234567,
    "inference_ms_batch_1": 2.0,
    "inference_ms": 11.5,
    "memory_bytes": 62_247_496,
    "micro_batch": 50,
}


def columns(result: dict[str, Any]) -> dict[str, Any]:
    record = Record(
        key="k", identity={}, spec=variant("b0"), state=RecordState.COMPLETE, result=result, provenance={}
    )
    return training_columns(0, record)


def test_what_a_seed_measured_is_in_its_row() -> None:
    frame = trials_frame([{"trial": 0, **columns(RESULT)}])
    row = frame.iloc[0]
    assert row["train_step_ms"] == 40.1235
    assert row["images_per_s"] == 1234.57
    assert (row["memory_bytes"], row["micro_batch"]) == (62_247_496, 50)


def test_a_result_of_an_earlier_version_leaves_them_empty() -> None:
    older = {key: value for key, value in RESULT.items() if key not in MEASURED}
    frame = trials_frame([{"trial": 0, **columns(older)}])
    assert frame[list(MEASURED)].isna().all().all()


def test_a_table_without_them_is_read_in_the_schemas_order_and_types(tmp_path: Path) -> None:
    frame = trials_frame([{"trial": 0, **columns(RESULT)}])
    write_trials(tmp_path / "older.csv", frame.drop(columns=list(MEASURED)))
    found = read_trials(tmp_path / "older.csv")
    assert list(found.columns) == list(TRIAL_COLUMNS)
    assert found[list(MEASURED)].isna().all().all()
    assert found.dtypes.astype(str).to_dict() == trials_frame([]).dtypes.astype(str).to_dict()
    write_trials(tmp_path / "now.csv", frame)
    pd.testing.assert_frame_equal(read_trials(tmp_path / "now.csv"), frame)


def test_a_table_without_another_column_is_refused(tmp_path: Path) -> None:
    write_trials(tmp_path / "bad.csv", trials_frame([]).drop(columns=["top1"]))
    with pytest.raises(ResultsError, match="column 'top1' is missing"):
        read_trials(tmp_path / "bad.csv")
