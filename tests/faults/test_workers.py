"""Workers that are killed, stopped, cut off from their database, or whose clock goes back."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from multiprocessing.process import BaseProcess
from pathlib import Path

import pytest
from checking import MakeStudy, check, in_training, interruptions, opened, told_so_far
from postgres import Server
from processes import command_line, ended, joined, kill_group, messages
from scaling.search.endings import EXPIRED, running
from search_runs import configuration, wait_until

pytestmark = pytest.mark.faults

QUICK = {"heartbeat_s": 1, "grace_s": 5}
# A training of a second or two, in epochs, so that a signal meets one.
REAL = configuration(
    data={"train": 1000, "validation": 100},
    recipe={"epochs": 10},
    search={"trials": 1, "baseline_seeds": [0]},
    cluster=QUICK,
)
# libfaketime 0.9.10 refuses to sleep by a clock that it leaves alone (EINVAL), and Python sleeps by that one.
FAKED_WORKER = """
import select, time
time.sleep = lambda seconds: select.select([], [], [], seconds)
from scaling.cli.search import main
main()
"""
EIGHT = configuration(search={"trials": 8, "baseline_seeds": [0], "sampler": "random"}, cluster=QUICK)


def test_a_killed_worker_s_trial_runs_again_from_its_checkpoint(
    make_study: MakeStudy, processes: list[BaseProcess], tmp_path: Path
) -> None:
    place, folder = make_study(REAL)
    first = joined(place, folder, tmp_path / "first.log", real=True)
    processes.append(first)
    checkpoints = folder / "checkpoints"
    wait_until(lambda: bool(list(checkpoints.glob("*.pt"))), what="a checkpoint")
    kill_group(first)
    first.join()
    (kept,) = checkpoints.glob("*.pt")
    with opened(place, folder) as run:
        (killed,) = in_training(run)
    second = joined(place, folder, tmp_path / "second.log", real=True)
    processes.append(second)
    assert ended(second, 300) == 0
    told = check(place, folder, networks=1)
    assert interruptions(place, folder) == [EXPIRED]
    again = next(trial for trial in told if trial.user_attrs.get("lineage") == killed.number)
    assert again.params == killed.params
    assert again.user_attrs["candidate"] == killed.user_attrs["candidate"]
    assert again.user_attrs["trial"] == killed.user_attrs["trial"]
    assert kept.name == f"reference-{killed.number}-0.pt"
    assert not list(checkpoints.iterdir()), "checkpoints outlive their results"
    # A training from the start says 40 steps an epoch; one from a checkpoint begins after the first.
    steps = [one for one in messages(tmp_path / "second.log") if one["label"].startswith("baseline")]
    done = [one["done"] for one in steps if one["event"] == "step"]
    assert done[0] > 40, f"the training began anew, at step {done[0]}"


def test_every_worker_is_killed_in_the_last_wave(
    make_study: MakeStudy, processes: list[BaseProcess], tmp_path: Path
) -> None:
    # Five references and ten proposals: three workers take them in five waves, and the last is full.
    search = {"trials": 10, "baseline_seeds": [0], "sampler": "random"}
    place, folder = make_study(configuration(search=search, cluster=QUICK))
    logs = [tmp_path / f"{number}.log" for number in range(3)]
    processes += [joined(place, folder, log, train_s=3.0) for log in logs]
    with opened(place, folder) as run:
        wait_until(
            lambda: told_so_far(run) >= 12 and len(in_training(run)) == 3,
            what="three last trials in training",
        )
        for process in processes:
            kill_group(process)
        assert not [trial for trial in run.search.trials if trial.state.name == "WAITING"]
    late = joined(place, folder, tmp_path / "late.log")
    processes.append(late)
    assert ended(late) == 0
    check(place, folder, networks=10)
    assert set(interruptions(place, folder)) == {EXPIRED}


def test_a_worker_that_waits_takes_over_from_one_that_dies(
    make_study: MakeStudy, processes: list[BaseProcess], tmp_path: Path
) -> None:
    config = configuration(
        search={"trials": 0, "baseline_seeds": [0]}, cluster={"heartbeat_s": 1, "grace_s": 5}
    )
    place, folder = make_study(config, database="postgresql")
    slow = joined(place, folder, tmp_path / "slow.log", train_s=300)
    processes.append(slow)
    wait_until(lambda: bool(messages(tmp_path / "slow.log")), what="a trial in training")
    quick = joined(place, folder, tmp_path / "quick.log")
    processes.append(quick)
    with opened(place, folder) as run:
        wait_until(lambda: told_so_far(run) == 4, what="the others")
    time.sleep(7)  # longer than the grace: the slow one lives, and keeps its trial
    assert quick.is_alive()
    assert interruptions(place, folder) == []
    kill_group(slow)
    assert ended(quick) == 0
    check(place, folder)
    assert interruptions(place, folder) == [EXPIRED]


@pytest.mark.parametrize("way", [signal.SIGINT, signal.SIGTERM])
def test_a_stopped_worker_puts_its_trial_back(
    way: signal.Signals, make_study: MakeStudy, processes: list[BaseProcess], tmp_path: Path
) -> None:
    place, folder = make_study(REAL)
    log = tmp_path / "stopped.log"
    arguments = ["worker", "--storage", place, "--output", folder]
    worker = command_line(*arguments, log=log)
    processes.append(worker)
    with opened(place, folder) as run:
        wait_until(lambda: bool(in_training(run)), what="a trial in training")
        (before,) = in_training(run)
        assert worker.pid is not None
        os.kill(worker.pid, way)
        assert ended(worker) == (130 if way == signal.SIGINT else 75)
        assert not running(run.reference)
        after = run.reference.trials[-1]
    assert after.state.name == "WAITING"
    assert after.user_attrs["candidate"] == before.user_attrs["candidate"]
    assert after.user_attrs["interruptions"] == ["stopped"]
    assert "the trial in training was put back" in log.read_text()
    assert "Traceback" not in log.read_text()
    late = joined(place, folder, tmp_path / "late.log")
    processes.append(late)
    assert ended(late) == 0
    check(place, folder, networks=1)


def test_a_second_ctrl_c_leaves_at_once_and_the_lease_expires(
    make_study: MakeStudy, server: Server, processes: list[BaseProcess], tmp_path: Path
) -> None:
    place, folder = make_study(EIGHT, database="postgresql")
    worker = joined(place, folder, tmp_path / "stuck.log", train_s=2)
    processes.append(worker)
    wait_until(lambda: bool(messages(tmp_path / "stuck.log")), what="a trial in training")
    server.stop()  # the first Ctrl-C cannot put the trial back
    try:
        assert worker.pid is not None
        os.kill(worker.pid, signal.SIGINT)
        time.sleep(1)
        assert worker.is_alive()
        os.kill(worker.pid, signal.SIGINT)
        assert ended(worker, 5) == 130
    finally:
        server.start()
    late = joined(place, folder, tmp_path / "late.log")
    processes.append(late)
    assert ended(late) == 0
    check(place, folder, networks=8)
    assert interruptions(place, folder) == [EXPIRED]


def test_postgresql_is_away_for_eight_seconds(
    make_study: MakeStudy, server: Server, processes: list[BaseProcess], tmp_path: Path
) -> None:
    config = configuration(
        search={"trials": 24, "baseline_seeds": [0], "sampler": "random"},
        cluster={"heartbeat_s": 1, "grace_s": 5},
    )
    place, folder = make_study(config, database="postgresql")
    logs = [tmp_path / f"{number}.log" for number in range(4)]
    processes += [joined(place, folder, log, train_s=0.3) for log in logs]
    ends = lambda: sum(one["event"] == "end" for log in logs for one in messages(log))  # noqa: E731
    at_work = lambda: all(messages(log) for log in logs)  # noqa: E731
    wait_until(lambda: ends() >= 6 and at_work(), what="four workers at work, six trials told")
    server.stop()
    told_before = ends()
    time.sleep(8)
    server.start()
    assert told_before < 29, "the study was over before the server stopped"
    assert [ended(process) for process in processes] == [0] * 4
    check(place, folder, networks=24)


def test_a_clock_that_goes_back_kills_no_live_trial(
    make_study: MakeStudy, processes: list[BaseProcess], tmp_path: Path
) -> None:
    library = next(Path("/usr/lib").glob("*/faketime/libfaketime*MT.so.1"), None)
    assert library, "libfaketime is not installed: apt-get install faketime"
    place, folder = make_study(
        configuration(
            data={"train": 500, "validation": 50},
            recipe={"epochs": 5},
            search={"trials": 1, "baseline_seeds": [0]},
            cluster=QUICK,
        )
    )
    clock = tmp_path / "clock"
    clock.write_text("+0\n")
    faked = {
        "LD_PRELOAD": str(library), "FAKETIME_TIMESTAMP_FILE": str(clock), "FAKETIME_NO_CACHE": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1", "DONT_FAKE_MONOTONIC": "1",
    }  # fmt: skip
    command = [sys.executable, "-c", FAKED_WORKER, "worker", "--storage", place, "--output", str(folder)]
    with subprocess.Popen(command, env={**os.environ, **faked}, stderr=subprocess.PIPE, text=True) as worker:
        try:
            with opened(place, folder) as run:
                wait_until(lambda: bool(in_training(run)), what="a trial in training")
                clock.write_text("-2h\n")
                watcher = joined(place, folder, tmp_path / "watcher.log")
                processes.append(watcher)
                _, err = worker.communicate(timeout=300)
            assert worker.returncode == 0, err
        finally:
            worker.kill()
    assert ended(watcher) == 0
    told = check(place, folder, networks=1)
    assert interruptions(place, folder) == []
    assert any(
        t.datetime_complete < t.datetime_start for t in told if t.datetime_start and t.datetime_complete
    )
