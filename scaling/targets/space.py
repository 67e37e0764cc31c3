"""Every distinct network on target: how large a search's space really is after rounding."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from scaling.cost.vectorised import Candidates, count_costs
from scaling.errors import SpecError
from scaling.network.architecture import LARGEST_IMAGE, ArchitectureSpec
from scaling.network.coefficients import ScalingCoefficients
from scaling.network.generation import scale, scaled_channels, scaled_to
from scaling.network.rounding import RELEASED, RoundingRules
from scaling.targets.target import Target

Step = TypeVar("Step")
Index = NDArray[np.int64]
RESOLUTION = 1e-9
"""Two coefficients closer than this are one: far below any rounding step."""
MOST_NETWORKS = 500_000
"""Pairs of depth and width, and networks, that are worth enumerating: seconds, and 100 MB."""


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

    Exact: every step of the rounded depth and width coefficients, counted by closed form; cost never falls
    with the image size, so that the sizes on target of each pair are found by bisection.

    Args:
        baseline: what is scaled.
        target: wanted cost, tolerance, limits and largest image size.
        rounding: rounding rules.

    Raises:
        SpecError: there are more than 500,000 pairs of depth and width, or networks.

    >>> from scaling import variant
    >>> len(on_target(variant("b0"), Target()))
    88
    """
    depths, widths = depth_steps(baseline, target, rounding), width_steps(baseline, target, rounding)
    _refuse_more(len(depths) * len(widths), target, f"{len(depths):,} depths × {len(widths):,} widths")
    grid = _Grid(baseline, target, rounding, depths, widths)
    wanted = target.factor * target.amount(baseline)
    # The ends are a hair wide: `met_by` has the last word, on the same quotient as everywhere else.
    first = grid.first_size(wanted * (1 - target.tolerance) * (1 - 1e-12))
    last = grid.first_size(wanted * (1 + target.tolerance) * (1 + 1e-12), beyond=True)
    counts = np.maximum(0, last - first)
    _refuse_more(int(counts.sum()), target, f"{int(counts.sum()):,} networks on target")
    pair = np.repeat(np.arange(len(counts)), counts)
    offset = np.arange(len(pair)) - np.repeat(np.cumsum(counts) - counts, counts)
    return grid.space(pair, first[pair] + offset)


def _refuse_more(count: int, target: Target, what: str) -> None:
    if count > MOST_NETWORKS:
        raise SpecError(
            f"{what} at {target.factor:g}× are more than {MOST_NETWORKS:,}: lower the target factor, or make "
            "the channel divisor, the image size step or the tolerance fit"
        )


class _Grid:
    """Every pair of depth and width steps, and the image sizes that each may have."""

    def __init__(
        self,
        baseline: ArchitectureSpec,
        target: Target,
        rounding: RoundingRules,
        depths: list[tuple[float, tuple[int, ...]]],
        widths: list[tuple[float, tuple[int, ...]]],
    ) -> None:
        self.target, self.baseline, self.rounding = target, baseline, rounding
        self.sizes = np.array(image_sizes(baseline, target, rounding), np.int64)
        self.depths = np.array([coefficient for coefficient, _ in depths])
        self.widths = np.array([coefficient for coefficient, _ in widths])
        self.repeats = np.array([step for _, step in depths], np.int64)
        self.channels = np.array([step for _, step in widths], np.int64)
        # What `scale` gives carries the rounding's own squeeze rule.
        stages = tuple(replace(one, squeeze_rounding=rounding.squeeze_rounding) for one in baseline.stages)
        self.squeezed = replace(baseline, stages=stages)

    def candidates(self, pair: Index, size: Index) -> Candidates:
        """Return the networks of pairs at sizes, both as indices (N,)."""
        depth, width = pair // len(self.widths), pair % len(self.widths)
        return Candidates(
            repeats=self.repeats[depth], channels=self.channels[width], image_size=self.sizes[size]
        )

    def first_size(self, amount: float, *, beyond: bool = False) -> Index:
        """Return for each pair the first size that costs at least an amount (beyond: more), as an index."""
        pairs = np.arange(len(self.depths) * len(self.widths))
        low, high = np.zeros_like(pairs), np.full_like(pairs, len(self.sizes))
        while (open_ := np.flatnonzero(low < high)).size:
            middle = (low[open_] + high[open_]) // 2
            cost = self.target.amounts(count_costs(self.squeezed, self.candidates(pairs[open_], middle)))
            reached = cost > amount if beyond else cost >= amount
            high[open_[reached]] = middle[reached]
            low[open_[~reached]] = middle[~reached] + 1
        return low

    def space(self, pair: Index, size: Index) -> Space:
        """Return those networks that are on target and within the limits."""
        costs = count_costs(self.squeezed, self.candidates(pair, size))
        achieved = self.target.amounts(costs) / self.target.amount(self.baseline)
        kept = np.abs(achieved / self.target.factor - 1) <= self.target.tolerance
        limits = self.target.limits
        for most, cost in (
            (limits.max_macs, costs.macs),
            (limits.max_params, costs.params),
            (limits.max_activations, costs.activations),
            (limits.max_latency_ms, self.target.latency.predict(costs)),
        ):
            kept &= True if most is None else cost <= most
        found = self._chosen(pair[kept], size[kept])
        if limits.max_memory_bytes is None:
            return found
        specs = specs_of(self.baseline, found, self.rounding)
        small = np.array([self.target.within_limits(spec) for spec in specs], bool)
        return self._chosen(pair[kept][small], size[kept][small])

    def _chosen(self, pair: Index, size: Index) -> Space:
        return Space(
            candidates=self.candidates(pair, size),
            depth_coefficient=self.depths[pair // len(self.widths)],
            width_coefficient=self.widths[pair % len(self.widths)],
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
        yield scaled_to(baseline, depth=depth, width=width, image_size=size, rounding=rounding)


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
        return scaled_channels(baseline, rounding.coefficient(width), rounding)

    return _steps(channels, _largest(baseline, target, rounding, "width_coefficient"))


def image_sizes(baseline: ArchitectureSpec, target: Target, rounding: RoundingRules) -> list[int]:
    """Return every image size from the baseline's up to the target's cost, on the rounding's step."""
    largest = target.largest_image_size or LARGEST_IMAGE
    wanted = _most(baseline, target)
    sizes = [baseline.image_size]
    while (size := sizes[-1] + rounding.image_size_step) <= largest:
        larger = replace(baseline, image_size=size)
        if target.amount(larger) > wanted or not target.within_limits(larger):
            break
        sizes.append(size)
    return sizes


def _largest(baseline: ArchitectureSpec, target: Target, rounding: RoundingRules, axis: str) -> float:
    """Return a coefficient of one axis whose cost is beyond the target's."""
    wanted = _most(baseline, target)
    value = 1.0
    while True:
        value *= 1.25
        try:
            spec = scale(baseline, ScalingCoefficients(**{axis: value}), rounding)
        except SpecError:
            return value
        if target.amount(spec) > wanted:
            return value


def _most(baseline: ArchitectureSpec, target: Target) -> float:
    return target.factor * (1 + target.tolerance) * target.amount(baseline)


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
