"""Schedulers and workers as processes of their own, with TLS, as a Slurm script starts them."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import psutil
from launches import wait_until

HERE = Path(__file__).parent
ROOT = HERE.parent


def make_credentials(folder: Path) -> Path:
    """Make certificate, key and Dask's settings as the scripts do; return the settings."""
    script = ROOT / "experiments" / "slurm" / "credentials.sh"
    subprocess.run(["bash", str(script), str(folder)], check=True, timeout=60)
    return folder / "dask.yaml"


@dataclass(slots=True, kw_only=True)
class DaskCluster:
    """A scheduler on loopback, and as many workers as a test starts.

    Args:
        folder: of credentials, scheduler file and logs.
        settings: added to the environment of scheduler and workers.
    """

    folder: Path
    settings: dict[str, str] = field(default_factory=dict)
    processes: list[subprocess.Popen[bytes]] = field(default_factory=list)

    @property
    def scheduler_file(self) -> Path:
        return self.folder / "scheduler.json"

    @property
    def address(self) -> str:
        return str(json.loads(self.scheduler_file.read_text())["address"])

    def environment(self) -> dict[str, str]:
        path = os.pathsep.join([str(ROOT), str(HERE)])
        own = {"OMP_NUM_THREADS": "1", "PYTHONPATH": path, "DASK_CONFIG": str(self.folder / "dask.yaml")}
        return {**os.environ, **own, **self.settings}

    def start_scheduler(self) -> subprocess.Popen[bytes]:
        self.scheduler_file.unlink(missing_ok=True)
        started = self._start("scheduler", "--host", "127.0.0.1", "--port", "0")
        wait_until(self.scheduler_file.exists, seconds=60, what="the scheduler's file")
        return started

    def start_worker(self, name: str = "worker", *more: str) -> subprocess.Popen[bytes]:
        """Start a nanny, which keeps a worker process, in a folder of its own."""
        here = self.folder / name
        here.mkdir(exist_ok=True)
        return self._start(
            "worker", "--host", "127.0.0.1", "--nthreads", "1", "--memory-limit", "0", "--name", name,
            "--preload", "scaling.runs.cluster_preload", "--local-directory", str(here), *more, cwd=here,
        )  # fmt: skip

    def _start(self, kind: str, *arguments: str, cwd: Path = ROOT) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "dask", kind, "--scheduler-file", str(self.scheduler_file)]
        command += ["--no-dashboard", "--dashboard-address", "127.0.0.1:0", *arguments]
        with (self.folder / f"{kind}-{len(self.processes)}.log").open("wb") as log:
            process = subprocess.Popen(
                command, cwd=cwd, env=self.environment(), stdout=log, stderr=log, start_new_session=True
            )
        self.processes.append(process)
        return process

    def close(self) -> None:
        for process in self.processes:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGCONT)
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def worker_process(nanny: subprocess.Popen[bytes]) -> int:
    """Return the process that trains, kept by a nanny."""
    found = [child for child in psutil.Process(nanny.pid).children() if "spawn_main" in str(child.cmdline())]
    assert found, "the nanny has no worker"
    return found[0].pid


def listening(*pids: int) -> set[str]:
    """Return the addresses on which processes and what they started listen."""
    found = set()
    for pid in pids:
        process = psutil.Process(pid)
        for one in [process, *process.children(recursive=True)]:
            with contextlib.suppress(psutil.NoSuchProcess):
                sockets = one.net_connections(kind="inet")
                found |= {each.laddr.ip for each in sockets if each.status == psutil.CONN_LISTEN}
    return found


@contextlib.contextmanager
def dask_cluster(folder: Path, *, workers: int = 0, **settings: str) -> Iterator[DaskCluster]:
    """Start a scheduler and workers, and leave none behind."""
    make_credentials(folder)
    cluster = DaskCluster(folder=folder, settings=settings)
    try:
        cluster.start_scheduler()
        for number in range(workers):
            cluster.start_worker(f"worker-{number}")
        yield cluster
    finally:
        cluster.close()
