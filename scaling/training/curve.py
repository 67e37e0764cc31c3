"""The curve of a training: what is known after each of its epochs."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class EpochEnd:
    """What is known when an epoch has ended: a point of the training curve.

    Args:
        epoch: epochs finished, from 1.
        steps: optimizer steps done.
        loss: mean over the epoch's batches, as they were trained on, in nats.
        validation_loss: mean cross-entropy of the validation images, in nats, without label smoothing.
        top1: fraction of validation images answered right.
        learning_rate: at the end of the epoch.
        seconds: that the epoch's training took, without evaluation.
    """

    epoch: int
    steps: int
    loss: float
    validation_loss: float
    top1: float
    learning_rate: float
    seconds: float


Curve = tuple[EpochEnd, ...]
"""One point an epoch, the first epoch first."""
