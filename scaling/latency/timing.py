"""Times networks side by side: in turns, each warm, medians over rounds."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from enum import StrEnum

import torch
from torch import Tensor, nn

from scaling.errors import ConfigError
from scaling.model import EfficientNet, KernelTable, build_model
from scaling.network.architecture import ArchitectureSpec
from scaling.training.kernels import Machine, Progress, arithmetic, no_progress
from scaling.training.measurement import seconds_of, with_threads
from scaling.training.recipe import Recipe
from scaling.training.step import Step, autocast

LEAST_MS = 20.0
"""A figure of a round is a mean over as many passes as fit into this, so that the clock's grain is small."""
MOST_PASSES = 20
GRAPH_STEPS = 6
"""Steps before the first figure on a GPU: the engine's graph is recorded within them."""


class Mode(StrEnum):
    """What is timed."""

    INFERENCE = "inference"
    """A forward pass in evaluation mode, batch norms not folded."""
    TRAINING = "training"
    """The engine's optimizer step: forward, backward, AdamW."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Conditions:
    """Under which circumstances times hold.

    Args:
        batch: images a pass; training needs two.
        kernels: key of the kernel table; `stock` for torch's own.
        clock: `processor time` of the process, or `wall time`.

    Raises:
        ConfigError: the batch or the number of threads is out of range.
    """

    mode: Mode
    batch: int
    threads: int
    device: str
    processor: str
    dtype: str
    layout: str
    kernels: str
    clock: str
    torch_version: str

    def __post_init__(self) -> None:
        least = 2 if self.mode == Mode.TRAINING else 1
        if not least <= self.batch <= 65536:
            raise ConfigError(f"{self.mode} needs a batch of {least} to 65536 images, got {self.batch}")
        if not 1 <= self.threads <= 1024:
            raise ConfigError(f"threads must be between 1 and 1024, got {self.threads}")

    @staticmethod
    def here(
        device: torch.device, *, mode: Mode, batch: int, threads: int, kernels: KernelTable | None
    ) -> Conditions:
        """Describe this machine; one thread of a CPU is timed by processor time, all else by the clock."""
        machine = Machine.here(device, threads=threads, dtype=arithmetic(device))
        return Conditions(
            mode=mode,
            batch=batch,
            threads=threads,
            device=machine.device,
            processor=machine.processor,
            dtype=machine.dtype,
            layout="channels_last",
            kernels="stock" if kernels is None else kernels.key(),
            clock="wall time" if device.type == "cuda" or threads > 1 else "processor time",
            torch_version=machine.version,
        )

    def __str__(self) -> str:
        where = self.device if self.device != "cpu" else f"{self.processor}, {self.threads} thread(s)"
        return (
            f"{self.mode}, batch {self.batch}, {where}, {self.dtype}, {self.layout}, "
            f"torch {self.torch_version}, {self.clock}"
        )


def measure_ms(
    specs: Sequence[ArchitectureSpec],
    conditions: Conditions,
    device: torch.device,
    kernels: KernelTable | None,
    *,
    rounds: int,
    progress: Progress = no_progress,
) -> list[list[float]]:
    """Return milliseconds a pass of each network in each round.

    Networks take turns, so that a busy moment of the machine meets all; before each figure a pass that is not
    counted fills the caches. All networks are held at once.
    """
    clock = time.process_time if conditions.clock == "processor time" else time.perf_counter
    steps, runs, times = len(specs) * (1 + rounds), [], [list[float]() for _ in specs]
    with with_threads(conditions.threads):
        for number, spec in enumerate(specs):
            progress(number, steps)
            runs.append(_pass(spec, conditions, device, kernels))
        for step in range(len(specs), steps):
            progress(step, steps)
            times[step % len(specs)].append(_milliseconds(runs[step % len(specs)], clock, device))
    progress(steps, steps)
    return times


def medians(times: Sequence[Sequence[float]]) -> list[float]:
    """Return the median over rounds of each network."""
    return [statistics.median(own) for own in times]


def _milliseconds(run: Callable[[], object], clock: Callable[[], float], device: torch.device) -> float:
    single = 1e3 * seconds_of(run, device, clock=clock)
    passes = min(MOST_PASSES, max(1, int(LEAST_MS / max(single, 1e-3))))
    return 1e3 * seconds_of(run, device, times=passes, clock=clock)


def _pass(
    spec: ArchitectureSpec, conditions: Conditions, device: torch.device, kernels: KernelTable | None
) -> Callable[[], object]:
    """Return one pass of a network on random images, warmed up."""
    model = build_model(spec, seed=0, device=device, kernels=kernels)
    model = model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    generator = torch.Generator().manual_seed(0)
    shape = (conditions.batch, spec.in_channels, spec.image_size, spec.image_size)
    images = torch.randn(shape, generator=generator).to(device).contiguous(memory_format=torch.channels_last)
    if conditions.mode == Mode.INFERENCE:
        return _inference(model, images)
    labels = torch.randint(spec.num_classes, (conditions.batch,), generator=generator).to(device)
    recipe = Recipe(epochs=1, batch_size=conditions.batch, learning_rate=1e-4)
    step = Step(model.train(), recipe, total_steps=1_000_000, graphs=device.type == "cuda")
    for _ in range(GRAPH_STEPS if device.type == "cuda" else 1):
        step(images, labels)
    return lambda: step(images, labels)


def _inference(model: EfficientNet, images: Tensor) -> Callable[[], object]:
    _settle(model, images)

    @torch.no_grad()
    def run() -> Tensor:
        with autocast(images.device) if images.device.type == "cuda" else nullcontext():
            logits: Tensor = model(images)
        return logits

    run()
    return run


@torch.no_grad()
def _settle(model: EfficientNet, images: Tensor) -> None:
    """Take running statistics from the images: maps that under- or overflow would not take the usual time."""
    norms = [module for module in model.modules() if isinstance(module, nn.BatchNorm2d)]
    for norm in norms:
        norm.momentum = 1.0
    two = images if len(images) > 1 else torch.cat([images, -images])
    model.train()(two)
    model.eval()
