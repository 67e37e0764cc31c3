"""A real Slurm on this machine: array jobs, signals, requeue, a node that dies. Workers share PostgreSQL."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from checking import check, in_training, interruptions, opened, told_so_far
from postgres import Server, free_port, fresh_database
from scaling.search.endings import EXPIRED
from search_runs import ROOT, experiment, wait_until

pytestmark = pytest.mark.faults
TRIALS = 3
CONFIGURATION = {
    "data": {"train": 1000, "validation": 100},
    "recipe": {"epochs": 6},
    "search": {"trials": TRIALS, "baseline_seeds": [0], "sampler": "random"},
    "cluster": {"heartbeat_s": 1, "grace_s": 6},
}
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
        """No `OMP_NUM_THREADS` or storage of the test's own: a job brings its own."""
        return {**os.environ, "SLURM_CONF": str(self.folder / "slurm.conf"), "SCALING_PYTHON": sys.executable}

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
        host=socket.gethostname(), folder=folder, controller_port=free_port(), node_port=free_port()
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
    place: str
    folder: Path
    logs: Path


def submit(slurm: Slurm, server: Server, tmp_path: Path) -> Submitted:
    """Submit two workers of a new study with the script as it ships."""
    config, folder = experiment(tmp_path, **CONFIGURATION), tmp_path / "run"
    place = fresh_database(server, tmp_path.name)
    secret = tmp_path / "storage"
    secret.write_text(place)
    secret.chmod(0o600)
    job = slurm.call(
        "sbatch", "--parsable", "--array=0-1", f"--output={tmp_path}/%a.txt",
        "experiments/slurm/search.sbatch", str(config), str(secret), str(folder),
    )  # fmt: skip
    return Submitted(job=job, place=place, folder=folder, logs=tmp_path)


def in_the_middle(one: Submitted, *, after: int, trainings: int) -> None:
    """Wait until so many trials are told and so many are in training."""

    wait_until((one.folder / "provenance.json").exists, what="a worker has made the study")
    with opened(one.place, one.folder) as run:
        wait_until(
            lambda: told_so_far(run) >= after and len(in_training(run)) >= trainings,
            what=f"{after} told, {trainings} in training",
        )


def start_now(slurm: Slurm, task: str) -> None:
    """Slurm itself lets a requeued task wait for two minutes.

    Credentials are revoked by the second: slurmd refuses a task that is allocated anew in the second of its
    end, and slurmctld then counts it as failed.
    """
    time.sleep(2)
    slurm.call("scontrol", "update", f"JobId={task}", "StartTime=now")


def over(slurm: Slurm, one: Submitted) -> None:
    """Wait until the study's jobs have left the queue, then check it."""
    wait_until(lambda: not slurm.states(), what="the jobs end")
    logs = "".join(path.read_text() for path in sorted(one.logs.glob("[01].txt")))
    assert "Traceback" not in logs, logs
    assert "tiny is done" in logs, logs
    check(one.place, one.folder, networks=TRIALS)


def test_a_signalled_task_is_put_back_and_queued_again(slurm: Slurm, server: Server, tmp_path: Path) -> None:
    one = submit(slurm, server, tmp_path)
    in_the_middle(one, after=1, trainings=2)
    assert set(slurm.states()) == {f"{one.job}_0", f"{one.job}_1"}
    slurm.call("scancel", "--signal=TERM", "--batch", f"{one.job}_0")
    wait_until(
        lambda: slurm.states().get(f"{one.job}_0") == "PENDING", seconds=60, what="the task is requeued"
    )
    assert interruptions(one.place, one.folder) == ["stopped"]
    assert "the trial in training was put back" in (one.logs / "0.txt").read_text()
    start_now(slurm, f"{one.job}_0")
    over(slurm, one)
    assert (one.logs / "0.txt").read_text().count("worker of tiny") == 2
    from sqlalchemy import make_url  # noqa: PLC0415

    password = make_url(one.place).password
    assert password
    for path in [*one.folder.rglob("*"), *one.logs.glob("*.txt")]:
        if path.is_file():
            assert password.encode() not in path.read_bytes(), f"{path} holds the password"


def test_a_node_that_dies_loses_no_trial(slurm: Slurm, server: Server, tmp_path: Path) -> None:
    one = submit(slurm, server, tmp_path)
    in_the_middle(one, after=1, trainings=2)
    os.killpg(slurm.daemons["slurmd"].pid, signal.SIGKILL)
    slurm.daemons["slurmd"].wait()
    _end_jobs(str(one.folder))  # as the machine had gone: jobs and their keepers with it
    for process in _processes("slurmstepd"):
        if str(slurm.folder) in Path(f"/proc/{process}/environ").read_text(errors="replace"):
            os.kill(process, signal.SIGKILL)
    time.sleep(1)
    slurm.start("slurmd")
    wait_until(
        lambda: set(slurm.states().values()) == {"PENDING"} or not slurm.states(),
        seconds=90, what="Slurm notices and queues the tasks again",
    )  # fmt: skip
    for task in slurm.states():
        start_now(slurm, task)
    over(slurm, one)
    assert set(interruptions(one.place, one.folder)) == {EXPIRED}
