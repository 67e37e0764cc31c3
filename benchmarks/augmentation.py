"""Crop with padding and flip: our batches beside torchvision's samples, in turn, on one thread.

    python benchmarks/augmentation.py

Needs torchvision. Prints images a second of CPU time and the median ratio of several rounds.
"""

from __future__ import annotations

import importlib
import statistics
import time
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from scaling.agreement.peers import declare_torchvision_operators
from scaling.training.augmentation import Augmentation, Augmenter

COUNT, SIDE, PADDING, ROUNDS = 512, 32, 4, 7


def per_sample() -> Callable[[Tensor], Tensor]:
    """Return torchvision's transforms, image by image, to float32 in [0, 1]."""
    declare_torchvision_operators()
    v2: Any = importlib.import_module("torchvision.transforms.v2")
    transform = v2.Compose(
        [
            v2.RandomCrop(SIDE, PADDING),
            v2.RandomHorizontalFlip(),
            v2.ToDtype(torch.float32, scale=True),
        ]
    )
    return lambda images: torch.stack([transform(image) for image in images])


def images_per_s(work: Callable[[Tensor], Tensor], images: Tensor, repeats: int) -> float:
    """Return images a second of this process's CPU time, which other processes do not stretch."""
    start = time.process_time()
    for _ in range(repeats):
        work(images)
    return repeats * len(images) / (time.process_time() - start)


def main() -> None:
    """Time both in turn and print the ratio."""
    torch.set_num_threads(1)
    generator = torch.Generator().manual_seed(0)
    images = torch.randint(0, 256, (COUNT, 3, SIDE, SIDE), dtype=torch.uint8, generator=generator)
    augmenter = Augmenter(Augmentation(crop_padding=PADDING, flip=True), num_classes=10)
    theirs, ratios = per_sample(), []
    for number in range(1 + ROUNDS):
        batched = images_per_s(lambda batch: augmenter.pixels(batch, generator), images, 5)
        single = images_per_s(theirs, images, 1)
        if number:  # the first round warms up
            ratios.append(batched / single)
            print(f"batched {batched:8,.0f} images/s   per sample {single:7,.0f}   {ratios[-1]:5.1f}x")
    print(f"median of {ROUNDS}: {statistics.median(ratios):.1f}x ({SIDE} px, {COUNT} images, one thread)")


if __name__ == "__main__":
    main()
