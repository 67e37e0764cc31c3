"""Images in batches whose order and changes depend on seed and epoch alone."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

import numpy as np
import torch
from torch import Tensor

from scaling.data.dataset import DatasetInfo, Split
from scaling.data.streaming import StreamingSplit
from scaling.training.augmentation import Augmenter

Batches = Iterator[tuple[Tensor, Tensor]]
"""Images (B, C, H, W) and labels (B,), or shares of classes (B, K)."""


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
            mean_C11=_per_channel(info.mean, device),
            std_C11=_per_channel(info.std, device),
        )

    def __len__(self) -> int:
        return len(self.labels_N)

    def batches(self, order_N: Tensor, batch_size: int, epoch: int, *, full: bool) -> Batches:
        """Yield uint8 images and labels, gathered on the device; full batches alone if asked for."""
        del epoch
        if full:
            order_N = order_N[: steps_per_epoch(len(order_N), batch_size) * batch_size]
        for indices in torch.split(order_N.to(self.labels_N.device), batch_size):
            yield self.images_NCHW[indices], self.labels_N[indices]


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamedSplit:
    """A stream whose batches are copied to the device as they come; mean and std as of `DeviceSplit`."""

    stream: StreamingSplit
    mean_C11: Tensor
    std_C11: Tensor

    def __len__(self) -> int:
        return len(self.stream)

    def batches(self, order_N: Tensor, batch_size: int, epoch: int, *, full: bool) -> Batches:
        """Yield uint8 images and labels on the device.

        Where files give no picture, full batches are filled up from the start of the order, so that every
        process takes as many steps as the others.
        """
        device, order = self.mean_C11.device, order_N.tolist()
        wanted = steps_per_epoch(len(order), batch_size) if full else None
        size = min(batch_size, len(order))
        batches = self.stream.batches(2 * order if full else order, size, epoch=epoch)
        for images, labels in islice(batches, wanted):
            yield images.to(device, non_blocking=True), labels.to(device, non_blocking=True)


Source = DeviceSplit | StreamedSplit
"""Labelled images that can be had in any order, as uint8 on the device."""


def source_of(split: Split | StreamingSplit, info: DatasetInfo, device: torch.device) -> Source:
    """Return a split's images as the engine takes them: resident if they are in memory, else streamed."""
    if isinstance(split, Split):
        return DeviceSplit.of(split, info, device)
    mean, std = _per_channel(info.mean, device), _per_channel(info.std, device)
    return StreamedSplit(stream=split, mean_C11=mean, std_C11=std)


def _per_channel(values: tuple[float, ...], device: torch.device) -> Tensor:
    return torch.tensor(values, dtype=torch.float32, device=device)[:, None, None]


def pixels(images_NCHW: Tensor) -> Tensor:
    """Return uint8 images as float32 in [0, 1], channels last."""
    return images_NCHW.contiguous(memory_format=torch.channels_last).float().div_(255.0)


def normalised(source: Source, pixels_NCHW: Tensor) -> Tensor:
    """Subtract the data set's mean and divide by its std, in place."""
    return pixels_NCHW.sub_(source.mean_C11).div_(source.std_C11)


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """Which part of every batch a process trains on: its rank, from 0, among those that train together."""

    rank: int = 0
    processes: int = 1


ALL = Share()


def shuffled(
    split: Source,
    batch_size: int,
    *,
    seed: int,
    epoch: int,
    augmenter: Augmenter | None = None,
    share: Share = ALL,
) -> Batches:
    """Yield one epoch of training batches, normalised and augmented; epochs count from 0.

    The batch size is that of all processes together, a multiple of their number. A short last batch is left
    out; its images come another epoch.
    """
    generator = torch.Generator().manual_seed(seed * 1_000_003 + epoch)
    order = torch.randperm(len(split), generator=generator)
    if share.processes > 1:
        full = torch.split(order[: steps_per_epoch(len(split), batch_size) * batch_size], batch_size)
        order = torch.cat([batch.tensor_split(share.processes)[share.rank] for batch in full])
        batch_size //= share.processes
    on_device = torch.Generator(split.mean_C11.device)
    on_device.manual_seed(stream_seed("augmentation", seed, epoch, share.rank))
    on_host = np.random.default_rng(stream_seed("mixup", seed, epoch, share.rank))  # nobody waits for it
    for images, labels in split.batches(order, batch_size, epoch, full=True):
        if augmenter is None:
            yield normalised(split, pixels(images)), labels
            continue
        changed = normalised(split, augmenter.pixels(images, on_device))
        changed = augmenter.normalised(changed, on_device)
        if mixup := augmenter.wanted.mixup:
            yield augmenter.mixed(changed, labels, float(on_host.beta(mixup, mixup)))
        else:
            yield changed, labels


def in_order(split: Source, batch_size: int, *, share: Share = ALL) -> Batches:
    """Yield every image once, in order, normalised, with its label; of several processes, each its run."""
    mine = torch.arange(len(split)).tensor_split(share.processes)[share.rank]
    for images, labels in split.batches(mine, batch_size, 0, full=False):
        yield normalised(split, pixels(images)), labels


def steps_per_epoch(images: int, batch_size: int) -> int:
    """Return the full batches in an epoch, at least 1.

    >>> steps_per_epoch(100, 32), steps_per_epoch(10, 32)
    (3, 1)
    """
    return max(1, images // batch_size)


def stream_seed(purpose: str, seed: int, epoch: int, rank: int = 0) -> int:
    """Return the seed of one stream of random numbers; different purposes have unrelated streams.

    >>> stream_seed("layers", 0, 0) == stream_seed("layers", 0, 1)
    False
    """
    digest = hashlib.sha256(f"{purpose} {seed} {epoch} {rank}".encode()).digest()
    return int.from_bytes(digest[:8], "little") >> 1
