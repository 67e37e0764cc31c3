"""A small search that takes long enough to be disturbed, and runs of it that were stopped somewhere."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

from processes import command_line
from search_runs import experiment, store_of

from scaling.plans.search.config import load_config
from scaling.plans.search.history import read_history
from scaling.plans.search.run import run_search
from scaling.runs.folder import RunFolder
from scaling.runs.launch import Where
from scaling.runs.processes import LocalProcesses
from scaling.training.machine import Packing

REFERENCES, TRIALS = 5, 3
CONFIRMED = 2
TRAININGS = REFERENCES + TRIALS + CONFIRMED
TABLES: dict[str, Any] = {
    "search": {
        "trials": TRIALS, "seeds": [0], "baseline_seeds": [0], "confirm": CONFIRMED, "confirm_seeds": [5],
        "sampler": "tpe", "startup_trials": 1,
    },
    "data": {"train": 800, "validation": 100},
    "recipe": {"epochs": 4},
    "engine": {"checkpoint_s": 0},
}  # fmt: skip
"""A training of about a second with a checkpoint every epoch, so that a signal meets one; the third proposal
depends on what the others gave."""
Launch = Callable[..., BaseProcess]
"""Starts, or goes on with, the run of a test; see `launched`."""


def launched(
    folder: Path,
    *more: object,
    log: str = "log",
    tables: dict[str, Any] | None = None,
    environ: dict[str, str] | None = None,
) -> BaseProcess:
    """Start the run of a folder by the main command.

    Args:
        folder: of the test; holds the experiment, the run and its trainings.
        more: arguments.
        log: file in that folder that takes what is printed.
        tables: instead of `TABLES`.
        environ: added to the environment.
    """
    config, output = experiment(folder, **(TABLES if tables is None else tables)), folder / "run"
    arguments = ["--config", config, "--output", output, "--store", store_of(output).path]
    return command_line(*arguments, *more, log=folder / log, environ=environ)


def begin_after(trainings: int, undisturbed: Path, folder: Path) -> None:
    """Give a test the run as it was when so many trainings had ended, as if stopped there.

    Args:
        trainings: that had ended.
        undisturbed: output of a finished run with one worker.
        folder: of the test.
    """
    there, here = RunFolder(path=undisturbed), RunFolder(path=folder / "run")
    store, keys = store_of(here.path).path, there.keys()[:trainings]
    here.path.mkdir()
    (store / "unfinished").mkdir(parents=True)
    shutil.copy(there.config, here.config)
    for key in keys:
        shutil.copy(store_of(undisturbed).record(key), store)
    here.records.write_text("".join(f"{key}\n" for key in keys))
    wanted = max(0, trainings - REFERENCES)
    kept, accepted = "", 0
    for line in there.proposals.read_text().splitlines(keepends=True):
        if accepted < wanted:
            kept += line
            accepted += json.loads(line)["fate"] == "accepted"
    if kept:
        here.proposals.write_text(kept)


def proposed(output: Path) -> int:
    return len(read_history(RunFolder(path=output).proposals).proposals)


def recorded(output: Path) -> int:
    return len(list(store_of(output).path.glob("*.json")))


def checkpointed(output: Path) -> bool:
    """Whether a training is under way that has a checkpoint."""
    return any((store_of(output).path / "unfinished").glob("*.checkpoint"))


def run_with(program: str, config: Path, output: Path) -> None:
    """Run a search whose one worker process runs another module than usual."""
    workers = LocalProcesses(packing=Packing(workers=1, threads=1, reason="one"), program=program)
    where = Where(store=store_of(output), executor=workers)
    run_search(load_config(config), RunFolder(path=output), where, warn=print)
