"""One network trained with many seeds, a file a seed: what a noise floor is measured on. Floor 5."""

from __future__ import annotations

import base64
import json
import logging
import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.synchronize import Event
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch

from scaling.errors import ResultsError
from scaling.results import trials_frame, write_json
from scaling.search.candidate import Candidate
from scaling.search.config import SearchConfig
from scaling.search.folder import RunFolder
from scaling.search.objective import plain_result, train_once
from scaling.search.rows import seed_columns
from scaling.search.run_kernels import folder_kernels
from scaling.training.engine import TrainingInterruptedError, best_device
from scaling.training.machine import Packing

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Repeat:
    """One finished training of the baseline.

    Args:
        seed: of the training.
        result: as `objective.plain_result` gives it.
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
    context = multiprocessing.get_context("spawn")
    stop = context.Event()
    with ProcessPoolExecutor(
        min(packing.workers, len(missing)),
        context,
        initializer=_begin,
        initargs=(stop, os.getpid(), packing.threads),
    ) as pool:
        with _without_ctrl_c():
            waiting = [pool.submit(_train_seed, run.path, seed) for seed in missing]
        try:
            for done in as_completed(waiting):
                on_finished(done.result())
        except BrokenProcessPool:
            raise ResultsError(
                f"a training process of {run.path} died; finished seeds are kept, the same command goes on"
            ) from None
        except BaseException:
            stop.set()
            pool.shutdown(wait=True, cancel_futures=True)
            raise


@contextmanager
def _without_ctrl_c() -> Iterator[None]:
    """Start processes that ignore Ctrl-C from their first instruction; the launcher alone answers it."""
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


_STOP: dict[str, Event] = {}
"""Of a worker process: the event that asks it to stop."""


def _begin(stop: Event, parent: int, thread_count: int) -> None:
    torch.set_num_threads(thread_count)
    _STOP["stop"] = stop
    threading.Thread(target=_leave_with, args=(parent,), daemon=True).start()


def _leave_with(parent: int) -> None:
    """End this process soon after its launcher; a worker that waits for work would never notice by itself."""
    while os.getppid() == parent:
        time.sleep(0.3)
    os._exit(1)


def _train_seed(folder: Path, seed: int) -> int:
    run = RunFolder(path=folder)
    config, right = run.read_config(), []

    try:
        result = train_once(
            config,
            config.baseline_spec,
            seed,
            best_device(config.search.device),
            report=lambda _seed, _step: None,
            should_stop=_STOP["stop"].is_set,
            kernels=folder_kernels(config, run),
            on_judged=lambda judged: right.append(np.packbits(judged.numpy())),
        )
    except TrainingInterruptedError:
        return seed
    packed = base64.b64encode(right[0].tobytes()).decode() if right else None
    write_json(_path(run, seed), {"seed": seed, "result": plain_result(result), "right": packed})
    return seed


def _path(run: RunFolder, seed: int) -> Path:
    return run.path / "seeds" / f"{seed}.json"


def read_repeat(config: SearchConfig, run: RunFolder, seed: int) -> Repeat | None:
    """Return a finished seed; None where its file is missing or damaged: it is trained again."""
    path = _path(run, seed)
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        packed, result = document["right"], document["result"]
        seed_columns(seed, "complete", result)  # it has what the table needs
        right = None if packed is None else _unpacked(packed, config.data.validation)
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


def _unpacked(packed: str, images: int) -> np.ndarray:
    found = np.unpackbits(np.frombuffer(base64.b64decode(packed, validate=True), np.uint8))
    if len(found) != -(-images // 8) * 8:
        raise ValueError(f"expected {images} validation images, got {len(found)}")
    return found[:images].astype(bool)


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
