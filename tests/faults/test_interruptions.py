"""Searches killed or stopped at any moment: nothing is lost, nothing done twice, all is the same."""

from __future__ import annotations

import os
import random
import signal
import time
from functools import partial
from multiprocessing.process import BaseProcess
from pathlib import Path

import pytest
from checking import Left, check, contents
from launches import wait_until, workers_of
from processes import ended, kill_group, trained
from search_runs import training
from searching import (
    CONFIRMED,
    REFERENCES,
    TRAININGS,
    Launch,
    begin_after,
    checkpointed,
    recorded,
)

pytestmark = pytest.mark.faults
CUTS = 20


def gone(*pids: int) -> bool:
    return not any(Path(f"/proc/{pid}").exists() for pid in pids)


def at_work(output: Path, process: BaseProcess, after: int) -> bool:
    return training(output, after=after) or not process.is_alive()


def finish(launch: Launch, folder: Path, undisturbed: Left, log: str = "again") -> None:
    """Go on to the end of the trainings; charts come after it."""
    process = launch(log=log)
    wait_until(lambda: trained(folder / "run") or not process.is_alive(), what="the end of the trainings")
    kill_group(process)
    said = (folder / log).read_text()
    assert trained(folder / "run"), said
    assert "Traceback" not in said
    check(folder / "run", undisturbed)


def test_a_killed_worker_s_training_goes_on_in_the_same_launch(
    tmp_path: Path, undisturbed_run: Path, undisturbed: Left, launch: Launch
) -> None:
    begin_after(REFERENCES + 1, undisturbed_run, tmp_path)
    process, output = launch(), tmp_path / "run"
    wait_until(lambda: checkpointed(output), what="a checkpoint")
    (worker,) = workers_of(process.pid or 0)
    os.kill(worker, signal.SIGKILL)
    wait_until(lambda: trained(output) or not process.is_alive(), what="the end of the trainings")
    assert gone(worker)
    check(output, undisturbed)


def test_every_worker_is_killed_in_the_last_wave(
    tmp_path: Path, undisturbed_run: Path, undisturbed: Left, launch: Launch
) -> None:
    begin_after(TRAININGS - CONFIRMED, undisturbed_run, tmp_path)
    process, output = launch("--workers", CONFIRMED), tmp_path / "run"
    wait_until(
        lambda: len(workers_of(process.pid or 0)) == CONFIRMED and checkpointed(output), what="the last wave"
    )
    for worker in workers_of(process.pid or 0):
        os.kill(worker, signal.SIGKILL)
    wait_until(lambda: trained(output) or not process.is_alive(), what="the end of the trainings")
    check(output, undisturbed)


def test_a_coordinator_that_is_killed_at_twenty_random_moments_leaves_no_trace(
    tmp_path: Path, undisturbed: Left, launch: Launch
) -> None:
    output, chance, seen = tmp_path / "run", random.Random(3), set[int]()
    for cut in range(CUTS):
        if recorded(output) == TRAININGS:
            break  # on a machine that is that fast
        (output / "progress.json").unlink(missing_ok=True)  # what the last one said
        process = launch(log=f"cut-{cut}")
        wait_until((tmp_path / f"cut-{cut}").exists, what="the coordinator")
        if cut % 2:  # any moment of a training, of what precedes and follows it
            after = min(recorded(output) + chance.randint(0, 1), TRAININGS - 1)
            wait_until(partial(at_work, output, process, after), what="a training")
        assert process.is_alive(), (tmp_path / f"cut-{cut}").read_text()
        workers = workers_of(process.pid or 0)
        time.sleep(chance.uniform(0, 0.6))
        process.kill()
        process.join()
        seen.add(recorded(output))
        assert "Traceback" not in (tmp_path / f"cut-{cut}").read_text()
        if cut == CUTS // 2:
            wait_until(partial(gone, *workers), seconds=60, what="orphans gone")
    assert len(seen) > 2, "the cuts were not spread over the run"
    finish(launch, tmp_path, undisturbed)


@pytest.mark.parametrize("way", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_stopped_run_goes_on_as_if_nothing_had_been(
    way: signal.Signals, tmp_path: Path, undisturbed_run: Path, undisturbed: Left, launch: Launch
) -> None:
    begin_after(TRAININGS - CONFIRMED - 1, undisturbed_run, tmp_path)
    process, output = launch(), tmp_path / "run"
    wait_until(lambda: training(output), what="a training")
    workers = workers_of(process.pid or 0)
    kill_group(process, way)
    assert ended(process) == 130
    said = (tmp_path / "log").read_text()
    assert "stopped; the same command goes on from here" in said
    assert "Traceback" not in said
    assert gone(*workers)
    assert not (output / "progress.json").exists()
    finish(launch, tmp_path, undisturbed)
    assert "going on with" in (tmp_path / "again").read_text()


def test_a_second_ctrl_c_leaves_at_once(
    tmp_path: Path, undisturbed_run: Path, undisturbed: Left, launch: Launch
) -> None:
    begin_after(TRAININGS - 1, undisturbed_run, tmp_path)
    process, output = launch(), tmp_path / "run"
    wait_until(lambda: training(output), what="a training")
    workers = workers_of(process.pid or 0)
    for worker in workers:  # one that cannot answer the first
        os.kill(worker, signal.SIGSTOP)
    kill_group(process, signal.SIGINT)
    time.sleep(1)
    assert process.is_alive()
    kill_group(process, signal.SIGINT)
    assert ended(process, 10) == 130
    assert "Traceback" not in (tmp_path / "log").read_text()
    second = launch(log="beside")  # the old worker may still be there, as on a busy machine
    wait_until(lambda: bool(workers_of(second.pid or 0)), what="a worker of the second launch")
    for worker in workers:
        os.kill(worker, signal.SIGCONT)
    wait_until(lambda: trained(output) or not second.is_alive(), what="the end of the trainings")
    assert trained(output), (tmp_path / "beside").read_text()
    wait_until(lambda: gone(*workers), seconds=60, what="orphans gone")
    check(output, undisturbed)


def test_the_second_of_two_launches_is_refused_and_says_who_is_at_work(
    tmp_path: Path, undisturbed_run: Path, undisturbed: Left, launch: Launch
) -> None:
    begin_after(TRAININGS - 1, undisturbed_run, tmp_path)
    process, output = launch(), tmp_path / "run"
    wait_until(lambda: training(output), what="a training")
    os.kill(workers_of(process.pid or 0)[0], signal.SIGSTOP)
    before = contents(output)
    for number, more in enumerate(([], ["--fresh"])):
        assert ended(launch(*more, log=str(number))) == 2
        said = (tmp_path / str(number)).read_text()
        assert said.count("\n") == 1, said
        assert f"another run is using {output}: process {process.pid} on " in said
        assert ", since 2" in said
    assert before.items() <= contents(output).items() | {
        (output / "progress.json", before[output / "progress.json"])
    }
    os.kill(workers_of(process.pid or 0)[0], signal.SIGCONT)
    wait_until(lambda: trained(output) or not process.is_alive(), what="the end of the trainings")
    check(output, undisturbed)
