"""How far a network is scaled along depth, width and resolution, after rounding."""

from __future__ import annotations

import math
from dataclasses import replace

from scaling.cost.closed_form import count_cost
from scaling.errors import SpecError
from scaling.network.architecture import ArchitectureSpec


def dimension_factors(spec: ArchitectureSpec, baseline: ArchitectureSpec) -> tuple[float, float, float]:
    """Return the cost factors of depth, width and resolution: each dimension changed alone on the baseline.

    Costs are multiply-adds, after rounding. Their product is near the achieved factor, not equal to it:
    rounding and the parts that do not scale leave a few per cent.

    Args:
        spec: the network, scaled from the baseline.
        baseline: with the same number of stages.

    Raises:
        SpecError: the numbers of stages differ.
    """
    if len(spec.stages) != len(baseline.stages):
        raise SpecError(
            f"expected a network scaled from {baseline.name}, of {len(baseline.stages)} stages; "
            f"got {len(spec.stages)} stages"
        )
    macs = count_cost(baseline).macs
    stages = list(zip(baseline.stages, spec.stages, strict=True))
    deeper = tuple(replace(own, repeats=scaled.repeats) for own, scaled in stages)
    wider = tuple(
        replace(own, in_channels=scaled.in_channels, out_channels=scaled.out_channels)
        for own, scaled in stages
    )
    depth, width, resolution = (
        count_cost(alone).macs / macs
        for alone in (
            replace(baseline, stages=deeper),
            replace(baseline, stem=spec.stem, stages=wider, head=spec.head),
            replace(baseline, image_size=spec.image_size),
        )
    )
    return depth, width, resolution


def doublings(spec: ArchitectureSpec, baseline: ArchitectureSpec) -> tuple[float, float, float]:
    """Return x_depth, x_width, x_resolution: log2 of the cost factors of `dimension_factors`.

    Args:
        spec: the network, scaled from the baseline.
        baseline: with the same number of stages; its own coordinates are 0, 0, 0.

    Raises:
        SpecError: the numbers of stages differ.

    >>> from dataclasses import replace
    >>> from scaling import variant
    >>> b0 = variant("b0")
    >>> [round(x, 2) for x in doublings(replace(b0, image_size=448), b0)]
    [0.0, 0.0, 1.99]
    """
    depth, width, resolution = map(math.log2, dimension_factors(spec, baseline))
    return depth, width, resolution
