"""A run in real processes: killed, stopped, suspended, on a full disk; nothing is lost or done twice."""

from __future__ import annotations

import contextlib
import json
import multiprocessing
import os
import random
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import pytest
from plan_program import Program, run_alone
from run_records import untimed
from stub_worker import DEADLY

from scaling.runs.record import RecordState

pytestmark = pytest.mark.faults
CONTEXT = multiprocessing.get_context("forkserver")
CONTEXT.set_forkserver_preload(["scaling.runs.launch"])
SEEDS = (0, 1, 2)
PATIENCE_S = 120


class Launch:
    """A program that runs in a process of its own, and what it has printed."""

    def __init__(self, program: Program, log: Path) -> None:
        self.program, self.log = program, log
        log.touch()
        self.process: BaseProcess = CONTEXT.Process(target=run_alone, args=(program, log))
        self.process.start()

    def lines(self, *beginnings: str) -> list[str]:
        return [line for line in self.log.read_text().splitlines() if line.startswith(beginnings)]

    def wait_for(self, *beginnings: str, count: int = 1) -> str:
        end = time.monotonic() + PATIENCE_S
        while len(found := self.lines(*beginnings)) < count:
            assert self.process.is_alive(), self.log.read_text()
            assert time.monotonic() < end, self.log.read_text()
            time.sleep(0.005)
        return found[count - 1]

    def workers(self) -> list[int]:
        """Process ids of the workers, as far as they have said a word."""
        return [int(word) for word in self.wait_for("step").split()[2:]]

    def signal(self, number: signal.Signals) -> None:
        assert self.process.pid is not None
        os.kill(self.process.pid, number)

    def ended(self) -> int:
        self.process.join(PATIENCE_S)
        assert self.process.exitcode is not None, self.log.read_text()
        assert "Traceback" not in self.log.read_text(), self.log.read_text()
        return self.process.exitcode


