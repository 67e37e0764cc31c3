"""A real Slurm on this machine: scheduler, command and workers in one job; signals, requeue, a dead node."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from cluster_jobs import tiny_jobs
from dask_cluster import HERE, ROOT
from launches import wait_until

from scaling.runs.record import RecordState
from scaling.runs.store import Store

pytestmark = pytest.mark.faults
JOBS, EPOCHS = 3, 80
SETTINGS = """\
ClusterName=test
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={controller_port}
SlurmdPort={node_port}
AuthType=auth/none
CredType=cred/none
SlurmUser=root
SlurmdUser=root
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SwitchType=switch/none
MpiDefault=none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
ReturnToService=2
SlurmctldTimeout=10
SlurmdTimeout=10
KillWait=10
NodeName={host} NodeAddr=127.0.0.1 CPUs=2 State=UNKNOWN
PartitionName=all Nodes=ALL Default=YES MaxTime=INFINITE State=UP OverSubscribe=FORCE:4
"""


@dataclass(slots=True, kw_only=True)
class Slurm:
    folder: Path
    daemons: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    def start(self, daemon: str) -> None:
        program = shutil.which(daemon, path=f"{os.environ['PATH']}:/usr/sbin")
        assert program, f"{daemon} is not installed: apt-get install slurm-wlm"
        with (self.folder / f"{daemon}.out").open("ab") as log:
            self.daemons[daemon] = subprocess.Popen(
                [program, "-D"], stdout=log, stderr=log, env=self.environment(), start_new_session=True
            )

    def environment(self) -> dict[str, str]:
        path = os.pathsep.join([str(ROOT), str(HERE)])
        own = {"SLURM_CONF": str(self.folder / "slurm.conf"), "SCALING_PYTHON": sys.executable}
        return {**os.environ, **own, "PYTHONPATH": path, "OMP_NUM_THREADS": "1"}

    def call(self, *command: str) -> str:
        done = subprocess.run(
            command, env=self.environment(), cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def states(self) -> dict[str, str]:
        lines = self.call("squeue", "-h", "-o", "%i %T").splitlines()
        return dict(line.split() for line in lines)

    def idle(self) -> bool:
        answer = subprocess.run(
            ["sinfo", "-h", "-o", "%T"], env=self.environment(), capture_output=True, text=True, check=False
        )
        return answer.stdout.strip() in {"idle", "mixed", "allocated"}


@pytest.fixture(scope="module")
def slurm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Slurm]:
    assert os.geteuid() == 0, "slurmd starts jobs, so this test runs as root"
    folder = tmp_path_factory.mktemp("slurm")
    for name in ("state", "spool"):
        (folder / name).mkdir()
    text = SETTINGS.format(
        host=socket.gethostname(), folder=folder, controller_port=_free_port(), node_port=_free_port()
    )
    (folder / "slurm.conf").write_text(text)
    running = Slurm(folder=folder)
    try:
        running.start("slurmctld")
        wait_until(lambda: running.idle() or _unknown(running), seconds=60, what="slurmctld answers")
        running.start("slurmd")
        wait_until(running.idle, seconds=60, what="the node is idle")
        yield running
    finally:
        subprocess.run(["scancel", "-u", "root"], env=running.environment(), check=False)
        for daemon in running.daemons.values():
            daemon.terminate()
        for daemon in running.daemons.values():
            daemon.wait(30)
        _end_jobs(str(folder))


def _free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def _unknown(running: Slurm) -> bool:
    answer = subprocess.run(["scontrol", "ping"], env=running.environment(), capture_output=True, check=False)
    return b"UP" in answer.stdout


def _processes(text: str) -> list[int]:
    """Ids of processes whose command line holds a text."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            line = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode()
        except OSError:
            continue
        if text in line and int(folder.name) != os.getpid():
            found.append(int(folder.name))
    return found


def _end_jobs(text: str) -> None:
    for process in _processes(text):
        try:
            os.kill(process, signal.SIGKILL)
        except ProcessLookupError:
            continue


@dataclass(frozen=True, slots=True, kw_only=True)
class Submitted:
    job: str
    run: Path
    cluster: Path
    log: Path

    @property
    def store(self) -> Store:
        return Store(path=self.run / "trainings")

    def contents(self) -> dict[str, bytes]:
        return {path.name: path.read_bytes() for path in self.store.path.glob("*.json")}

    def recorded(self) -> int:
        return len(list(self.store.keys()))

    def in_training(self) -> int:
        return len(list((self.run / "trainings" / "unfinished").glob("*.checkpoint")))

    def said(self) -> str:
        return self.log.read_text() if self.log.exists() else ""


