"""Every distinct network on target: how large a search's space really is after rounding. Floor 5."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import TypeVar

import numpy as np

from scaling.architecture import LARGEST_IMAGE, ArchitectureSpec, HeadSpec
from scaling.coefficients import ScalingCoefficients
from scaling.cost import count_cost
from scaling.cost.vectorised import Candidates, count_costs
from scaling.errors import SpecError
from scaling.generation import scale
from scaling.rounding import RELEASED, RoundingRules
from scaling.search.realise import Target

Step = TypeVar("Step")
RESOLUTION = 1e-9
"""Two coefficients closer than this are one: far below any rounding step."""


def on_target(baseline: ArchitectureSpec, target: Target, rounding: RoundingRules = RELEASED) -> Candidates:
    """Return every distinct network with depth, width and image size at least the baseline's, on target.

    Exact: every step of the rounded depth and width coefficients, times every image size, by closed form.

    Args:
        baseline: what is scaled.
        target: wanted cost, tolerance and largest image size.
        rounding: rounding rules.

    >>> from scaling import variant
    >>> len(on_target(variant("b0"), Target()))
    88
    """
    repeats, channels = depth_steps(baseline, target, rounding), width_steps(baseline, target, rounding)
    sizes = image_sizes(baseline, target, rounding)
    depth, width, size = (
        index.ravel()
        for index in np.meshgrid(
            np.arange(len(repeats)), np.arange(len(channels)), np.arange(len(sizes)), indexing="ij"
        )
    )
    everything = Candidates(
        repeats=np.array(repeats, np.int64)[depth],
        channels=np.array(channels, np.int64)[width],
        image_size=np.array(sizes, np.int64)[size],
    )
    achieved = count_costs(baseline, everything).macs / count_cost(baseline).macs
    rows = np.flatnonzero(np.abs(achieved / target.factor - 1) <= target.tolerance)
    return Candidates(
        repeats=everything.repeats[rows],
        channels=everything.channels[rows],
        image_size=everything.image_size[rows],
    )


def specs_of(baseline: ArchitectureSpec, candidates: Candidates) -> Iterator[ArchitectureSpec]:
    """Yield the candidates as specs with the baseline's kernels, strides, ratios and metadata."""
    for repeats, channels, size in zip(
        candidates.repeats.tolist(), candidates.channels.tolist(), candidates.image_size.tolist(), strict=True
    ):
        stages = tuple(
            replace(stage, repeats=count, in_channels=into, out_channels=out)
            for stage, count, into, out in zip(
                baseline.stages, repeats, channels[:-2], channels[1:-1], strict=True
            )
        )
        yield replace(
            baseline,
            stem=replace(baseline.stem, out_channels=channels[0]),
            stages=stages,
            head=HeadSpec(out_channels=channels[-1]),
            image_size=size,
        )


def depth_steps(baseline: ArchitectureSpec, target: Target, rounding: RoundingRules) -> list[tuple[int, ...]]:
    """Return every distinct tuple of repeats up to the target's cost, shallowest first."""

    def repeats(depth: float) -> tuple[int, ...]:
        return tuple(
            rounding.repeats(stage.repeats, rounding.coefficient(depth)) for stage in baseline.stages
        )

    return _steps(repeats, _largest(baseline, target, rounding, "depth_coefficient"))


def width_steps(baseline: ArchitectureSpec, target: Target, rounding: RoundingRules) -> list[tuple[int, ...]]:
    """Return every distinct (stem, stages …, head) channels up to the target's cost, narrowest first."""

    def channels(width: float) -> tuple[int, ...]:
        rounded = rounding.coefficient(width)
        out = [baseline.stem.out_channels, *(stage.out_channels for stage in baseline.stages)]
        head = rounding.head_channels(baseline.head.out_channels, out[-1], rounded)
        return (*(rounding.channels(count, rounded) for count in out), head)

    return _steps(channels, _largest(baseline, target, rounding, "width_coefficient"))


def image_sizes(baseline: ArchitectureSpec, target: Target, rounding: RoundingRules) -> list[int]:
    """Return every image size from the baseline's up to the target's cost, on the rounding's step."""
    largest = target.largest_image_size or LARGEST_IMAGE
    wanted = target.factor * (1 + target.tolerance) * count_cost(baseline).macs
    sizes = [baseline.image_size]
    while (size := sizes[-1] + rounding.image_size_step) <= largest:
        if count_cost(replace(baseline, image_size=size)).macs > wanted:
            break
        sizes.append(size)
    return sizes


def _largest(baseline: ArchitectureSpec, target: Target, rounding: RoundingRules, axis: str) -> float:
    """Return a coefficient of one axis whose cost is beyond the target's."""
    wanted = target.factor * (1 + target.tolerance) * count_cost(baseline).macs
    value, unscaled = (
        1.0,
        dict.fromkeys(("depth_coefficient", "width_coefficient", "resolution_coefficient"), 1.0),
    )
    while True:
        value *= 1.25
        try:
            spec = scale(baseline, ScalingCoefficients(**{**unscaled, axis: value}), rounding)
        except SpecError:
            return value
        if count_cost(spec).macs > wanted:
            return value


def _steps(function: Callable[[float], Step], high: float) -> list[Step]:
    """Return the distinct values of a monotone step function on [1, high], in order, by bisection."""
    found = [function(1.0)]

    def split(low: float, high: float) -> None:
        if function(low) == function(high):
            return
        if high - low < RESOLUTION:
            found.append(function(high))
            return
        middle = (low + high) / 2
        split(low, middle)
        split(middle, high)

    split(1.0, high)
    return found
