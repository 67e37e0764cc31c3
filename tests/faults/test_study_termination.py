"""A study under SIGTERM, as Slurm sends it: to every process, twice. It stops as by Ctrl-C, and goes on."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
import torch
from search_runs import environment, experiment, wait_until, workers_of

from scaling.errors import ResultsError
from scaling.runs.trials_table import read_trials
from scaling.search.config import load_config
from scaling.studies.config import Size, load_study
from scaling.studies.trials import Bench, state_of
from scaling.training.machine import Packing
from scaling.training.pool import run_in_processes
from scaling.training.store import TrainingStore, train_jobs

pytestmark = pytest.mark.faults

STUDY = """
schema_version = 1
kind = "study"
name = "stopped"
question = "does it stop?"
prediction = "yes"

[design]
kind = "ladder"
strategies = ["depth"]
factors = [2.0]
tolerance = 0.2

[sizes.quick]
proxy = "tiny.toml"
seeds = [0, 1]

[sizes.standard]
proxy = "tiny.toml"
seeds = [0]
"""


@pytest.fixture
def launch(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """A launch with one training finished, and another that has a checkpoint."""
    experiment(tmp_path, data={"train": 250, "validation": 50}, recipe={"epochs": 8})
    (tmp_path / "stopped.toml").write_text(STUDY)
    process = subprocess.Popen(
        [sys.executable, "-m", "scaling", "study", "stopped.toml", "--store", "store", "--output", "out"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment(),
        start_new_session=True, cwd=tmp_path,
    )  # fmt: skip
    yield process
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.communicate()  # closes the pipes


def finished(folder: Path) -> list[Path]:
    return list((folder / "store").glob("[0-9a-f]*.json"))


def checkpoints(folder: Path) -> dict[str, bytes]:
    return {p.stem: p.read_bytes() for p in (folder / "store" / "unfinished").glob("*.checkpoint")}


def in_flight(folder: Path) -> bool:
    done = {path.stem for path in finished(folder)}
    return bool(done) and bool(checkpoints(folder).keys() - done)


def test_sigterm_stops_a_study_as_ctrl_c_does(launch: subprocess.Popen[str], tmp_path: Path) -> None:
    wait_until(lambda: in_flight(tmp_path), what="a training in flight beside a finished one")
    workers = workers_of(launch.pid)
    assert workers
    os.killpg(launch.pid, signal.SIGTERM)
    time.sleep(0.2)
    os.killpg(launch.pid, signal.SIGTERM)
    _, messages = launch.communicate(timeout=60)
    assert launch.returncode == 130, messages
    assert "the same command goes on from here (out)" in messages
    assert "Traceback" not in messages
    assert "died" not in messages
    assert not any(Path(f"/proc/{pid}").exists() for pid in workers)
    result = json.loads((tmp_path / "out" / "result.json").read_text())
    assert f"{result['missing_trainings']} trainings are missing" in messages
    trials = read_trials(tmp_path / "out" / "trials.csv")
    assert (trials["state"] == "complete").sum() == 4 - result["missing_trainings"] == len(finished(tmp_path))
    goes_on_from_its_checkpoint(tmp_path)


def goes_on_from_its_checkpoint(folder: Path) -> None:
    """What was in flight ends as if it had never been stopped."""
    study, _ = load_study(str(folder / "stopped.toml"))
    proxy = load_config(folder / "tiny.toml")
    bench = Bench(study=study, size=study.table(Size.QUICK), proxy=proxy, title="stopped")
    store, fresh = (
        TrainingStore(path=folder / name, device=torch.device("cpu")) for name in ("store", "fresh")
    )
    kept = checkpoints(folder)
    (job,) = (job for job in state_of(bench, store).missing if store.key(job) in kept)
    (parts,), (whole,) = (train_jobs([job], one, workers=0) for one in (store, fresh))
    assert parts.result is not None
    assert whole.result is not None
    assert [parts.result[key] for key in ("top1", "loss", "epochs")] == [
        whole.result[key] for key in ("top1", "loss", "epochs")
    ]
    assert store.key(job) not in checkpoints(folder)


def test_processes_that_are_told_to_end_while_their_launcher_is_not_do_so_after_a_while() -> None:
    before = set(workers_of(os.getpid()))
    started = time.monotonic()

    def end_one() -> None:
        wait_until(lambda: len(set(workers_of(os.getpid())) - before) == 2, seconds=60, what="two processes")
        time.sleep(0.5)
        os.kill(min(set(workers_of(os.getpid())) - before), signal.SIGTERM)

    teller = threading.Thread(target=end_one)
    teller.start()
    packing = Packing(workers=2, threads=1, reason="test")
    with (
        closing(run_in_processes(time.sleep, (300.0, 300.0), packing, died="one died")) as slept,
        pytest.raises(ResultsError, match="one died"),
    ):
        next(slept)
    teller.join()
    assert time.monotonic() - started < 60
    wait_until(lambda: set(workers_of(os.getpid())) <= before, seconds=20, what="both gone")
