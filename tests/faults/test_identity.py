"""Runs of another version or configuration are refused; passwords and names stay where they belong."""

from __future__ import annotations

import json
import time
from multiprocessing.process import BaseProcess
from pathlib import Path

import pytest
from checking import Left, check, contents
from launches import workers_of
from postgres import Server, fresh_database
from processes import command_line, ended, kill_group, trained
from search_runs import experiment
from searching import TABLES, TRAININGS, Launch, begin_after
from sqlalchemy import make_url

pytestmark = pytest.mark.faults


def refused(process: BaseProcess, log: Path, *words: str) -> None:
    assert ended(process) == 2, log.read_text()
    said = log.read_text()
    assert said.count("\n") == 1, said
    for word in words:
        assert word in said


def test_a_run_of_another_configuration_or_version_is_refused_and_left_alone(
    tmp_path: Path, undisturbed_run: Path, launch: Launch
) -> None:
    begin_after(TRAININGS, undisturbed_run, tmp_path)
    config, output = tmp_path / "run" / "run.json", tmp_path / "run"
    before = contents(output, tmp_path / "trainings")
    other = launch("--set", "recipe.learning_rate=0.5", log="other")
    refused(
        other, tmp_path / "other", "recipe.learning_rate: 0.01 there, 0.5 here", "choose another --output"
    )
    assert contents(output, tmp_path / "trainings") == before | {output / "run.lock": b""}
    document = json.loads(config.read_text()) | {"version": "0.0.1"}
    config.write_text(json.dumps(document))
    before = contents(output)
    refused(launch(log="old"), tmp_path / "old", "was made by efficientnet-scaling 0.0.1, this is")
    assert contents(output) == before


def test_a_launch_on_postgresql_shows_its_password_nowhere(
    server: Server, tmp_path: Path, undisturbed_run: Path, undisturbed: Left, launch: Launch
) -> None:
    begin_after(TRAININGS - 1, undisturbed_run, tmp_path)
    place, folder = fresh_database(server, tmp_path.name), tmp_path / "run"
    password = make_url(place).password
    assert password
    process = launch(environ={"SCALING_STORAGE": place})
    lines, worked = set[bytes](), False
    while process.is_alive() and not trained(folder):
        worked |= bool(workers_of(process.pid or 0))
        for path in Path("/proc").glob("[0-9]*/cmdline"):
            try:
                lines.add(path.read_bytes())
            except OSError:
                continue
        time.sleep(0.2)
    assert worked, "no worker was seen"
    assert not [line for line in lines if password.encode() in line], "a command line holds the password"
    assert trained(folder), (tmp_path / "log").read_text()
    kill_group(process)  # the charts are drawn elsewhere
    check(folder, undisturbed)
    for path in [tmp_path / "log", *contents(folder, tmp_path / "trainings")]:
        assert password.encode() not in path.read_bytes(), f"{path} holds the password"


@pytest.mark.parametrize(
    ("storage", "words"),
    [
        ("postgresql://me:hush@db/studies", "a password on the command line is seen by everyone"),
        (
            "mysql://db/studies",
            "expected postgresql+psycopg://USER@HOST/DATABASE or sqlite:///FILE, got mysql",
        ),
        ("studies at hush", "--storage is no URL"),
        ("sqlite://", "expected postgresql+psycopg://USER@HOST/DATABASE or sqlite:///FILE"),
    ],
)
def test_a_wrong_url_is_refused_before_anything_is_done(
    storage: str, words: str, tmp_path: Path, launch: Launch
) -> None:
    refused(launch("--storage", storage), tmp_path / "log", words)
    assert "hush" not in (tmp_path / "log").read_text()
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("name", ["../../etc", "/etc/x", "a/b", "..", ""])
def test_names_cannot_lead_out_of_the_folder_of_runs(
    name: str, processes: list[BaseProcess], tmp_path: Path
) -> None:
    config, log = experiment(tmp_path, **TABLES), tmp_path / "log"
    process = command_line("--config", config, "--set", f'name="{name}"', log=log)
    processes.append(process)
    refused(process, log, "name")
