"""Batches: what order they come in, and what is in them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from scaling.data import dataset_info
from scaling.data.dataset import DatasetInfo, Split
from scaling.errors import DataError
from scaling.training.batches import DeviceSplit, in_order, shuffled, steps_per_epoch

INFO: DatasetInfo = dataset_info("glyphs")
CPU = torch.device("cpu")


def numbered(count: int, size: int = 8) -> DeviceSplit:
    """Images whose label is their index, and whose pixels are it too."""
    images = np.arange(count, dtype=np.uint8)[:, None, None, None] * np.ones((1, 1, size, size), np.uint8)
    return DeviceSplit.of(Split(images=images, labels=np.arange(count, dtype=np.int64)), INFO, CPU)


def order(split: DeviceSplit, batch: int, seed: int, epoch: int) -> list[int]:
    return [int(label) for _, labels in shuffled(split, batch, seed=seed, epoch=epoch) for label in labels]


@pytest.mark.parametrize(("count", "batch"), [(100, 32), (96, 32), (10, 32), (3, 2), (2, 2)])
def test_every_image_at_most_once_an_epoch(count: int, batch: int) -> None:
    seen = order(numbered(count), batch, seed=0, epoch=0)
    assert len(seen) == len(set(seen))
    assert len(seen) == (count if count < batch else count // batch * batch)
    assert set(seen) <= set(range(count))


def test_the_order_depends_on_seed_and_epoch_alone() -> None:
    split = numbered(64)
    first = order(split, 16, seed=1, epoch=0)
    torch.manual_seed(99)
    torch.rand(7)
    assert order(numbered(64), 16, seed=1, epoch=0) == first
    others = [order(split, 16, seed=s, epoch=e) for s, e in ((1, 1), (2, 0), (0, 0), (2, 1))]
    assert all(other != first for other in others)
    assert len({tuple(other) for other in others}) == 4


def test_shuffling_leaves_the_global_generator_alone() -> None:
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    order(numbered(32), 8, seed=0, epoch=0)
    assert torch.equal(torch.rand(3), expected)


def test_left_out_images_come_in_other_epochs() -> None:
    split = numbered(10)
    seen = {label for epoch in range(12) for label in order(split, 4, seed=0, epoch=epoch)}
    assert seen == set(range(10))


def test_evaluation_sees_every_image_once_and_in_order() -> None:
    for batch in (1, 3, 7, 10, 500):
        labels = torch.cat([labels for _, labels in in_order(numbered(10), batch)])
        assert labels.tolist() == list(range(10))


def test_pixels_are_normalised_as_the_data_set_says() -> None:
    ((images, _),) = in_order(numbered(10), 10)
    assert images.dtype == torch.float32
    assert images.shape == (10, 1, 8, 8)
    for pixel, image in enumerate(images):
        expected = (pixel / 255 - INFO.mean[0]) / INFO.std[0]
        assert image.unique().tolist() == pytest.approx([expected], rel=1e-5)


def test_every_colour_has_its_own_mean_and_std() -> None:
    info = replace(INFO, mean=(0.5, 0.25, 0.0), std=(0.5, 0.25, 2.0))
    images = np.full((2, 3, 4, 4), 255, np.uint8)
    split = DeviceSplit.of(Split(images=images, labels=np.zeros(2, np.int64)), info, CPU)
    ((normalised, _),) = in_order(split, 2)
    assert normalised.is_contiguous(memory_format=torch.channels_last)
    for channel, expected in enumerate((1.0, 3.0, 0.5)):
        assert normalised[:, channel].unique().tolist() == [expected]


def test_a_data_set_has_one_mean_and_std_a_channel() -> None:
    for std in ((0.0,), (0.5, 0.5)):
        with pytest.raises(DataError, match="std above 0 for each channel"):
            replace(INFO, std=std)


def test_steps_are_whole_batches_and_at_least_one() -> None:
    assert [steps_per_epoch(n, 32) for n in (1, 31, 32, 63, 64)] == [1, 1, 1, 1, 2]
