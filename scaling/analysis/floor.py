"""What the noise floor of a proxy means: how sure, of what made, how many seeds it asks for."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from scaling.analysis.intervals import Interval, mean_interval
from scaling.analysis.noise import NoiseFloor, noise_floor
from scaling.analysis.power import seeds_to_tell
from scaling.analysis.spread import SpreadParts, split_spread, validation_error
from scaling.errors import ResultsError

DIFFERENCES = (0.005, 0.01, 0.02)
"""Half a point of top-1, one, two: what people ask for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SeedsNeeded:
    """Seeds of each of two networks with which a t-test at 95 % tells them apart with 80 % power.

    Args:
        difference: of their true top1 (fraction).
        seeds: if the spread is as measured; None above a million.
        at_low: if it is at the lower end of its interval.
        at_high: if it is at the upper end.
    """

    difference: float
    seeds: int | None
    at_low: int | None
    at_high: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class NoiseReport:
    """The noise floor of a proxy; fractions throughout.

    Args:
        floor: seed-to-seed spread, pooled within networks.
        limits: its 95 % chi-square interval.
        networks: that were trained with two seeds or more.
        top1: mean of the network with its t interval; None where several networks were pooled.
        validation_images: that top1 was judged on.
        validation_error: standard error of one top1 that comes of the choice of these images.
        parts: what the spread is made of; None where single answers were not kept.
        needed: seeds to tell half a point, one and two points apart.
    """

    floor: NoiseFloor
    limits: tuple[float, float]
    networks: int
    top1: Interval | None
    validation_images: int
    validation_error: float
    parts: SpreadParts | None
    needed: tuple[SeedsNeeded, ...]


def noise_report(
    trials: pd.DataFrame,
    *,
    validation_images: int,
    right_SN: np.ndarray | None = None,  # noqa: N803
) -> NoiseReport:
    """Return the noise floor of a table of trials.

    Args:
        trials: the table; networks with one complete seed say nothing and are left out.
        validation_images: that top1 was judged on.
        right_SN: bool (seeds, images) of a single network, if kept.

    Raises:
        ResultsError: no network has two complete seeds.
    """
    floor = noise_floor(trials)
    if floor is None:
        raise ResultsError("there is no noise floor: no network has two complete seeds")
    complete = trials[trials["state"] == "complete"]
    repeated = complete[complete.groupby("architecture")["seed"].transform("count") > 1]
    networks = int(repeated["architecture"].nunique())
    values = [float(value) for value in repeated["top1"]]
    low, high = floor.limits()
    return NoiseReport(
        floor=floor,
        limits=(low, high),
        networks=networks,
        top1=mean_interval(values) if networks == 1 else None,
        validation_images=validation_images,
        validation_error=validation_error(float(np.mean(values)), validation_images),
        parts=None if right_SN is None else split_spread(right_SN),
        needed=tuple(_needed(difference, floor.standard_deviation, low, high) for difference in DIFFERENCES),
    )


def _needed(difference: float, spread: float, low: float, high: float) -> SeedsNeeded:
    seeds, at_low, at_high = (
        seeds_to_tell(difference, standard_deviation=value) for value in (spread, low, high)
    )
    return SeedsNeeded(difference=difference, seeds=seeds, at_low=at_low, at_high=at_high)
