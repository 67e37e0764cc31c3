"""Tiny searches on real glyphs: configurations, made-up records, launches as processes."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
from launches import environment, started
from tiny_setup import tiny_tables, toml_of

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
        "setup": tiny_tables(engine={"workers": 1}),
    }
    for name, changes in tables.items():
        place = plain["setup"] if name in SETUP_TABLES else plain
        place[name] = {**place.get(name, {}), **changes} if isinstance(changes, dict) else changes
    return plain


def configuration(**tables: Any) -> SearchConfig:
    return parse_config(document(**tables), where="test")


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


def command(config: Path, output: Path, *more: str) -> list[str]:
    """The main job, its trainings beside its folder."""
    arguments = ["--config", str(config), "--output", str(output), "--store", str(store_of(output).path)]
    return [sys.executable, str(ROOT / "run_search.py"), *arguments, *more]


def store_of(output: Path) -> Store:
    return Store(path=output.parent / "trainings")


def launched(config: Path, output: Path, *more: str) -> subprocess.Popen[str]:
    """Start a run; see `launches.started`."""
    return started(command(config, output, *more))


def finished(
    config: Path, output: Path, *more: str, timeout: float = 240
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command(config, output, *more),
        capture_output=True, text=True, env=environment(), timeout=timeout, check=False,
    )  # fmt: skip


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


def rows(output: Path, columns: Sequence[str] = DETERMINISTIC) -> pd.DataFrame:
    return read_trials(output / "trials.csv")[list(columns)]
