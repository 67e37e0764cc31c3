"""Scores of an audit's networks that need no training."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import mean

import torch
from torch import Tensor

from scaling.cost import count_cost
from scaling.data import dataset_info, load_split
from scaling.network.architecture import ArchitectureSpec
from scaling.plans.audit.config import BASELINES, Audit
from scaling.runs.job import BACKWARD
from scaling.training.kernels import Progress, no_progress
from scaling.training.zero_cost import ZeroCost, zero_cost_score


@dataclass(frozen=True, slots=True, kw_only=True)
class Scores:
    """One score of every network.

    Args:
        values: of each network; higher is meant to be better.
        macs: multiply-adds that it took, over all networks.
    """

    name: str
    values: tuple[float, ...]
    macs: float
    wall_s: float


def scores_of(
    audit: Audit, networks: Sequence[ArchitectureSpec], progress: Progress = no_progress
) -> tuple[Scores, ...]:
    """Return every score of every network, costs first; the batch is the first training images.

    Raises:
        DataError: the images are missing.
    """
    costs = [count_cost(spec) for spec in networks]
    found = [
        Scores(name=name, values=tuple(float(getattr(cost, name)) for cost in costs), macs=0.0, wall_s=0.0)
        for name in BASELINES
    ]
    wanted, numerics = audit.config.scores, audit.setup.model_numerics
    total = len(networks) * len(wanted.names)
    for number, score in enumerate(wanted.names):
        start, values = time.perf_counter(), list[float]()
        for spec in networks:
            images, labels = _batch(audit, spec.image_size)
            own = (
                zero_cost_score(score, spec, images, labels, seed=seed, numerics=numerics)
                for seed in wanted.seeds
            )
            values.append(mean(own))
            progress(number * len(networks) + len(values), total)
        images_each = 1 if score == ZeroCost.SYNFLOW else wanted.batch
        passes = BACKWARD * images_each * len(wanted.seeds)
        found.append(
            Scores(
                name=score.value,
                values=tuple(values),
                macs=float(passes * sum(cost.macs for cost in costs)),
                wall_s=time.perf_counter() - start,
            )
        )
    return tuple(found)


def _batch(audit: Audit, image_size: int) -> tuple[Tensor, Tensor]:
    data, info = audit.setup.data, dataset_info(audit.setup.data.name)
    split = load_split(
        data.name,
        "train",
        image_size=image_size,
        count=min(audit.config.scores.batch, audit.images),
        seed=data.seed,
        allow_upsampling=data.allow_upsampling,
    )
    mean_C11, std_C11 = (torch.tensor(one)[:, None, None] for one in (info.mean, info.std))  # noqa: N806
    return (torch.from_numpy(split.images) / 255 - mean_C11) / std_C11, torch.from_numpy(split.labels)
