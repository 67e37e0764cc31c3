"""Live progress of a search: one bar for the whole, one a worker, readable anywhere."""

from __future__ import annotations

import io
import re

import pytest
from rich.console import Console

from scaling.cli.progress import SearchProgress
from scaling.search.worker import Message

LABEL = "trial 11 again at 28 px"
CONTROL = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


def told(worker: int, event: str, done: int, text: str = "", *, total: int = 100) -> Message:
    return Message(
        worker=worker, event=event, label=LABEL, text=text, macs=10, seeds=2, done=done, total=total
    )


def drawn(*messages: Message, terminal: bool, width: int = 60) -> tuple[str, SearchProgress]:
    file = io.StringIO()
    console = Console(file=file, width=width, force_terminal=terminal, color_system=None)
    progress = SearchProgress(console, total=100.0, done=20.0, networks=13, finished=4)
    with progress.shown():
        for message in messages:
            progress.update(message)
            progress.bars.refresh()
    return file.getvalue(), progress


def test_a_terminal_of_sixty_columns_shows_every_worker() -> None:
    text, _ = drawn(told(0, "start", 0), told(1001, "start", 0), told(0, "step", 50), terminal=True)
    lines = [CONTROL.sub("", line).strip("\r") for line in re.split(r"[\r\n]+", text)]
    assert max(map(len, lines)) <= 60
    assert any("search" in line and "30%" in line for line in lines)
    assert any(LABEL in line and "50%" in line for line in lines)


def test_without_a_terminal_each_network_is_one_line() -> None:
    text, _ = drawn(
        told(0, "start", 0), told(0, "step", 99), told(0, "end", 100, "89.3 % in 34 s"), terminal=False
    )
    assert text == f"   5/13  {LABEL} 89.3 % in 34 s\n"


def test_the_whole_goes_with_multiply_adds_of_all_workers() -> None:
    _, progress = drawn(
        told(0, "start", 0), told(0, "step", 30), told(1, "start", 0), told(1, "step", 20),
        told(0, "end", 100), told(0, "start", 0), told(0, "step", 10),
        terminal=False,
    )  # fmt: skip
    whole = progress.bars.tasks[progress.whole]
    assert whole.completed == pytest.approx(20 + 10 * 2 * (1.0 + 0.2 + 0.1))
    assert progress.finished == 5
