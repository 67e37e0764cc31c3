"""`run_search.py run` without training: everything is recorded, or nothing can be."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
from recorded_runs import CONFIG, a_run, add, go_on
from search_runs import configuration, experiment, record_of, store_of

from scaling.cli.output import run
from scaling.cli.search import search
from scaling.plans.search.trial import reference_trials
from scaling.runs.record import RecordState
from scaling.runs.trials_table import read_trials

Command = Callable[..., tuple[int, str, str]]


@pytest.fixture
def ended(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    """Run a command to its end, without charts; return exit status, output and what it said beside."""
    monkeypatch.setattr("scaling.library.searching.conclude", lambda _run: None)

    def call(*arguments: object) -> tuple[int, str, str]:
        status = 0
        try:
            run(search, [str(one) for one in arguments])
        except SystemExit as leave:
            status = int(leave.code or 0)
        return (status, *capsys.readouterr())

    return call


def contents(folder: Path) -> dict[str, bytes]:
    return {
        path.name: path.read_bytes()
        for path in folder.iterdir()
        if path.suffix in {".csv", ".json", ".jsonl"}
    }


def test_a_finished_run_says_so_and_changes_nothing(tmp_path: Path, ended: Command) -> None:
    folder = a_run(tmp_path / "run")
    go_on(folder)
    before = contents(folder.path)
    status, out, err = ended("resume", folder.path, "--json")
    assert (status, err.splitlines()[-1]) == (0, f"{folder.path} is finished; --fresh starts anew")
    assert json.loads(out)["states"] == {"complete": 19}
    assert contents(folder.path) == before


def test_fresh_keeps_the_earlier_run_and_finds_the_same_again(tmp_path: Path, ended: Command) -> None:
    config = experiment(tmp_path, search=CONFIG.search.model_dump(mode="json", exclude_defaults=True))
    folder = a_run(tmp_path / "run")
    state, _ = go_on(folder)
    (folder.path / "mine.txt").write_text("mine")
    store = store_of(folder.path).path
    status, _, err = ended("run", "--config", config, "--output", folder.path, "--store", store, "--fresh")
    assert status == 0, err
    (earlier,) = tmp_path.glob("run.before-*")
    assert f"the earlier run is kept in {earlier}" in err
    assert (earlier / "mine.txt").read_text() == "mine"
    assert not (folder.path / "mine.txt").exists()
    for place in (earlier, folder.path):
        pd.testing.assert_frame_equal(read_trials(place / "trials.csv"), state.trials())


@pytest.mark.parametrize("more", [[], ["--fresh"]])
def test_a_file_in_the_way_is_one_line(more: list[str], tmp_path: Path, ended: Command) -> None:
    output = tmp_path / "file"
    output.write_text("mine")
    status, out, err = ended("run", "--config", experiment(tmp_path), "--output", output, *more)
    assert (status, out, err.count("\n")) == (2, "", 1)
    assert output.read_text() == "mine"


def test_a_space_without_networks_is_refused_in_one_line(tmp_path: Path, ended: Command) -> None:
    config = experiment(tmp_path, search={"tolerance": 1e-9})
    store = tmp_path / "trainings"
    status, out, err = ended("run", "--config", config, "--output", tmp_path / "run", "--store", store)
    assert (status, out, err.count("\n")) == (2, "", 1)
    assert "no network is on target" in err


def test_a_run_of_which_everything_diverges_fails_with_one_reason(tmp_path: Path, ended: Command) -> None:
    config = configuration(search={"trials": 0, "baseline_seeds": [0]})
    folder = a_run(tmp_path / "[/b]", 0, config=config)
    for trial in reference_trials(config):
        for job in trial.jobs.values():
            add(folder, record_of(job, state=RecordState.DIVERGED))
    status, _, err = ended("resume", folder.path)
    assert (status, "Traceback" in err) == (1, False)
    assert f"no network of {folder.path} was trained: diverged: the loss stopped" in err.splitlines()[-1]
    trials = read_trials(folder.trials)
    assert set(trials["state"]) == {"diverged"}
    assert trials["top1"].isna().all()
