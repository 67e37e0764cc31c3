"""The parts of seed-to-seed spread: luck on the validation images, and truly different networks."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from scaling.errors import ResultsError


@dataclass(frozen=True, slots=True, kw_only=True)
class SpreadParts:
    """Variances of top1 (fractions squared) from seed to seed on one validation set.

    Args:
        total: of top1 over seeds.
        sampling: part that comes of judging on finitely many images: seeds fall differently on each.
        training: the rest, by which accuracies on endless images would differ. An unbiased estimate, so it
            can come out below 0 where that part is small.
    """

    total: float
    sampling: float
    training: float


def split_spread(right_SN: np.ndarray) -> SpreadParts:  # noqa: N803
    """Split the variance of top1 over seeds into validation sampling and training.

    With v_i the variance over seeds of being right on image i, top1 varies by sum(v_i) / N² for want of
    images alone; what remains is the mean covariance of two images, which more images would not remove.

    Args:
        right_SN: bool (seeds, images), two of each or more.

    Raises:
        ResultsError: the table is smaller.

    Source: law of total variance; Jordan 2023 (arXiv:2304.01910) on test-set variance.

    >>> parts = split_spread(np.array([[True, False], [False, True], [True, False]]))
    >>> parts.total, round(parts.sampling, 3), round(parts.training, 3)
    (0.0, 0.167, -0.167)
    """
    if right_SN.ndim != 2 or min(right_SN.shape) < 2:
        raise ResultsError(f"the spread needs two seeds and two images or more, got {right_SN.shape}")
    total = float(right_SN.mean(axis=1).var(ddof=1))
    images = right_SN.shape[1]
    sampling = float(right_SN.var(axis=0, ddof=1).sum()) / images**2
    return SpreadParts(total=total, sampling=sampling, training=total - sampling)


def validation_error(top1: float, images: int) -> float:
    """Return the standard error of one top1 (fraction) that comes of the choice of validation images.

    It says how far top1 is from the accuracy on endless images. Two networks on the same images share much of
    it, so it does not by itself blur their difference.

    Args:
        top1: fraction, 0 to 1.
        images: of the validation split, 1 or more.

    Source: binomial distribution.

    >>> round(validation_error(0.8, 4000), 5)
    0.00632
    """
    if not 0 <= top1 <= 1 or images < 1:
        raise ResultsError(f"expected a share and at least one image, got {top1} and {images}")
    return math.sqrt(top1 * (1 - top1) / images)
