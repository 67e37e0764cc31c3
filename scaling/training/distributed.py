"""Several processes that train one network on shares of every batch, as torchrun starts them."""

from __future__ import annotations

import inspect
import os
import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from scaling.errors import ConfigError
from scaling.training.batches import Share
from scaling.training.step import Step


@dataclass(frozen=True, slots=True, kw_only=True)
class Processes:
    """This process among those that train together."""

    share: Share
    device: torch.device

    @property
    def first(self) -> bool:
        """Whether this process reports and writes for all."""
        return self.share.rank == 0

    def wrapped(self, model: nn.Module) -> nn.Module:
        """Return the network that averages gradients over processes; itself where there is one process.

        Batch norm normalises each process's share by itself. Its running statistics are averaged when they
        are needed (`mean`), not sent before every step.
        """
        if self.share.processes == 1:
            return model
        devices = [self.device] if self.device.type == "cuda" else None
        # torch 2.13 renamed the setting and warns of the old name.
        if "forward_sync_buffers" in inspect.signature(DistributedDataParallel).parameters:
            return DistributedDataParallel(model, device_ids=devices, forward_sync_buffers=False)
        return DistributedDataParallel(model, device_ids=devices, broadcast_buffers=False)

    def local_batch(self, batch_size: int) -> int:
        """Return this process's images of a batch.

        Raises:
            ConfigError: processes would get different numbers, or fewer than batch norm needs.
        """
        processes = self.share.processes
        if batch_size % processes or batch_size // processes < 2:
            raise ConfigError(
                f"batch_size must be a multiple of the {processes} processes and give each at least 2 images"
                f", got {batch_size}"
            )
        return batch_size // processes

    @torch.no_grad()
    def mean(self, tensors: Iterable[Tensor]) -> None:
        """Replace floating-point tensors by their mean over processes, in place."""
        if self.share.processes == 1:
            return
        for tensor in tensors:
            if tensor.is_floating_point():
                dist.all_reduce(tensor)
                tensor.div_(self.share.processes)

    def average_statistics(self, step: Step) -> None:
        """Average batch norm's running statistics, and their moving averages, over processes.

        They move linearly, so averaging once an epoch gives what averaging at every step would.
        """
        names = {name for name, _ in step.model.named_buffers()}
        state = step.model.state_dict()
        self.mean(value for name, value in state.items() if name in names)
        if step.average is not None:
            live = [name for name, value in state.items() if value.is_floating_point()]
            averages = zip(live, step.average.average, strict=True)
            self.mean(value for name, value in averages if name in names)

    def gathered(self, mine_N: Tensor) -> Tensor:
        """Join the processes' parts of a tensor, which may have different lengths, on the host."""
        if self.share.processes == 1:
            return mine_N
        parts: list[Tensor] = [mine_N] * self.share.processes
        dist.all_gather_object(parts, mine_N.cpu())
        return torch.cat(parts)

    def wait(self) -> None:
        """Wait until every process is here."""
        if self.share.processes > 1:
            dist.barrier()


def alone(device: torch.device) -> Processes:
    """Return the one process of an ordinary training."""
    return Processes(share=Share(), device=device)


@contextmanager
def joined(device: torch.device) -> Iterator[Processes]:
    """Join the processes that torchrun started, by NCCL on GPUs, one each, and by gloo on a CPU.

    Started otherwise, this process is alone.

    Raises:
        ConfigError: there are more processes on this machine than GPUs.
    """
    processes = int(os.environ.get("WORLD_SIZE", "1"))
    if processes == 1:
        yield alone(device)
        return
    if device.type == "cuda":
        place = int(os.environ["LOCAL_RANK"])
        if place >= torch.cuda.device_count():
            raise ConfigError(f"process {place} of this machine has no GPU: {torch.cuda.device_count()} here")
        device = torch.device("cuda", place)
        torch.cuda.set_device(device)
    dist.init_process_group("nccl" if device.type == "cuda" else "gloo")
    try:
        with warnings.catch_warnings():
            # Strides of 1x1 kernels are ambiguous in channels_last; what is averaged is the same.
            warnings.filterwarnings("ignore", message="Grad strides do not match bucket view strides")
            yield Processes(share=Share(rank=dist.get_rank(), processes=processes), device=device)
    finally:
        dist.destroy_process_group()
