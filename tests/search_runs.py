"""Tiny searches on real glyphs: configurations, made-up records, launches as processes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd

from scaling.plans.search.config import SearchConfig, parse_config
from scaling.runs.experiment_file import SETUP_TABLES
from scaling.runs.folder import RunFolder
from scaling.runs.job import Job
from scaling.runs.record import Record, RecordState
from scaling.runs.store import Store
from scaling.runs.trials_table import read_trials
from scaling.training.curve import Curve, EpochEnd

ROOT = Path(__file__).parents[1]
DETERMINISTIC = [
    "experiment", "trial", "seed", "kind", "alpha", "beta", "gamma", "phi", "image_size", "params", "macs",
    "achieved_factor", "top1", "fidelity_epochs", "state", "name", "architecture",
]  # fmt: skip
"""Every column that a second run must give again: all but times."""


def document(**tables: Any) -> dict[str, Any]:
    """A two-stage network at 16 px on a few glyphs.

    `search={"trials": 3}` changes one table, `recipe={"epochs": 2}` one of the setup.
    """
    plain: dict[str, Any] = {
        "schema_version": 2,
        "kind": "search",
        "name": "tiny",
        "question": "does it run?",
        "prediction": "yes",
        "search": {"sampler": "tpe", "trials": 2, "tolerance": 0.05, "startup_trials": 1, "confirm": 0},
        "setup": setup_document(),
    }
    for name, changes in tables.items():
        place = plain["setup"] if name in SETUP_TABLES else plain
        place[name] = {**place.get(name, {}), **changes} if isinstance(changes, dict) else changes
    return plain


def setup_document() -> dict[str, Any]:
    return {
        "data": {"name": "glyphs", "train": 100, "validation": 50},
        "baseline": {
            "name": "tiny-b0",
            "image_size": 16,
            "stem_stride": 1,
            "stem_channels": 8,
            "stages": ["r1_k3_s22_e1_i8_o8_se0.25", "r2_k3_s22_e2_i8_o16_se0.25"],
            "head_channels": 32,
        },
        "rounding": {"coefficient_rounding": "none", "channel_divisor": 2, "repeat_rule": "round"},
        "numerics": {"batch_norm_momentum": 0.1},
        "recipe": {"epochs": 1, "batch_size": 25, "dropout": 0.0, "stochastic_depth": 0.0},
        "engine": {"kernels": "fixed", "device": "cpu", "workers": 1},
    }


def configuration(**tables: Any) -> SearchConfig:
    return parse_config(document(**tables), where="test")


def toml_of(plain: dict[str, Any], table: str = "") -> str:
    """Write a document of plain values and tables as TOML."""
    lines = [f"[{table}]"] if table else []
    lines += [f"{key} = {json.dumps(one)}" for key, one in plain.items() if not isinstance(one, dict)]
    for key, one in plain.items():
        if isinstance(one, dict):
            lines.append(toml_of(one, f"{table}.{key}" if table else key))
    return "\n".join(lines) + "\n"


def experiment(folder: Path, **tables: Any) -> Path:
    path = folder / "tiny.toml"
    path.write_text(toml_of(document(**tables)), encoding="utf-8")
    return path


def record_of(
    job: Job,
    top1: float | Sequence[float] = 0.5,
    *,
    state: RecordState = RecordState.COMPLETE,
    error: str | None = None,
) -> Record:
    """A record as if the job had been trained.

    Args:
        job: that gave it.
        top1: after the last epoch, or after each.
        state: how it ended.
        error: of one that failed.
    """
    curve = curve_of(top1) if isinstance(top1, Sequence) else curve_of([top1] * job.recipe.epochs)
    result: dict[str, Any] | None = None
    if state in {RecordState.COMPLETE, RecordState.DIVERGED}:
        good = state == RecordState.COMPLETE
        result = {
            "outcome": state.value,
            "top1": curve[-1].top1 if good else None,
            "validation_loss": curve[-1].validation_loss if good else None,
            "epochs": len(curve),
            "wall_s": 2.0,
            "images_per_s": 100.0,
            "inference_ms": 1.5,
            "memory_bytes": 1000,
            "validation_images": 50,
        }
    return Record(
        key=job.key,
        identity=job.identity(),
        spec=job.spec,
        state=state,
        curve=curve if state != RecordState.FAILED else (),
        result=result,
        error=error,
        provenance={"network": job.spec.name},
    )


def curve_of(top1: Iterable[float]) -> Curve:
    point = EpochEnd(
        epoch=1, steps=4, loss=1.0, validation_loss=1.0, top1=0.0, learning_rate=0.01, seconds=1.0
    )
    return tuple(
        replace(point, epoch=epoch, steps=4 * epoch, top1=one, validation_loss=1 - one)
        for epoch, one in enumerate(top1, 1)
    )


def environment() -> dict[str, str]:
    return {**os.environ, "OMP_NUM_THREADS": "1", "COLUMNS": "100", "PYTHONWARNINGS": "default"}


def command(config: Path, output: Path, *more: str) -> list[str]:
    """The main job, its trainings beside its folder."""
    arguments = ["--config", str(config), "--output", str(output), "--store", str(store_of(output).path)]
    return [sys.executable, str(ROOT / "run_search.py"), *arguments, *more]


def store_of(output: Path) -> Store:
    return Store(path=output.parent / "trainings")


def launched(config: Path, output: Path, *more: str) -> subprocess.Popen[str]:
    """Start a run in a process group of its own, as a terminal does; Ctrl-C reaches it even under nohup."""
    return subprocess.Popen(
        command(config, output, *more),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment(),
        start_new_session=True,
        preexec_fn=answer_ctrl_c,  # noqa: PLW1509  these tests start no threads
    )


def answer_ctrl_c() -> None:
    """Undo what a shell does to background jobs: they ignore Ctrl-C, and so would the run."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def stop_by_ctrl_c(launch: subprocess.Popen[str], sent: signal.Signals = signal.SIGINT) -> str:
    """Stop a launch as Ctrl-C does, see all of it leave in good order, and return what it said."""
    workers = workers_of(launch.pid)
    os.killpg(launch.pid, sent)
    _, messages = launch.communicate(timeout=120)
    assert launch.returncode == 130, messages
    assert "the same command goes on from here" in messages
    assert "Traceback" not in messages
    wait_until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in workers), what="workers gone")
    return messages


