"""Every distinct network on target: how large a search's space really is after rounding. Floor 5."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from scaling.architecture import LARGEST_IMAGE, ArchitectureSpec
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Space:
    """Every distinct network on target, around one baseline.

    Args:
        candidates: repeats, channels and image sizes of N networks.
        depth_coefficient: float64 (N,): the smallest at which the generator gives these repeats.
        width_coefficient: float64 (N,): the smallest at which it gives these channels.
    """

    candidates: Candidates
    depth_coefficient: NDArray[np.float64]
    width_coefficient: NDArray[np.float64]

    def __len__(self) -> int:
        """Return N."""
        return len(self.candidates)


def on_target(baseline: ArchitectureSpec, target: Target, rounding: RoundingRules = RELEASED) -> Space:
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
    depths, widths = depth_steps(baseline, target, rounding), width_steps(baseline, target, rounding)
    sizes = np.array(image_sizes(baseline, target, rounding), np.int64)
    grid = np.meshgrid(np.arange(len(depths)), np.arange(len(widths)), np.arange(len(sizes)), indexing="ij")
    depth, width, size = (index.ravel() for index in grid)
    repeats = np.array([step for _, step in depths], np.int64)
    channels = np.array([step for _, step in widths], np.int64)
    everything = Candidates(repeats=repeats[depth], channels=channels[width], image_size=sizes[size])
    # What `scale` gives carries the rounding's own squeeze rule.
    stages = tuple(replace(stage, squeeze_rounding=rounding.squeeze_rounding) for stage in baseline.stages)
    achieved = count_costs(replace(baseline, stages=stages), everything).macs / count_cost(baseline).macs
    rows = np.flatnonzero(np.abs(achieved / target.factor - 1) <= target.tolerance)
    return Space(
        candidates=Candidates(
            repeats=everything.repeats[rows],
            channels=everything.channels[rows],
            image_size=everything.image_size[rows],
        ),
        depth_coefficient=np.array([coefficient for coefficient, _ in depths])[depth[rows]],
        width_coefficient=np.array([coefficient for coefficient, _ in widths])[width[rows]],
    )


def specs_of(
    baseline: ArchitectureSpec, space: Space, rounding: RoundingRules = RELEASED
) -> Iterator[ArchitectureSpec]:
    """Yield the networks of a space as specs, as the generator makes them."""
    for depth, width, size in zip(
        space.depth_coefficient.tolist(),
        space.width_coefficient.tolist(),
        space.candidates.image_size.tolist(),
        strict=True,
    ):
        multipliers = ScalingCoefficients(
            depth_coefficient=depth,
            width_coefficient=width,
            resolution_coefficient=size / baseline.image_size,
        )
        yield scale(baseline, multipliers, rounding)


def depth_steps(
    baseline: ArchitectureSpec, target: Target, rounding: RoundingRules
) -> list[tuple[float, tuple[int, ...]]]:
    """Return every distinct tuple of repeats up to the target's cost, shallowest first."""

    def repeats(depth: float) -> tuple[int, ...]:
        unscaled = [stage.repeats for stage in baseline.stages]
        return rounding.stage_repeats(unscaled, rounding.coefficient(depth))

    return _steps(repeats, _largest(baseline, target, rounding, "depth_coefficient"))


def width_steps(
    baseline: ArchitectureSpec, target: Target, rounding: RoundingRules
) -> list[tuple[float, tuple[int, ...]]]:
    """Return every distinct (stem, stages …, head) channels up to the target's cost, narrowest first."""

    def channels(width: float) -> tuple[int, ...]:
        rounded = rounding.coefficient(width)
        out = [stage.out_channels for stage in baseline.stages]
        stem = rounding.stem_channels(baseline.stem.out_channels, rounded)
        head = rounding.head_channels(baseline.head.out_channels, out[-1], rounded)
        return (stem, *(rounding.channels(count, rounded) for count in out), head)

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


def _steps(function: Callable[[float], Step], high: float) -> list[tuple[float, Step]]:
    """Return where a monotone step function on [1, high] takes each new value, and the value."""
    found = [(1.0, function(1.0))]

    def split(low: float, high: float) -> None:
        if function(low) == function(high):
            return
        if high - low < RESOLUTION:
            found.append((high, function(high)))
            return
        middle = (low + high) / 2
        split(low, middle)
        split(middle, high)

    split(1.0, high)
    return found
