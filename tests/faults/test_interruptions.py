"""Launches from one command: Ctrl-C, kill -9, two at once. Nothing is lost, nothing is done twice."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from multiprocessing.process import BaseProcess
from pathlib import Path

import pandas as pd
import pytest
from checking import check, interruptions
from processes import command_line, ended, kill_group, trained
from search_runs import attributes, experiment, rows, training, wait_until, workers_of

from scaling.search.endings import DIED
from scaling.search.location import sqlite_url

pytestmark = pytest.mark.faults

# A training of about a second, so that a signal meets one.
SLOW = {
    "data": {"train": 1000, "validation": 100},
    "recipe": {"epochs": 6},
    "search": {"trials": 2, "baseline_seeds": [0]},
    "engine": {"kernels": "fixed"},
    "cluster": {"heartbeat_s": 2, "grace_s": 10},
}
SEARCH, REFERENCES = "tiny", "tiny-references"
Launch = Callable[..., BaseProcess]


@pytest.fixture
def launch(tmp_path: Path, processes: list[BaseProcess]) -> Launch:
    """Start the run of a test; what is left of it is ended after the test."""

    def start(*more: str, training_in: str | None = None, log: str = "log") -> BaseProcess:
        config, output = experiment(tmp_path, **SLOW), tmp_path / "run"
        process = command_line("--config", config, "--output", output, *more, log=tmp_path / log)
        processes.append(process)
        if training_in is not None:
            wait_until(lambda: training(output, study=training_in), what=f"a trial of {training_in}")
        return process

    return start


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[pd.DataFrame]:
    """The table of a run with one worker that nothing disturbed."""
    folder = tmp_path_factory.mktemp("uninterrupted")
    config, log = experiment(folder, **SLOW), folder / "log"
    process = command_line("--config", config, "--output", folder / "run", log=log)
    yield table_of(process, folder / "run", log)
    kill_group(process)


def table_of(process: BaseProcess, output: Path, log: Path) -> pd.DataFrame:
    """Wait for the end of the trainings, check everything, and return the table; charts come after it."""
    wait_until(lambda: trained(output) or not process.is_alive(), what="the end of the trainings")
    assert trained(output), log.read_text()
    assert "Traceback" not in log.read_text()
    check(sqlite_url(output / "study.sqlite3").render_as_string(), output, networks=2)
    return rows(output)


def same_as(uninterrupted: pd.DataFrame, process: BaseProcess, folder: Path, log: str = "log") -> None:
    frame = table_of(process, folder / "run", folder / log)
    pd.testing.assert_frame_equal(frame, uninterrupted, check_exact=True)


def ways(folder: Path) -> list[str]:
    return interruptions(sqlite_url(folder / "run" / "study.sqlite3").render_as_string(), folder / "run")


@pytest.mark.parametrize(("way", "study"), [("ctrl-c", SEARCH), ("sigterm", REFERENCES)])
def test_a_stopped_run_goes_on_as_if_nothing_had_been(
    way: str, study: str, tmp_path: Path, uninterrupted: pd.DataFrame, launch: Launch
) -> None:
    process = launch(training_in=study)
    assert process.pid is not None
    if way == "ctrl-c":
        kill_group(process, signal.SIGINT)
    else:
        os.kill(process.pid, signal.SIGTERM)
    assert ended(process) == 130
    said = (tmp_path / "log").read_text()
    assert "stopped; the same command goes on from here" in said
    assert "Traceback" not in said
    assert "waiting" in set(rows(tmp_path / "run")["state"])
    assert not [state for _, state, _ in attributes(tmp_path / "run") if state == "RUNNING"]
    same_as(uninterrupted, launch(log="again"), tmp_path, "again")
    assert "going on with" in (tmp_path / "again").read_text()
    assert ways(tmp_path) == ["stopped"]


def test_a_killed_worker_costs_its_trial_and_nothing_else(
    tmp_path: Path, uninterrupted: pd.DataFrame, launch: Launch
) -> None:
    process = launch(training_in=SEARCH)
    (worker,) = workers_of(process.pid or 0)
    os.kill(worker, signal.SIGKILL)
    same_as(uninterrupted, process, tmp_path)
    assert ways(tmp_path) == [DIED]


def test_a_killed_launcher_leaves_no_orphans_and_the_run_goes_on(
    tmp_path: Path, uninterrupted: pd.DataFrame, launch: Launch
) -> None:
    process = launch(training_in=SEARCH)
    orphans = workers_of(process.pid or 0)
    assert orphans
    process.kill()
    wait_until(
        lambda: not any(Path(f"/proc/{pid}").exists() for pid in orphans), seconds=90, what="orphans gone"
    )
    same_as(uninterrupted, launch(log="again"), tmp_path, "again")


def test_a_launch_right_after_a_kill_is_not_disturbed_by_orphans(
    tmp_path: Path, uninterrupted: pd.DataFrame, launch: Launch
) -> None:
    process = launch(training_in=SEARCH)
    orphans = workers_of(process.pid or 0)
    for orphan in orphans:  # as if the machine were too busy to let them notice
        os.kill(orphan, signal.SIGSTOP)
    process.kill()
    second = launch(log="again")
    wait_until(lambda: bool(workers_of(second.pid or 0)), what="workers of the second launch")
    time.sleep(1)
    for orphan in orphans:
        os.kill(orphan, signal.SIGCONT)
    same_as(uninterrupted, second, tmp_path, "again")


def test_the_second_of_two_launches_is_refused(
    tmp_path: Path, uninterrupted: pd.DataFrame, launch: Launch
) -> None:
    process = launch(training_in=REFERENCES)
    for number, more in enumerate(([], ["--fresh"])):
        assert ended(launch(*more, log=str(number))) == 2
        said = (tmp_path / str(number)).read_text()
        assert said.count("\n") == 1
        assert "another run is using" in said
    same_as(uninterrupted, process, tmp_path)


def test_a_second_ctrl_c_leaves_at_once_and_the_run_goes_on(
    tmp_path: Path, uninterrupted: pd.DataFrame, launch: Launch
) -> None:
    process = launch(training_in=REFERENCES)
    workers = workers_of(process.pid or 0)
    for worker in workers:  # a worker that cannot answer the first
        os.kill(worker, signal.SIGSTOP)
    kill_group(process, signal.SIGINT)
    time.sleep(1)
    assert process.is_alive()
    kill_group(process, signal.SIGINT)
    assert ended(process) == 130
    assert "Traceback" not in (tmp_path / "log").read_text()
    assert not any(Path(f"/proc/{pid}").exists() for pid in workers)
    same_as(uninterrupted, launch(log="again"), tmp_path, "again")
