"""Tiny searches on real glyphs: configurations, launches as processes, and what they leave behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from scaling.runs.trials_table import read_trials
from scaling.search.config import SearchConfig, parse_config
from scaling.search.folder import RunFolder

ROOT = Path(__file__).parents[1]
DETERMINISTIC = [
    "experiment", "trial", "seed", "kind", "alpha", "beta", "gamma", "phi", "image_size", "params", "macs",
    "achieved_factor", "top1", "fidelity_epochs", "state", "name", "architecture",
]  # fmt: skip
"""Every column that a second run must give again: all but times."""


def document(**tables: dict[str, Any]) -> dict[str, Any]:
    """A two-stage network at 16 px on a few glyphs; `search={"trials": 3}` changes one table."""
    plain: dict[str, Any] = {
        "schema_version": 1,
        "kind": "search",
        "name": "tiny",
        "question": "does it run?",
        "prediction": "yes",
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
        "search": {
            "trials": 2, "tolerance": 0.05, "workers": 1, "startup_trials": 1, "device": "cpu", "confirm": 0,
        },
        "cluster": {"heartbeat_s": 2, "grace_s": 10},
        "engine": {"kernels": "fixed"},
        "recipe": {"epochs": 1, "batch_size": 25, "dropout": 0.0, "stochastic_depth": 0.0},
    }  # fmt: skip
    for table, changes in tables.items():
        plain[table] = {**plain.get(table, {}), **changes}
    return plain


def configuration(**tables: dict[str, Any]) -> SearchConfig:
    return parse_config(document(**tables), where="test")


def toml_of(plain: dict[str, Any]) -> str:
    """Write a document of plain values and one level of tables as TOML."""

    def value(one: Any) -> str:
        if isinstance(one, bool):
            return str(one).lower()
        if isinstance(one, (list, tuple)):
            return "[" + ", ".join(map(value, one)) + "]"
        return repr(one) if isinstance(one, (int, float)) else f'"{one}"'

    lines = [f"{key} = {value(one)}" for key, one in plain.items() if not isinstance(one, dict)]
    for table, entries in plain.items():
        if isinstance(entries, dict):
            lines += [f"[{table}]", *(f"{key} = {value(one)}" for key, one in entries.items())]
    return "\n".join(lines) + "\n"


def experiment(folder: Path, **tables: dict[str, Any]) -> Path:
    path = folder / "tiny.toml"
    path.write_text(toml_of(document(**tables)), encoding="utf-8")
    return path


def environment() -> dict[str, str]:
    return {**os.environ, "OMP_NUM_THREADS": "1", "COLUMNS": "100", "PYTHONWARNINGS": "default"}


def command(config: Path, output: Path, *more: str) -> list[str]:
    arguments = ["--config", str(config), "--output", str(output), *more]
    return [sys.executable, str(ROOT / "run_search.py"), *arguments]


def launched(config: Path, output: Path, *more: str) -> subprocess.Popen[str]:
    """Start a run in a process group of its own, as a terminal does; Ctrl-C reaches it even under nohup."""
    return subprocess.Popen(
        command(config, output, *more),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment(),
        start_new_session=True,
        preexec_fn=heed_ctrl_c,  # noqa: PLW1509  these tests start no threads
    )


def heed_ctrl_c() -> None:
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


def attributes(output: Path) -> list[tuple[str, str, dict[str, Any]]]:
    """Study, state and user attributes of every trial, read from the database while a run may use it."""
    import json  # noqa: PLC0415
    import sqlite3  # noqa: PLC0415

    database = RunFolder(path=output).database
    if not database.exists():
        return []
    query = (
        "SELECT s.study_name, t.state, t.trial_id, a.key, a.value_json FROM trials t "
        "JOIN studies s USING (study_id) LEFT JOIN trial_user_attributes a USING (trial_id) "
        "ORDER BY t.trial_id"
    )
    connection = sqlite3.connect(f"file:{database}?mode=ro", uri=True, timeout=30)
    try:
        rows = connection.execute(query).fetchall()
    except sqlite3.OperationalError:  # the tables are not there yet
        return []
    finally:
        connection.close()
    found: dict[int, tuple[str, str, dict[str, Any]]] = {}
    for study, state, number, key, value in rows:
        found.setdefault(number, (study, state, {}))[2].update({key: json.loads(value)} if key else {})
    return list(found.values())


def training(output: Path, *, study: str, after: int = 0) -> bool:
    """Whether a trial of a study is in training, with at least so many complete in both studies."""
    trials = attributes(output)
    running = any(one == study and state == "RUNNING" and "worker" in more for one, state, more in trials)
    return running and sum(state == "COMPLETE" for _, state, _ in trials) >= after


def workers_of(parent: int) -> list[int]:
    """Process ids of the worker processes of a launch."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            status = (folder / "stat").read_text().rpartition(")")[2].split()
            line = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode()
        except OSError:
            continue
        if int(status[1]) == parent and "spawn_main" in line and status[0] != "Z":
            found.append(int(folder.name))
    return sorted(found)


def rows(output: Path, columns: Sequence[str] = DETERMINISTIC) -> pd.DataFrame:
    return read_trials(output / "trials.csv")[list(columns)]
