"""A Dask cluster on which something dies, hangs or leaves: nothing is lost, nothing is recorded twice."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import dask
import psutil
import pytest
from cluster_jobs import (
    Heard,
    coordinated,
    killed,
    pretended,
    tiny_jobs,
)
from dask_cluster import HERE, ROOT, DaskCluster, dask_cluster, worker_process
from launches import wait_until
from run_records import ListPlan

from scaling.runs.cluster import DaskExecutor
from scaling.runs.cluster_connection import Cluster
from scaling.runs.coordinator import Started
from scaling.runs.executor import EpochEnded, Event, Stepped
from scaling.runs.record import RecordState
from scaling.runs.store import Store

pytestmark = pytest.mark.faults


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[DaskCluster]:
    """A scheduler that gives up a worker that it has not heard of for ten seconds."""
    with dask_cluster(tmp_path / "cluster", DASK_DISTRIBUTED__SCHEDULER__WORKER_TTL="10s") as started:
        dask.config.refresh(paths=[str(started.folder / "dask.yaml")])
        yield started
    dask.config.refresh(paths=[])


def executor_on(cluster: DaskCluster, **more: object) -> DaskExecutor:
    return DaskExecutor(cluster=Cluster(scheduler_file=cluster.scheduler_file), **more)  # type: ignore[arg-type]


def once(
    action: Callable[[], None], when: Callable[[Started | Event], bool]
) -> Callable[[Started | Event], None]:
    """Do something the first time that a coordinator says something."""
    done: list[bool] = []

    def on_event(event: Started | Event) -> None:
        if not done and when(event):
            done.append(True)
            action()

    return on_event


def recorded_once(store: Path, jobs: list, heard: Heard) -> None:
    """Every job has one whole record in the store, and its end was announced with a record once."""
    assert set(Store(path=store).keys()) == {job.key for job in jobs}
    for job in jobs:
        found = Store(path=store).find(job.key)
        assert found is not None
        assert found.state == RecordState.COMPLETE
    assert Counter(one.key for one in heard.ended() if one.record) == Counter(job.key for job in jobs)


def test_a_killed_worker_s_training_goes_on_from_its_checkpoint(cluster: DaskCluster, tmp_path: Path) -> None:
    (job,), store = tiny_jobs(1, epochs=100), tmp_path / "trainings"
    nanny = cluster.start_worker()
    kill = lambda: os.kill(worker_process(nanny), signal.SIGKILL)  # noqa: E731
    heard = Heard(on_event=once(kill, lambda event: isinstance(event, EpochEnded) and len(event.curve) >= 10))
    coordinated(ListPlan([job]), store, executor_on(cluster), heard)
    assert [one.died for one in heard.ended()] == [True, False]
    recorded_once(store, [job], heard)
    again = next(number for number, one in enumerate(heard.events) if getattr(one, "died", False))
    first = next(one for one in heard.events[again:] if isinstance(one, EpochEnded))
    assert len(first.curve) >= 10, f"it began anew, with epoch {len(first.curve)}"
    assert not Store(path=store).checkpoint(job.key).exists()


def test_every_worker_is_killed(cluster: DaskCluster, tmp_path: Path) -> None:
    jobs, store = tiny_jobs(4, epochs=40), tmp_path / "trainings"
    nannies = [cluster.start_worker(f"worker-{number}") for number in range(2)]

    def kill() -> None:
        for nanny in nannies:
            for process in (*psutil.Process(nanny.pid).children(recursive=True), nanny):
                process.kill()
        cluster.start_worker("late")

    heard = Heard(on_event=once(kill, lambda event: isinstance(event, EpochEnded) and len(event.curve) >= 5))
    coordinated(ListPlan(jobs), store, executor_on(cluster), heard)
    recorded_once(store, jobs, heard)


def test_a_suspended_worker_that_comes_back_records_nothing_twice(
    cluster: DaskCluster, tmp_path: Path
) -> None:
    (job,), store = tiny_jobs(1, epochs=200), tmp_path / "trainings"
    first = cluster.start_worker("first", "--no-nanny")  # a nanny would end it, were it not suspended too

    def suspend() -> None:
        first.send_signal(signal.SIGSTOP)
        cluster.start_worker("second")

    slept = once(suspend, lambda event: isinstance(event, EpochEnded))
    woke = once(
        lambda: first.send_signal(signal.SIGCONT),
        lambda event: isinstance(event, Stepped) and len(heard.started()) > 1,
    )
    heard = Heard(on_event=lambda event: (slept(event), woke(event))[0])
    coordinated(ListPlan([job]), store, executor_on(cluster), heard)
    assert heard.started() == [job.key] * 2
    assert [one.died for one in heard.ended()] == [True, False]
    recorded_once(store, [job], heard)
    first.wait(60)


def test_a_network_that_kills_three_workers_is_a_failure(cluster: DaskCluster, tmp_path: Path) -> None:
    (job,), heard = tiny_jobs(1), Heard()
    cluster.start_worker()
    coordinated(ListPlan([job]), tmp_path / "trainings", executor_on(cluster, run=killed), heard)
    found = Store(path=tmp_path / "trainings").find(job.key)
    assert found is not None
    assert found.state == RecordState.FAILED
    assert "3 worker processes died" in str(found.error)
    assert (tmp_path / "ran.txt").read_text().split() == [job.key] * 3


def test_workers_that_die_all_the_time(cluster: DaskCluster, tmp_path: Path) -> None:
    """Sixty jobs on two workers, of which one is killed again and again: each comes once."""
    jobs, store, over = tiny_jobs(60), tmp_path / "trainings", threading.Event()
    nannies = [cluster.start_worker(f"worker-{number}") for number in range(2)]

    def kill_some() -> None:
        while not over.wait(4):
            for child in psutil.Process(nannies[0].pid).children():
                if "spawn_main" in str(child.cmdline()):
                    child.kill()

    heard = Heard()
    killing = threading.Thread(target=kill_some)
    killing.start()
    try:
        coordinated(ListPlan(jobs), store, executor_on(cluster, run=pretended), heard)
    finally:
        over.set()
        killing.join()
    recorded_once(store, jobs, heard)


def test_a_coordinator_that_is_killed_leaves_no_training_behind(cluster: DaskCluster, tmp_path: Path) -> None:
    cluster.start_worker()
    program = (
        "from pathlib import Path\n"
        "from cluster_jobs import *\n"
        "from test_cluster_faults import DaskExecutor, Cluster\n"
        f"executor = DaskExecutor(cluster=Cluster(scheduler_file=Path({str(cluster.scheduler_file)!r})), "
        "run=pretended_slowly)\n"
        f"coordinated(ListPlan(tiny_jobs(1)), Path({str(tmp_path / 'trainings')!r}), executor)\n"
    )
    environment = cluster.environment()
    environment["PYTHONPATH"] += os.pathsep + str(HERE / "faults")
    coordinator = subprocess.Popen([sys.executable, "-c", program], env=environment, cwd=ROOT)
    try:
        wait_until((tmp_path / "ran.txt").exists, what="a training")
    finally:
        coordinator.kill()
        coordinator.wait()
    wait_until((tmp_path / "stopped.txt").exists, seconds=10, what="the training stops")


def started_program(cluster: DaskCluster, folder: Path, *, jobs: int, epochs: int) -> subprocess.Popen[str]:
    command = [
        sys.executable, str(HERE / "cluster_jobs.py"), "--folder", str(folder), "--jobs", str(jobs),
        "--epochs", str(epochs), "--scheduler-file", str(cluster.scheduler_file),
    ]  # fmt: skip
    return subprocess.Popen(
        command,
        env=cluster.environment(),
        cwd=ROOT,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def test_the_scheduler_is_killed_and_the_same_command_goes_on(cluster: DaskCluster, tmp_path: Path) -> None:
    folder, jobs = tmp_path / "run", tiny_jobs(3, epochs=60)
    cluster.start_worker()
    launch = started_program(cluster, folder, jobs=3, epochs=60)
    store = Store(path=folder / "trainings")
    wait_until(lambda: store.checkpoint(jobs[1].key).exists(), what="the second training has a checkpoint")
    cluster.processes[0].kill()
    said = launch.communicate(timeout=60)[1]
    assert launch.returncode == 1
    assert said.splitlines()[-1].startswith("error: the Dask scheduler tls://127.0.0.1:")
    assert said.splitlines()[-1].endswith("has gone; the same command goes on from here")
    assert len(said.splitlines()) == 1, said
    first = store.record(jobs[0].key).read_bytes()
    cluster.start_scheduler()
    cluster.start_worker("late")
    again = started_program(cluster, folder, jobs=3, epochs=60)
    said = again.communicate(timeout=240)[1]
    assert again.returncode == 0, said
    assert set(store.keys()) == {job.key for job in jobs}
    assert all(
        found is not None and found.state == RecordState.COMPLETE for found in map(store.find, store.keys())
    )
    assert store.record(jobs[0].key).read_bytes() == first, "what was recorded was trained again"


@pytest.mark.parametrize("way", [signal.SIGINT, signal.SIGTERM])
def test_a_local_cluster_that_a_terminal_stops(way: signal.Signals, tmp_path: Path) -> None:
    """The signal reaches the workers too, as from a terminal or from Slurm; all of it stops in order."""
    folder, (job,) = tmp_path / "run", tiny_jobs(1, epochs=2000)
    command = [sys.executable, str(HERE / "cluster_jobs.py"), "--folder", str(folder)]
    command += ["--jobs", "1", "--epochs", "2000", "--cluster", "local"]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": f"{ROOT}{os.pathsep}{HERE}"}
    launch = subprocess.Popen(
        command, env=environment, cwd=ROOT, stderr=subprocess.PIPE, text=True, start_new_session=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509
    )  # fmt: skip
    checkpoint = Store(path=folder / "trainings").checkpoint(job.key)
    wait_until(checkpoint.exists, what="a checkpoint")
    workers = psutil.Process(launch.pid).children(recursive=True)
    began = time.monotonic()
    os.killpg(launch.pid, way)
    said = launch.communicate(timeout=60)[1]
    assert launch.returncode == 75, said
    assert said == "stopped\n"
    assert time.monotonic() - began < 30
    assert checkpoint.exists()
    psutil.wait_procs(workers, timeout=10)
    assert not [one for one in workers if one.is_running()]
