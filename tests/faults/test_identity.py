"""Studies of another version or configuration are refused; passwords and names stay where they belong."""

from __future__ import annotations

import time
from multiprocessing.process import BaseProcess
from pathlib import Path

import pytest
from checking import MakeStudy, check, opened
from postgres import Server, fresh_database
from processes import command_line, ended, kill_group, trained
from search_runs import experiment
from sqlalchemy import make_url

pytestmark = pytest.mark.faults


@pytest.mark.parametrize("database", ["sqlite", "postgresql"])
def test_a_study_of_another_configuration_or_version_is_refused(
    database: str, make_study: MakeStudy, processes: list[BaseProcess], tmp_path: Path
) -> None:
    place, folder = make_study(database=database)
    environ = {"SCALING_STORAGE": place}
    other = experiment(tmp_path, recipe={"learning_rate": 0.5})

    def refused(*arguments: object) -> str:
        log = tmp_path / f"{time.monotonic_ns()}.log"
        process = command_line(*arguments, log=log, environ=environ)
        processes.append(process)
        assert ended(process) == 2
        said = log.read_text()
        assert said.count("\n") == 1, said
        return said

    for command in ("run", "worker"):
        said = refused(command, "--config", other, "--output", tmp_path / f"other-{command}")
        assert "recipe.learning_rate: 0.01 there, 0.5 here" in said
    with opened(place, folder) as run:
        run.search.set_user_attr("version", "0.0.1")
    for arguments in (["worker"], ["run", "--config", experiment(tmp_path), "--output", tmp_path / "again"]):
        assert "was made by efficientnet-scaling 0.0.1, this is" in refused(*arguments)


def test_a_launch_on_postgresql_shows_its_password_nowhere(
    server: Server, processes: list[BaseProcess], tmp_path: Path
) -> None:
    place = fresh_database(server, tmp_path.name)
    password = make_url(place).password
    assert password
    config = experiment(tmp_path, search={"trials": 1, "baseline_seeds": [0, 1], "workers": 2})
    folder, log = tmp_path / "run", tmp_path / "log"
    launch = command_line("--config", config, "--output", folder, log=log, environ={"SCALING_STORAGE": place})
    processes.append(launch)
    lines: set[bytes] = set()
    while launch.is_alive() and not trained(folder):
        for path in Path("/proc").glob("[0-9]*/cmdline"):
            try:
                lines.add(path.read_bytes())
            except OSError:
                continue
        time.sleep(0.2)
    assert any(b"spawn_main" in line for line in lines), "no worker was seen"
    assert not [line for line in lines if password.encode() in line], "a command line holds the password"
    assert trained(folder), log.read_text()
    kill_group(launch)  # the charts are drawn elsewhere
    check(place, folder, networks=1)
    for path in [log, *folder.rglob("*")]:
        if path.is_file():
            assert password.encode() not in path.read_bytes(), f"{path} holds the password"


@pytest.mark.parametrize("name", ["../../etc", "/etc/x", "a/b", "..", ""])
def test_names_cannot_lead_out_of_the_folder_of_results(
    name: str, processes: list[BaseProcess], tmp_path: Path
) -> None:
    for number, arguments in enumerate(
        (["run", "--config", experiment(tmp_path), "--set", f'name="{name}"'], ["worker", f"--study={name}"])
    ):
        log = tmp_path / f"{number}.log"
        process = command_line(*arguments, log=log, environ={"HOME": str(tmp_path)})
        processes.append(process)
        assert ended(process) == 2
        assert "Traceback" not in log.read_text()
        assert log.read_text().count("\n") == 1
