"""Learning rate as a share of its peak: pure functions of progress in [0, 1]."""

from __future__ import annotations

import math
from enum import StrEnum


class Schedule(StrEnum):
    """How the learning rate moves."""

    COSINE = "cosine"
    EXPONENTIAL = "exponential"
    """A staircase, as released."""
    ONE_CYCLE = "one-cycle"
    CONSTANT = "constant"


START_SHARE, END_SHARE = 1 / 25, 1 / 25 / 1e4
"""Of the peak, at the two ends of one cycle: the defaults of torch.optim.lr_scheduler.OneCycleLR."""


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
