"""A real run, looked at and exported while it trains, stopped, resumed, and judged at its end."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from recorded_runs import shown
from search_runs import ROOT, attributes, environment, experiment, launched, training, wait_until

from scaling.runs.trials_table import read_trials
from scaling.search.config import load_config
from scaling.search.remaining import pieces

SEARCH = {
    "trials": 2,
    "seeds": [0],
    "baseline_seeds": [0, 1],
    "confirm": 1,
    "confirm_seeds": [5],
    "workers": 2,
}
CONFIRMING = "tiny-references"


def search_job(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "run_search.py", *arguments],
        cwd=ROOT, env=environment(), capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip


def told(output: Path) -> dict[tuple[int, int], float]:
    """top1 by (trial, seed), as the database has it."""
    return {
        (more["trial"], int(key.removeprefix("result:"))): value["top1"]
        for _, _, more in attributes(output)
        for key, value in more.items()
        if key.startswith("result:")
    }


def table(folder: Path) -> dict[tuple[int, int], float]:
    trials = read_trials(folder / "trials.csv")
    complete = trials[trials["state"] == "complete"]
    return {(int(row["trial"]), int(row["seed"])): float(row["top1"]) for row in complete.to_dict("records")}


@pytest.fixture(scope="module")
def stopped(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    """A run that was looked at and exported while it trained, then stopped by Ctrl-C."""
    folder = tmp_path_factory.mktemp("commands")
    config = experiment(folder, search=SEARCH, data={"train": 400}, recipe={"epochs": 3})
    output, kept = folder / "run", folder / "kept"
    process = launched(config, output)
    wait_until(lambda: training(output, study=CONFIRMING, after=1), what="a second training")
    before = told(output)
    seen = json.loads(shown("status", str(output), "--json"))
    shown("export", str(output), "--to", str(kept))
    after = told(output)
    os.killpg(process.pid, signal.SIGINT)
    _, log = process.communicate(timeout=120)
    assert process.returncode == 130, log
    return folder, {"status": seen, "before": before, "after": after}


def test_status_is_right_while_workers_train(stopped: tuple[Path, dict[str, Any]]) -> None:
    status = stopped[1]["status"]
    config = load_config(stopped[0] / "tiny.toml")
    whole = sum(piece.trainings for piece in pieces(config, [], [], 2, now_s=0.0))
    assert status["finished"] is False
    assert 1 <= len(status["workers"]) <= 2
    assert status["trainings"]["done"] + status["trainings"]["left"] == whole
    assert len(stopped[1]["before"]) <= status["trainings"]["done"] <= len(stopped[1]["after"])
    assert 0 < status["share_of_work"] < 1
    assert status["eta_s"] > 0
    assert status["best"]["top1"] in stopped[1]["after"].values() or status["best"]["seeds"] > 1


def test_an_export_of_a_run_in_training_agrees_with_the_database(
    stopped: tuple[Path, dict[str, Any]],
) -> None:
    folder, seen = stopped
    rows = table(folder / "kept")
    assert seen["before"].items() <= rows.items() <= seen["after"].items()
    assert json.loads((folder / "kept" / "provenance.json").read_text())["finished"] is None


def test_it_is_resumed_by_its_own_configuration_and_only_then_has_a_best(
    stopped: tuple[Path, dict[str, Any]],
) -> None:
    folder, _ = stopped
    output = folder / "run"
    (folder / "tiny.toml").write_text("name = 'changed since'")
    assert "nobody is training" in shown("status", str(output))
    assert json.loads(shown("best", str(output), "--json"))["confirmed"] is False
    done = search_job("resume", str(output), "--workers", "1", "--json")
    assert done.returncode == 0, done.stderr
    assert "going on with" in done.stderr
    result = json.loads(done.stdout)
    assert result["choice"]["confirmed"] is True
    assert shown("status", str(output)).count("finished: ") == 1
    choice = json.loads(shown("best", str(output), "--json"))
    trials = read_trials(output / "trials.csv")
    again = trials[trials["kind"] == "confirm"]
    assert again["seed"].tolist() == [5]
    assert choice["winner"]["architecture"] == again["architecture"].iloc[0]
    assert choice["winner"]["top1"] == pytest.approx(float(again["top1"].iloc[0]))
    assert table(output) == told(output)


def test_a_finished_run_is_not_resumed(stopped: tuple[Path, dict[str, Any]]) -> None:
    done = search_job("resume", str(stopped[0] / "run"))
    assert done.returncode == 0, done.stderr
    assert "is finished" in " ".join(done.stderr.split())


@pytest.mark.parametrize("command", ["status", "export", "resume", "best", "charts"])
def test_what_is_no_run_is_one_line_of_error(command: str, tmp_path: Path) -> None:
    done = search_job(command, str(tmp_path / "nothing"))
    assert (done.returncode, done.stdout) == (2, "")
    assert "is not the folder of a run" in done.stderr
    assert done.stderr.count("\n") == 1
