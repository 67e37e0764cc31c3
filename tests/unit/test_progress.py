"""Live progress of trainings: one bar for the whole, one a training, readable anywhere."""

from __future__ import annotations

import io
import re

import pytest
from rich.console import Console
from search_runs import configuration, record_of

from scaling.library.progress import TrainingProgress
from scaling.runs.coordinator import Started
from scaling.runs.executor import Ended, Event, Stepped

LABEL = "trial [/11] again at 28 px"
CONTROL = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
CONFIG = configuration()
JOBS = [CONFIG.setup.job(CONFIG.baseline_spec, seed=seed) for seed in range(3)]
MACS = JOBS[0].train_macs
WHOLE = 4
"""Steps of a training: 100 images in batches of 25, one epoch."""


def started(number: int) -> Started:
    return Started(job=JOBS[number], key=str(number))


def stepped(number: int, steps: int) -> Stepped:
    return Stepped(key=str(number), worker="0", steps=steps)


def drawn(*events: Started | Event, terminal: bool, width: int = 60) -> tuple[str, TrainingProgress]:
    file = io.StringIO()
    console = Console(file=file, width=width, force_terminal=terminal, color_system=None)
    with TrainingProgress(console) as progress:
        progress.begin(lambda _key: LABEL, total=10 * MACS, done=4 * MACS, count=10, ended=4)
        for event in events:
            progress(event)
            progress.bars.refresh()
    return file.getvalue(), progress


def test_a_terminal_of_sixty_columns_shows_every_training() -> None:
    text, progress = drawn(started(0), started(1), stepped(0, WHOLE // 2), terminal=True)
    lines = [CONTROL.sub("", line).strip("\r") for line in re.split(r"[\r\n]+", text)]
    assert max(map(len, lines)) <= 60
    assert any("trainings" in line and "40%" in line for line in lines)
    assert any("50%" in line for line in lines)
    assert len(progress.bars.tasks) == 3


def test_without_a_terminal_each_training_is_one_line() -> None:
    text, _ = drawn(
        started(0), stepped(0, 3), Ended(key="0", record=record_of(JOBS[0], 0.893)), terminal=False
    )
    assert text == f"   5/10  {LABEL}, seed 0 89.3 % in 2 s\n"


def test_the_whole_goes_with_multiply_adds_of_trainings_that_have_ended() -> None:
    _, progress = drawn(
        started(0), started(1), Ended(key="0", record=record_of(JOBS[0])), started(2),
        Ended(key="1", died=True), terminal=False,
    )  # fmt: skip
    assert progress.bars.tasks[progress.whole].completed == pytest.approx(5 * MACS)
    assert progress.ended == 5
    assert len(progress.bars.tasks) == 2, "what is not in training has no bar"
