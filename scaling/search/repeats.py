"""One network trained with many seeds, a file a seed: what a noise floor is measured on."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from scaling.atomic_write import write_json
from scaling.runs.trials_table import trials_frame
from scaling.search.candidate import Candidate
from scaling.search.config import SearchConfig
from scaling.search.folder import RunFolder
from scaling.search.objective import train_once
from scaling.search.rows import seed_columns
from scaling.search.run_kernels import folder_kernels
from scaling.training.engine import TrainingInterruptedError, best_device
from scaling.training.machine import Packing
from scaling.training.pool import run_in_processes, stop_asked
from scaling.training.trained import packed, plain_result, unpacked

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Repeat:
    """One finished training of the baseline.

    Args:
        seed: of the training.
        result: as `plain_result` gives it.
        right: which validation images were right, bool (N,); None where the training diverged.
    """

    seed: int
    result: dict[str, Any]
    right: np.ndarray | None


def train_repeats(
    config: SearchConfig,
    run: RunFolder,
    seeds: Sequence[int],
    *,
    packing: Packing,
    on_finished: Callable[[int], None],
) -> None:
    """Train the baseline with every seed that has no whole file yet, several at a time in processes.

    Each process writes its own results, so that whatever stops the launch, finished seeds stay. Ctrl-C stops
    every training at its next step.

    Args:
        config: the experiment.
        run: its folder; the configuration is already there.
        seeds: wanted.
        packing: processes, and threads of each.
        on_finished: called with each seed that was trained.

    Raises:
        KeyboardInterrupt: Ctrl-C, after the trainings have stopped.
        ResultsError: a process died.
    """
    missing = [seed for seed in seeds if read_repeat(config, run, seed) is None]
    if not missing:
        return
    died = f"a training process of {run.path} died; finished seeds are kept, the same command goes on"
    tasks = [(run.path, seed) for seed in missing]
    with closing(run_in_processes(_train_seed, tasks, packing, died=died)) as seeds_done:
        for seed in seeds_done:
            on_finished(seed)


def _train_seed(task: tuple[Path, int]) -> int:
    folder, seed = task
    run = RunFolder(path=folder)
    config, right = run.read_config(), []

    try:
        result = train_once(
            config,
            config.baseline_spec,
            seed,
            best_device(config.search.device),
            report=lambda _seed, _step: None,
            should_stop=stop_asked,
            kernels=folder_kernels(config, run),
            on_judged=lambda judged: right.append(judged.numpy()),
        )
    except TrainingInterruptedError:
        return seed
    answers = packed(right[0]) if right else None
    write_json(_path(run, seed), {"seed": seed, "result": plain_result(result), "right": answers})
    return seed


def _path(run: RunFolder, seed: int) -> Path:
    return run.path / "seeds" / f"{seed}.json"


def read_repeat(config: SearchConfig, run: RunFolder, seed: int) -> Repeat | None:
    """Return a finished seed; None where its file is missing or damaged: it is trained again."""
    path = _path(run, seed)
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        answers, result = document["right"], document["result"]
        seed_columns(seed, "complete", result)  # it has what the table needs
        right = None if answers is None else unpacked(answers, config.data.validation)
        agrees = result["top1"] == (None if right is None else int(right.sum()) / len(right))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError) as error:
        _log.warning("%s is damaged (%s); its seed is trained again", path, error)
        return None
    if not agrees or document["seed"] != seed:
        _log.warning("%s does not agree with itself; its seed is trained again", path)
        return None
    return Repeat(seed=seed, result=result, right=right)


def read_repeats(config: SearchConfig, run: RunFolder, seeds: Sequence[int]) -> list[Repeat]:
    """Return the finished seeds among those wanted."""
    found = (read_repeat(config, run, seed) for seed in seeds)
    return [repeat for repeat in found if repeat is not None]


def repeats_table(config: SearchConfig, repeats: Sequence[Repeat]) -> pd.DataFrame:
    """Return finished seeds as a table of trials: the baseline is trial 0."""
    baseline = Candidate(
        kind="reference", name="baseline", spec=config.baseline_spec, compound=None, proposed=None
    )
    common = baseline.row(config) | {"trial": 0}
    return trials_frame(common | seed_columns(repeat.seed, "complete", repeat.result) for repeat in repeats)


def right_table(repeats: Sequence[Repeat]) -> np.ndarray:
    """Return which images each seed got right, bool (seeds, images); diverged trainings are left out."""
    return np.array([repeat.right for repeat in repeats if repeat.right is not None], dtype=bool)
