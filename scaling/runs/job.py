"""One training as data: everything that its result depends on, and the key that names it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from functools import lru_cache
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, PrivateAttr

from scaling.cost import count_cost
from scaling.data import LARGEST_SEED, SplitName, checksum, dataset_info, load_split
from scaling.data.dataset import Split
from scaling.data.folders import PREFIX, folder_of, split_folder
from scaling.data.streaming import AREA, StreamingSplit
from scaling.errors import ConfigError
from scaling.model import Numerics
from scaling.network.architecture import ArchitectureSpec
from scaling.network.serialization import architecture_key
from scaling.training.options import KernelChoice
from scaling.training.recipe import Recipe

BACKWARD = 3
"""A training step is a forward pass, and a backward pass of twice its multiply-adds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedData:
    """What a run's records say of its data, for whoever reads the run: then no data are loaded.

    Args:
        checksums: of the training and the validation images, by `place_of` a job's data.
        shape: classes and channels; None where nothing is recorded.
    """

    checksums: Mapping[str, Sequence[str]]
    shape: tuple[int, int] | None

    @staticmethod
    def place_of(data: Mapping[str, Any], image_size: int) -> str:
        """Return under which name the checksums of some data lie; those in it do not count."""
        return json.dumps([{**data, "checksums": None}, image_size], sort_keys=True)


NOT_RECORDED = ("not recorded", "not recorded")
"""Checksums of data on which no training has been recorded: no record has a key of them."""


class DataTable(BaseModel):
    """`[data]`: which images, and how many."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(description="which images: `scaling data list` names them")
    train: int | None = Field(default=None, ge=2, description="images that train; all if not set")
    validation: int | None = Field(
        default=None,
        ge=1,
        description="images that judge, all if not set; chance alone moves an accuracy p by "
        "1.96 · √(p(1−p)/n)",
    )
    seed: int = Field(default=0, ge=0, le=LARGEST_SEED, description="chooses the subset and the split")
    allow_upsampling: bool = Field(
        default=False,
        description="whether images may be enlarged beyond their own size, which adds no detail",
    )
    _recorded: RecordedData | None = PrivateAttr(default=None)

    def model_post_init(self, context: Any, /) -> None:
        """Take over what is recorded of the data, where a run is read."""
        self._recorded = context if isinstance(context, RecordedData) else None

    @property
    def recorded(self) -> RecordedData | None:
        """What the records of the run say of the data that is read; None where data are loaded."""
        return self._recorded

    @property
    def shape(self) -> tuple[int, int]:
        """Classes and channels.

        Raises:
            DataError: the name is unknown, or the folder is missing or without class folders.
        """
        if self._recorded is not None and self._recorded.shape is not None:
            return self._recorded.shape
        info = dataset_info(self.name)
        return info.num_classes, info.in_channels

    @property
    def native_size(self) -> int | None:
        """The images' own size in pixels; None where any size is true resolution, or each has its own."""
        return None if self.name.startswith(PREFIX) else dataset_info(self.name).native_size


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One training: setup, network, seed, and the recipe as the plan changed it.

    Args:
        spec: the network; classes and channels are the data's.
        kernels: how convolutions on small maps are computed.
        graphs: capture the step as a CUDA graph where one trains on a GPU; moves nothing but last bits.
        device: type of device, `cpu` or `cuda`: a GPU trains in bfloat16.
        processes: that share every batch; batch norm normalises each one's share by itself.
    """

    spec: ArchitectureSpec
    recipe: Recipe
    data: DataTable
    numerics: Numerics
    kernels: KernelChoice = KernelChoice.MEASURED
    graphs: bool = True
    device: str = "cpu"
    seed: int
    processes: int = 1
    _key: str = field(default="", init=False, repr=False, compare=False)

    @property
    def key(self) -> str:
        """The job's name: a hash of everything that its result depends on beyond rounding; see `identity`."""
        if not self._key:  # worked out once: it takes a checksum of the images
            object.__setattr__(self, "_key", key_of_identity(self.identity()))
        return self._key

    @property
    def train_macs(self) -> float:
        """Multiply-adds of the training, forward and backward, without evaluation; 0 for whole folders."""
        return float(BACKWARD * count_cost(self.spec).macs * (self.data.train or 0) * self.recipe.epochs)

    @property
    def streamed(self) -> bool:
        """Whether pictures are decoded while the network trains, rather than loaded before."""
        return self.data.name.startswith(PREFIX) and self.data.train is None

    @property
    def device_recipe(self) -> Recipe:
        """The recipe without what streamed pictures get where they are decoded: crop by area, and flip.

        Raises:
            ConfigError: the recipe asks for one of them alone, or for another crop.
        """
        wanted = self.recipe.augmentation
        if not self.streamed or (wanted.crop_area, wanted.flip) == (None, False):
            return self.recipe
        if (wanted.crop_area, wanted.flip) != (AREA[0], True):
            raise ConfigError(
                f"pictures read while training are cropped to {AREA[0]:g} of their area at least, and "
                f"flipped, or neither; got crop_area {wanted.crop_area} and flip {wanted.flip}"
            )
        return replace(self.recipe, augmentation=replace(wanted, crop_area=None, flip=False))

    def images(self, split: SplitName) -> Split | StreamingSplit:
        """Load a split, the test split whole; folders of pictures of which no count is taken are streamed.

        The last few splits stay in memory.

        Raises:
            ConfigError: the recipe's crop is not the one that streamed pictures get.
            DataError: the data are missing, or hold fewer images.
        """
        data, size = self.data, self.spec.image_size
        if self.streamed:
            augment = split == "train" and self.recipe.augmentation.crop_area is not None
            return _streamed(data, split, size, augment, self.seed)
        return _loaded(data, split, size)

    def identity(self) -> dict[str, Any]:
        """Return everything that the result depends on, as plain data; the key is its hash.

        A network's name, the number of workers and torch's version are not part of it. Settings of the recipe
        at their defaults are left out, so that a new setting leaves earlier keys alone.

        Raises:
            DataError: the data are missing, or hold fewer images.
        """
        spec, recipe = self.spec, self.recipe
        dropout, depth = (
            own if wanted is None else wanted
            for own, wanted in (
                (spec.dropout, recipe.dropout),
                (spec.stochastic_depth, recipe.stochastic_depth),
            )
        )
        return {
            "architecture": architecture_key(spec),
            "dropout": dropout,
            "stochastic_depth": depth,
            "recipe": _set_in(replace(recipe, dropout=None, stochastic_depth=None)),
            "data": self.data_identity(),
            "numerics": asdict(self.numerics),
            "kernels": self.kernels.value,
            "device": self.device,
            "seed": self.seed,
            **({} if self.processes == 1 else {"processes": self.processes}),
        }

    def data_identity(self) -> dict[str, Any]:
        """Return what the result depends on of the data: their checksums, not where a folder lies."""
        plain = self.data.model_dump(mode="json")
        if self.data.name.startswith(PREFIX):
            plain["name"] = PREFIX.rstrip(":")
        if self.data.recorded is not None:
            place = RecordedData.place_of(plain, self.spec.image_size)
            return {**plain, "checksums": list(self.data.recorded.checksums.get(place, NOT_RECORDED))}
        return {**plain, "checksums": self.checksums()}

    def checksums(self) -> list[str]:
        """Return checksums of the training and the validation images, as this job's network sees them."""
        if self.streamed:
            return [content(self.images(name)) for name in ("train", "validation")]
        return [_checksum(self.data, name, self.spec.image_size) for name in ("train", "validation")]


