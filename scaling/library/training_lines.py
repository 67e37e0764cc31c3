"""What a full training says of itself while it runs: lines, and a bar on a terminal or in a notebook."""

from __future__ import annotations

from rich.console import Console

from scaling.cost import count_cost
from scaling.library.progress import training_bars
from scaling.model import KernelTable
from scaling.runs.coordinator import Started
from scaling.runs.executor import Ended, EpochEnded, Event, Stepped
from scaling.runs.job import Job
from scaling.training.engine import total_steps
from scaling.training.machine import training_alone

ENOUGH_MOVES = 5
"""Momentum times steps: after fewer, more than exp(-5) = 0.7 % of running statistics is where they began."""


class TrainingLines:
    """Lines, and on a terminal a bar, for one training."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self.bars = training_bars(console)
        self.bar = self.bars.add_task("measuring kernels", visible=False)
        self.epochs = 0

    def announce(self, job: Job, images: int, device: str) -> None:
        """Say what is trained, on how many images and on which device."""
        cost, steps, epochs = count_cost(job.spec), total_steps(job.recipe, images), job.recipe.epochs
        self.say(
            f"{job.spec.name or 'network'} on {job.data.name}: {cost.params:,} params, "
            f"{cost.macs:,} multiply-adds at {job.spec.image_size} px; {images:,} images, {epochs} epochs, "
            f"{steps:,} steps, {device}"
        )
        momentum = job.numerics.batch_norm_momentum
        if momentum * steps < ENOUGH_MOVES:
            self.say(
                f"batch norm's running statistics move {100 * momentum:g} % a step, which is slow for "
                f"{steps} steps: see --batch-norm-momentum"
            )
        self.epochs = epochs
        self.bars.update(self.bar, total=steps)

    def measuring(self, done: int, total: int) -> None:
        """Show how far measuring kernels is."""
        self.bars.update(self.bar, completed=done, total=total, visible=True)

    def begin(self, job: Job, images: int, kernels: KernelTable | None) -> None:
        """Say how it is trained; the bar counts steps from now on."""
        origin = "torch's own" if kernels is None else kernels.origin
        self.say(f"{training_alone(job.processes)}; kernels: {origin}")
        self.bars.reset(self.bar, total=total_steps(job.recipe, images), description="train", visible=True)

    def __call__(self, event: Started | Event) -> None:
        """Show what happened."""
        match event:
            case Stepped():
                self.bars.update(self.bar, completed=event.steps)
            case EpochEnded():
                end = event.curve[-1]
                self.say(
                    f"epoch {end.epoch}/{self.epochs}  loss {end.loss:.4f}  validation loss "
                    f"{end.validation_loss:.4f}  top-1 {100 * end.top1:.2f} %"
                )
            case Started() | Ended():
                pass

    def say(self, line: str) -> None:
        """Print a line, whatever letters are in it."""
        self.console.print(line, soft_wrap=True, markup=False)
