"""The phis that give a network at known bases, settled by the generator itself."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import assert_never

from scaling.errors import ScalingError, SpecError
from scaling.network.architecture import ArchitectureSpec
from scaling.network.coefficients import CompoundCoefficients
from scaling.network.generation import scale
from scaling.network.rounding import CoefficientRounding, RoundingRules
from scaling.targets.inversion.grid import GridEntry, realise
from scaling.targets.inversion.preimage import PRINTED_PRECISION, LogInterval, Match, last_inside
from scaling.targets.inversion.surface import Vector

LARGEST_PHI = 1e6
"""Where an interval of phi without end is cut (bases of 1 give the baseline at every phi)."""


def question(
    baseline: ArchitectureSpec, entry: GridEntry, rounding: RoundingRules, match: Match, bases: Vector
) -> Callable[[float], bool]:
    """Return the question "does the generator give this entry at this phi?"; out of range counts as no.

    Args:
        baseline: the network at phi = 0.
        entry: the network asked for.
        rounding: the rules between coefficients and integers.
        match: integers or printed coefficients.
        bases: alpha, beta, gamma.
    """
    target = realise(baseline, entry, rounding)
    alpha, beta, gamma = bases

    def is_given(phi: float) -> bool:
        try:
            made = scale(
                baseline, CompoundCoefficients(alpha=alpha, beta=beta, gamma=gamma, phi=phi), rounding
            )
        except SpecError:
            return False
        match match:
            case Match.REALISED:
                return made == target
            case Match.COEFFICIENTS:
                return _prints(made, entry)
            case _:
                assert_never(match)

    return is_given


def _prints(made: ArchitectureSpec, entry: GridEntry) -> bool:
    assert made.derivation is not None
    scaling, rounding = made.derivation.scaling, made.derivation.rounding
    # Twice the precision: the end points of the interval themselves must count as inside.
    within = {CoefficientRounding.RELEASED: 0.0, CoefficientRounding.NONE: 2 * PRINTED_PRECISION}
    same = partial(math.isclose, rel_tol=within[rounding.coefficient_rounding])
    return (
        same(scaling.depth_coefficient, entry.depth_coefficient)
        and same(scaling.width_coefficient, entry.width_coefficient)
        and made.image_size == entry.image_size
    )


def phi_interval(
    is_given: Callable[[float], bool], name: str, expected: LogInterval
) -> tuple[float, tuple[float, float]]:
    """Return a phi that gives a network, and the interval of all that do, both ends included.

    Args:
        is_given: whether the generator gives the network at a phi; true on one interval.
        name: the network's, for the error.
        expected: where the intervals of the multipliers put that interval.

    Returns:
        0 where 0 gives it, else the middle; and the lowest and highest phi, to neighbouring floats.

    Raises:
        ScalingError: the interval is narrower than floating-point arithmetic resolves.

    >>> phi_interval(lambda phi: 1 <= phi <= 2, "b1", LogInterval(1.1, 2.1))
    (1.5, (1.0, 2.0))
    """
    low, high = max(expected.low, -LARGEST_PHI), min(expected.high, LARGEST_PHI)
    inside = 0.0 if is_given(0.0) else _middle(low, high)
    if not is_given(inside):
        raise ScalingError(
            f"phi of {name!r} is narrower than floating-point arithmetic resolves, near {inside}"
        )
    ends = _end(is_given, inside, low), _end(is_given, inside, high)
    return (inside if inside == 0 else _middle(*ends)), ends


def _end(is_given: Callable[[float], bool], inside: float, expected: float) -> float:
    reach = expected - inside
    if reach == 0:
        return inside
    while is_given(inside + 1.01 * reach):
        if abs(inside + reach) >= LARGEST_PHI:
            return math.copysign(LARGEST_PHI, reach)
        reach *= 2
    return last_inside(is_given, inside, inside + 1.01 * reach, _middle)


def _middle(first: float, second: float) -> float:
    return (first + second) / 2
