"""How a network is trained, as data."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar

from scaling.training.augmentation import NO_AUGMENTATION, Augmentation, check_range


class Optimizer(StrEnum):
    """Which optimizer steps."""

    ADAMW = "adamw"
    SGD = "sgd"
    """With Nesterov momentum."""
    RMSPROP = "rmsprop"
    """TensorFlow's, as the released training used it."""


class Schedule(StrEnum):
    """How the learning rate moves."""

    COSINE = "cosine"
    EXPONENTIAL = "exponential"
    """A staircase, as released."""
    ONE_CYCLE = "one-cycle"
    CONSTANT = "constant"


START_SHARE, END_SHARE = 1 / 25, 1 / 25 / 1e4
"""Of the peak, at the two ends of one cycle: the defaults of torch.optim.lr_scheduler.OneCycleLR."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """Everything that decides how a network is trained, but its seed.

    Raises:
        ConfigError: a value is out of range.
    """

    epochs: int
    """Passes over the training images, at least 1."""
    batch_size: int = 64
    """Images a step, at least 2 (batch norm needs two)."""
    micro_batch: int | None = None
    """Images that are trained on, and normalised, together, at least 2; their gradients are added up to those
    of a batch. None takes the whole batch where memory allows."""
    learning_rate: float = 0.01
    """Peak of the schedule, above 0."""
    optimizer: Optimizer = Optimizer.ADAMW
    """`adamw`, `sgd` or `rmsprop`."""
    momentum: float = 0.9
    """Momentum of SGD and RMSProp, in [0, 1)."""
    schedule: Schedule = Schedule.COSINE
    """`cosine`, `exponential`, `one-cycle` or `constant`."""
    warmup: float = 0.1
    """Share of all steps in which the rate rises, in [0, 1)."""
    decay_rate: float = 0.97
    """Factor between two stairs of the exponential schedule, in (0, 1]."""
    decay_epochs: float = 2.4
    """Length of such a stair, above 0."""
    weight_decay: float = 0.01
    """Decoupled in AdamW, L2 in SGD and RMSProp; never on batch norm."""
    decay_biases: bool = False
    """Whether it also acts on biases, as released."""
    label_smoothing: float = 0.0
    """Share of the target that is spread over all classes, in [0, 1)."""
    gradient_clip: float | None = None
    """Largest norm of all gradients together; None does not clip."""
    ema_decay: float | None = None
    """Decay of the moving average of weights and batch-norm statistics that is evaluated, in (0, 1); None
    evaluates the weights themselves."""
    dropout: float | None = None
    """Drop probability before the classifier; None keeps the network's own."""
    stochastic_depth: float | None = None
    """Drop probability of the last block; None keeps the network's own."""
    zero_init_residual: bool = False
    """Start every residual branch at 0 (its last batch norm's weight), so that a deeper network starts as a
    shallow one; not in the released code (arXiv:1706.02677, section 5.1)."""
    augmentation: Augmentation = NO_AUGMENTATION
    """What is done to training images."""
    __pydantic_config__: ClassVar = {"extra": "forbid", "use_attribute_docstrings": True}

    def __post_init__(self) -> None:
        below_one = ("warmup", "label_smoothing", "momentum", "dropout", "stochastic_depth")
        check_range(self, below_one, "at least 0 and below 1", lambda value: 0 <= value < 1)
        check_range(self, ("epochs",), "at least 1", lambda value: value >= 1)
        check_range(self, ("batch_size", "micro_batch"), "at least 2", lambda value: value >= 2)
        positive = ("learning_rate", "decay_epochs", "gradient_clip")
        check_range(self, positive, "above 0", lambda value: value > 0 and math.isfinite(value))
        check_range(self, ("weight_decay",), "at least 0", lambda value: value >= 0 and math.isfinite(value))
        check_range(self, ("decay_rate",), "above 0 and at most 1", lambda value: 0 < value <= 1)
        check_range(self, ("ema_decay",), "above 0 and below 1", lambda value: 0 < value < 1)


def learning_rate(recipe: Recipe, progress: float) -> float:
    """Return the learning rate when a share of all steps, in [0, 1], is done.

    >>> learning_rate(Recipe(epochs=1, learning_rate=0.5, warmup=0.1), 0.05)
    0.25
    """
    match recipe.schedule:
        case Schedule.COSINE:
            share = warmup_cosine(progress, recipe.warmup)
        case Schedule.EXPONENTIAL:
            stairs = recipe.epochs / recipe.decay_epochs
            share = warmup_staircase(progress, recipe.warmup, decay=recipe.decay_rate, stairs=stairs)
        case Schedule.ONE_CYCLE:
            share = one_cycle(progress, recipe.warmup)
        case Schedule.CONSTANT:
            share = 1.0 if progress >= recipe.warmup else progress / recipe.warmup
    return recipe.learning_rate * share


def warmup_cosine(progress: float, warmup: float) -> float:
    """Return linear warm-up, then half a cosine down to 0.

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


def warmup_staircase(progress: float, warmup: float, *, decay: float, stairs: float) -> float:
    """Return linear warm-up to the peak, then the step of a staircase that has been falling from the start.

    Args:
        progress: share of all steps that are done, in [0, 1].
        warmup: share of all steps spent rising, in [0, 1); the stairs under it are not seen.
        decay: factor from one stair to the next, in (0, 1].
        stairs: how many fit in the whole training; as released 350 epochs / 2.4.

    Source: tensorflow/tpu models/official/efficientnet/utils.py, build_learning_rate.

    >>> [round(warmup_staircase(p, 0.0, decay=0.97, stairs=10), 4) for p in (0.0, 0.09, 0.11, 0.21)]
    [1.0, 1.0, 0.97, 0.9409]
    """
    if progress < warmup:
        return progress / warmup
    return float(decay ** math.floor(progress * stairs))


def one_cycle(progress: float, rising: float) -> float:
    """Return half a cosine up from 1/25 of the peak, then half a cosine down to 1/250,000 of it.

    Args:
        progress: share of all steps that are done, in [0, 1].
        rising: share of all steps before the peak, in [0, 1).

    Source: arXiv:1708.07120, in torch's two-phase form with cosines.

    >>> round(one_cycle(0.0, 0.3), 3), one_cycle(0.3, 0.3), round(one_cycle(1.0, 0.3), 6)
    (0.04, 1.0, 4e-06)
    """
    if progress < rising:
        return _between(START_SHARE, 1.0, progress / rising)
    return _between(1.0, END_SHARE, (progress - rising) / (1 - rising))


def _between(start: float, end: float, share: float) -> float:
    return end + 0.5 * (start - end) * (1 + math.cos(math.pi * share))
