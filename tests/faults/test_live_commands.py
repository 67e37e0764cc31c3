"""A real run with a pruner on a real PostgreSQL, looked at and exported while its workers train."""

from __future__ import annotations

import json
from multiprocessing.process import BaseProcess
from pathlib import Path

import pytest
from checking import check, opened, told_so_far
from postgres import PASSWORD, Server, fresh_database
from processes import command_line, ended
from recorded_runs import shown
from scaling.search.config import load_config
from scaling.search.folder import RunFolder, open_folder
from scaling.search.location import VARIABLE, parsed
from scaling.search.run import open_run
from search_runs import experiment, wait_until

from scaling.runs.trials_table import read_trials

pytestmark = pytest.mark.faults

EPOCHS = 6
SEARCH = {
    "trials": 8, "sampler": "random", "pruner": "successive_halving", "baseline_seeds": [0],
    "workers": 2, "confirm": 1, "confirm_seeds": [5],
}  # fmt: skip


def test_status_export_and_best_read_a_live_study_of_postgresql(
    server: Server, processes: list[BaseProcess], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = experiment(tmp_path, search=SEARCH, data={"train": 400}, recipe={"epochs": EPOCHS})
    place, folder = fresh_database(server, tmp_path.name), tmp_path / "run"
    monkeypatch.setenv(VARIABLE, place)
    open_folder(RunFolder(path=folder), load_config(config))
    open_run(load_config(config), RunFolder(path=folder), parsed(place, where="test")).close()
    log = tmp_path / "run.log"
    environ = {VARIABLE: place}  # the server that processes are forked from may have started before
    launch = command_line("run", "--config", config, "--output", folder, log=log, environ=environ)
    processes.append(launch)
    with opened(place, folder) as run:
        told = "two trials that were told"
        wait_until(lambda: not launch.is_alive() or told_so_far(run) >= 2, seconds=400, what=told)
        least = told_so_far(run)
    assert launch.is_alive(), log.read_text()
    wait_until(lambda: bool(json.loads(shown("status", str(folder), "--json"))["workers"]), what="a worker")
    status = json.loads(shown("status", str(folder), "--json"))
    assert status["finished"] is False
    assert status["trainings"]["done"] >= least
    assert status["trainings"]["left"] > 0
    shown("export", str(folder), "--to", str(tmp_path / "early"))
    early = read_trials(tmp_path / "early" / "trials.csv")
    assert early["trial"][early["state"] != "waiting"].nunique() >= least
    assert json.loads(shown("best", str(folder), "--json"))["confirmed"] is False

    assert ended(launch, 300) == 0, log.read_text()
    check(place, folder, networks=8)
    trials = read_trials(folder / "trials.csv")
    pruned = trials[trials["state"] == "pruned"]
    assert 0 < len(pruned) < 8
    assert (pruned["fidelity_epochs"] < EPOCHS).all()
    assert set(trials[trials["kind"] == "reference"]["state"]) == {"complete"}, "references are never pruned"
    assert json.loads(shown("status", str(folder), "--json"))["finished"] is True
    choice = json.loads(shown("best", str(folder), "--json"))
    (confirmed,) = trials[trials["kind"] == "confirm"].to_dict("records")
    assert (choice["confirmed"], choice["winner"]["top1"]) == (True, pytest.approx(confirmed["top1"]))
    shown("export", str(folder), "--to", str(tmp_path / "late"))
    assert (tmp_path / "late" / "trials.csv").read_bytes() == (folder / "trials.csv").read_bytes()
    written = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert not [path for path in written if PASSWORD.encode() in path.read_bytes()], "a password was written"
