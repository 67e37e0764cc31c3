"""Trainings on a Dask cluster: every event arrives, every record comes once, nobody else can connect."""

from __future__ import annotations

import os
import socket
import ssl
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import dask
import pytest
from cluster_jobs import Heard, coordinated, pretended, pretended_slowly, tiny_jobs
from dask_cluster import DaskCluster, dask_cluster, listening, make_credentials
from launches import wait_until
from run_records import ListPlan

from scaling.cli.options import where_of
from scaling.errors import ClusterError, ConfigError
from scaling.runs.cluster import DaskExecutor
from scaling.runs.cluster_connection import Cluster, checked
from scaling.runs.coordinator import RunEnd
from scaling.runs.executor import EpochEnded
from scaling.runs.processes import LocalProcesses
from scaling.runs.record import RecordState
from scaling.runs.store import Store
from scaling.training.curve import Curve
from scaling.training.machine import Packing


@pytest.fixture(autouse=True)
def _no_credentials() -> Iterator[None]:
    dask.config.refresh(paths=[])
    yield
    dask.config.refresh(paths=[])


def on(cluster: DaskCluster, **more: object) -> DaskExecutor:
    """An executor on a cluster, with its credentials as Dask's own configuration names them."""
    trust(cluster.folder)
    return DaskExecutor(cluster=Cluster(scheduler_file=cluster.scheduler_file), **more)  # type: ignore[arg-type]


def trust(folder: Path) -> None:
    dask.config.refresh(paths=[str(make_credentials(folder))])  # as DASK_CONFIG does when Dask is imported


def figures(curve: Curve) -> list[tuple[float, ...]]:
    """A curve without times."""
    return [(one.loss, one.validation_loss, one.top1) for one in curve]


def refused(address: str) -> bool:
    """Whether a scheduler with TLS hangs up on somebody without credentials of its cluster."""
    parts, context = urlsplit(address), ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with socket.create_connection((parts.hostname, parts.port), timeout=10) as plain:
        try:
            with context.wrap_socket(plain) as secured:
                return secured.recv(1) == b""
        except (ssl.SSLError, ConnectionError):
            return True


def test_a_local_cluster_trains_as_processes_of_this_machine_do(tmp_path: Path) -> None:
    jobs, store = tiny_jobs(3, epochs=2), tmp_path / "trainings"
    executor = DaskExecutor(cluster=Cluster(address="local", workers=2))
    seen: dict[str, object] = {}

    def look(_event: object) -> None:
        if not seen and executor.workers == 2:
            seen["listening"] = listening(os.getpid())
            seen["address"] = address = executor._connection.address
            seen["refused"] = refused(address)
            with pytest.raises(ClusterError, match="no scheduler answers"):
                Cluster(address=address.replace("tls:", "tcp:"), insecure=True).connect()

    heard = Heard(on_event=look)
    assert coordinated(ListPlan(jobs), store, executor, heard) == RunEnd.DONE
    assert seen["listening"] == {"127.0.0.1"}
    assert seen["refused"]
    assert str(seen["address"]).startswith("tls://127.0.0.1:")
    coordinated(
        ListPlan(jobs),
        tmp_path / "here",
        LocalProcesses(packing=Packing(workers=2, threads=1, reason="test")),
    )
    for job in jobs:
        (ended,) = heard.ended(job.key)
        assert heard.epochs(job.key) == [1, 2]
        assert heard.steps(job.key)
        here, there = Store(path=tmp_path / "here").find(job.key), Store(path=store).find(job.key)
        assert figures(there.curve) == figures(here.curve) == figures(ended.record.curve)
    left = [path for path in store.iterdir() if path.is_file() and path.suffix != ".json"]
    assert not left, "files of the cluster stay in the store"


def test_sixty_jobs_on_four_workers_come_once_each(tmp_path: Path) -> None:
    jobs, heard = tiny_jobs(60), Heard()
    executor = DaskExecutor(cluster=Cluster(address="local", workers=4), run=pretended)
    coordinated(ListPlan(jobs), tmp_path / "trainings", executor, heard)
    ran = Counter((tmp_path / "ran.txt").read_text().split())
    assert ran == Counter(job.key for job in jobs)
    assert Counter(one.key for one in heard.ended()) == ran
    assert set(Store(path=tmp_path / "trainings").keys()) == set(ran)


