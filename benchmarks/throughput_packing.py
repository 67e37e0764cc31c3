"""Trainings side by side on the cores, and augmentation by the batch against sample by sample."""

from __future__ import annotations

import importlib
import multiprocessing
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Protocol

import torch
from throughput_networks import RECIPE
from torch import Tensor

from scaling.agreement.peers import peer_installed
from scaling.data import dataset_info
from scaling.model import FIXED_KERNELS, KernelTable, build_model
from scaling.network.architecture import ArchitectureSpec
from scaling.network.families import variant
from scaling.plans.search.config import load_config
from scaling.runs.job import Job
from scaling.training import train_network
from scaling.training.augmentation import Augmentation, Augmenter
from scaling.training.step import Step

MAIN_JOB = Path(__file__).resolve().parents[1] / "experiments" / "quick.toml"


class Work(Protocol):
    """What a process repeats; it travels to the process by pickle."""

    @property
    def images_a_round(self) -> int:
        """Images that one round trains on."""
        ...

    def round(self) -> Callable[[], object]:
        """Make what one round runs, in the process that will run it."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Packed:
    """Steps of a training, on one batch that is there already.

    Args:
        spec: the network.
        images: in a batch.
        steps: in a round.
    """

    spec: ArchitectureSpec
    images: int
    steps: int

    @property
    def images_a_round(self) -> int:
        """Images that one round trains on."""
        return self.images * self.steps

    def round(self) -> Callable[[], object]:
        """Make what one round runs."""
        step = _step(self, FIXED_KERNELS, torch.channels_last)
        return lambda: [step() for _ in range(self.steps)]


@dataclass(frozen=True, slots=True, kw_only=True)
class PackedTrial:
    """A trial of the main job as a search trains it: its baseline, one epoch, validation at the end."""

    job: Job

    @property
    def images_a_round(self) -> int:
        """Images that one round trains on."""
        return len(self.job.images("train"))

    def round(self) -> Callable[[], object]:
        """Make what one round runs."""
        job = self.job
        return lambda: train_network(
            job.spec,
            job.recipe,
            job.images("train"),
            job.images("validation"),
            dataset_info(job.data.name),
            seed=job.seed,
            device=torch.device("cpu"),
            numerics=job.numerics,
            kernels=FIXED_KERNELS,
        )


def packed_b0() -> Packed:
    """Return B0 at 32 px."""
    return Packed(spec=replace(variant("b0"), image_size=32), images=128, steps=4)


def packed_main_job() -> Packed:
    """Return the baseline and batch of the main job: what packing is for."""
    config = load_config(MAIN_JOB)
    return Packed(spec=config.baseline_spec, images=config.setup.recipe.batch_size, steps=40)


def packed_trial() -> PackedTrial:
    """Return a whole trial of the main job."""
    config = load_config(MAIN_JOB)
    return PackedTrial(job=config.setup.job(config.baseline_spec, seed=0, epochs=1))


def packing_rows(work: Work, rounds: int) -> list[tuple[str, float]]:
    """Return images a second, by the clock, of two one-thread trainings and of one two-thread training."""
    context = multiprocessing.get_context("spawn")
    speeds: dict[int, list[float]] = {1: [], 2: []}
    lines: list[tuple[int, Connection]] = []
    processes = []
    for threads in (1, 1, 2):
        here, there = context.Pipe()
        process = context.Process(target=_train, args=(work, threads, there), daemon=True)
        process.start()
        processes.append(process)
        lines.append((threads, here))
    for _, line in lines:
        line.recv()  # warmed up
    for _ in range(rounds):
        for threads in (1, 2):
            own = [line for number, line in lines if number == threads]
            start = time.perf_counter()
            for line in own:
                line.send(True)
            for line in own:
                line.recv()
            speeds[threads].append(len(own) * work.images_a_round / (time.perf_counter() - start))
    for (_, line), process in zip(lines, processes, strict=True):
        line.send(False)
        process.join()
    names = {1: "two trainings of one thread", 2: "one training of two threads"}
    return [(names[threads], statistics.median(speeds[threads])) for threads in (1, 2)]


def _train(work: Work, threads: int, line: Connection) -> None:
    torch.set_num_threads(threads)
    run = work.round()
    run()
    line.send(True)
    while line.recv():
        run()
        line.send(True)


def _step(packed: Packed, kernels: KernelTable | None, layout: torch.memory_format) -> Callable[[], object]:
    spec, generator = packed.spec, torch.Generator().manual_seed(0)
    model = build_model(spec, seed=0, kernels=kernels).train().to(memory_format=layout)  # type: ignore[call-overload]
    step = Step(model, RECIPE, total_steps=1_000_000)
    shape = (packed.images, spec.in_channels, spec.image_size, spec.image_size)
    images = torch.randn(shape, generator=generator).contiguous(memory_format=layout)
    labels = torch.randint(spec.num_classes, (packed.images,), generator=generator)
    return lambda: step(images, labels)


def main_job_rows(kernels: KernelTable | None, rounds: int) -> list[tuple[str, float]]:
    """Return images a second, in processor seconds, of the main job's step with and without this engine."""
    packed = packed_main_job()
    ways = {
        "this engine": _step(packed, kernels, torch.channels_last),
        "torch's own kernels, channels_last": _step(packed, None, torch.channels_last),
        "torch's own kernels and layout": _step(packed, None, torch.contiguous_format),
    }
    times: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(rounds + 1):
        for name, step in ways.items():
            start = time.process_time()
            for _ in range(packed.steps):
                step()
            times[name].append(time.process_time() - start)
    images = packed.steps * packed.images
    return [(name, images / statistics.median(own[1:])) for name, own in times.items()]


def augmentation_rows(rounds: int) -> list[tuple[str, float]]:
    """Return images a second, in processor seconds, of crop and flip by the batch and sample by sample."""
    generator = torch.Generator().manual_seed(0)
    images = torch.randint(256, (512, 3, 32, 32), dtype=torch.uint8, generator=generator)
    images = images.contiguous(memory_format=torch.channels_last)
    augmenter = Augmenter(Augmentation(crop_padding=4, flip=True), num_classes=10)
    ways: dict[str, Callable[[], object]] = {"batched": lambda: augmenter.pixels(images, generator)}
    if peer_installed("torchvision"):
        ways["torchvision.transforms.v2, sample by sample"] = _per_sample(images)
    else:
        ways["by the batch, batches of one"] = lambda: [augmenter.pixels(x[None], generator) for x in images]
    times: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(rounds + 1):
        for name, run in ways.items():
            start = time.process_time()
            run()
            times[name].append(time.process_time() - start)
    return [(name, len(images) / statistics.median(own[1:])) for name, own in times.items()]


def _per_sample(images: Tensor) -> Callable[[], object]:
    v2: Any = importlib.import_module("torchvision.transforms.v2")

    transform = v2.Compose(
        [v2.RandomCrop(32, padding=4), v2.RandomHorizontalFlip(), v2.ToDtype(torch.float32, scale=True)]
    )
    return lambda: torch.stack([transform(image) for image in images])
