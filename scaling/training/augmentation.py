"""Augmentation of training images: whole batches on the device, or sample by sample by torchvision.

Batched ones draw from a generator of their own; torchvision's policies draw from torch's global one.
"""

from __future__ import annotations

import importlib
import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, ClassVar

import torch
from torch import Tensor
from torch.nn import functional

from scaling.agreement.peers import declare_torchvision_operators
from scaling.errors import ConfigError

CROP_RATIO = (3 / 4, 4 / 3)
"""Width over height of a crop by area (arXiv:1409.4842)."""
ERASED_AREA, ERASED_RATIO = (0.02, 0.33), (0.3, 10 / 3)
"""arXiv:1708.04896, section 4."""
GREY = (0.299, 0.587, 0.114)
"""ITU-R BT.601."""


class Policy(StrEnum):
    """A learned or random sequence of operations, sample by sample; needs torchvision."""

    NONE = "none"
    RANDAUGMENT = "randaugment"
    """arXiv:1909.13719."""
    AUTOAUGMENT = "autoaugment"
    """The ImageNet policy of arXiv:1805.09501, as in the paper's training."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Augmentation:
    """What happens to training images, in this order; nothing by default.

    Raises:
        ConfigError: a value is out of range.
    """

    policy: Policy = Policy.NONE
    """`none`, `randaugment` or `autoaugment`."""
    policy_operations: int = 2
    """Of `randaugment`, at least 1."""
    policy_magnitude: int = 9
    """Of `randaugment`, 0 to 30."""
    crop_area: float | None = None
    """Least share of the area of a random crop, enlarged to the image size, in (0, 1]; .08 as released. None
    does not crop."""
    crop_padding: int = 0
    """Black pixels around an image before a crop of its own size; 0 does not crop."""
    flip: bool = False
    """Left for right, half of the images."""
    brightness: float = 0.0
    """Factor drawn from [1 - x, 1 + x], x in [0, 1]."""
    contrast: float = 0.0
    """Likewise, around the image's mean grey."""
    saturation: float = 0.0
    """Likewise, around each pixel's grey; nothing on grey images."""
    erasing: float = 0.0
    """Probability of a rectangle set to the mean, in [0, 1]."""
    mixup: float = 0.0
    """Parameter a of Beta(a, a), from which a batch's share of its own reverse is drawn; 0 mixes nothing
    (arXiv:1710.09412)."""
    __pydantic_config__: ClassVar = {"extra": "forbid", "use_attribute_docstrings": True}

    def __post_init__(self) -> None:
        shares = ("brightness", "contrast", "saturation", "erasing")
        check_range(self, shares, "from 0 to 1", lambda value: 0 <= value <= 1)
        check_range(self, ("crop_area",), "above 0 and at most 1", lambda value: 0 < value <= 1)
        check_range(self, ("crop_padding", "mixup"), "at least 0", lambda value: 0 <= value < math.inf)
        check_range(self, ("policy_operations",), "at least 1", lambda value: value >= 1)
        check_range(self, ("policy_magnitude",), "from 0 to 30", lambda value: 0 <= value <= 30)


def check_range(table: object, names: Iterable[str], range_: str, fits: Callable[[float], bool]) -> None:
    """Refuse values of a table that are out of range; None is in every range.

    Raises:
        ConfigError: one is.
    """
    for name in names:
        value = getattr(table, name)
        if value is not None and not fits(value):
            raise ConfigError(f"{name} must be {range_}, got {value}")


NO_AUGMENTATION = Augmentation()


class Augmenter:
    """Applies an augmentation to batches.

    Raises:
        ConfigError: the policy needs torchvision, and it is not here.
    """

    def __init__(self, augmentation: Augmentation, num_classes: int) -> None:
        self.wanted, self.num_classes = augmentation, num_classes
        self.policy = _policy(augmentation)

    def pixels(self, images_NCHW: Tensor, generator: torch.Generator) -> Tensor:
        """Return uint8 images (N, C, H, W) as float32 in [0, 1], channels last, changed up to colours."""
        wanted = self.wanted
        if self.policy is not None:
            images_NCHW = torch.stack([self.policy(image) for image in images_NCHW])
        if wanted.crop_padding:
            images_NCHW = padded_crop(images_NCHW, wanted.crop_padding, generator)
        if wanted.flip:
            images_NCHW = flipped(images_NCHW, generator)
        pixels = images_NCHW.contiguous(memory_format=torch.channels_last).float().div_(255.0)
        if wanted.crop_area is not None:
            pixels = resized_crop(pixels, wanted.crop_area, generator)
        if wanted.brightness:
            pixels = jittered(pixels, torch.zeros((), device=pixels.device), wanted.brightness, generator)
        if wanted.contrast:
            mean_grey = grey(pixels).mean((1, 2, 3), keepdim=True)
            pixels = jittered(pixels, mean_grey, wanted.contrast, generator)
        if wanted.saturation and pixels.shape[1] == len(GREY):
            pixels = jittered(pixels, grey(pixels), wanted.saturation, generator)
        return pixels

    def normalised(self, images_NCHW: Tensor, generator: torch.Generator) -> Tensor:
        """Erase rectangles of normalised images, whose mean is 0."""
        return erased(images_NCHW, self.wanted.erasing, generator) if self.wanted.erasing else images_NCHW

    def mixed(self, images_NCHW: Tensor, labels_N: Tensor, share: float) -> tuple[Tensor, Tensor]:
        """Mix each image and label with the batch's reverse; targets are then shares (N, K)."""
        targets = functional.one_hot(labels_N, self.num_classes).float()
        return (
            share * images_NCHW + (1 - share) * images_NCHW.flip(0),
            share * targets + (1 - share) * targets.flip(0),
        )