def finished(
    config: Path, output: Path, *more: str, timeout: float = 240
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command(config, output, *more),
        capture_output=True, text=True, env=environment(), timeout=timeout, check=False,
    )  # fmt: skip


def wait_until(condition: Callable[[], bool], *, seconds: float = 240, what: str) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, f"not within {seconds:.0f} s: {what}"
        time.sleep(0.1)


def training(output: Path, *, after: int = 0) -> bool:
    """Whether something is in training now, after at least so many trainings of the run have a record."""
    folder, store = RunFolder(path=output), store_of(output)
    keys = folder.keys()
    try:
        running = json.loads(folder.progress.read_text(encoding="utf-8"))["running"]
    except (OSError, ValueError):
        return False
    going = any(one["steps"] for one in running.values())
    return going and sum(store.record(key).exists() for key in keys) >= after


def workers_of(parent: int) -> list[int]:
    """Process ids of the worker processes of a launch."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            status = (folder / "stat").read_text().rpartition(")")[2].split()
            line = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode()
        except OSError:
            continue
        if int(status[1]) == parent and "scaling.runs.worker_process" in line and status[0] != "Z":
            found.append(int(folder.name))
    return sorted(found)


def rows(output: Path, columns: Sequence[str] = DETERMINISTIC) -> pd.DataFrame:
    return read_trials(output / "trials.csv")[list(columns)]
