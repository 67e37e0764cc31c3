"""Tiny studies with real trainings: stopped, reported, gone on with; the next trains only what is new."""

from __future__ import annotations

import json
import signal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner
from launches import launched, stopped, wait_until
from tiny_setup import tiny_setup
from tiny_study import LADDER, write_study

import scaling
from scaling.cli import group
from scaling.errors import ConfigError, ResultsError
from scaling.plans.study.run import export_study
from scaling.runs.folder import held
from scaling.runs.launch import Where
from scaling.runs.store import Store
from scaling.runs.task import Task, Watch, run_task
from scaling.runs.trials_table import read_trials
from scaling.training.engine import best_device

SETUP = {"recipe": {"epochs": 4}, "engine": {"kernels": "fixed", "device": "cpu", "workers": 1}}
FIRST = {"name": "first", "design": {**LADDER, "strategies": ["depth", "width"]}}
EXPECT = [{"claim": "depth beats the baseline", "more": ["depth@2"], "less": ["baseline"]}]


def records(folder: Path) -> dict[str, int]:
    return {path.name: path.stat().st_mtime_ns for path in (folder / "store").glob("[0-9a-f]*.json")}


def study(name: str, **options: Any) -> Any:
    where = Where(store=Store(path=Path("store")), workers=1)
    return scaling.study(f"{name}.toml", where=where, output=f"out-{name}", **options)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a study that was stopped by Ctrl-C after its first training."""
    folder = tmp_path_factory.mktemp("studies")
    write_study(folder, SETUP, expect=EXPECT, **FIRST)
    launch = launched(folder, "study", "first.toml", "--store", "store", "--output", "out-first")
    wait_until(lambda: len(records(folder)) >= 1, what="the first training")
    messages = stopped(launch, signal.SIGINT)
    assert "trainings are missing" in messages
    return folder


@pytest.fixture(autouse=True)
def _here(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(place)


def test_a_study_that_was_stopped_goes_on_and_another_trains_only_what_is_new(place: Path) -> None:
    before = records(place)
    assert 1 <= len(before) < 6
    looked = study("first", train=False)
    assert "PARTIAL" in looked.conclusion
    assert records(place) == before
    trials = read_trials(place / "out-first" / "trials.csv")
    assert (trials["state"] == "complete").sum() == len(before)
    assert (trials["state"] == "waiting").sum() == 6 - len(before)

    done = study("first")
    assert done.finished
    assert "PARTIAL" not in done.conclusion
    after = records(place)
    assert len(after) == 6
    assert before.items() <= after.items()  # what was finished was not touched
    assert sorted(done.folder.keys()) == sorted(name.removesuffix(".json") for name in after)
    check_folder(place / "out-first")

    write_study(place, SETUP, law=True, name="second", design={**LADDER, "strategies": ["depth", "compound"]})
    plan = CliRunner().invoke(group, ["study", "second.toml", "--plan", "--json", "--store", "store"])
    cost = json.loads(plan.stdout)
    assert (cost["trainings"], cost["there"]) == (6, 4)
    assert cost["core_s"] > 0
    second = study("second")
    assert after.items() <= records(place).items()
    assert len(records(place)) == 8
    shared = done.trials.merge(second.trials, on=["architecture", "seed"])
    assert len(shared) == 4
    assert (shared["top1_x"] == shared["top1_y"]).all()
    assert (shared["record_x"] == shared["record_y"]).all()
    export_study(second.folder, place / "kept")
    assert (place / "kept" / "laws.json").read_bytes() == (place / "out-second" / "laws.json").read_bytes()


def check_folder(folder: Path) -> None:
    """Conclusions, charts, and provenance of both launches; the report in between is none."""
    result = json.loads((folder / "result.json").read_text())
    assert result["complete"]
    assert result["missing_trainings"] == 0
    assert result["conclusions"]["expected"][0]["measured"]["seeds"] == 2
    assert {path.name for path in folder.iterdir()} >= {
        "run.json", "trials.csv", "result.json", "card.json", "card.md", "provenance.json", "figures",
    }  # fmt: skip
    assert (folder / "figures" / "run_methods.svg").stat().st_size > 0
    provenance = json.loads((folder / "provenance.json").read_text())
    assert len(provenance["launches"]) == 2
    assert provenance["finished"] is not None
    assert provenance["config"]["study"]["name"] == "first"


def test_a_study_shows_itself_in_a_notebook() -> None:
    run = study("first")
    assert run.conclusion in run._repr_html_()
    assert run.figure("run_noise").axes
    assert run.result["complete"]
    assert run.figure_names == ("run_methods", "run_noise")


def test_the_folder_of_another_study_is_refused_and_a_held_one_is_only_looked_at() -> None:
    study("first")
    with pytest.raises(ConfigError, match=r"recipe.epochs: 4 there, 3 here"):
        study("first", overrides=["recipe.epochs=3"])
    run = study("first", train=False)
    with held(run.folder):
        looked = study("first", train=False)
        assert "another run is using out-first" in looked.problem
        assert looked.conclusion == run.conclusion
        with pytest.raises(ResultsError, match="another run is using"):
            study("first")


def test_noise_of_the_baseline_reuses_finished_seeds_and_keeps_their_answers(place: Path) -> None:
    design = {"kind": "noise", "strategies": ["compound"], "tolerance": 0.2}
    write_study(place, SETUP, name="noise", design=design)
    few = study("noise", seeds=3)
    assert few.trials["seed"].tolist() == [0, 1, 2]
    assert set(few.trials["name"]) == {"baseline"}
    kept = records(place)
    many = study("noise", seeds=4)
    assert kept.items() <= records(place).items()
    assert len(records(place)) == len(kept) + 1
    top1 = many.trials["top1"].to_numpy(float)
    found = many.result["noise"]
    assert found["standard_deviation"] == pytest.approx(top1.std(ddof=1))
    assert found["degrees_of_freedom"] == 3
    assert found["top1"]["value"] == pytest.approx(top1.mean())
    assert found["parts"]["total"] == pytest.approx(top1.var(ddof=1))
    read = CliRunner().invoke(group, ["study", "noise.toml", "--run", "out-noise", "--json"])
    assert json.loads(read.stdout)["standard_deviation"] == pytest.approx(found["standard_deviation"])


def test_a_seed_is_the_same_training_as_anywhere_else(tmp_path: Path) -> None:
    """Bit for bit: this process trains the baseline's seed 1 again and judges the same images right."""
    study("first")
    setup = tiny_setup(**SETUP)
    job = setup.job(setup.baseline_spec, seed=1)
    store = Store(path=tmp_path)
    kernels = store.kernels(job.kernels, job.device, threads=1)
    task = Task(job=job, key=job.key, kernels=kernels, store=tmp_path)
    again, kept = run_task(task, Watch(), best_device("cpu")), Store(path=Path("store")).find(job.key)
    assert again is not None
    assert kept is not None
    assert again.top1 == kept.top1
    assert np.array_equal(again.right, kept.right)  # type: ignore[arg-type]
    assert [point.loss for point in again.curve] == [point.loss for point in kept.curve]


def test_damaged_records_are_trained_again(caplog: pytest.LogCaptureFixture) -> None:
    whole = study("first")
    first, second, *_ = (Store(path=Path("store")).record(str(key)) for key in whole.trials["record"])
    first.write_bytes(first.read_bytes()[:40])  # torn
    second.write_text(second.read_text().replace('"top1":0.', '"top1":0.9'))  # changed by hand
    again = study("first")
    assert caplog.text.count("is damaged") >= 2
    assert again.trials["top1"].tolist() == whole.trials["top1"].tolist()
    assert again.result["conclusions"] == whole.result["conclusions"]
