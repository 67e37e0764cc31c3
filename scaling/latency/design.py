"""Which networks a device is calibrated on: spread evenly over depth, width and image size."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from scipy.stats import qmc

from scaling.cost import count_cost
from scaling.errors import ConfigError
from scaling.network.architecture import LARGEST_IMAGE, SMALLEST_IMAGE, ArchitectureSpec
from scaling.network.baselines import Baseline
from scaling.network.coefficients import ScalingCoefficients
from scaling.network.generation import scale
from scaling.network.rounding import CoefficientRounding

TRIES = 64
"""Points tried for each network that is wanted, before the ranges are said to hold too few."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ranges:
    """Where networks come from, uniform in the logarithms: least and most of two coefficients and pixels.

    Raises:
        ConfigError: a range is empty or impossible.
    """

    depth: tuple[float, float] = (0.5, 2.0)
    width: tuple[float, float] = (0.5, 1.5)
    image_size: tuple[int, int] = (96, 320)
    most_macs: float = 2e9
    """Of one image; larger networks are passed over."""

    def __post_init__(self) -> None:
        for name in ("depth", "width", "image_size"):
            low, high = getattr(self, name)
            if not 0 < low <= high:
                raise ConfigError(f"{name} must go from above 0 to at least as much, got {low} to {high}")
        if not SMALLEST_IMAGE <= self.image_size[0] <= self.image_size[1] <= LARGEST_IMAGE:
            raise ConfigError(
                f"image sizes must be within {SMALLEST_IMAGE} and {LARGEST_IMAGE}, got {self.image_size}"
            )


def designed(
    baselines: Sequence[Baseline], count: int, ranges: Ranges, *, seed: int
) -> tuple[ArchitectureSpec, ...]:
    """Return different networks, baselines in turn, by a scrambled Sobol sequence.

    Raises:
        ConfigError: the ranges do not hold so many different networks.

    >>> from scaling.network.baseline_files import baseline_from
    >>> len(designed([baseline_from("b0")], 4, Ranges(), seed=0))
    4
    """
    found: list[ArchitectureSpec] = []
    for number, coefficients in enumerate(_points(ranges, TRIES * count, seed)):
        if len(found) == count:
            break
        baseline = baselines[number % len(baselines)]
        spec = _scaled(baseline, coefficients)
        if spec not in found and count_cost(spec).macs <= ranges.most_macs:
            found.append(spec)
    if len(found) < count:
        raise ConfigError(
            f"the ranges hold {len(found)} networks of at most {ranges.most_macs:.3g} multiply-adds where "
            f"{count} were wanted: widen them"
        )
    return tuple(found)


def _points(ranges: Ranges, count: int, seed: int) -> Iterator[tuple[float, float, int]]:
    """Yield depth, width and image size."""
    limits = (ranges.depth, ranges.width, ranges.image_size)
    low, high = ([math.log(pair[end]) for pair in limits] for end in (0, 1))
    drawn = qmc.Sobol(3, rng=seed).random_base2(math.ceil(math.log2(count)))
    for point in drawn:
        depth, width, size = (
            math.exp(a + share * (b - a)) for a, b, share in zip(low, high, point, strict=True)
        )
        yield depth, width, round(size)


def _scaled(baseline: Baseline, point: tuple[float, float, int]) -> ArchitectureSpec:
    depth, width, size = point
    rules = replace(baseline.rounding, coefficient_rounding=CoefficientRounding.NONE)
    shape = scale(
        baseline.spec,
        ScalingCoefficients(depth_coefficient=depth, width_coefficient=width, resolution_coefficient=1.0),
        rules,
    )
    return replace(shape, image_size=size, name=f"{baseline.spec.name} d{depth:.2f} w{width:.2f} {size} px")