def key_of_identity(identity: Mapping[str, Any]) -> str:
    """Return the hash of an identity."""
    return hashlib.sha256(json.dumps(identity, sort_keys=True).encode()).hexdigest()[:20]


def fitted(spec: ArchitectureSpec, data: str, image_size: int | None) -> ArchitectureSpec:
    """Return a network with the classes and channels of a data set, at an image size.

    >>> from scaling import variant
    >>> fitted(variant("b0"), "fashion-mnist", 28).num_classes
    10
    """
    info = dataset_info(data)
    size = spec.image_size if image_size is None else image_size
    return replace(spec, num_classes=info.num_classes, in_channels=info.in_channels, image_size=size)


def content(split: Split | StreamingSplit) -> str:
    """Return a checksum of a split: of pixels, or of streamed files' names, sizes, times."""
    return checksum(split) if isinstance(split, Split) else split.checksum()


def _set_in(recipe: Recipe) -> dict[str, Any]:
    plain = asdict(recipe)
    return {one.name: plain[one.name] for one in fields(recipe) if getattr(recipe, one.name) != one.default}


@lru_cache(maxsize=1024)
def _checksum(data: DataTable, split: SplitName, image_size: int) -> str:
    return content(_loaded(data, split, image_size))


@lru_cache(maxsize=4)
def _streamed(data: DataTable, split: SplitName, image_size: int, augment: bool, seed: int) -> StreamingSplit:
    return StreamingSplit(
        folder=split_folder(folder_of(data.name), split, seed=data.seed),
        image_size=image_size,
        augment=augment,
        seed=seed,
        allow_upsampling=data.allow_upsampling,
    )


@lru_cache(maxsize=4)
def _loaded(data: DataTable, split: SplitName, image_size: int) -> Split:
    counts = {"train": data.train, "validation": data.validation, "test": None}
    return load_split(
        data.name,
        split,
        image_size=image_size,
        count=counts[split],
        seed=data.seed,
        allow_upsampling=data.allow_upsampling,
    )
