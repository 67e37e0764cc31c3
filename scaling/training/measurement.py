"""What a training and its network cost on this machine: time by the clock, memory by the tensor."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn
from torch.autograd.graph import saved_tensors_hooks

from scaling.training.step import Step, autocast

WARM_UP_STEPS = 3
"""Left out of the median: first steps allocate, and choose kernels."""
KEPT_STEPS = 1000
"""Enough for a median; later steps are not timed."""


class StepClock:
    """Times steps without waiting for the device: by the clock on a CPU, by events on a GPU."""

    def __init__(self, device: torch.device, times_ms: list[float] | None = None) -> None:
        self.on_gpu = device.type == "cuda"
        self.times_ms: list[float] = list(times_ms or [])
        self.early_ms: list[float] = []
        self.marks: list[float | torch.cuda.Event] = []

    def mark(self) -> None:
        """Mark the start of an epoch or the end of a step."""
        if len(self.times_ms) + len(self.marks) > KEPT_STEPS:
            return
        if self.on_gpu:
            event = torch.cuda.Event(enable_timing=True)  # type: ignore[no-untyped-call]
            event.record()
            self.marks.append(event)
        else:
            self.marks.append(time.perf_counter())

    def close(self) -> None:
        """Take over an epoch's marks; on a GPU the caller has waited for the last step."""
        for start, end in zip(self.marks, self.marks[1:], strict=False):
            early = len(self.early_ms) < WARM_UP_STEPS
            (self.early_ms if early else self.times_ms).append(_milliseconds(start, end))
        self.marks = []

    def median_ms(self) -> float | None:
        """Return milliseconds a step: the median after warm-up, of all where there are no others."""
        times = self.times_ms or self.early_ms
        return statistics.median(times) if times else None


def _milliseconds(start: float | torch.cuda.Event, end: float | torch.cuda.Event) -> float:
    if isinstance(start, torch.cuda.Event) and isinstance(end, torch.cuda.Event):
        return float(start.elapsed_time(end))
    assert isinstance(start, float)
    assert isinstance(end, float)
    return (end - start) * 1e3


class SavedBytes:
    """Bytes of a training step on a CPU: what it keeps for its backward pass, and what outlives it."""

    def __init__(self, step: Step) -> None:
        self.step = step
        # A saved weight is no map; addresses are compared while all of them are alive.
        self.weights = {_address(value) for value in (*step.model.parameters(), *step.model.buffers())}
        self.saved: dict[int, int] = {}

    @contextmanager
    def counting(self) -> Iterator[None]:
        """Count while a step runs; what it computes does not change."""
        with saved_tensors_hooks(self._pack, lambda tensor: tensor):
            yield

    def _pack(self, tensor: Tensor) -> Tensor:
        if _address(tensor) not in self.weights:
            self.saved[_address(tensor)] = tensor.untyped_storage().nbytes()
        return tensor

    def total(self) -> int:
        """Return saved tensors, weights, statistics, gradients, optimizer and average; distinct ones once."""
        step = self.step
        lasting = [*step.model.parameters(), *step.model.buffers()]
        lasting += [p for p in step.model.parameters() if p.requires_grad]  # their gradients
        lasting += [v for s in step.optimizer.state.values() for v in s.values() if isinstance(v, Tensor)]
        lasting += [] if step.average is None else step.average.average
        return sum(self.saved.values()) + sum(value.numel() * value.element_size() for value in lasting)


def _address(tensor: Tensor) -> int:
    return tensor.untyped_storage().data_ptr()


@torch.no_grad()
def inference_ms(model: nn.Module, images_NCHW: Tensor) -> float:
    """Return the median milliseconds of three forward passes in evaluation mode, after one not counted."""
    model.eval()
    device = images_NCHW.device

    def run() -> None:
        with autocast(device):
            model(images_NCHW)

    return 1e3 * statistics.median([seconds_of(run, device) for _ in range(1 + 3)][1:])


def seconds_of(
    run: Callable[[], object],
    device: torch.device,
    *,
    times: int = 1,
    clock: Callable[[], float] = time.perf_counter,
) -> float:
    """Return how long something takes, the device's work included: a mean over so many times in a row."""

    def now() -> float:
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        return clock()

    start = now()
    for _ in range(times):
        run()
    return (now() - start) / times


@contextmanager
def with_threads(threads: int) -> Iterator[None]:
    """Let torch have so many threads for a while."""
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def blank_batch(model: nn.Module, count: int, channels: int, image_size: int) -> Tensor:
    """Return grey images on the model's device, channels last; what they show does not change the time."""
    images = torch.full(
        (count, channels, image_size, image_size), 0.5, device=next(model.parameters()).device
    )
    return images.contiguous(memory_format=torch.channels_last)
