"""The integers that each dimension's multiplier gives, and every distinct depth, width and image size."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TypeAlias, assert_never

import numpy as np
from numpy.typing import NDArray

from scaling.cost.vectorised import Candidates
from scaling.errors import SpecError
from scaling.network.architecture import ArchitectureSpec
from scaling.network.coefficients import ScalingCoefficients
from scaling.network.generation import scale, scaled_channels
from scaling.network.rounding import RoundingRules
from scaling.targets.target import Target

Index: TypeAlias = NDArray[np.int64]
Rule: TypeAlias = Callable[[float], Sequence[float]]
RESOLUTION = 1e-9
"""Two coefficients closer than this are one: far below any rounding step."""


class Dimension(StrEnum):
    """The three dimensions of compound scaling, in the order of alpha, beta, gamma."""

    DEPTH = "depth"
    WIDTH = "width"
    RESOLUTION = "resolution"


def realised_rule(baseline: ArchitectureSpec, dimension: Dimension, rounding: RoundingRules) -> Rule:
    """Return the map from one dimension's multiplier to its integers, as `generation` applies it.

    A depth or width that rounds to a coefficient of 0 gives no network, and no integers.
    """

    def integers(multiplier: float) -> tuple[int, ...]:
        if dimension == Dimension.RESOLUTION:
            return (rounding.image_size(baseline.image_size, multiplier),)
        coefficient = rounding.coefficient(multiplier)
        if coefficient <= 0:
            return ()
        if dimension == Dimension.WIDTH:
            return scaled_channels(baseline, coefficient, rounding)
        return rounding.stage_repeats([stage.repeats for stage in baseline.stages], coefficient)

    return integers


def realised(spec: ArchitectureSpec, dimension: Dimension) -> tuple[int, ...]:
    """Return the integers of a network that one dimension's multiplier decides."""
    match dimension:
        case Dimension.DEPTH:
            return tuple(stage.repeats for stage in spec.stages)
        case Dimension.WIDTH:
            return spec.channels
        case Dimension.RESOLUTION:
            return (spec.image_size,)
        case _:
            assert_never(dimension)


def most_amount(baseline: ArchitectureSpec, target: Target) -> float:
    """Return the most that a network on target costs, in its metric."""
    return target.factor * (1 + target.tolerance) * target.amount(baseline)


@dataclass(frozen=True, slots=True, kw_only=True)
class Steps:
    """Every distinct depth and width of a baseline, and image sizes to go with them.

    Args:
        baseline: with the rounding's own squeeze rule, as `scale` gives it.
        depth_coefficient: float64 (depths,): the smallest at which the generator gives these repeats.
        width_coefficient: float64 (widths,): the smallest at which it gives these channels.
        repeats: (depths, stages), shallowest first.
        channels: (widths, stages + 2): stem, stages, head; narrowest first.
        sizes: pixels, smallest first.
    """

    baseline: ArchitectureSpec
    depth_coefficient: NDArray[np.float64]
    width_coefficient: NDArray[np.float64]
    repeats: Index
    channels: Index
    sizes: Index

    @property
    def shape(self) -> tuple[int, int]:
        """How many depths and widths there are."""
        return len(self.repeats), len(self.channels)

    def candidates(self, depth: Index, width: Index, size: Index) -> Candidates:
        """Return networks by the indices of their steps, (N,) each."""
        return Candidates(
            repeats=self.repeats[depth], channels=self.channels[width], image_size=self.sizes[size]
        )


def steps_of(
    baseline: ArchitectureSpec, target: Target, rounding: RoundingRules, sizes: Sequence[int]
) -> Steps:
    """Return every distinct depth and width up to the target's cost, with image sizes to go with them."""
    (depths, repeats), (widths, channels) = (
        _distinct(
            realised_rule(baseline, dimension, rounding),
            _beyond(baseline, target, rounding, f"{dimension}_coefficient"),
        )
        for dimension in (Dimension.DEPTH, Dimension.WIDTH)
    )
    stages = tuple(replace(one, squeeze_rounding=rounding.squeeze_rounding) for one in baseline.stages)
    return Steps(
        baseline=replace(baseline, stages=stages),
        depth_coefficient=np.array(depths),
        width_coefficient=np.array(widths),
        repeats=np.array(repeats, np.int64),
        channels=np.array(channels, np.int64),
        sizes=np.array(sizes, np.int64),
    )


def _beyond(baseline: ArchitectureSpec, target: Target, rounding: RoundingRules, axis: str) -> float:
    """Return a coefficient of one axis whose cost is beyond the target's."""
    value, most = 1.0, most_amount(baseline, target)
    while True:
        value *= 1.25
        try:
            spec = scale(baseline, ScalingCoefficients(**{axis: value}), rounding)
        except SpecError:
            return value
        if target.amount(spec) > most:
            return value


def _distinct(rule: Rule, high: float) -> tuple[list[float], list[Sequence[float]]]:
    """Return where a rule takes each new value on [1, high], and the values."""
    found = [(1.0, rule(1.0))]

    def split(low: float, high: float) -> None:
        if rule(low) == rule(high):
            return
        if high - low < RESOLUTION:
            found.append((high, rule(high)))
            return
        middle = (low + high) / 2
        split(low, middle)
        split(middle, high)

    split(1.0, high)
    coefficients, values = zip(*found, strict=True)
    return list(coefficients), list(values)


def first_where(holds: Callable[[Index, Index], NDArray[np.bool_]], most: Index) -> Index:
    """Bisect many rows at once for the first index at which something holds that goes on to hold.

    Args:
        holds: of rows and indices (N,) each.
        most: (rows,): the index to return where it holds at none below.

    >>> first_where(lambda rows, indices: indices >= rows + 1, np.array([5, 5, 2])).tolist()
    [1, 2, 2]
    """
    low, high = np.zeros_like(most), most.copy()
    while (open_ := np.flatnonzero(low < high)).size:
        middle = (low[open_] + high[open_]) // 2
        reached = holds(open_, middle)
        high[open_[reached]] = middle[reached]
        low[open_[~reached]] = middle[~reached] + 1
    return low
