"""How trainings are packed on this machine: processes and threads.

One thread a training wastes least: two one-thread trainings beat one two-thread training
(benchmarks/training_throughput.py). On a GPU a small network leaves most of the device idle, so several
trainings share it, each a process of its own.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch

from scaling.cost.peak_memory import MemoryUse, peak_bytes
from scaling.network.architecture import ArchitectureSpec

MOST_ON_A_GPU = 4
"""Trainings that share a GPU; more were never tried."""
PROCESS_BYTES = 500_000_000
"""Of a process with torch, or of its context on a GPU: an estimate."""
MEMORY_SHARE = 0.8
"""Of free memory that trainings may plan to fill."""
AVERAGES = 3
"""Values that outlive a step for each parameter, at most: two moments and a moving average."""
WORKSPACE = 1.1
"""Convolution kernels' own memory, over that of tensors: from above (benchmarks/peak_memory.py)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Packing:
    """How many trainings run at once, and with how many threads each."""

    workers: int
    threads: int
    reason: str

    def __str__(self) -> str:
        """Say it in a line.

        >>> str(Packing(workers=2, threads=1, reason="2 cores"))
        '2 trainings at once, 1 thread each (2 cores)'
        """
        plural = "s" if self.threads != 1 else ""
        at_once = "1 training at a time" if self.workers == 1 else f"{self.workers} trainings at once"
        return f"{at_once}, {self.threads} thread{plural} each ({self.reason})"


def training_bytes(spec: ArchitectureSpec, batch_size: int) -> int:
    """Estimate the peak memory of training a network in float32, rather too much than too little.

    >>> from scaling import variant
    >>> round(training_bytes(variant("b0"), 32) / 1e9, 1)
    3.3
    """
    use = MemoryUse(training=True, batch=batch_size, moments=AVERAGES)
    return int(WORKSPACE * peak_bytes(spec, use))


def pack(
    wanted: int | None,
    device: torch.device,
    *,
    bytes_each: int,
    most: int | None = None,
    environ: Mapping[str, str] = os.environ,
    cores: int | None = None,
    free_bytes: int | None = None,
    gpus: int | None = None,
) -> Packing:
    """Choose processes and threads.

    Args:
        wanted: processes that the user asked for; None chooses them.
        device: where to train.
        bytes_each: memory of one training, as estimated; a process comes on top.
        most: trainings that there are to run; no limit if None.
        environ: OMP_NUM_THREADS, where it is set, says what threads a process may have.
        cores: that this process may run on; looked up if None.
        free_bytes: of the device's memory; looked up if None.
        gpus: that trainings are spread over; looked up if None.

    >>> cpu = torch.device("cpu")
    >>> pack(None, cpu, bytes_each=10**9, environ={}, cores=8, free_bytes=4 * 10**9).workers
    2
    >>> pack(2, cpu, bytes_each=0, environ={}, cores=8, free_bytes=1).threads
    4
    >>> cuda = torch.device("cuda")
    >>> pack(None, cuda, bytes_each=0, environ={}, cores=32, free_bytes=10**11, gpus=2).workers
    8
    """
    cores = cores or _usable_cores()
    reason, own = f"{cores} core{'s' if cores > 1 else ''}", environ.get("OMP_NUM_THREADS", "")
    threads = int(own) if own.isdigit() and int(own) > 0 else None
    if wanted is None:
        limit = max(1, cores // (threads or 1))
        if device.type == "cuda":  # the host's threads only prepare batches
            gpus = gpus or max(1, torch.cuda.device_count())
            limit = min(limit, MOST_ON_A_GPU * gpus)
            reason = "one GPU shared" if gpus == 1 else f"{gpus} GPUs shared"
        each = int(
            MEMORY_SHARE
            * (_free_bytes(device) if free_bytes is None else free_bytes)
            // (bytes_each + PROCESS_BYTES)
        )
        fitting = each * (gpus or 1)
        if fitting < limit:
            reason = f"{(bytes_each + PROCESS_BYTES) / 1e9:.1f} GB each"
        workers = max(1, min(limit, fitting))
    else:
        workers, reason = wanted, f"{reason}, as asked"
    workers = workers if most is None else max(1, min(workers, most))
    if threads is not None:
        return Packing(workers=workers, threads=threads, reason=f"{reason}, OMP_NUM_THREADS")
    return Packing(workers=workers, threads=max(1, cores // workers), reason=reason)


def training_alone(processes: int = 1) -> Packing:
    """Describe a training that has the machine to itself: torch's threads as they are."""
    cores = _usable_cores()
    shared = f", {processes} processes on one network" if processes > 1 else ""
    reason = f"{cores} core{'s' if cores > 1 else ''}{shared}"
    return Packing(workers=1, threads=torch.get_num_threads(), reason=reason)


def _usable_cores() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _free_bytes(device: torch.device) -> int:
    """Return the bytes that programs may still take; a large number where the system does not say."""
    if device.type == "cuda":
        return int(torch.cuda.mem_get_info(device)[0])
    try:
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
        return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable"))
    except (OSError, StopIteration, ValueError):
        return 1 << 40