def _policy(wanted: Augmentation) -> Callable[[Tensor], Tensor] | None:
    if wanted.policy == Policy.NONE:
        return None
    try:
        declare_torchvision_operators()
        transforms: Any = importlib.import_module("torchvision.transforms.v2")
    except (ImportError, RuntimeError):
        raise ConfigError(
            f"augmentation.policy '{wanted.policy}' needs the package torchvision, which cannot be "
            "imported here; install it, or set the policy to 'none'"
        ) from None
    if wanted.policy == Policy.AUTOAUGMENT:
        made: Callable[[Tensor], Tensor] = transforms.AutoAugment()
    else:
        made = transforms.RandAugment(wanted.policy_operations, wanted.policy_magnitude)
    return made


def padded_crop(images_NCHW: Tensor, padding: int, generator: torch.Generator) -> Tensor:
    """Surround images by black pixels and cut each to its size again, at a place of its own."""
    count, _, height, width = images_NCHW.shape
    device = images_NCHW.device
    top, left = torch.randint(2 * padding + 1, (2, count), generator=generator, device=device)
    padded = functional.pad(images_NCHW, (padding,) * 4)
    windows = padded.unfold(2, height, 1).unfold(3, width, 1)
    return windows[torch.arange(count, device=device), :, top, left]


def flipped(images_NCHW: Tensor, generator: torch.Generator) -> Tensor:
    """Flip half of the images left for right."""
    chosen = _uniform(images_NCHW, generator) < 0.5
    return torch.where(chosen, images_NCHW.flip(3), images_NCHW)


def resized_crop(images_NCHW: Tensor, least_area: float, generator: torch.Generator) -> Tensor:
    """Cut out a share of each image's area, of random shape and place, and enlarge it bilinearly."""
    count = len(images_NCHW)
    area = least_area + (1 - least_area) * _uniform(images_NCHW, generator).view(count)
    low, high = (math.log(ratio) for ratio in CROP_RATIO)
    ratio = torch.exp(low + (high - low) * _uniform(images_NCHW, generator).view(count))
    width, height = (area * ratio).sqrt().clamp(max=1), (area / ratio).sqrt().clamp(max=1)
    x = (2 * _uniform(images_NCHW, generator).view(count) - 1) * (1 - width)
    y = (2 * _uniform(images_NCHW, generator).view(count) - 1) * (1 - height)
    zero = torch.zeros_like(x)
    theta = torch.stack([width, zero, x, zero, height, y], dim=1).view(count, 2, 3)
    grid = functional.affine_grid(theta, list(images_NCHW.shape), align_corners=False)
    cut = functional.grid_sample(images_NCHW, grid, padding_mode="border", align_corners=False)
    return cut.contiguous(memory_format=torch.channels_last)


def jittered(images_NCHW: Tensor, towards: Tensor, reach: float, generator: torch.Generator) -> Tensor:
    """Move images from, or beyond, what they would be without a quality; factors within 1 ± reach."""
    factor = 1 + reach * (2 * _uniform(images_NCHW, generator) - 1)
    return (towards + factor * (images_NCHW - towards)).clamp_(0, 1)


def grey(images_NCHW: Tensor) -> Tensor:
    """Return each pixel's luma, (N, 1, H, W); of grey images themselves."""
    if images_NCHW.shape[1] != len(GREY):
        return images_NCHW
    weights = torch.tensor(GREY, device=images_NCHW.device)[:, None, None]
    return (images_NCHW * weights).sum(1, keepdim=True)


def erased(images_NCHW: Tensor, probability: float, generator: torch.Generator) -> Tensor:
    """Set a rectangle of some images to 0; where a long one would leave the image it is cut off."""
    side_y, side_x = images_NCHW.shape[2:]
    low, high = ERASED_AREA
    area = low + (high - low) * _uniform(images_NCHW, generator)
    low, high = (math.log(ratio) for ratio in ERASED_RATIO)
    ratio = torch.exp(low + (high - low) * _uniform(images_NCHW, generator))
    height, width = (area * ratio).sqrt().clamp(max=1) * side_y, (area / ratio).sqrt().clamp(max=1) * side_x
    top = _uniform(images_NCHW, generator) * (side_y - height)
    left = _uniform(images_NCHW, generator) * (side_x - width)
    y = torch.arange(side_y, device=images_NCHW.device)[:, None] + 0.5
    x = torch.arange(side_x, device=images_NCHW.device) + 0.5
    inside = (y > top) & (y < top + height) & (x > left) & (x < left + width)
    chosen = _uniform(images_NCHW, generator) < probability
    return images_NCHW.masked_fill(inside & chosen, 0.0)


def _uniform(images_NCHW: Tensor, generator: torch.Generator) -> Tensor:
    """One number in [0, 1) an image, shaped to go with it."""
    return torch.rand(len(images_NCHW), 1, 1, 1, generator=generator, device=images_NCHW.device)
