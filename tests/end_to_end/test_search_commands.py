"""A real run, looked at and exported while it trains, stopped, resumed, and judged at its end."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import launches
import pytest
from launches import environment, wait_until
from recorded_runs import shown
from search_runs import ROOT, experiment, launched, store_of, training

from scaling.runs.folder import RunFolder
from scaling.runs.store import Store
from scaling.runs.trials_table import read_trials

SEARCH = {"trials": 2, "seeds": [0], "baseline_seeds": [0, 1], "confirm": 1, "confirm_seeds": [5]}
TRAININGS = 2 + 4 + 2 + 1


def search_job(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "run_search.py", *arguments],
        cwd=ROOT, env=environment(), capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip


def accuracies(output: Path) -> dict[str, float]:
    """top1 by key of the record, as the store has them."""
    store = store_of(output)
    found = (store.find(key) for key in Store.keys(store))
    return {one.key: one.top1 for one in found if one is not None and one.top1 is not None}


def table(folder: Path) -> dict[str, float]:
    trials = read_trials(folder / "trials.csv")
    complete = trials[trials["state"] == "complete"]
    return dict(zip(complete["record"], complete["top1"], strict=True))


@pytest.fixture(scope="module")
def stopped(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    """A run that was looked at and exported while it trained, then stopped by Ctrl-C."""
    folder = tmp_path_factory.mktemp("commands")
    config = experiment(
        folder, search=SEARCH, data={"train": 400}, recipe={"epochs": 3}, engine={"workers": 2}
    )
    output, kept = folder / "run", folder / "kept"
    process = launched(config, output)
    wait_until(lambda: training(output, after=2), what="a third training")
    before = accuracies(output)
    seen = json.loads(shown("status", str(output), "--json"))
    shown("export", str(output), "--to", str(kept))
    after = accuracies(output)
    launches.stopped(process)
    return folder, {"status": seen, "before": before, "after": after}


def test_status_is_right_while_workers_train(stopped: tuple[Path, dict[str, Any]]) -> None:
    status = stopped[1]["status"]
    assert status["finished"] is False
    assert len(status["training"]) <= 2
    assert status["trainings"]["done"] + status["trainings"]["left"] == TRAININGS
    assert len(stopped[1]["before"]) <= status["trainings"]["done"] <= len(stopped[1]["after"])
    assert 0 < status["share_of_work"] < 1
    assert status["eta_s"] > 0
    assert status["best"]["top1"] in stopped[1]["after"].values() or status["best"]["seeds"] > 1


def test_an_export_of_a_run_in_training_agrees_with_its_records(stopped: tuple[Path, dict[str, Any]]) -> None:
    folder, seen = stopped
    assert seen["before"].items() <= table(folder / "kept").items() <= seen["after"].items()
    assert json.loads((folder / "kept" / "provenance.json").read_text())["finished"] is None


def test_it_is_resumed_by_its_own_configuration_and_only_then_has_a_best(
    stopped: tuple[Path, dict[str, Any]],
) -> None:
    folder, _ = stopped
    output = folder / "run"
    (folder / "tiny.toml").write_text("name = 'changed since'")
    assert "nothing is being trained" in shown("status", str(output))
    assert json.loads(shown("best", str(output), "--json"))["confirmed"] is False
    done = search_job("resume", str(output), "--workers", "1", "--json")
    assert done.returncode == 0, done.stderr
    assert "going on with" in done.stderr
    assert json.loads(done.stdout)["choice"]["confirmed"] is True
    assert "finished: " in shown("status", str(output))
    choice = json.loads(shown("best", str(output), "--json"))
    trials = read_trials(output / "trials.csv")
    again = trials[trials["kind"] == "confirm"]
    assert again["seed"].tolist() == [5]
    assert choice["winner"]["architecture"] == again["architecture"].iloc[0]
    assert choice["winner"]["top1"] == pytest.approx(float(again["top1"].iloc[0]))
    assert table(output) == accuracies(output)
    assert len(RunFolder(path=output).keys()) == TRAININGS
