"""Pictures of a folder as batches, decoded ahead while a network trains: ImageNet-size sets."""

from __future__ import annotations

import logging
import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from scaling.data.folders import centre_square, largest_size, manifest_checksum, resampled
from scaling.data.imagefolder import Decoded, ImageFolder, Skipped, ahead, as_rgb, decode, in_batches
from scaling.errors import DataError

AREA = (0.08, 1.0)
"""Of a random crop, as a share of the picture."""
ASPECT = (3 / 4, 4 / 3)
TRIES = 10
MOST_SKIPPED = 100
"""Files in a row that may give no picture in training."""

_Loaded = tuple[Decoded[np.ndarray] | None, list[Skipped]]
"""A picture, or None where its file gave none, and the files that were tried before."""
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamingSplit:
    """A split of class folders whose pictures are decoded when they are asked for.

    Args:
        folder: its files; an index is a place in this order.
        image_size: side in pixels.
        augment: random crop and flip, for training; else the centre.
        seed: of the augmentation.
        allow_upsampling: whether pictures whose middle is smaller than the image size are used at all; random
            crops of larger pictures may be enlarged, as in the usual recipe.
        skipped: what was met so far: path to reason, in the order it was met.
    """

    folder: ImageFolder
    image_size: int
    augment: bool
    seed: int
    allow_upsampling: bool = False
    skipped: dict[str, str] = field(default_factory=dict, compare=False)

    def __len__(self) -> int:
        """Return the number of files, those that give no picture included."""
        return len(self.folder.files)

    def checksum(self) -> str:
        """Return a SHA-256 of names, labels, sizes and times of the files; their bytes are not read."""
        return manifest_checksum(self.folder)

    def batches(
        self, order: Sequence[int] | Tensor, batch_size: int, *, epoch: int, workers: int | None = None
    ) -> Iterator[tuple[Tensor, Tensor]]:
        """Yield batches of pictures in the given order; the last one may be short.

        What becomes of a picture depends on seed, epoch and index alone, never on threads or batches. A file
        that gives no picture goes into `skipped` and, once, into the log. In training the next one that does
        takes its place, so that every process has equally many batches; elsewhere it is left out and later
        pictures move up.

        Args:
            order: indices, each from 0 to len - 1.
            batch_size: pictures a batch, 1 or more.
            epoch: of the augmentation, 0 or more.
            workers: threads that decode; default as `scaling.data.imagefolder.ahead`.

        Yields:
            uint8 (B, 3, image_size, image_size) and int64 labels (B,).

        Raises:
            DataError: the batch size, or an index, is out of range; or, on the way, a hundred files in a row
                give no picture to train on.
        """
        indices = [int(index) for index in order]
        if batch_size < 1:
            raise DataError(f"the batch size must be at least 1, got {batch_size}")
        outside = [index for index in indices if not 0 <= index < len(self)]
        if outside:
            raise DataError(f"indices must be from 0 to {len(self) - 1}, got {outside[0]}")
        loaded = ahead(indices, partial(self._load, epoch=epoch), workers=workers)
        return map(_stacked, in_batches(self._pictures(loaded), batch_size))

    def _pictures(self, loaded: Iterable[_Loaded]) -> Iterator[Decoded[np.ndarray]]:
        for picture, skipped in loaded:
            for one in skipped:
                self._note(one)
            if picture is not None:
                yield picture

    def _load(self, index: int, *, epoch: int) -> _Loaded:
        skipped: list[Skipped] = []
        for place in range(index, index + (MOST_SKIPPED if self.augment else 1)):
            make = partial(self._make, generator=np.random.default_rng((self.seed, epoch, index)))
            item = decode(self.folder.root, self.folder.files[place % len(self)], make, lazily=True)
            if isinstance(item, Decoded):
                return item, skipped
            skipped.append(item)
        if self.augment:
            raise DataError(f"{self.folder.root}: {MOST_SKIPPED} files in a row give no picture to train on")
        return None, skipped

    def _note(self, skipped: Skipped) -> None:
        if skipped.path not in self.skipped:
            self.skipped[skipped.path] = skipped.reason
            _log.warning("%s is passed over: %s", self.folder.root / skipped.path, skipped.reason)

    def _make(self, image: Image.Image, *, generator: np.random.Generator) -> np.ndarray:
        largest = largest_size(image)
        if self.image_size > largest and not self.allow_upsampling:
            raise DataError(f"it gives at most {largest} px of {self.image_size}")
        if not self.augment:
            return centre_square(image, image_size=self.image_size)[0]
        box = random_box(image.size, generator)
        pixels = resampled(*_drafted(image, box, self.image_size), self.image_size)
        return np.ascontiguousarray(pixels[:, :, ::-1]) if generator.random() < 0.5 else pixels


Box = tuple[float, float, float, float]
"""Left, top, right, bottom in pixels."""


def random_box(size: tuple[int, int], generator: np.random.Generator) -> Box:
    """Draw the part of a picture that a training step sees: 8 to 100 % of its area, 3:4 to 4:3.

    After ten draws that do not fit, the largest such part in the middle.

    Source: Szegedy et al. 2015, arXiv:1409.4842, section 6, with the bounds that torchvision and timm use.

    >>> random_box((500, 400), np.random.default_rng(0))
    (48.0, 0.0, 390.0, 390.0)
    """
    width, height = size
    for _ in range(TRIES):
        area = width * height * generator.uniform(*AREA)
        aspect = math.exp(generator.uniform(math.log(ASPECT[0]), math.log(ASPECT[1])))
        wide, high = round(math.sqrt(area * aspect)), round(math.sqrt(area / aspect))
        if 0 < wide <= width and 0 < high <= height:
            left = float(generator.integers(0, width - wide + 1))
            top = float(generator.integers(0, height - high + 1))
            return (left, top, left + wide, top + high)
    wide, high = min(width, round(height * ASPECT[1])), min(height, round(width / ASPECT[0]))
    left, top = (width - wide) / 2, (height - high) / 2
    return (left, top, left + wide, top + high)


def _drafted(image: Image.Image, box: Box, image_size: int) -> tuple[Image.Image, Box]:
    """Let a JPEG decode at a half, a quarter or an eighth where the crop still has pixels enough."""
    width, height = image.size
    wanted = (
        math.ceil(image_size * width / (box[2] - box[0])),
        math.ceil(image_size * height / (box[3] - box[1])),
    )
    image.draft("RGB", wanted)
    across, down = image.size[0] / width, image.size[1] / height
    return as_rgb(image), (box[0] * across, box[1] * down, box[2] * across, box[3] * down)


def _stacked(batch: list[Decoded[np.ndarray]]) -> tuple[Tensor, Tensor]:
    images = np.stack([one.value for one in batch])
    return torch.from_numpy(images), torch.tensor([one.label for one in batch])
