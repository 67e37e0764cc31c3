"""How a network is trained, as data. Floor 4."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar

from scaling.errors import ConfigError


class Optimizer(StrEnum):
    """Which optimizer steps."""

    ADAMW = "adamw"
    SGD = "sgd"
    """With Nesterov momentum 0.9."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """Everything that decides how a network is trained, but its seed.

    Args:
        epochs: passes over the training images, at least 1.
        batch_size: images a step, at least 2 (batch norm needs two).
        learning_rate: peak of the schedule, above 0.
        optimizer: `adamw` or `sgd`.
        weight_decay: decoupled in AdamW, L2 in SGD; not on biases and batch norm.
        warmup: share of all steps in which the rate rises linearly, in [0, 1).
        label_smoothing: in [0, 1).
        dropout: before the classifier; None keeps the network's own.
        stochastic_depth: drop probability of the last block; None keeps the network's own.
        zero_init_residual: start every residual branch at 0 (its last batch norm's weight), so that a deeper
            network starts as a shallow one; not in the released code (arXiv:1706.02677, section 5.1).

    Raises:
        ConfigError: a value is out of range.
    """

    epochs: int
    batch_size: int = 64
    learning_rate: float = 0.01
    optimizer: Optimizer = Optimizer.ADAMW
    weight_decay: float = 0.01
    warmup: float = 0.1
    label_smoothing: float = 0.0
    dropout: float | None = None
    stochastic_depth: float | None = None
    zero_init_residual: bool = False
    __pydantic_config__: ClassVar = {"extra": "forbid"}

    def __post_init__(self) -> None:
        shares = {"warmup": self.warmup, "label_smoothing": self.label_smoothing}
        shares |= {"dropout": self.dropout or 0.0, "stochastic_depth": self.stochastic_depth or 0.0}
        for name, value in shares.items():
            if not 0 <= value < 1:
                raise ConfigError(f"{name} must be at least 0 and below 1, got {value}")
        for name, value, least in (("epochs", self.epochs, 1), ("batch_size", self.batch_size, 2)):
            if value < least:
                raise ConfigError(f"{name} must be at least {least}, got {value}")
        if not (self.learning_rate > 0 and math.isfinite(self.learning_rate)):
            raise ConfigError(f"learning_rate must be above 0, got {self.learning_rate}")
        if not self.weight_decay >= 0:
            raise ConfigError(f"weight_decay must not be negative, got {self.weight_decay}")


def warmup_cosine(progress: float, warmup: float) -> float:
    """Return the learning rate as a share of its peak: linear warm-up, then half a cosine to 0.

    Args:
        progress: share of all steps that are done, in [0, 1].
        warmup: share of all steps spent rising, in [0, 1).

    Source: arXiv:1608.03983 (one cycle, no restart).

    >>> warmup_cosine(0.05, 0.1), warmup_cosine(0.1, 0.1), round(warmup_cosine(1.0, 0.1), 6)
    (0.5, 1.0, 0.0)
    """
    if progress < warmup:
        return progress / warmup
    return 0.5 * (1 + math.cos(math.pi * (progress - warmup) / (1 - warmup)))
