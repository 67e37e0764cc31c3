"""What a GPU makes of graphs, resident data and packing; each part runs on a CPU. Not run on GPU so far."""

from __future__ import annotations

import multiprocessing
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from multiprocessing.synchronize import Barrier

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, TensorDataset

from scaling import ArchitectureSpec, build_model, count_cost, variant
from scaling.data import Split, dataset_info
from scaling.model import KernelTable
from scaling.training import Recipe
from scaling.training.batches import DeviceSplit, shuffled
from scaling.training.step import Step

RECIPE = Recipe(epochs=1, batch_size=128, optimizer="sgd", learning_rate=0.001)  # type: ignore[arg-type]
PACKED = 4
BYTES_A_NUMBER = 2
"""bfloat16."""
Ways = list[tuple[str, float]]
"""Name and images a second."""


def proxy(image_size: int) -> ArchitectureSpec:
    """Return B0 for glyphs at an image size."""
    info = dataset_info("glyphs")
    return replace(
        variant("b0"), image_size=image_size, in_channels=info.in_channels, num_classes=info.num_classes
    )


def random_split(spec: ArchitectureSpec, count: int) -> Split:
    """Return images of noise: what they show does not change the time."""
    generator = np.random.default_rng(0)
    shape = (count, spec.in_channels, spec.image_size, spec.image_size)
    return Split(
        images=generator.integers(0, 256, shape, dtype=np.uint8),
        labels=generator.integers(0, spec.num_classes, count, dtype=np.int64),
    )


def step_on(
    device: torch.device, spec: ArchitectureSpec, *, graphs: bool, kernels: KernelTable | None
) -> Step:
    """Return a training step as the engine makes it."""
    model = build_model(spec, seed=0, device=device, kernels=kernels).train()
    model = model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return Step(model, RECIPE, total_steps=1_000_000, graphs=graphs and device.type == "cuda")


def resident(split: Split, device: torch.device, batch_size: int) -> Iterator[tuple[Tensor, Tensor]]:
    """Yield batches of uint8 images that lie on the device, for ever."""
    data, epoch = DeviceSplit.of(split, dataset_info("glyphs"), device), 0
    while True:
        yield from shuffled(data, batch_size, seed=0, epoch=epoch)
        epoch += 1


def loaded(split: Split, device: torch.device, batch_size: int) -> Iterator[tuple[Tensor, Tensor]]:
    """Yield batches as a DataLoader makes them, one image at a time, copied to the device; for ever."""
    images = torch.from_numpy(split.images)
    data = TensorDataset(images, torch.from_numpy(split.labels))
    while True:
        for pictures, labels in DataLoader(data, batch_size, shuffle=True, drop_last=True):
            pixels = pictures.to(device).float().div_(255.0)
            yield pixels.contiguous(memory_format=torch.channels_last), labels.to(device)


def speed(step: Step, batches: Iterator[tuple[Tensor, Tensor]], device: torch.device, steps: int) -> float:
    """Return images a second over some steps, after a warm-up that includes the capture."""
    for _ in range(min(steps, 5)):
        step(*next(batches))
    _wait(device)
    start, images = time.perf_counter(), 0
    for _ in range(steps):
        pictures, labels = next(batches)
        step(pictures, labels)
        images += len(labels)
    _wait(device)
    return images / (time.perf_counter() - start)


def graphed_rows(
    device: torch.device, kernels: KernelTable | None, *, image_size: int, count: int, steps: int
) -> Ways:
    """Compare graphed steps on resident data with ordinary ones on the same, and behind a DataLoader."""
    spec = proxy(image_size)
    split = random_split(spec, count)
    size = min(RECIPE.batch_size, count)
    ways = (
        ("graphed, resident", True, resident),
        ("ordinary, resident", False, resident),
        ("ordinary, DataLoader", False, loaded),
    )
    return [
        (
            name,
            speed(step_on(device, spec, graphs=g, kernels=kernels), make(split, device, size), device, steps),
        )
        for name, g, make in ways
    ]


def packed_rows(device: torch.device, *, image_size: int, count: int, steps: int, packed: int) -> Ways:
    """Compare several trainings at once, a process each, with the same ones after one another."""
    context = multiprocessing.get_context("spawn")
    one = graphed_rows(device, None, image_size=image_size, count=count, steps=steps)[0][1]
    barrier, times = context.Barrier(packed), context.Queue()
    arguments = (str(device), image_size, count, steps, barrier, times)
    processes = [context.Process(target=_packed, args=arguments, daemon=True) for _ in range(packed)]
    for process in processes:
        process.start()
    found = [times.get() for _ in processes]
    for process in processes:
        process.join()
    images = sum(done for _, _, done in found)
    wall_s = max(end for _, end, _ in found) - min(start for start, _, _ in found)
    return [(f"{packed} packed trainings", images / wall_s), ("the same after one another", one)]


def _packed(
    name: str,
    image_size: int,
    count: int,
    steps: int,
    barrier: Barrier,
    times: multiprocessing.Queue[tuple[float, float, int]],
) -> None:
    device, spec = torch.device(name), proxy(image_size)
    size = min(RECIPE.batch_size, count)
    step = step_on(device, spec, graphs=True, kernels=None)
    batches = resident(random_split(spec, count), device, size)
    for _ in range(5):
        step(*next(batches))
    _wait(device)
    barrier.wait()
    start = time.time()  # of the machine's clock, which processes share
    for _ in range(steps):
        step(*next(batches))
    _wait(device)
    times.put((start, time.time(), steps * size))


def roofline(device: torch.device, spec: ArchitectureSpec, images_per_s: float) -> str:
    """Say which share of this device's measured ceilings a training reaches.

    Bytes are those of an unfused step at least: every output of a convolution written and read twice in both
    directions, norm and activation apart. Operations are 3 · 2 · multiply-adds. Both are lower bounds.
    """
    cost = count_cost(spec)
    bytes_s = images_per_s * cost.activations * BYTES_A_NUMBER * 8
    flops_s = images_per_s * cost.macs * 6
    copied, multiplied = copy_ceiling(device), matmul_ceiling(device)
    return (
        f"roofline at {images_per_s:,.0f} images/s: {bytes_s / 1e9:,.0f} of {copied / 1e9:,.0f} GB/s "
        f"({100 * bytes_s / copied:.0f} %), {flops_s / 1e12:.2f} of {multiplied / 1e12:.2f} TFLOP/s "
        f"({100 * flops_s / multiplied:.1f} %)"
    )


def copy_ceiling(device: torch.device, megabytes: int = 256) -> float:
    """Return bytes a second, read and written, of copying a large tensor."""
    source = torch.ones(megabytes * 2**20, dtype=torch.uint8, device=device)
    target = torch.empty_like(source)
    return 2 * source.numel() / _best(lambda: target.copy_(source), device)


def matmul_ceiling(device: torch.device, side: int = 2048) -> float:
    """Return operations a second of a large product in the type that the engine trains in."""
    dtype = torch.bfloat16 if device.type == "cuda" else torch.float32
    left = torch.ones(side, side, dtype=dtype, device=device)
    return 2 * side**3 / _best(lambda: left @ left, device)


def _best(run: Callable[[], object], device: torch.device) -> float:
    best = float("inf")
    for _ in range(5):
        _wait(device)
        start = time.perf_counter()
        run()
        _wait(device)
        best = min(best, time.perf_counter() - start)
    return best


def _wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
