"""Ctrl-C, kill -9, two launches at once: nothing is lost, nothing is done twice."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pandas as pd
import pytest
from search_runs import attributes, experiment, finished, launched, rows, training, wait_until, workers_of

pytestmark = pytest.mark.faults

# A training of about a second, so that a signal meets one.
SLOW = {
    "data": {"train": 1000, "validation": 100},
    "recipe": {"epochs": 8},
    "search": {"trials": 3, "baseline_seeds": [0, 1]},
}
SEARCH, REFERENCES = "tiny", "tiny-references"


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory: pytest.TempPathFactory) -> pd.DataFrame:
    """The table of a run with one worker that nothing disturbed."""
    folder = tmp_path_factory.mktemp("uninterrupted")
    done = finished(experiment(folder, **SLOW), folder / "run")
    assert done.returncode == 0, done.stderr
    frame = rows(folder / "run")
    assert set(frame["state"]) == {"complete"}
    return frame


Launcher = Callable[..., subprocess.Popen[str]]


@pytest.fixture
def launch() -> Iterator[Launcher]:
    """Start runs; what is left of their process groups is ended after the test."""
    started: list[subprocess.Popen[str]] = []

    def start(config: Path, output: Path, *, training_in: str | None = None) -> subprocess.Popen[str]:
        process = launched(config, output)
        started.append(process)
        if training_in is not None:
            wait_until(
                lambda: training(output, study=training_in), what=f"a trial of {training_in} in training"
            )
        return process

    yield start
    for process in started:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate(timeout=30)


def resumed(config: Path, output: Path) -> pd.DataFrame:
    done = finished(config, output)
    assert done.returncode == 0, done.stderr
    assert "going on with" in done.stderr
    assert "Traceback" not in done.stderr
    return rows(output)


def told_once(output: Path) -> None:
    """Every network ended once; what was put back has one successor that ended."""
    complete = [(study, more["trial"]) for study, state, more in attributes(output) if state == "COMPLETE"]
    assert all(count == 1 for count in Counter(complete).values())
    assert not [state for _, state, _ in attributes(output) if state in {"RUNNING", "WAITING"}]


@pytest.mark.parametrize("study", [REFERENCES, SEARCH])
@pytest.mark.parametrize("way", ["ctrl-c", "sigterm"])
def test_a_stopped_run_goes_on_as_if_nothing_had_been(
    study: str, way: str, tmp_path: Path, uninterrupted: pd.DataFrame, launch: Launcher
) -> None:
    config, output = experiment(tmp_path, **SLOW), tmp_path / "run"
    process = launch(config, output, training_in=study)
    if way == "ctrl-c":
        os.killpg(process.pid, signal.SIGINT)
    else:
        process.terminate()
    out, err = process.communicate(timeout=200)
    assert process.returncode == 130
    assert out == ""
    assert "stopped; the same command goes on from here" in err
    assert "Traceback" not in err
    left = rows(output)
    assert "waiting" in set(left["state"])
    assert not [state for _, state, _ in attributes(output) if state == "RUNNING"]
    interrupted = [
        more for _, state, more in attributes(output) if state == "WAITING" and "interruptions" in more
    ]
    assert len(interrupted) == 1
    pd.testing.assert_frame_equal(resumed(config, output), uninterrupted, check_exact=True)
    told_once(output)


def test_many_interruptions_change_nothing(
    tmp_path: Path, uninterrupted: pd.DataFrame, launch: Launcher
) -> None:
    config, output = experiment(tmp_path, **SLOW), tmp_path / "run"
    for after in (0, 2, 5):
        process = launch(config, output)
        study = REFERENCES if after < 5 else SEARCH
        wait_until(
            lambda study=study, after=after: training(output, study=study, after=after),  # type: ignore[misc]
            what=f"{after} trials complete and one in training",
        )
        os.killpg(process.pid, signal.SIGINT)
        process.communicate(timeout=200)
        assert process.returncode == 130
    pd.testing.assert_frame_equal(resumed(config, output), uninterrupted, check_exact=True)


@pytest.mark.parametrize("study", [REFERENCES, SEARCH])
def test_a_killed_worker_costs_its_trial_and_nothing_else(
    study: str, tmp_path: Path, uninterrupted: pd.DataFrame, launch: Launcher
) -> None:
    config, output = experiment(tmp_path, **SLOW), tmp_path / "run"
    process = launch(config, output, training_in=study)
    (worker,) = workers_of(process.pid)
    os.kill(worker, signal.SIGKILL)
    _, err = process.communicate(timeout=200)
    assert process.returncode == 0, err
    deaths = [more for _, state, more in attributes(output) if more.get("interruptions") == ["worker died"]]
    assert len(deaths) == 1
    pd.testing.assert_frame_equal(rows(output), uninterrupted, check_exact=True)
    told_once(output)


def test_one_of_two_workers_is_killed(tmp_path: Path, launch: Launcher) -> None:
    two = {**SLOW, "search": {**SLOW["search"], "workers": 2}}
    config, output = experiment(tmp_path, **two), tmp_path / "run"
    process = launch(config, output)
    wait_until(
        lambda: len(workers_of(process.pid)) == 2 and training(output, study=REFERENCES), what="two workers"
    )
    os.kill(workers_of(process.pid)[0], signal.SIGKILL)
    _, err = process.communicate(timeout=200)
    assert process.returncode == 0, err
    frame = rows(output)
    assert set(frame["state"]) == {"complete"}
    assert not frame.duplicated(["trial", "seed"]).any()
    assert frame["trial"].nunique() == frame["trial"].max() + 1 == 8
    told_once(output)


def test_a_killed_launcher_leaves_no_orphans_and_the_run_goes_on(
    tmp_path: Path, uninterrupted: pd.DataFrame, launch: Launcher
) -> None:
    config, output = experiment(tmp_path, **SLOW), tmp_path / "run"
    process = launch(config, output, training_in=SEARCH)
    orphans = workers_of(process.pid)
    assert orphans
    process.kill()
    wait_until(
        lambda: not any(Path(f"/proc/{pid}").exists() for pid in orphans), seconds=90, what="orphans gone"
    )
    pd.testing.assert_frame_equal(resumed(config, output), uninterrupted, check_exact=True)
    told_once(output)


def test_a_launch_right_after_a_kill_is_not_disturbed_by_orphans(
    tmp_path: Path, uninterrupted: pd.DataFrame, launch: Launcher
) -> None:
    config, output = experiment(tmp_path, **SLOW), tmp_path / "run"
    process = launch(config, output, training_in=SEARCH)
    orphans = workers_of(process.pid)
    for orphan in orphans:  # as if the machine were too busy to let them notice
        os.kill(orphan, signal.SIGSTOP)
    process.kill()
    second = launch(config, output)
    wait_until(lambda: bool(workers_of(second.pid)), what="workers of the second launch")
    time.sleep(1)
    for orphan in orphans:
        os.kill(orphan, signal.SIGCONT)
    _, err = second.communicate(timeout=200)
    assert second.returncode == 0, err
    pd.testing.assert_frame_equal(rows(output), uninterrupted, check_exact=True)
    told_once(output)


def test_the_second_of_two_launches_is_refused(
    tmp_path: Path, uninterrupted: pd.DataFrame, launch: Launcher
) -> None:
    config, output = experiment(tmp_path, **SLOW), tmp_path / "run"
    process = launch(config, output, training_in=REFERENCES)
    for more in ([], ["--fresh"]):
        second = finished(config, output, *more, timeout=150)
        assert (second.returncode, second.stdout, second.stderr.count("\n")) == (2, "", 1)
        assert "another run is using" in second.stderr
    _, err = process.communicate(timeout=200)
    assert process.returncode == 0, err
    pd.testing.assert_frame_equal(rows(output), uninterrupted, check_exact=True)


def test_a_second_ctrl_c_leaves_at_once_and_the_run_goes_on(
    tmp_path: Path, uninterrupted: pd.DataFrame, launch: Launcher
) -> None:
    config, output = experiment(tmp_path, **SLOW), tmp_path / "run"
    process = launch(config, output, training_in=REFERENCES)
    for worker in workers_of(process.pid):  # a worker that cannot answer the first
        os.kill(worker, signal.SIGSTOP)
    workers = workers_of(process.pid)
    os.killpg(process.pid, signal.SIGINT)
    time.sleep(1)
    assert process.poll() is None
    os.killpg(process.pid, signal.SIGINT)
    _, err = process.communicate(timeout=200)
    assert process.returncode == 130
    assert "Traceback" not in err
    assert not any(Path(f"/proc/{pid}").exists() for pid in workers)
    pd.testing.assert_frame_equal(resumed(config, output), uninterrupted, check_exact=True)
