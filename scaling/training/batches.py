"""Images on the device, in batches whose order depends on seed and epoch alone. Floor 4."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from scaling.data.dataset import DatasetInfo, Split


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceSplit:
    """A split that lives on the device as uint8 and is normalised a batch at a time.

    Args:
        images_NCHW: uint8.
        labels_N: int64.
        mean_C11: per channel, of pixels in [0, 1].
        std_C11: likewise.
    """

    images_NCHW: Tensor
    labels_N: Tensor
    mean_C11: Tensor
    std_C11: Tensor

    @staticmethod
    def of(split: Split, info: DatasetInfo, device: torch.device) -> DeviceSplit:
        """Copy a split to the device, channels last."""
        images = torch.from_numpy(split.images).to(device, memory_format=torch.channels_last)
        return DeviceSplit(
            images_NCHW=images,
            labels_N=torch.from_numpy(split.labels).to(device),
            mean_C11=torch.tensor(info.mean, dtype=torch.float32, device=device)[:, None, None],
            std_C11=torch.tensor(info.std, dtype=torch.float32, device=device)[:, None, None],
        )

    def __len__(self) -> int:
        """Return the number of images."""
        return len(self.labels_N)

    def batch(self, indices_B: Tensor) -> tuple[Tensor, Tensor]:
        """Return normalised float32 images (B, C, H, W), channels last, and labels (B,)."""
        images = self.images_NCHW[indices_B].contiguous(memory_format=torch.channels_last)
        return images.float().div_(255.0).sub_(self.mean_C11).div_(self.std_C11), self.labels_N[indices_B]


def shuffled(
    split: DeviceSplit, batch_size: int, *, seed: int, epoch: int
) -> Iterator[tuple[Tensor, Tensor]]:
    """Yield one epoch of training batches; a short last batch is left out, its images come another epoch."""
    generator = torch.Generator().manual_seed(seed * 1_000_003 + epoch)
    order = torch.randperm(len(split), generator=generator).to(split.labels_N.device)
    for start in range(0, steps_per_epoch(len(split), batch_size) * batch_size, batch_size):
        yield split.batch(order[start : start + batch_size])


def in_order(split: DeviceSplit, batch_size: int) -> Iterator[tuple[Tensor, Tensor]]:
    """Yield every image once, in order."""
    everything = torch.arange(len(split), device=split.labels_N.device)
    for start in range(0, len(split), batch_size):
        yield split.batch(everything[start : start + batch_size])


def steps_per_epoch(images: int, batch_size: int) -> int:
    """Return the full batches in an epoch, at least 1.

    >>> steps_per_epoch(100, 32), steps_per_epoch(10, 32)
    (3, 1)
    """
    return max(1, images // batch_size)
