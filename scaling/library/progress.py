"""Live progress of trainings in a terminal or a notebook: one bar for the whole, one for each at work."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from rich.console import Console
from rich.progress import (
    BarColumn,
    Progress,
    ProgressColumn,
    SpinnerColumn,
    TaskID,
    TaskProgressColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from scaling.runs.coordinator import Started
from scaling.runs.executor import Ended, EpochEnded, Event, Stepped
from scaling.runs.folder import RunFolder, set_aside
from scaling.runs.job import Job
from scaling.runs.record import Record
from scaling.training.batches import steps_per_epoch


class RunStopped(KeyboardInterrupt):
    """What was launched was asked to stop: its `run` has what is known, and the same call goes on."""

    def __init__(self, run: Any) -> None:
        super().__init__(run.conclusion)
        self.run = run


def prepared(console: Console | None, folder: RunFolder, *, fresh: bool = False) -> Console:
    """Return where progress is printed; `fresh` sets an earlier run out of the way, which is said there."""
    console = console or Console(stderr=True, highlight=False)
    if fresh and (earlier := set_aside(folder)):
        console.print(f"the earlier run is kept in {earlier}", markup=False, soft_wrap=True)
    return console


def training_bars(
    console: Console, *, before: Sequence[ProgressColumn] = (), after: Sequence[ProgressColumn] = ()
) -> Progress:
    """Make bars of trainings, with further columns; nothing is drawn without a terminal or a notebook."""
    return Progress(
        *before,
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=20),
        TaskProgressColumn(),
        *after,
        TimeRemainingColumn(),
        console=console,
        transient=True,
        disable=console.quiet or not (console.is_terminal or console.is_jupyter),
    )


class TrainingProgress:
    """Turns what happens into bars, and prints a line for every training that has ended."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self.label: Callable[[str], str] = str
        self.count = self.ended = 0
        self.bars = training_bars(console, before=[SpinnerColumn()], after=[TimeElapsedColumn()])
        self.jobs: dict[str, Job] = {}
        self.tasks: dict[str, TaskID] = {}

    def begin(
        self,
        label: Callable[[str], str],
        *,
        total: float,
        done: float = 0.0,
        count: int,
        ended: int = 0,
        sentence: str = "",
    ) -> None:
        """Begin to draw.

        Args:
            label: names a job, by its key.
            total: multiply-adds of all trainings, as far as is known.
            done: of those that an earlier launch has ended.
            count: trainings in all, as far as is known.
            ended: those that an earlier launch has ended.
            sentence: printed first: what is to come.
        """
        if sentence:
            self.console.print(sentence, markup=False, soft_wrap=True)
        self.label, self.count, self.ended = label, count, ended
        self.whole = self.bars.add_task("trainings", total=total)
        self.bars.advance(self.whole, done)
        self.bars.start()

    def __enter__(self) -> TrainingProgress:
        """Give the progress itself; it ends with the block."""
        return self

    def __exit__(self, *_: object) -> None:
        """Stop drawing, whatever happened."""
        self.bars.stop()

    def __call__(self, event: Started | Event) -> None:
        """Draw what happened."""
        match event:
            case Started():
                self.jobs[event.key] = event.job
                text = f"{self.label(event.key)}, seed {event.job.seed}"
                self.tasks[event.key] = self.bars.add_task(text, total=_steps(event.job))
            case Stepped():
                if event.key in self.tasks:
                    self.bars.update(self.tasks[event.key], completed=event.steps)
            case EpochEnded():
                pass
            case Ended():
                self._end(event)

    def _end(self, event: Ended) -> None:
        task, job = self.tasks.pop(event.key, None), self.jobs.pop(event.key, None)
        if task is not None:
            self.bars.remove_task(task)
        if job is None or event.record is None:
            return
        self.ended += 1
        self.bars.advance(self.whole, job.train_macs)
        place = f"{self.ended}/{max(self.count, self.ended)}"
        name = f"{self.label(event.key)}, seed {job.seed}"
        self.bars.console.print(f"{place:>7}  {name:<32} {outcome(event.record)}", markup=False)


def _steps(job: Job) -> int | None:
    if job.data.train is None:
        return None
    return job.recipe.epochs * steps_per_epoch(job.data.train, job.recipe.batch_size)


def outcome(record: Record) -> str:
    """Say in a few words how a training ended."""
    if record.error is not None:
        return record.error
    if record.top1 is None:
        return record.state.value
    return f"{100 * record.top1:.1f} % in {record.wall_s:.0f} s"