def test_workers_come_late_and_leave_without_a_death(tmp_path: Path) -> None:
    jobs, heard = tiny_jobs(1), Heard()
    with dask_cluster(tmp_path / "cluster") as cluster:
        executor = on(cluster, run=pretended_slowly)
        stop = threading.Event()
        arguments = (ListPlan(jobs), tmp_path / "trainings", executor, heard, stop.is_set)
        running = threading.Thread(target=coordinated, args=arguments)
        running.start()
        try:
            time.sleep(2)
            assert running.is_alive()
            assert not heard.events, "nobody is there to train"
            first = cluster.start_worker("first")
            wait_until(lambda: bool(heard.steps(jobs[0].key)), what="the first worker trains")
            first.terminate()
            wait_until(lambda: len(heard.ended()) == 1, what="the first worker leaves")
            assert not heard.ended()[0].died, "a worker that left in order counts as a death"
            assert (tmp_path / "stopped.txt").exists(), "a training that went on while its worker left"
            cluster.start_worker("second")
            wait_until(lambda: len(heard.started()) == 2, what="the second worker has the job")
        finally:
            stop.set()
            running.join(60)
        assert not running.is_alive()


def test_a_worker_with_another_disk_sends_its_record(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (job,) = tiny_jobs(1)
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    elsewhere = Path("/proc/self/cwd/trainings")  # another folder for each process
    with dask_cluster(tmp_path / "cluster", workers=1) as cluster:
        coordinated(ListPlan([job]), elsewhere, on(cluster))
        assert not (tmp_path / "cluster" / "worker-0" / "trainings").exists()
    found = Store(path=tmp_path / "here" / "trainings").find(job.key)
    assert found.state == RecordState.COMPLETE


def test_pruned_and_stopped_trainings(tmp_path: Path) -> None:
    (job,) = tiny_jobs(1, epochs=300)
    store = tmp_path / "trainings"
    with dask_cluster(tmp_path / "cluster", workers=1) as cluster:
        heard = Heard()
        stopped = coordinated(
            ListPlan([job]), store, on(cluster), heard,
            should_stop=lambda: any(isinstance(one, EpochEnded) for one in heard.events),
        )  # fmt: skip
        assert stopped == RunEnd.STOPPED
        assert Store(path=store).find(job.key) is None
        assert Store(path=store).checkpoint(job.key).exists()
        again = Heard()
        enough = heard.epochs(job.key)[-1] + 2
        plan = ListPlan([job], ends_early=lambda _job, curve: len(curve) >= enough)
        assert coordinated(plan, store, on(cluster), again) == RunEnd.DONE
    found = Store(path=store).find(job.key)
    assert found.state == RecordState.PRUNED
    assert enough <= len(found.curve) < 300
    assert again.epochs(job.key)[0] > 1, "it began anew"


def test_a_scheduler_of_another_cluster_is_refused_in_a_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("scaling.runs.cluster_connection.TIMEOUT_S", 2.0)
    with dask_cluster(tmp_path / "cluster") as cluster:
        trust(tmp_path / "others")
        with pytest.raises(ClusterError, match="certificates here do not fit"):
            Cluster(address=cluster.address).connect()
        with pytest.raises(ClusterError, match=r"no scheduler answers .*is it one with TLS\?"):
            Cluster(address=cluster.address.replace("tls:", "tcp:"), insecure=True).connect()
    with pytest.raises(ClusterError, match="no scheduler answers at tls://127"):
        Cluster(address=cluster.address).connect()
    with pytest.raises(ClusterError, match="is not there after 2 s"):
        Cluster(scheduler_file=tmp_path / "none.json").connect()


def test_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "distributed", None)
    with pytest.raises(ClusterError, match=r"efficientnet-scaling\[cluster\]"):
        Cluster(address="local").connect()


@pytest.mark.parametrize(
    "address", ["tcp://192.0.2.1:8786", "tcp://127.0.0.1:8786", "tcp://[::1]:1", "tcp://localhost:1"]
)
def test_plain_schedulers_are_refused_on_this_machine_too(address: str) -> None:
    with pytest.raises(ConfigError, match="has no TLS"):
        where_of(cluster=address)
    assert checked(address, insecure=True) == address
    assert isinstance(where_of(cluster=address, insecure_cluster=True).executor, DaskExecutor)


@pytest.mark.parametrize(
    "address", ["here", "tls://host", "tcp://:8786", "http://127.0.0.1:80", "tls://h:x", ""]
)
def test_no_addresses(address: str) -> None:
    with pytest.raises(ConfigError, match="expected tls://host:port"):
        where_of(cluster=address)


def test_what_cannot_be_connected_to_is_said_at_once(tmp_path: Path) -> None:
    file = tmp_path / "scheduler.json"
    file.write_text('{"address": "tcp://192.0.2.1:8786"}')
    with pytest.raises(ConfigError, match="has no TLS"):
        Cluster(scheduler_file=file).connect()
    with pytest.raises(ConfigError, match="either"):
        where_of(cluster="local", scheduler_file=file)
    with pytest.raises(ConfigError, match="wants certificates"):
        Cluster(address="tls://127.0.0.1:8786").connect()
