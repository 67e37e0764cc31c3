"""Compound scaling: (alpha, beta, gamma, phi) to depth, width and resolution coefficients.

Numbers only, no network and no rounding.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from scaling.errors import SpecError

LARGEST_COEFFICIENT = 1e6
"""Beyond this a coefficient can only be a mistake (the largest released one is 5.3)."""


def _check(name: str, value: float, *, positive: bool) -> None:
    if not math.isfinite(value):
        raise SpecError(f"{name} must be a finite number, got {value}")
    if positive and value <= 0:
        raise SpecError(f"{name} must be above 0, got {value:g}")


@dataclass(frozen=True, slots=True, kw_only=True)
class ScalingCoefficients:
    """Multipliers of a baseline's depth (repeats of every stage), width (channels), resolution (image side).

    One that is not given is 1, and leaves its dimension alone.

    Raises:
        SpecError: a coefficient is not finite or outside (0, 1e6].

    Source: Tan & Le 2019, arXiv:1905.11946, equation 2.

    >>> ScalingCoefficients(depth_coefficient=1.1, resolution_coefficient=1.07)
    ScalingCoefficients(depth_coefficient=1.1, width_coefficient=1.0, resolution_coefficient=1.07)
    """

    depth_coefficient: float = 1.0
    width_coefficient: float = 1.0
    resolution_coefficient: float = 1.0

    def __post_init__(self) -> None:
        for name in ("depth_coefficient", "width_coefficient", "resolution_coefficient"):
            value = getattr(self, name)
            _check(name, value, positive=True)
            if value > LARGEST_COEFFICIENT:
                raise SpecError(f"{name} must be at most {LARGEST_COEFFICIENT:g}, got {value:g}")


UNSCALED = ScalingCoefficients()


@dataclass(frozen=True, slots=True, kw_only=True)
class CompoundCoefficients:
    """The paper's compound coefficients: bases of depth, width, resolution, and the exponent phi.

    Negative phi shrinks the baseline.

    Raises:
        SpecError: a base is not finite or not above 0, or phi is not finite.

    Source: Tan & Le 2019, arXiv:1905.11946, equation 3.

    >>> c = CompoundCoefficients(alpha=1.2, beta=1.1, gamma=1.15, phi=1.0)
    >>> round(c.nominal_factor, 4)
    1.9203
    >>> c.scaling_coefficients().width_coefficient
    1.1
    """

    alpha: float
    beta: float
    gamma: float
    phi: float

    def __post_init__(self) -> None:
        for name in ("alpha", "beta", "gamma"):
            _check(name, getattr(self, name), positive=True)
        _check("phi", self.phi, positive=False)

    @property
    def nominal_factor(self) -> float:
        """(alpha · beta² · gamma²)^phi: the cost multiple that the paper's formula promises."""
        logs = math.log(self.alpha) + 2 * math.log(self.beta) + 2 * math.log(self.gamma)
        return _power("(alpha*beta^2*gamma^2)", math.e, self.phi * logs)

    def scaling_coefficients(self) -> ScalingCoefficients:
        """Return alpha^phi, beta^phi and gamma^phi, unrounded."""
        return ScalingCoefficients(
            depth_coefficient=_power("alpha", self.alpha, self.phi),
            width_coefficient=_power("beta", self.beta, self.phi),
            resolution_coefficient=_power("gamma", self.gamma, self.phi),
        )


def _power(name: str, base: float, exponent: float) -> float:
    try:
        value = math.pow(base, exponent)
    except (OverflowError, ValueError):
        raise SpecError(f"{name}^phi is too large: {base:g}^{exponent:g}") from None
    if value == 0:
        raise SpecError(f"{name}^phi is too small: {base:g}^{exponent:g}")
    return value
