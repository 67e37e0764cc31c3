"""How often a network with weights is right on pictures, and how sure that figure is."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial

import torch
from scipy.stats import binomtest
from torch import Tensor, nn

from scaling.data.imagefolder import Decoded, ImageFolder, Skipped, ahead, decode, in_batches
from scaling.data.preprocessing import Preprocessing, preprocess
from scaling.errors import DataError
from scaling.training.step import autocast

CONFIDENCE = 0.95
LARGEST_BATCH = 4096
TOP = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Proportion:
    """A share of images with its 95 % Wilson score interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """What an evaluation found.

    Args:
        images: pictures that were classified.
        top1: share of them whose label has the largest logit.
        top5: share of them whose label is among the five largest.
        skipped: files that gave no picture, in the order they were met.
        wall_s: seconds, reading and decoding included.
        images_per_s: images / wall_s.
    """

    images: int
    top1: Proportion
    top5: Proportion
    skipped: tuple[Skipped, ...]
    wall_s: float
    images_per_s: float


Report = Callable[[int], None]
"""Called with the number of files dealt with so far, skipped ones included."""


def proportion(right: int, images: int) -> Proportion:
    """Return a share with its 95 % Wilson score interval.

    The interval is of sampling alone: other pictures of the same kind, the same weights.

    Source: Wilson 1927, doi:10.1080/01621459.1927.10502953, without continuity correction.

    >>> share = proportion(771, 1000)
    >>> round(share.low, 4), round(share.high, 4)
    (0.7439, 0.796)
    """
    interval = binomtest(right, images).proportion_ci(confidence_level=CONFIDENCE, method="wilson")
    return Proportion(value=right / images, low=float(interval.low), high=float(interval.high))


def evaluate(
    model: nn.Module,
    folder: ImageFolder,
    preprocessing: Preprocessing,
    *,
    image_size: int,
    batch_size: int = 32,
    device: torch.device | None = None,
    workers: int | None = None,
    report: Report = lambda _done: None,
) -> Evaluation:
    """Classify the pictures of a folder and count how often the label is first, and among the first five.

    Float32 on a CPU, bfloat16 autocast on a GPU, channels_last on both. The model is left in evaluation mode
    on the device. Equal logits are ordered by class, as by a stable sort. A picture with a logit that is not
    a number counts as wrong.

    Args:
        model: maps (N, 3, image_size, image_size) to logits (N, classes).
        folder: as listed by `list_images`.
        preprocessing: of the source of the weights.
        image_size: side of the inputs in pixels.
        batch_size: 1 to 4096.
        device: where to run; default the CPU.
        workers: threads that decode; default as `ahead`.
        report: called after every batch.

    Raises:
        DataError: the folder has more classes than the model, no picture can be read, or the batch size or
            image size cannot be.
    """
    if not 1 <= batch_size <= LARGEST_BATCH:
        raise DataError(f"the batch size must be between 1 and {LARGEST_BATCH}, got {batch_size}")
    if preprocessing.image_size(image_size) != image_size:
        raise DataError(
            f"preprocessing {preprocessing.name} gives images of {preprocessing.crop} px, got {image_size}"
        )
    where = torch.device("cpu") if device is None else device
    model = model.to(where, memory_format=torch.channels_last).eval()  # type: ignore[call-overload]
    skipped = list(folder.skipped)
    make = partial(preprocess, preprocessing=preprocessing, image_size=image_size)
    start = time.perf_counter()
    first, first_five, images = 0, 0, 0
    work = partial(decode, folder.root, make=make)
    for batch in in_batches(_decoded(ahead(folder.files, work, workers=workers), skipped), batch_size):
        inputs, labels = torch.stack([one.value for one in batch]), torch.tensor([one.label for one in batch])
        ranks = _ranks(_logits(model, inputs.to(where)), labels.to(where), len(folder.class_names))
        first += int((ranks < 1).sum())
        first_five += int((ranks < TOP).sum())
        images += len(labels)
        report(images + len(skipped) - len(folder.skipped))
    if not images:
        raise DataError(
            f"none of the {len(folder.files)} file(s) in {folder.root} is a picture that can be read"
        )
    wall_s = time.perf_counter() - start
    return Evaluation(
        images=images,
        top1=proportion(first, images),
        top5=proportion(first_five, images),
        skipped=tuple(skipped),
        wall_s=wall_s,
        images_per_s=images / max(wall_s, 1e-9),
    )


def _decoded(items: Iterable[Decoded[Tensor] | Skipped], skipped: list[Skipped]) -> Iterator[Decoded[Tensor]]:
    for item in items:
        if isinstance(item, Skipped):
            skipped.append(item)
        else:
            yield item


@torch.inference_mode()
def _logits(model: nn.Module, inputs: Tensor) -> Tensor:
    with autocast(inputs.device):
        logits: Tensor = model(inputs.to(memory_format=torch.channels_last))
    return logits.float()


def _ranks(logits: Tensor, labels: Tensor, classes: int) -> Tensor:
    """Return how many classes come before each label; rank 0 is the first guess."""
    if classes > logits.shape[1]:
        raise DataError(f"the folder has {classes} classes, the network {logits.shape[1]} outputs")
    own = logits.gather(1, labels[:, None])
    earlier = torch.arange(logits.shape[1], device=labels.device) < labels[:, None]
    # "not at most" rather than "greater": a logit that is not a number is never a right answer.
    before = ~(logits <= own) | ((logits == own) & earlier)
    return before.sum(1)
