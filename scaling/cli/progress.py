"""Live progress of a search: one bar for the whole, one for each worker."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import (
    BarColumn,
    Progress,
    SpinnerColumn,
    TaskID,
    TaskProgressColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from scaling.search.worker import Message


class SearchProgress:
    """Turns workers' messages into bars, and prints a line for every network that is done.

    Args:
        console: where to draw; without a terminal only the lines are printed.
        total: work of the whole search, in multiply-adds times seeds.
        done: work that an earlier launch has done.
        networks: how many there are, for the lines.
        finished: how many an earlier launch has finished.
    """

    def __init__(self, console: Console, *, total: float, done: float, networks: int, finished: int) -> None:
        self.console, self.networks, self.finished = console, networks, finished
        self.bars = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(bar_width=20),
            TaskProgressColumn(),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
            console=console,
            transient=True,
            disable=not console.is_terminal,
        )
        self.whole = self.bars.add_task("search", total=total)
        self.bars.advance(self.whole, done)
        self.workers: dict[int, TaskID] = {}
        self.last: dict[int, int] = {}

    @property
    def left(self) -> int:
        """How many of the networks that were planned are not done."""
        return max(0, self.networks - self.finished)

    @contextmanager
    def shown(self) -> Iterator[SearchProgress]:
        """Draw while the block runs."""
        with self.bars:
            yield self

    def update(self, message: Message) -> None:
        """Draw what a worker says."""
        bar = self.workers.get(message.worker)
        if bar is None:
            bar = self.workers[message.worker] = self.bars.add_task("", total=message.total)
        if message.event == "start":
            self.last[message.worker] = 0
            self.bars.reset(bar, description=message.label, total=message.total)
        self.bars.update(bar, description=message.label, completed=message.done, total=message.total)
        steps = message.done - self.last.get(message.worker, 0)
        self.last[message.worker] = message.done
        self.bars.advance(self.whole, message.macs * message.seeds * steps / max(1, message.total))
        if message.event == "end":
            self.finished += 1
            place = f"{self.finished}/{self.networks}"
            self.bars.console.print(f"{place:>7}  {message.label:<22} {message.text}")
