"""Bracketed learning rates: the best of a ladder at the baseline and at three corners, and between them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from scaling.atomic_write import json_of, read_regular, write_json
from scaling.errors import ConfigError

BASELINE = "baseline"
DIMENSIONS = ("depth", "width", "resolution")
"""Names of the corners: the baseline scaled along one dimension alone, as far as rounding allows."""
SCHEMA = 1
LARGEST_FILE = 2**20
"""Bytes; ours take 6,000."""
STRICT: dict[str, Any] = {"extra": "forbid"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Rung:
    """One rate of a ladder.

    Args:
        learning_rate: peak of the schedule, above 0.
        validation_loss: in nats, mean over the seeds; None where a training diverged.
        top1: fraction of validation images, mean over the seeds; None where a training diverged.
    """

    learning_rate: float
    validation_loss: float | None
    top1: float | None
    __pydantic_config__: ClassVar = STRICT

    @property
    def order(self) -> tuple[float, float]:
        """Less is better: the validation loss, then top1; what diverged comes last."""
        loss, top1 = self.validation_loss, self.top1
        return (math.inf if loss is None else loss, 0.0 if top1 is None else -top1)


@dataclass(frozen=True, slots=True, kw_only=True)
class BracketedRate:
    """The ladder of one network, and the best rate on it.

    Args:
        name: `baseline`, `depth`, `width` or `resolution`.
        doublings: realised x_depth, x_width, x_resolution of the network.
        rungs: from the lowest rate to the highest.
    """

    name: str
    doublings: tuple[float, float, float]
    rungs: tuple[Rung, ...]
    __pydantic_config__: ClassVar = STRICT

    @property
    def best(self) -> Rung | None:
        """The rung of the lowest validation loss, then of the highest top1; None where all diverged."""
        found = min(self.rungs, key=lambda rung: rung.order, default=None)
        return None if found is None or found.validation_loss is None else found

    @property
    def open_side(self) -> int:
        """Where the ladder has to go on: -1 below, 1 above, 0 where the best rate is inside."""
        if self.best is None or self.best == self.rungs[0]:
            return -1
        return 1 if self.best == self.rungs[-1] else 0


@dataclass(frozen=True, slots=True, kw_only=True)
class LearningRates:
    """Bracketed learning rates of a setup, for every network that is scaled from its baseline.

    Args:
        setup: hash of what they were bracketed for (`Setup.rates_key`).
        factor: cost of the corners, times the baseline's.
        seeds: that each rung was trained with.
        networks: the baseline, then depth, width, resolution alone.

    Raises:
        ConfigError: other networks, or a best rate that is not inside its ladder; corners that are none.
    """

    setup: str
    factor: float
    seeds: tuple[int, ...]
    networks: tuple[BracketedRate, ...]
    __pydantic_config__: ClassVar = STRICT

    def __post_init__(self) -> None:
        names = tuple(one.name for one in self.networks)
        if names != (BASELINE, *DIMENSIONS):
            raise ConfigError(
                f"expected the learning rates of baseline, depth, width, resolution, got {', '.join(names)}"
            )
        for one in self.networks:
            if one.open_side:
                raise ConfigError(f"the best learning rate of {one.name} is not inside its ladder")
        if abs(np.linalg.det(self._corners())) < 0.1:
            raise ConfigError(
                f"the corners of learning rates should be one dimension each, got {self._corners().tolist()}"
            )

    @property
    def best(self) -> dict[str, float]:
        """The best rate of the baseline and of each corner, by name."""
        return {one.name: one.best.learning_rate for one in self.networks if one.best is not None}

    @property
    def slopes(self) -> tuple[float, float, float]:
        """Doublings of the rate per doubling of cost by depth, width, resolution."""
        best = self.best
        rises = [math.log2(best[name] / best[BASELINE]) for name in DIMENSIONS]
        depth, width, resolution = np.linalg.solve(self._corners(), rises).tolist()
        return depth, width, resolution

    def rate_at(self, x_depth: float, x_width: float, x_resolution: float) -> float:
        """Return the learning rate of a network by its realised doublings (`scaling.cost.doublings`).

        Approximation: the rate's logarithm is linear between baseline and corners, and beyond them.
        Rounded to four digits, so that no last bit of a machine names another training.

        >>> def bracket(name, x, best):
        ...     tried = ((best / 2, 1.0), (best, 0.9), (best * 2, None))
        ...     return BracketedRate(name=name, doublings=x, rungs=tuple(
        ...         Rung(learning_rate=rate, validation_loss=loss, top1=None) for rate, loss in tried))
        >>> rates = LearningRates(setup="", factor=4.0, seeds=(0,), networks=(
        ...     bracket("baseline", (0, 0, 0), 0.04), bracket("depth", (2, 0, 0), 0.01),
        ...     bracket("width", (0, 2, 0), 0.04), bracket("resolution", (0, 0, 2), 0.08)))
        >>> rates.slopes
        (-1.0, 0.0, 0.5)
        >>> rates.rate_at(1, 0, 0), rates.rate_at(0, 1.5, 0), rates.rate_at(0, 0, 2)
        (0.02, 0.04, 0.08)
        """
        moved = zip(self.slopes, (x_depth, x_width, x_resolution), strict=True)
        rate = self.best[BASELINE] * 2.0 ** sum(slope * x for slope, x in moved)
        return float(f"{rate:.4g}")

    def shaping(self) -> list[Any]:
        """Return what shapes trainings: where the rates lie, and the rates."""
        return [[list(one.doublings), self.best[one.name]] for one in self.networks]

    def _corners(self) -> np.ndarray:
        return np.array([one.doublings for one in self.networks[1:]], np.float64)


def write_rates(path: Path, rates: LearningRates, provenance: Mapping[str, Any]) -> None:
    """Write a rates file, whole or not at all.

    Raises:
        ResultsError: it cannot be written.
    """
    write_json(path, {"schema_version": SCHEMA, "rates": asdict(rates), "provenance": dict(provenance)})


def read_rates(path: Path) -> dict[str, Any]:
    """Return the table of a rates file as plain data, for the setup that names it.

    Raises:
        ConfigError: it cannot be read, or is no rates file of this version.
    """
    again = "`scaling study rates --setup SETUP --export` writes it"
    try:
        document = json_of(read_regular(path, LARGEST_FILE))
        if document["schema_version"] != SCHEMA:
            raise ValueError(f"expected schema_version {SCHEMA}, got {document['schema_version']!r}")
        found: dict[str, Any] = dict(document["rates"])
    except OSError as error:
        raise ConfigError(f"cannot read the learning rates {path}: {error.strerror}; {again}") from None
    except (ValueError, KeyError, TypeError):
        raise ConfigError(f"{path} holds no learning rates of this version; {again}") from None
    return found
