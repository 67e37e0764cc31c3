"""The fastest kernel of each shape of convolution, measured once per machine.

Timing is not repeatable, so a table is measured once, kept in the user's cache folder and saved with every
run that uses it: the same table computes the same bits.
"""

from __future__ import annotations

import hashlib
import json
import logging
import platform
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import product
from pathlib import Path

import torch
from torch import Tensor, nn

from scaling.atomic_write import write_text
from scaling.data.locations import cache_folder
from scaling.errors import ConfigError, ResultsError
from scaling.model.depthwise import FIXED_KERNELS, DepthwiseConv2d, Kernel, KernelShape, KernelTable
from scaling.model.numerics import Padding
from scaling.model.pointwise import PointwiseConv2d
from scaling.provenance import processor
from scaling.toml_errors import read_text
from scaling.training.measurement import seconds_of, with_threads
from scaling.training.options import KernelChoice

logger = logging.getLogger(__name__)

CHANNELS = 64
PIXELS = 64 * 64
"""Of a probe's batch: 64 images of 8x8, fewer of larger ones. Where torch's kernel is slow it is so in
proportion to images times channels; what ours costs besides is paid back from a few hundred on."""
ROUNDS, ENOUGH_S = 3, 0.3
"""Rounds of timing a shape; fewer where they take longer than that."""
GAIN = 1.2
"""A kernel must be this much faster than torch's own to be taken: noise decides no ties."""
SMALL_SIDES = tuple(range(1, 9))
LARGE_SIDES = (14, 16, 28, 32, 56, 112)
"""Where only the arithmetic of bfloat16 is in question."""
SCHEME = 2
"""Raised whenever what is measured, or a kernel, changes."""

Progress = Callable[[int, int], None]
"""Called with shapes measured and shapes in all."""


def no_progress(_done: int, _total: int) -> None:
    """Show nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """What a table of kernels is measured on."""

    processor: str
    device: str
    threads: int
    version: str
    dtype: str

    @staticmethod
    def here(device: torch.device, *, threads: int, dtype: str) -> Machine:
        """Describe this machine."""
        name = torch.cuda.get_device_name(device) if device.type == "cuda" else device.type
        return Machine(
            processor=processor() or platform.machine(),
            device=name,
            threads=threads,
            version=torch.__version__,
            dtype=dtype,
        )

    def __str__(self) -> str:
        what = self.device if self.device != "cpu" else f"{self.processor}, {self.threads} thread(s)"
        return f"{what}, {self.dtype}, torch {self.version}"

    def path(self, cache_dir: Path | None = None) -> Path:
        """Return where the table of this machine is kept."""
        plain = [SCHEME, self.processor, self.device, self.threads, self.version, self.dtype]
        digest = hashlib.sha256(json.dumps(plain).encode()).hexdigest()[:16]
        return cache_folder(cache_dir) / "kernels" / f"{digest}.json"


def arithmetic(device: torch.device) -> str:
    """Return the type that the engine trains in on a device, by torch's name.

    >>> arithmetic(torch.device("cpu")), arithmetic(torch.device("cuda"))
    ('float32', 'bfloat16')
    """
    return "bfloat16" if device.type == "cuda" else "float32"


def kernels_for(
    choice: KernelChoice,
    device: torch.device,
    *,
    threads: int,
    dtype: str,
    progress: Progress = no_progress,
    cache_dir: Path | None = None,
) -> KernelTable | None:
    """Return the table that a choice names; None is torch's own convolutions.

    A measured one holds for one number of threads and comes from the cache if this machine has one, else
    measuring takes seconds. The type of the arithmetic is said by torch's name.

    >>> kernels_for(KernelChoice.FIXED, torch.device("cpu"), threads=1, dtype="float32").origin
    'fixed'
    """
    if choice == KernelChoice.STOCK:
        return None
    if choice == KernelChoice.FIXED:
        return FIXED_KERNELS
    machine = Machine.here(device, threads=threads, dtype=dtype)
    path = machine.path(cache_dir)
    if path.exists():
        try:
            return read_kernels(path)
        except ConfigError as error:
            logger.warning("%s; it is measured anew", error)
    table = measure_kernels(device, machine, progress=progress)
    try:
        write_text(path, table.to_json())
    except ResultsError as error:
        logger.warning("%s; the kernels are measured again next time", error)
    return table


def read_kernels(path: Path) -> KernelTable:
    """Read a saved table.

    Raises:
        ConfigError: it cannot be read, or is damaged.
    """
    return KernelTable.from_json(read_text(path, "the kernels"), where=str(path))


def measure_kernels(
    device: torch.device, machine: Machine, *, progress: Progress = no_progress
) -> KernelTable:
    """Time every kernel on every shape, and keep those that beat torch's own."""
    shapes = list(probed_shapes(machine.dtype))
    chosen = []
    with with_threads(machine.threads):
        for number, shape in enumerate(shapes):
            progress(number, len(shapes))
            kernel = fastest(shape, device)
            if kernel != Kernel.STOCK:
                chosen.append((shape, kernel))
    progress(len(shapes), len(shapes))
    return KernelTable.of(chosen, origin=f"measured: {machine}")