def submit(slurm: Slurm, tmp_path: Path, *, workers: int = 2) -> Submitted:
    """Submit trainings on so many workers with the script as it ships."""
    one = Submitted(job="", run=tmp_path / "run", cluster=tmp_path / "cluster", log=tmp_path / "log.txt")
    command = [sys.executable, str(HERE / "cluster_jobs.py"), "--folder", str(one.run)]
    command += ["--jobs", str(JOBS), "--epochs", str(EPOCHS)]
    job = slurm.call(
        "sbatch", "--parsable", f"--ntasks={workers}", f"--output={one.log}",
        f"--export=ALL,SCALING_CLUSTER={one.cluster}", "experiments/slurm/search.sbatch", *command,
    )  # fmt: skip
    return replace(one, job=job)


def in_the_middle(one: Submitted) -> None:
    """Wait until some trainings are recorded and another has a checkpoint."""
    wait_until(lambda: one.recorded() >= 1 and one.in_training() >= 1, seconds=300, what="trainings go on")


def start_now(slurm: Slurm, job: str) -> None:
    """Slurm itself lets a requeued job wait for two minutes.

    Credentials are revoked by the second: slurmd refuses a job that is allocated anew in the second of its
    end, and slurmctld then counts it as failed.
    """
    time.sleep(2)
    slurm.call("scontrol", "update", f"JobId={job}", "StartTime=now")


def over(slurm: Slurm, one: Submitted) -> None:
    """Wait until the job has left the queue, then see that every training has one whole record."""
    wait_until(lambda: not slurm.states(), seconds=300, what="the job ends")
    assert "Traceback" not in one.said(), one.said()
    assert "done" in one.said().splitlines(), one.said()
    keys = {job.key for job in tiny_jobs(JOBS, epochs=EPOCHS)}
    assert set(one.store.keys()) == keys
    for key in keys:
        found = one.store.find(key)
        assert found is not None
        assert found.state == RecordState.COMPLETE
    assert sorted((one.run / "records.txt").read_text().split()) == sorted(keys), "a training was named twice"


def test_a_signalled_job_stops_in_order_and_is_queued_again(slurm: Slurm, tmp_path: Path) -> None:
    one = submit(slurm, tmp_path)
    in_the_middle(one)
    assert one.cluster.stat().st_mode & 0o077 == 0, "others can read the cluster's key"
    assert "tls://" in (one.cluster / "scheduler.json").read_text()
    slurm.call("scancel", "--signal=TERM", "--batch", one.job)
    wait_until(lambda: slurm.states().get(one.job) == "PENDING", what="the job is requeued")
    assert "stopped" in one.said().splitlines(), one.said()
    first = one.contents()
    start_now(slurm, one.job)
    over(slurm, one)
    assert first.items() <= one.contents().items(), "what was recorded was trained again"


def test_a_cancelled_job_stays_away_and_workers_join_the_next(slurm: Slurm, tmp_path: Path) -> None:
    one = submit(slurm, tmp_path, workers=1)
    wait_until(lambda: one.in_training() >= 1, what="a training goes on")
    slurm.call("scancel", one.job)
    wait_until(lambda: not slurm.states(), what="the job is gone")
    assert not _processes(str(one.cluster)), "processes outlive their job"
    again = submit(slurm, tmp_path, workers=1)
    wait_until(lambda: again.in_training() >= 1 and (one.cluster / "scheduler.json").exists(), what="it runs")
    array = slurm.call(
        "sbatch", "--parsable", "--array=0-1", f"--output={tmp_path}/worker-%a.txt",
        "experiments/slurm/workers.sbatch", str(one.cluster),
    )  # fmt: skip
    wait_until(lambda: again.in_training() >= 2, what="a worker of the array trains")
    slurm.call("scancel", f"{array}_0")
    wait_until(lambda: again.recorded() == JOBS, seconds=300, what="all trainings are recorded")
    wait_until(lambda: again.job not in slurm.states(), what="the job ends")
    slurm.call("scancel", array)
    over(slurm, again)


def test_a_node_that_dies_loses_no_record(slurm: Slurm, tmp_path: Path) -> None:
    one = submit(slurm, tmp_path)
    in_the_middle(one)
    first = one.contents()
    os.killpg(slurm.daemons["slurmd"].pid, signal.SIGKILL)
    slurm.daemons["slurmd"].wait()
    # As if the machine had gone: the jobs' keepers first, which would report the end of a job.
    for process in _processes("slurmstepd"):
        with contextlib.suppress(OSError):  # it may have ended with its job
            if str(slurm.folder) in Path(f"/proc/{process}/environ").read_text(errors="replace"):
                os.kill(process, signal.SIGKILL)
    _end_jobs(str(tmp_path))
    time.sleep(1)
    slurm.start("slurmd")
    wait_until(
        lambda: set(slurm.states().values()) == {"PENDING"} or not slurm.states(),
        what="Slurm notices and queues the job again",
    )
    for job in slurm.states():
        start_now(slurm, job)
    over(slurm, one)
    assert first.items() <= one.contents().items(), "what was recorded was trained again"