Start = Callable[..., Launch]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Start the run of a test, or go on with it; what is left of it is ended after the test."""
    launches: list[Launch] = []

    def one(**settings: Any) -> Launch:
        program = Program(**{"place": tmp_path / "place", "seeds": SEEDS, **settings})
        launches.append(Launch(program, tmp_path / f"log{len(launches)}"))
        return launches[-1]

    yield one
    for launch in launches:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(launch.process.pid or 0, signal.SIGKILL)
        launch.process.kill()
        launch.process.join(30)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    """The records of a run that nothing disturbed."""
    place = tmp_path_factory.mktemp("whole")
    launch = Launch(Program(place=place, seeds=SEEDS), place / "log")
    assert launch.ended() == 0
    return records(launch.program)


def records(program: Program) -> dict[str, dict[str, Any]]:
    """Every record of the store, times aside; each is whole, and of a job of the program."""
    jobs = {job.key for job in program.jobs()}
    found = {key: program.store.find(key) for key in program.store.keys()}  # noqa: SIM118
    assert set(found) <= jobs
    assert all(found.values()), "a record is damaged"
    return {key: untimed(record) for key, record in found.items() if record is not None}


def finished_as(whole: dict[str, dict[str, Any]], launch: Launch) -> None:
    assert launch.ended() == 0, launch.log.read_text()
    assert launch.lines("end ") == ["end done"]
    assert records(launch.program) == whole
    named = launch.program.folder.keys()
    assert Counter(named) == Counter(whole.keys())
    assert not list(launch.program.store.path.glob("unfinished/[!.]*"))


def gone(pids: list[int], seconds: float = 30) -> None:
    end = time.monotonic() + seconds
    while any(_runs(pid) for pid in pids):
        assert time.monotonic() < end, "a worker outlives its coordinator"
        time.sleep(0.05)


def _runs(pid: int) -> bool:
    try:
        return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return False


def test_a_killed_worker_goes_on_from_its_last_checkpoint(
    whole: dict[str, dict[str, Any]], start: Start
) -> None:
    launch = start(workers=1)
    first = launch.wait_for("epoch", count=2)
    (worker,) = launch.workers()
    os.kill(worker, signal.SIGKILL)
    finished_as(whole, launch)
    key = first.split()[1]
    assert f"ended {key} nothing True" in launch.lines("ended")
    epochs = [int(line.split()[2]) for line in launch.lines(f"epoch {key}")]
    # The epoch in flight, and the one whose checkpoint was not written yet, are all that is trained again.
    assert len(epochs) <= 5
    assert epochs.count(1) == 1
    assert sorted(set(epochs)) == [1, 2, 3, 4]


def test_every_worker_of_the_last_wave_is_killed(whole: dict[str, dict[str, Any]], start: Start) -> None:
    launch = start(workers=2)
    launch.wait_for("sent", count=3)
    time.sleep(0.2)
    for worker in [int(word) for word in launch.lines("step")[-1].split()[2:]]:
        os.kill(worker, signal.SIGKILL)
    finished_as(whole, launch)


def test_a_coordinator_killed_at_twenty_moments_loses_and_repeats_nothing(
    whole: dict[str, dict[str, Any]], start: Start
) -> None:
    rng = random.Random(5)
    for _ in range(20):
        launch = start()
        # From before the first word, over trainings and checkpoints, to the last record.
        for _ in range(rng.randrange(8)):
            if launch.lines("end ") or not launch.process.is_alive():
                break
            with contextlib.suppress(AssertionError):
                launch.wait_for(
                    "step", "epoch", "ended", count=1 + len(launch.lines("step", "epoch", "ended"))
                )
        time.sleep(rng.random() * 0.2)
        workers = [int(word) for line in launch.lines("step")[-1:] for word in line.split()[2:]]
        launch.process.kill()
        gone(workers)
        launch.process.join(10)
    last = start()
    finished_as(whole, last)
    logs = sorted(last.log.parent.glob("log*"))
    ended = Counter(line for log in logs for line in log.read_text().splitlines() if " complete " in line)
    assert set(ended.values()) <= {1}, "recorded twice"


@pytest.mark.parametrize("way", ["ctrl-c", "sigterm", "sighup", "slurm"])
def test_a_run_that_was_asked_to_stop_goes_on_as_if_nothing_had_been(
    way: str, whole: dict[str, dict[str, Any]], start: Start
) -> None:
    launch = start()
    launch.wait_for("epoch")
    workers = launch.workers()
    assert launch.process.pid is not None
    match way:
        case "ctrl-c":
            os.killpg(launch.process.pid, signal.SIGINT)
        case "sigterm":
            os.killpg(launch.process.pid, signal.SIGTERM)
        case "sighup":
            os.killpg(launch.process.pid, signal.SIGHUP)
        case "slurm":  # every process of the step, and again a moment later
            for _ in range(2):
                for pid in [launch.process.pid, *workers]:
                    with contextlib.suppress(ProcessLookupError):
                        os.kill(pid, signal.SIGTERM)
                time.sleep(0.1)
    assert launch.ended() == 0
    assert launch.lines("end ") == ["end stopped"]
    assert not [line for line in launch.lines("ended") if line.endswith("True")], "counted as a death"
    assert not launch.program.folder.progress.exists()
    gone(workers)
    assert list(launch.program.store.path.glob("unfinished/*"))
    finished_as(whole, start())


def test_a_second_ctrl_c_leaves_at_once(whole: dict[str, dict[str, Any]], start: Start) -> None:
    launch = start()
    launch.wait_for("epoch")
    workers = launch.workers()
    for worker in workers:  # which cannot answer the first
        os.kill(worker, signal.SIGSTOP)
    launch.signal(signal.SIGINT)
    time.sleep(1.5)
    assert launch.process.is_alive()
    launch.signal(signal.SIGINT)
    asked = time.monotonic()
    assert launch.ended() == 130
    assert time.monotonic() - asked < 2
    for worker in workers:
        with contextlib.suppress(ProcessLookupError):
            os.kill(worker, signal.SIGCONT)
    gone(workers)
    finished_as(whole, start())


def test_a_suspended_worker_comes_back(whole: dict[str, dict[str, Any]], start: Start) -> None:
    launch = start(workers=2)
    launch.wait_for("epoch")
    worker = launch.workers()[0]
    os.kill(worker, signal.SIGSTOP)
    time.sleep(6)
    os.kill(worker, signal.SIGCONT)
    finished_as(whole, launch)
    assert not [line for line in launch.lines("ended") if line.endswith("True")]


def test_workers_suspended_while_their_coordinator_dies_disturb_nothing(
    whole: dict[str, dict[str, Any]], start: Start
) -> None:
    launch = start()
    launch.wait_for("epoch")
    workers = launch.workers()
    for worker in workers:
        os.kill(worker, signal.SIGSTOP)
    launch.process.kill()
    second = start()
    second.wait_for("epoch")
    for worker in workers:
        os.kill(worker, signal.SIGCONT)
    gone(workers)
    finished_as(whole, second)


def test_a_full_disk_at_the_checkpoint(whole: dict[str, dict[str, Any]], start: Start) -> None:
    launch = start(file_size=20_000)
    assert launch.ended() == 2
    (said,) = launch.lines("error")
    assert "cannot write " in said
    assert "File too large" in said
    assert records(launch.program) == {}
    finished_as(whole, start())


def test_a_full_disk_at_the_record(start: Start) -> None:
    launch = start(stub=True, seeds=range(6), file_size=1_000)
    assert launch.ended() == 2
    (said,) = launch.lines("error")
    assert "cannot write" in said
    assert ".json: File too large" in said
    again = start(stub=True, seeds=range(6))
    assert again.ended() == 0
    assert len(records(again.program)) == 6
    assert not list(again.program.store.path.glob(".*")), "half a file was left"


def test_a_full_disk_at_the_names_of_trainings(start: Start, tmp_path: Path) -> None:
    program = Program(place=tmp_path / "place", stub=True, seeds=range(6))
    earlier = [f"{number:020x}" for number in range(1000)]
    program.folder.path.mkdir(parents=True)
    program.folder.records.write_text("\n".join(earlier) + "\n")
    program.folder.config.write_text(json.dumps({"schema_version": 1}))
    room = program.folder.records.stat().st_size + 21 * 3 + 5  # three more keys, and a part of a fourth
    # What the folder holds is another version's: it is refused, and nothing of it is touched.
    launch = start(stub=True, seeds=range(6), file_size=room)
    assert launch.ended() == 2
    assert program.folder.keys() == earlier
    program.folder.config.unlink()
    program.folder.records.rename(tmp_path / "names")
    first = start(stub=True, seeds=())
    assert first.ended() == 0
    (tmp_path / "names").rename(program.folder.records)
    launch = start(stub=True, seeds=range(6), file_size=room)
    assert launch.ended() == 2
    assert "records.txt: File too large" in launch.lines("error")[0]
    assert program.folder.keys()[: len(earlier)] == earlier
    assert program.folder.records.read_bytes().endswith(b"\n")
    again = start(stub=True, seeds=range(6))
    assert again.ended() == 0
    assert len(records(again.program)) == 6
    assert sorted(again.program.folder.keys()) == sorted({*earlier, *records(again.program)})


def test_the_second_of_two_coordinators_says_who_is_first(
    whole: dict[str, dict[str, Any]], start: Start
) -> None:
    first = start()
    first.wait_for("step")
    second = start()
    assert second.ended() == 2
    (said,) = second.lines("error")
    assert f"another run is using {first.program.folder.path}: process {first.process.pid} on " in said
    assert ", since 20" in said
    finished_as(whole, first)


def test_two_runs_share_a_store_and_train_the_same_jobs(
    whole: dict[str, dict[str, Any]], start: Start, tmp_path: Path
) -> None:
    shared = tmp_path / "shared"
    one, two = (start(place=tmp_path / name, trainings=shared, workers=1) for name in ("one", "two"))
    assert [launch.ended() for launch in (one, two)] == [0, 0]
    for launch in (one, two):
        finished_as(whole, launch)


def test_torn_records_and_checkpoints_are_made_again(whole: dict[str, dict[str, Any]], start: Start) -> None:
    launch = start(workers=1)
    launch.wait_for("ended")
    launch.wait_for("epoch", count=6)  # the second epoch of the second training
    launch.process.kill()
    gone(launch.workers())
    store = launch.program.store
    (record,) = (store.record(key) for key in store.keys())  # noqa: SIM118
    record.write_bytes(record.read_bytes()[:-30])
    for checkpoint in store.path.glob("unfinished/*"):
        checkpoint.write_bytes(checkpoint.read_bytes()[:-30])
    again = start(workers=1)
    finished_as(whole, again)
    assert "the training runs again" in again.log.read_text()
    assert "is refused: it is torn" in again.log.read_text()


def test_a_job_that_kills_three_workers_fails_and_the_others_do_not(start: Start) -> None:
    launch = start(stub=True, seeds=(0, DEADLY, 1, 2, 3))
    assert launch.ended() == 0
    found = {job.seed: launch.program.store.find(job.key) for job in launch.program.jobs()}
    deadly = found.pop(DEADLY)
    assert deadly is not None
    assert deadly.state == RecordState.FAILED
    assert str(deadly.error).startswith(
        "3 worker processes died while training it (the last killed by SIGKILL)"
    )
    assert {record.state for record in found.values() if record} == {RecordState.COMPLETE}
    assert None not in found.values()
    again = start(stub=True, seeds=(0, DEADLY, 1, 2, 3))  # the next launch tries it again, and nothing else
    assert again.ended() == 0
    assert {line.split()[1] for line in again.lines("sent")} == {deadly.key}
