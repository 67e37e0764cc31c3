"""Every distinct network on target: how large a search's space really is after rounding."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from scaling.cost.vectorised import Candidates, count_costs
from scaling.errors import SpecError
from scaling.network.architecture import LARGEST_IMAGE, ArchitectureSpec
from scaling.network.generation import scaled_to
from scaling.network.rounding import RELEASED, RoundingRules
from scaling.targets.steps import Index, Steps, first_where, most_amount, steps_of
from scaling.targets.target import Target

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

    Raises:
        SpecError: there are more than 500,000 pairs of depth and width, or networks.

    >>> from scaling import variant
    >>> len(on_target(variant("b0"), Target()))
    88
    """
    sizes = image_sizes(baseline, target, rounding)
    steps = steps_of(baseline, target, rounding, sizes)
    wanted, (depths, widths) = target.factor * target.amount(baseline), steps.shape
    _refuse_more(depths * widths, target, f"{depths:,} depths × {widths:,} widths")
    depth, width = (one.ravel() for one in np.indices((depths, widths)))

    def first_size(amount: float, *, beyond: bool = False) -> Index:
        """Return for each pair the first size that costs at least an amount (beyond: more), as an index."""

        def reached(pair: Index, size: Index) -> NDArray[np.bool_]:
            cost = target.amounts(
                count_costs(steps.baseline, steps.candidates(depth[pair], width[pair], size))
            )
            return cost > amount if beyond else cost >= amount

        return first_where(reached, np.full(depths * widths, len(sizes)))

    # The ends are a hair wide: `met_by` has the last word, on the same quotient as everywhere else.
    first = first_size(wanted * (1 - target.tolerance) * (1 - 1e-12))
    counts = first_size(wanted * (1 + target.tolerance) * (1 + 1e-12), beyond=True) - first
    _refuse_more(int(counts.sum()), target, f"{int(counts.sum()):,} networks on target")
    pair = np.repeat(np.arange(len(counts)), counts)
    size = first[pair] + np.arange(len(pair)) - np.repeat(np.cumsum(counts) - counts, counts)
    return _within(baseline, steps, target, rounding, (depth[pair], width[pair], size))


def _refuse_more(count: int, target: Target, what: str) -> None:
    if count > MOST_NETWORKS:
        raise SpecError(
            f"{what} at {target.factor:g}× are more than {MOST_NETWORKS:,}: lower the target factor, or make "
            "the channel divisor, the image size step or the tolerance fit"
        )


def _within(
    baseline: ArchitectureSpec,
    steps: Steps,
    target: Target,
    rounding: RoundingRules,
    networks: tuple[Index, Index, Index],
) -> Space:
    """Return those networks that are on target and within the limits."""

    def chosen(kept: NDArray[np.bool_]) -> Space:
        depth, width, size = (one[kept] for one in networks)
        return Space(
            candidates=steps.candidates(depth, width, size),
            depth_coefficient=steps.depth_coefficient[depth],
            width_coefficient=steps.width_coefficient[width],
        )

    costs = count_costs(steps.baseline, steps.candidates(*networks))
    kept = np.abs(target.amounts(costs) / target.amount(baseline) / target.factor - 1) <= target.tolerance
    for most, cost in target.limited(costs):
        kept &= cost <= most
    found = chosen(kept)
    if target.limits.max_memory_bytes is None:
        return found
    kept[kept] = [target.within_limits(spec) for spec in specs_of(baseline, found, rounding)]
    return chosen(kept)


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


def image_sizes(baseline: ArchitectureSpec, target: Target, rounding: RoundingRules) -> list[int]:
    """Return every image size from the baseline's up to the target's cost, on the rounding's step."""
    largest, most = target.largest_image_size or LARGEST_IMAGE, most_amount(baseline, target)
    sizes = [baseline.image_size]
    while (size := sizes[-1] + rounding.image_size_step) <= largest:
        larger = replace(baseline, image_size=size)
        if target.amount(larger) > most or not target.within_limits(larger):
            break
        sizes.append(size)
    return sizes
