"""One full training as a plan, and what it says of itself, on made-up records."""

from __future__ import annotations

import json
import pickle
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
from tiny_setup import tiny_setup

from scaling.errors import ResultsError
from scaling.library.loading import load_run
from scaling.network.serialization import architecture_key, read_spec
from scaling.plans.final.launch import config_of
from scaling.plans.final.result import FinalPlan, TrainingRun, load_training, write_curve
from scaling.runs.folder import RunFolder, open_folder
from scaling.runs.job import Job
from scaling.runs.record import Record, RecordState
from scaling.runs.store import Store
from scaling.training.curve import EpochEnd

SETUP = tiny_setup()
LAST = EpochEnd(epoch=2, steps=8, loss=1.5, validation_loss=1.0, top1=0.2, learning_rate=0.01, seconds=1.5)
CURVE = (replace(LAST, epoch=1, steps=4, loss=3.0, validation_loss=2.0, top1=0.1), LAST)
RESULT = {"outcome": "complete", "top1": 0.2, "epochs": 2, "wall_s": 3.0, "loss": 1.5}
RESULT |= {"validation_loss": 1.0, "validation_images": 50}


@pytest.fixture(autouse=True)
def _cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SCALING_CACHE", str(tmp_path_factory.getbasetemp() / "cache"))


def job() -> Job:
    return SETUP.job(SETUP.baseline_spec, seed=3)


def record(state: RecordState = RecordState.COMPLETE) -> Record:
    wanted, top1 = job(), 0.2 if state == RecordState.COMPLETE else None
    return Record(
        key=wanted.key,
        identity=wanted.identity(),
        spec=wanted.spec,
        state=state,
        curve=CURVE,
        result={**RESULT, "outcome": state.value, "top1": top1},
        provenance={},
    )


@pytest.mark.parametrize("kept", [False, True])
@pytest.mark.parametrize("state", [None, *RecordState])
def test_a_job_is_wanted_until_there_are_record_and_weights(state: RecordState | None, kept: bool) -> None:
    plan, records = FinalPlan(job=job(), kept=kept), {} if state is None else {job().key: record(state)}
    wanted = plan.next_jobs(records, 1)
    ended = state == RecordState.DIVERGED or (state == RecordState.COMPLETE and kept)
    assert wanted.jobs == (() if ended else (job(),))
    assert wanted.done
    assert plan.next_jobs(records, 7) == wanted
    assert not plan.prune(job(), CURVE, records)


def test_a_run_says_what_it_gave(tmp_path: Path) -> None:
    folder = RunFolder(path=tmp_path)
    run = TrainingRun(folder=folder, spec=job().spec, record=record(), test={"images": 9, "top1": 0.5})
    assert (run.top1, run.stopped, run.weights) == (0.2, False, None)
    assert run.curve["validation_loss"].tolist() == [2.0, 1.0]
    (tmp_path / "weights.safetensors").touch()
    assert run.weights == tmp_path / "weights.safetensors"
    found = run.document()
    low, high = found["top1_interval"]
    assert low < 0.2 < high
    assert found["architecture"] == architecture_key(job().spec)
    assert (found["data"], found["seed"], found["record"]) == ("glyphs", 3, job().key)
    assert found["test"] == {"images": 9, "top1": 0.5}
    assert "\n" not in repr(run)
    assert "complete, 2 epoch(s), validation top-1 20.00 %" in repr(run)
    assert "<table" in run._repr_html_()
    assert pickle.loads(pickle.dumps(run)).curve.equals(run.curve)
    run.write()
    pd.testing.assert_frame_equal(pd.read_csv(tmp_path / "metrics.csv"), run.curve)
    assert read_spec(folder.result) == job().spec


def test_a_stopped_run_has_the_curve_so_far(tmp_path: Path) -> None:
    run = TrainingRun(folder=RunFolder(path=tmp_path), spec=job().spec, record=None)
    assert run.stopped
    assert run.curve.empty
    write_curve(run.folder, CURVE[:1])
    assert run.curve["epoch"].tolist() == [1]
    assert (run.top1, run.weights) == (None, None)
    assert "stopped after 1 epoch" in str(run)
    with pytest.raises(ResultsError, match="has not ended"):
        run.document()


def test_a_diverged_run_has_no_interval(tmp_path: Path) -> None:
    run = TrainingRun(folder=RunFolder(path=tmp_path), spec=job().spec, record=record(RecordState.DIVERGED))
    assert run.document()["top1_interval"] is None
    assert run.top1 is None


def test_a_run_is_loaded_from_its_folder(tmp_path: Path) -> None:
    folder, store = RunFolder(path=tmp_path / "run"), Store(path=tmp_path / "store")
    open_folder(folder, "train", config_of(job()), job().key, store=store.path)
    assert load_training(folder.path).stopped
    store.add(record())
    TrainingRun(folder=folder, spec=job().spec, record=record(), test={"images": 3}).write()
    run = load_run(folder.path)
    assert isinstance(run, TrainingRun)
    assert run.top1 == 0.2
    assert run.test == {"images": 3}
    assert run.spec == job().spec
    folder.result.write_text("{torn")
    assert load_training(folder.path).test is None
    other = RunFolder(path=tmp_path / "other")
    open_folder(other, "study", {}, "x")
    with pytest.raises(ResultsError, match="is the folder of a study, not of one training"):
        load_training(other.path)


def test_the_first_difference_is_one_that_people_set() -> None:
    plain = config_of(job())
    assert json.loads(json.dumps(plain)) == plain
    assert list(plain) == sorted(plain)
    assert config_of(replace(job(), processes=2)) == {**plain, "processes": 2}
    assert replace(job(), processes=2).key != job().key
    assert replace(job(), graphs=False).key == job().key
