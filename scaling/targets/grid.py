"""The paper's grid over alpha, beta, gamma."""

from __future__ import annotations

import math
from itertools import product

from scaling.errors import SpecError
from scaling.network.coefficients import CompoundCoefficients

MOST_POINTS = 200_000


def grid_of(factor: float, *, step: float, tolerance: float) -> tuple[CompoundCoefficients, ...]:
    """Return the grid's points with alpha·beta²·gamma² near a factor, at phi = 1.

    They come by alpha, then beta, then gamma; each base is at least 1. The paper prints neither step nor
    tolerance: both are ours.

    Args:
        factor: nominal cost multiple, above 1.
        step: between neighbours, above 0.
        tolerance: largest relative deviation of the product, above 0.

    Raises:
        SpecError: the grid has more than 200,000 points to look at, or none near the factor.

    Source: arXiv:1905.11946, section 3.3, step 1: "a small grid search".

    >>> len(grid_of(2.0, step=0.05, tolerance=0.05))
    109
    """
    most = [factor * (1 + tolerance), *[math.sqrt(factor * (1 + tolerance))] * 2]
    counts = [math.floor((largest - 1) / step + 1e-9) + 1 for largest in most]
    if math.prod(counts) > MOST_POINTS:
        raise SpecError(
            f"a grid of step {step:g} up to {factor:g}× has {math.prod(counts):,} points, at most "
            f"{MOST_POINTS:,} are looked at: make the step larger"
        )
    axes = [[round(1 + step * index, 12) for index in range(count)] for count in counts]
    found = tuple(
        CompoundCoefficients(alpha=alpha, beta=beta, gamma=gamma, phi=1.0)
        for alpha, beta, gamma in product(*axes)
        if abs(alpha * beta**2 * gamma**2 / factor - 1) <= tolerance
    )
    if not found:
        raise SpecError(
            f"no point of a grid of step {step:g} is within {100 * tolerance:g} % of {factor:g}×: "
            "make the step smaller or the tolerance larger"
        )
    return found