def probed_shapes(dtype: str) -> Iterator[KernelShape]:
    """Yield what is measured: small maps; in half precision larger ones too.

    >>> len(list(probed_shapes("float32")))
    40
    """
    sides = SMALL_SIDES if dtype == "float32" else SMALL_SIDES + LARGE_SIDES
    for side, kernel_size, stride in product(sides, (1, 3, 5), (1, 2)):
        if kernel_size > stride or stride == 1:  # a 1x1 convolution has no stride here
            yield KernelShape(side=side, kernel_size=kernel_size, stride=stride, dtype=dtype)


def candidates(shape: KernelShape) -> tuple[Kernel, ...]:
    """Return the kernels that may pay on a shape, torch's own first.

    >>> shape = KernelShape(side=4, kernel_size=5, stride=1, dtype="float32")
    >>> [kernel.value for kernel in candidates(shape)]
    ['stock', 'positions']
    """
    if shape.kernel_size == 1:
        return Kernel.STOCK, Kernel.MATRIX
    if shape.side == 1:
        return Kernel.STOCK, Kernel.CENTRE
    found = [Kernel.STOCK]
    half = shape.dtype != "float32"
    if shape.side in SMALL_SIDES:
        found += [Kernel.POSITIONS, Kernel.POSITIONS_FLOAT32] if half else [Kernel.POSITIONS]
    return (*found, Kernel.FLOAT32) if half else tuple(found)


def fastest(shape: KernelShape, device: torch.device) -> Kernel:
    """Return the kernel of the least time on a shape; torch's own unless another is clearly faster."""
    batch = max(2, min(64, PIXELS // shape.side**2))
    images = torch.randn(batch, CHANNELS, shape.side, shape.side, device=device)
    images = images.to(getattr(torch, shape.dtype)).contiguous(memory_format=torch.channels_last)
    passes = {kernel: _passes(kernel, shape, images) for kernel in candidates(shape)}
    times = {kernel: float("inf") for kernel in passes}
    start = time.perf_counter()
    for _ in range(ROUNDS):  # interleaved, so that a busy moment meets all
        for kernel, run in passes.items():
            times[kernel] = min(times[kernel], seconds_of(run, device))
        if time.perf_counter() - start > ENOUGH_S:
            break
    best = min(times, key=lambda kernel: times[kernel])
    return best if times[Kernel.STOCK] > GAIN * times[best] else Kernel.STOCK


def _passes(kernel: Kernel, shape: KernelShape, images: Tensor) -> Callable[[], None]:
    """Return forward and backward of one kernel, warmed up."""
    table = KernelTable(choices=((shape, kernel),), origin="probe")
    module: nn.Conv2d
    if shape.kernel_size == 1:
        module = PointwiseConv2d(CHANNELS, 4 * CHANNELS, bias=False, kernels=table)
    else:
        module = DepthwiseConv2d(
            CHANNELS, shape.kernel_size, stride=shape.stride, padding=Padding.SAME, kernels=table
        )
    module = module.to(device=images.device, dtype=images.dtype)
    leaf = images.detach().requires_grad_()
    grad = torch.ones_like(module(leaf))

    def run() -> None:
        torch.autograd.grad(module(leaf), (leaf, module.weight), grad)

    run()
    return run
