"""What augmentation does to images, read off the images."""

from __future__ import annotations

import importlib
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from scaling.data import Split, dataset_info
from scaling.errors import ConfigError
from scaling.training.augmentation import (
    Augmentation,
    Augmenter,
    erased,
    flipped,
    grey,
    jittered,
    padded_crop,
    resized_crop,
)
from scaling.training.batches import DeviceSplit, Share, shuffled

INFO = dataset_info("glyphs")
CPU = torch.device("cpu")


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def numbered(count: int, side: int = 8) -> Tensor:
    """Images whose every pixel is another number."""
    return torch.arange(1, 1 + side * side, dtype=torch.uint8).view(1, 1, side, side).repeat(count, 1, 1, 1)


def test_a_padded_crop_is_a_window_of_the_padded_image() -> None:
    image, seen = numbered(1)[0, 0], set()
    cropped = padded_crop(numbered(300), 2, generator())
    assert cropped.shape == (300, 1, 8, 8)
    padded = np.pad(image.numpy(), 2)
    windows = {padded[y : y + 8, x : x + 8].tobytes(): (y, x) for y in range(5) for x in range(5)}
    for one in cropped:
        seen.add(windows[one[0].numpy().tobytes()])
    assert len(seen) == 25  # every place comes


def test_half_of_the_images_are_flipped_whole() -> None:
    images = numbered(400)
    out = flipped(images, generator())
    mirrored = [bool(torch.equal(one, image.flip(2))) for one, image in zip(out, images, strict=True)]
    same = [bool(torch.equal(one, image)) for one, image in zip(out, images, strict=True)]
    assert all(a != b for a, b in zip(mirrored, same, strict=True))
    assert 140 < sum(mirrored) < 260


def test_a_resized_crop_of_everything_changes_only_the_shape_of_the_grid() -> None:
    # A ramp along x stays a ramp: bilinear, within the image, never steeper.
    ramp = torch.linspace(0, 1, 16).expand(50, 1, 16, 16).contiguous()
    out = resized_crop(ramp, 0.2, generator())
    steps = out.diff(dim=3)
    assert out.min() >= 0
    assert out.max() <= 1
    assert float(steps.min()) >= -1e-6
    assert float(steps.max()) <= 1 / 15 + 1e-6
    torch.testing.assert_close(out[:, :, :1], out[:, :, 1:2])  # rows are equal
    widths = out[:, 0, 0, -1] - out[:, 0, 0, 0]
    assert widths.min() < 0.6
    assert widths.max() > 0.8


def test_jitter_stays_within_its_reach_and_the_range() -> None:
    images = torch.full((500, 1, 2, 2), 0.5)
    out = jittered(images, torch.zeros(()), 0.4, generator())
    factors = out[:, 0, 0, 0] / 0.5
    assert 0.6 <= factors.min() < 0.65
    assert 1.35 < factors.max() <= 1.4
    assert jittered(images + 0.4, torch.zeros(()), 1.0, generator()).max() == 1.0


def test_saturation_leaves_grey_pixels_and_luma_alone() -> None:
    colours = torch.rand(20, 3, 4, 4, generator=generator()) * 0.4 + 0.3
    out = jittered(colours, grey(colours), 0.3, generator())
    torch.testing.assert_close(grey(out), grey(colours))
    assert not torch.allclose(out, colours)
    even = torch.full((5, 3, 2, 2), 0.5)
    torch.testing.assert_close(jittered(even, grey(even), 0.9, generator()), even)


def test_erasing_sets_one_rectangle_to_zero() -> None:
    out = erased(torch.ones(400, 2, 20, 20), 0.5, generator())
    holes = out == 0
    touched = holes.flatten(1).any(1)
    assert 140 < int(touched.sum()) < 260
    for hole in holes[touched]:
        assert torch.equal(hole[0], hole[1])  # all channels
        rows, columns = hole[0].any(1), hole[0].any(0)
        assert torch.equal(hole[0], rows[:, None] & columns)
        assert 0.01 < float(hole[0].float().mean()) < 0.42


def split(count: int = 64, side: int = 8) -> DeviceSplit:
    images = np.random.default_rng(0).integers(0, 256, (count, 1, side, side), np.uint8)
    labels = np.arange(count, dtype=np.int64) % INFO.num_classes
    return DeviceSplit.of(Split(images=images, labels=labels), INFO, CPU)


