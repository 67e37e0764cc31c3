"""Records vouch for themselves: what was written comes back, what was changed does not."""

from __future__ import annotations

import copy
import json
import math
import os
import pickle
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from run_records import jobs, point, record_of

from scaling.errors import ResultsError
from scaling.runs import record as module
from scaling.runs.record import Record, RecordState, packed, read_record, unpacked, write_record

JOB = jobs(1)[0]
WHOLE = record_of(JOB)


def written(folder: Path, record: Record = WHOLE) -> Path:
    path = folder / f"{record.key}.json"
    write_record(path, record)
    return path


@pytest.mark.parametrize("state", list(RecordState))
def test_a_record_comes_back(state: RecordState, tmp_path: Path) -> None:
    record = record_of(JOB, state)
    found = read_record(written(tmp_path, record), JOB.key)
    assert found.document() == record.document()
    assert found.spec == JOB.spec
    assert found.top1 == (10 / 50 if state == RecordState.COMPLETE else None)
    assert read_record(tmp_path / "none.json", JOB.key) is None


def test_a_loss_that_is_no_number_is_valid_json_and_comes_back(tmp_path: Path) -> None:
    odd = replace(WHOLE, curve=(replace(point(1), validation_loss=math.inf), point(2)))
    path = written(tmp_path, odd)
    json.loads(path.read_text(), parse_constant=pytest.fail)
    found = read_record(path, JOB.key)
    assert math.isnan(found.curve[0].validation_loss)
    assert found.curve[1] == point(2)


def test_records_copy_and_pickle() -> None:
    for again in (pickle.loads(pickle.dumps(WHOLE)), copy.deepcopy(WHOLE)):
        assert again.document() == WHOLE.document()


def damaged(change: Callable[[dict[str, Any]], object]) -> Callable[[Path], object]:
    def do(path: Path) -> None:
        plain = json.loads(path.read_text())
        change(plain)
        path.write_text(json.dumps(plain))

    return do


def resigned(change: Callable[[dict[str, Any]], object]) -> Callable[[Path], object]:
    """Change a record and give it a digest that fits."""

    def again(plain: dict[str, Any]) -> None:
        del plain["digest"]
        change(plain)
        plain["digest"] = module._digest(plain)

    return damaged(again)


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (lambda path: path.write_bytes(path.read_bytes()[:-20]), "damaged"),
        (lambda path: path.write_bytes(b""), "damaged"),
        (lambda path: path.write_bytes(b"\xff\xfe"), "damaged"),
        (lambda path: path.write_text("[" * 100_000), "damaged"),
        (lambda path: path.write_text('{"digest": ' + "1" * 5000 + "}"), "digits"),
        (lambda path: path.write_text("3"), "damaged"),
        (lambda path: path.write_text('{"digest": "x"}'), "digest does not fit"),
        (damaged(lambda plain: plain["result"].update(top1=0.9)), "digest does not fit"),
        (damaged(lambda plain: plain.update(more=1)), "digest does not fit"),
        (resigned(lambda plain: plain["result"].update(top1=0.9)), "do not give its top1"),
        (resigned(lambda plain: plain.update(key="0" * 20)), "of another training"),
        (resigned(lambda plain: plain.update(schema_version=1)), "of another version"),
        (resigned(lambda plain: plain.update(right="AA==")), "expected 50 validation images"),
        (resigned(lambda plain: plain.update(state="\x1b[1mgone\n")), "gone"),
        (resigned(lambda plain: plain["spec"].pop("stages")), "damaged"),
    ],
)
def test_a_damaged_record_is_refused_in_one_line(
    damage: Callable[[Path], object], reason: str, tmp_path: Path
) -> None:
    path = written(tmp_path)
    damage(path)
    with pytest.raises(ResultsError, match=reason) as caught:
        read_record(path, JOB.key)
    said = str(caught.value).replace(str(path), "")
    assert said.isprintable()
    assert len(said) < 300


def test_what_is_no_file_is_refused_and_never_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pipe = tmp_path / "pipe.json"
    os.mkfifo(pipe)
    for path in (pipe, Path("/dev/zero"), tmp_path):
        with pytest.raises(ResultsError, match="damaged"):
            read_record(path, JOB.key)
    path = written(tmp_path)
    monkeypatch.setattr(module, "LARGEST_RECORD", 100)
    with pytest.raises(ResultsError, match="larger than 100 bytes"):
        read_record(path, JOB.key)


def test_answers_are_packed_eight_to_a_byte() -> None:
    for count in (1, 7, 8, 9, 1000):
        right = np.random.default_rng(count).random(count) < 0.5
        assert np.array_equal(unpacked(packed(right), count), right)
        with pytest.raises(ValueError, match="validation images"):
            unpacked(packed(right), count + 8)
