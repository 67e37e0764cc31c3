"""The official family by name, and generation from a named baseline. Floor 2."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, replace
from functools import cache

from scaling.architecture import ArchitectureSpec
from scaling.baselines import BASELINES, EFFICIENTNET_B0
from scaling.coefficients import CompoundCoefficients, ScalingCoefficients
from scaling.errors import CoefficientWarning, SpecError
from scaling.generation import scale
from scaling.published import published
from scaling.rounding import CoefficientRounding, RoundingRules, choice


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleasedCoefficients:
    """One row of the official grid, as released (tensorflow/tpu efficientnet_builder.py)."""

    name: str
    width_coefficient: float
    depth_coefficient: float
    image_size: int
    dropout: float


@cache
def released_coefficients() -> dict[str, ReleasedCoefficients]:
    """Return the official grid, b0 to b8 and l2, by variant name.

    >>> released_coefficients()["b7"].depth_coefficient
    3.1
    """
    return {
        row["variant"]: ReleasedCoefficients(
            name=row["variant"],
            width_coefficient=float(row["width_coefficient"]),
            depth_coefficient=float(row["depth_coefficient"]),
            image_size=int(row["image_size"]),
            dropout=float(row["dropout"]),
        )
        for row in published("released_coefficients")
    }


@cache
def variant(name: str) -> ArchitectureSpec:
    """Return an official EfficientNet: b0 to b8 or l2; `efficientnet-b0` is an alias of b0.

    Raises:
        SpecError: no release has that name.

    Source: tensorflow/tpu efficientnet_builder.py.

    >>> variant("b7").image_size, variant("efficientnet-b7").name
    (600, 'b7')
    """
    released = released_coefficients().get(name.lower().removeprefix("efficientnet-"))
    if released is None:
        known = ", ".join(released_coefficients())
        raise SpecError(f"unknown variant {name!r}; expected one of {known} (or efficientnet-b0 …)")
    scaling = ScalingCoefficients(
        depth_coefficient=released.depth_coefficient,
        width_coefficient=released.width_coefficient,
        resolution_coefficient=released.image_size / EFFICIENTNET_B0.image_size,
    )
    spec = scale(EFFICIENTNET_B0, scaling)
    return replace(spec, name=released.name, dropout=released.dropout)


def official_name(spec: ArchitectureSpec) -> str | None:
    """Return the official variant whose architecture equals this one, or None.

    >>> official_name(variant("b3"))
    'b3'
    """
    for name in released_coefficients():
        if variant(name) == spec:
            return name
    return None


def named(spec: ArchitectureSpec) -> ArchitectureSpec:
    """Give a spec that equals an official one its name and dropout; leave any other as it is."""
    name = official_name(spec)
    return spec if name is None else replace(spec, name=name, dropout=variant(name).dropout)


def baseline_named(name: str) -> ArchitectureSpec:
    """Return a baseline, or an official variant, by name.

    Raises:
        SpecError: nothing has that name.
    """
    return BASELINES[name] if name in BASELINES else variant(name)


def generate(
    *,
    alpha: float,
    beta: float,
    gamma: float,
    phi: float,
    baseline: str | ArchitectureSpec = "efficientnet-b0",
    coefficient_rounding: str = "released",
    rounding: RoundingRules | None = None,
) -> ArchitectureSpec:
    """Generate a network by compound scaling.

    Depth alpha^phi and width beta^phi are rounded to one decimal (unless told otherwise), then
    channels to multiples of 8, repeats upwards, image size to whole pixels.

    Args:
        alpha: depth base, above 0 (a CoefficientWarning below 1).
        beta: width base, above 0 (likewise).
        gamma: resolution base, above 0 (likewise).
        phi: compound coefficient, any finite real; 0 is the baseline, negative values are smaller.
        baseline: a name, or any spec.
        coefficient_rounding: "released" or "none".
        rounding: every rounding rule; `coefficient_rounding` is then taken from here.

    Raises:
        SpecError: a coefficient is out of range or the network would be.

    Source: Tan & Le 2019, arXiv:1905.11946, equation 3.

    >>> generate(alpha=1.19, beta=1.11, gamma=1.17, phi=0).name
    'b0'
    """
    start = baseline_named(baseline) if isinstance(baseline, str) else baseline
    coefficients = CompoundCoefficients(alpha=alpha, beta=beta, gamma=gamma, phi=phi)
    for name, value in (("alpha", alpha), ("beta", beta), ("gamma", gamma)):
        if value < 1:
            warnings.warn(
                f"{name} = {value:g} is below 1: a larger phi makes the network smaller in that dimension",
                CoefficientWarning,
                stacklevel=2,
            )
    rules = rounding or RoundingRules(
        coefficient_rounding=choice(CoefficientRounding, coefficient_rounding, "coefficient_rounding")
    )
    return named(scale(start, coefficients, rules))
