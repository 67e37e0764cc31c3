"""From multipliers to shares of log-cost: as the formula has them, and as rounding leaves them."""

from __future__ import annotations

import math
from dataclasses import replace

from scaling.cost.doublings import dimension_factors
from scaling.network.architecture import ArchitectureSpec
from scaling.network.coefficients import CompoundCoefficients, ScalingCoefficients


def compound_of(scaling: ScalingCoefficients, target_factor: float) -> CompoundCoefficients:
    """Return phi and the bases on alpha·beta²·gamma² = target_factor that give three multipliers.

    >>> found = compound_of(ScalingCoefficients(
    ...     depth_coefficient=4.0, width_coefficient=1.0, resolution_coefficient=1.0), 2.0)
    >>> found.alpha, found.beta, found.gamma, found.phi
    (2.0, 1.0, 1.0, 2.0)
    """
    depth, width = scaling.depth_coefficient, scaling.width_coefficient
    resolution = scaling.resolution_coefficient
    phi = math.log(depth * width**2 * resolution**2) / math.log(target_factor)
    return CompoundCoefficients(
        alpha=depth ** (1 / phi), beta=width ** (1 / phi), gamma=resolution ** (1 / phi), phi=phi
    )


def with_compound(spec: ArchitectureSpec, compound: CompoundCoefficients) -> ArchitectureSpec:
    """Note in a spec's derivation the coefficients that it stands for."""
    assert spec.derivation is not None
    return replace(spec, derivation=replace(spec.derivation, compound=compound))


def realised_shares(spec: ArchitectureSpec, baseline: ArchitectureSpec) -> tuple[float, float, float] | None:
    """Return the shares of log-cost that a network spends after rounding; None where nothing was scaled.

    Each dimension's cost is that of the baseline with this dimension alone changed; their logs are divided by
    their sum.
    """
    logs = [math.log(factor) for factor in dimension_factors(spec, baseline)]
    total = sum(logs)
    return None if total <= 0 else (logs[0] / total, logs[1] / total, logs[2] / total)