ALL_OF_IT = Augmentation(
    crop_area=0.5,
    crop_padding=1,
    flip=True,
    brightness=0.2,
    contrast=0.2,
    saturation=0.2,
    erasing=0.3,
    mixup=0.4,
)


def epoch(augmentation: Augmentation, number: int, share: Share = Share()) -> list[tuple[Tensor, Tensor]]:  # noqa: B008
    augmenter = Augmenter(augmentation, INFO.num_classes)
    return list(shuffled(split(), 16, seed=3, epoch=number, augmenter=augmenter, share=share))


def test_changes_depend_on_seed_and_epoch_alone() -> None:
    torch.manual_seed(1)
    first = epoch(ALL_OF_IT, 2)
    torch.rand(5)
    again, other = epoch(ALL_OF_IT, 2), epoch(ALL_OF_IT, 3)
    assert all(torch.equal(a[0], b[0]) and torch.equal(a[1], b[1]) for a, b in zip(first, again, strict=True))
    assert not any(torch.equal(a[0], b[0]) for a, b in zip(first, other, strict=True))
    assert all(images.is_contiguous(memory_format=torch.channels_last) for images, _ in first)


def test_nothing_wanted_changes_nothing() -> None:
    plain = list(shuffled(split(), 16, seed=3, epoch=0))
    assert all(torch.equal(a[0], b[0]) for a, b in zip(plain, epoch(Augmentation(), 0), strict=True))


def test_mixup_mixes_images_and_labels_by_one_share() -> None:
    plain = list(shuffled(split(), 16, seed=3, epoch=0))
    for (images, labels), (mixed, targets) in zip(plain, epoch(Augmentation(mixup=1.0), 0), strict=True):
        share = float(targets[0, labels[0]])
        assert 0 < share < 1
        torch.testing.assert_close(mixed, share * images + (1 - share) * images.flip(0))
        torch.testing.assert_close(targets.sum(1), torch.ones(16))


def test_processes_share_every_batch_between_them() -> None:
    whole = [labels for _, labels in shuffled(split(), 16, seed=3, epoch=0)]
    parts = [
        [y for _, y in shuffled(split(), 16, seed=3, epoch=0, share=Share(rank=r, processes=2))]
        for r in (0, 1)
    ]
    assert all(
        torch.equal(torch.cat(both), one) for one, both in zip(whole, zip(*parts, strict=True), strict=True)
    )


@pytest.mark.peers
@pytest.mark.parametrize("policy", ["randaugment", "autoaugment"])
def test_policies_change_each_image_and_repeat(policy: str) -> None:
    wanted = Augmentation(policy=policy)  # type: ignore[arg-type]
    results = []
    for _ in range(2):
        torch.manual_seed(4)
        results.append(epoch(wanted, 0))
    assert all(torch.equal(a[0], b[0]) for a, b in zip(*results, strict=True))
    plain = list(shuffled(split(), 16, seed=3, epoch=0))
    changed = sum(int((a[0] != b[0]).flatten(1).any(1).sum()) for a, b in zip(results[0], plain, strict=True))
    assert changed > 30


def test_a_policy_without_torchvision_is_refused_in_words(monkeypatch: pytest.MonkeyPatch) -> None:
    original = importlib.import_module

    def without(name: str, package: str | None = None) -> Any:
        if name.startswith("torchvision"):
            raise ImportError(name)
        return original(name, package)

    monkeypatch.setattr(importlib, "import_module", without)
    with pytest.raises(ConfigError, match="'randaugment' needs the package torchvision"):
        Augmenter(Augmentation(policy="randaugment"), 10)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "values",
    [
        {"brightness": 1.1},
        {"contrast": -0.1},
        {"saturation": float("nan")},
        {"erasing": 2},
        {"crop_area": 0},
        {"crop_padding": -1},
        {"mixup": -1},
        {"mixup": float("nan")},
        {"policy_operations": 0},
        {"policy_magnitude": 31},
    ],
)
def test_what_is_out_of_range_is_refused(values: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match=next(iter(values))):
        replace(Augmentation(), **values)
