"""One full training as data, and the folder where it leaves what it found."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import pandas as pd

from scaling.atomic_write import write_json, write_text
from scaling.cost import count_cost
from scaling.data import SplitName, checksum, dataset_info, load_split
from scaling.data.dataset import Split
from scaling.data.folders import PREFIX, folder_of, split_folder
from scaling.data.streaming import AREA, StreamingSplit
from scaling.errors import ConfigError, ResultsError
from scaling.model import Numerics
from scaling.network.architecture import ArchitectureSpec
from scaling.network.serialization import to_json
from scaling.training.options import KernelChoice
from scaling.training.recipe import Recipe

BACKWARD = 3
"""A training step is a forward pass, and a backward pass of twice its multiply-adds."""
METRICS = ("epoch", "steps", "loss", "top1", "learning_rate", "finished")
"""Columns of metrics.csv: epochs and optimizer steps done, mean loss of the epoch, fraction of validation
images, the rate at the epoch's end, and when that was, in UTC."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingJob:
    """Everything that a full training depends on, but the machine.

    Args:
        spec: the network; image size, classes and channels are the data's.
        recipe: how it is trained.
        data: name of the data set.
        train: images; None takes all.
        validation: likewise.
        data_seed: of the split.
        allow_upsampling: whether images may be larger than the data's own.
        seed: of the training.
        numerics: padding and batch norm.
        kernels: where those of depthwise convolutions come from.
    """

    spec: ArchitectureSpec
    recipe: Recipe
    data: str
    train: int | None
    validation: int | None
    data_seed: int
    allow_upsampling: bool
    seed: int
    numerics: Numerics
    kernels: KernelChoice

    def document(self) -> dict[str, Any]:
        """Return the job as plain data."""
        rest = {key: value for key, value in asdict(self).items() if key != "spec"}
        return {"schema_version": 1, "spec": json.loads(to_json(self.spec)), **rest}

    def key(self) -> str:
        """Return a hash of the job."""
        return hashlib.sha256(json.dumps(self.document(), sort_keys=True).encode()).hexdigest()[:16]

    @property
    def train_macs(self) -> float:
        """Multiply-adds of the training, forward and backward, without evaluation; 0 for whole folders."""
        return float(BACKWARD * count_cost(self.spec).macs * (self.train or 0) * self.recipe.epochs)

    @property
    def streamed(self) -> bool:
        """Whether pictures are decoded while the network trains, rather than loaded before."""
        return self.data.startswith(PREFIX) and self.train is None

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

    def split(self, name: SplitName) -> Split | StreamingSplit:
        """Load a split, the test split whole; folders of pictures of which no count is taken are streamed.

        Raises:
            ConfigError: the recipe's crop is not the one that streamed pictures get.
            DataError: the data are missing, or hold fewer images.
        """
        if self.streamed:
            return StreamingSplit(
                folder=split_folder(folder_of(self.data), name, seed=self.data_seed),
                image_size=self.spec.image_size,
                augment=name == "train" and self.recipe.augmentation.crop_area is not None,
                seed=self.seed,
                allow_upsampling=self.allow_upsampling,
            )
        counts = {"train": self.train, "validation": self.validation}
        return load_split(
            self.data,
            name,
            image_size=self.spec.image_size,
            count=counts.get(name),
            seed=self.data_seed,
            allow_upsampling=self.allow_upsampling,
        )


def fitted(spec: ArchitectureSpec, data: str, image_size: int | None) -> ArchitectureSpec:
    """Return a network with the classes and channels of a data set, at an image size.

    >>> from scaling import variant
    >>> fitted(variant("b0"), "fashion-mnist", 28).num_classes
    10
    """
    info = dataset_info(data)
    size = spec.image_size if image_size is None else image_size
    return replace(spec, num_classes=info.num_classes, in_channels=info.in_channels, image_size=size)


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingFolder:
    """Where a full training leaves its files.

    Args:
        path: the folder.
    """

    path: Path

    @property
    def config(self) -> Path:
        """The job."""
        return self.path / "config.json"

    @property
    def checkpoint(self) -> Path:
        """What an interrupted training goes on from."""
        return self.path / "training.checkpoint"

    @property
    def kernels(self) -> Path:
        """The depthwise kernels that the training keeps, wherever it goes on."""
        return self.path / "kernels.json"

    @property
    def metrics(self) -> Path:
        """One row an epoch."""
        return self.path / "metrics.csv"

    @property
    def weights(self) -> Path:
        """The trained network."""
        return self.path / "weights.safetensors"

    @property
    def result(self) -> Path:
        """What the training gave."""
        return self.path / "result.json"

    @property
    def provenance(self) -> Path:
        """Where the result comes from."""
        return self.path / "provenance.json"

    @property
    def board(self) -> Path:
        """TensorBoard's files."""
        return self.path / "tensorboard"

    def claim(self, job: TrainingJob) -> None:
        """Note the job, or see that it is the one that was noted.

        Raises:
            ConfigError: the folder holds another training; the first difference is named.
            ResultsError: the folder cannot be read or written.
        """
        document = json.loads(json.dumps(job.document()))
        if not self.config.exists():
            if self.path.is_dir() and any(self.path.iterdir()):
                raise ConfigError(f"{self.path} holds other files; give another --output")
            write_json(self.config, document)
            return
        found = _read_json(self.config)
        for key in document:
            if found.get(key) != document[key]:
                raise ConfigError(
                    f"{self.path} holds another training, whose {key} differs; give another --output"
                )

    def finished(self) -> dict[str, Any] | None:
        """Return the result of a training that has ended, or None."""
        return _read_json(self.result) if self.result.exists() else None

    def add_epoch(self, row: Mapping[str, object]) -> None:
        """Add an epoch to metrics.csv; an epoch that was trained again replaces itself and later ones."""
        rows = []
        if self.metrics.exists():
            earlier = pd.read_csv(self.metrics)
            rows = earlier[earlier["epoch"] < row["epoch"]].to_dict("records")
        frame = pd.DataFrame([*rows, dict(row)], columns=list(METRICS))
        write_text(self.metrics, frame.to_csv(index=False, lineterminator="\n"))


def _read_json(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ResultsError(f"cannot read {path}: {str(error).splitlines()[0]}") from None
    if not isinstance(found, dict):
        raise ResultsError(f"cannot read {path}: it is no document")
    return found


def content(split: Split | StreamingSplit) -> str:
    """Return a checksum of a split, for provenance: of pixels, or of streamed files' names, sizes, times."""
    return checksum(split) if isinstance(split, Split) else split.checksum()
