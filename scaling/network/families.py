"""The official family by name, and generation from a named baseline."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, replace
from functools import cache
from typing import Literal

from scaling.errors import CoefficientWarning, SpecError
from scaling.network.architecture import ArchitectureSpec
from scaling.network.baselines import (
    BASELINES,
    EFFICIENTNET_B0,
    EFFICIENTNET_LITE0,
    known_baseline,
    rules_of_baseline,
)
from scaling.network.coefficients import CompoundCoefficients
from scaling.network.generation import scale, scaled_to
from scaling.network.published import published
from scaling.network.rounding import CoefficientRounding, RoundingRules, choice

COMPOUND_FAMILY = ("b0", "b1", "b2", "b3", "b4", "b5", "b6", "b7")
"""The networks of the paper's Table 2, which it says one compound scaling made."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleasedCoefficients:
    """One row of a released grid (tensorflow/tpu efficientnet_builder.py; efficientnet_lite_builder.py)."""

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
    return _grid("released_coefficients")


@cache
def lite_coefficients() -> dict[str, ReleasedCoefficients]:
    """Return the grid of EfficientNet-Lite, lite0 to lite4, by variant name.

    >>> lite_coefficients()["lite4"].image_size
    300
    """
    return _grid("lite_coefficients")


def _grid(table: Literal["released_coefficients", "lite_coefficients"]) -> dict[str, ReleasedCoefficients]:
    return {
        row["variant"]: ReleasedCoefficients(
            name=row["variant"],
            width_coefficient=float(row["width_coefficient"]),
            depth_coefficient=float(row["depth_coefficient"]),
            image_size=int(row["image_size"]),
            dropout=float(row["dropout"]),
        )
        for row in published(table)
    }


@cache
def variant(name: str) -> ArchitectureSpec:
    """Return an official EfficientNet: b0 to b8, l2, lite0 to lite4; `efficientnet-b0` is an alias of b0.

    Raises:
        SpecError: no release has that name.

    Source: tensorflow/tpu efficientnet_builder.py, lite/efficientnet_lite_builder.py.

    >>> variant("b7").image_size, variant("efficientnet-b7").name
    (600, 'b7')
    >>> [stage.repeats for stage in variant("lite4").stages], variant("lite4").head.out_channels
    ([1, 4, 4, 6, 6, 8, 1], 1280)
    """
    official = released_coefficients() | lite_coefficients()
    released = official.get(name.lower().removeprefix("efficientnet-"))
    if released is None:
        known = ", ".join(official)
        raise SpecError(f"unknown variant {name!r}; expected one of {known} (or efficientnet-b0 …)")
    baseline = EFFICIENTNET_LITE0 if released.name in lite_coefficients() else EFFICIENTNET_B0
    spec = scaled_to(
        baseline,
        depth=released.depth_coefficient,
        width=released.width_coefficient,
        image_size=released.image_size,
        rounding=rules_of_baseline(baseline.name),
    )
    return replace(spec, name=released.name, dropout=released.dropout)


def official_name(spec: ArchitectureSpec) -> str | None:
    """Return the official variant whose architecture equals this one, or None.

    >>> official_name(variant("b3"))
    'b3'
    """
    for name in (*released_coefficients(), *lite_coefficients()):
        if variant(name) == spec:
            return name
    return None


def released_name(spec: ArchitectureSpec) -> str:
    """Return the name of the released variant, whatever its classes and image size; empty if there is none.

    >>> released_name(replace(variant("b3"), num_classes=10))
    'b3'
    """
    return spec.name if spec.name in {**released_coefficients(), **lite_coefficients()} else ""


def named(spec: ArchitectureSpec) -> ArchitectureSpec:
    """Give a spec that equals an official one or a baseline its name and dropout; leave others alone."""
    name = official_name(spec)
    if name is not None:
        return replace(spec, name=name, dropout=variant(name).dropout)
    known = next((baseline for baseline in BASELINES.values() if baseline == spec), None)
    return spec if known is None else replace(spec, name=known.name, dropout=known.dropout)


def baseline_named(name: str) -> ArchitectureSpec:
    """Return a baseline, or an official variant, by name.

    Raises:
        SpecError: nothing has that name.

    >>> baseline_named("mobilenetv2").name, baseline_named("b3").name
    ('mobilenetv2', 'b3')
    """
    found = known_baseline(name)
    if found is not None:
        return found
    try:
        return variant(name)
    except SpecError:
        known = ", ".join(BASELINES)
        raise SpecError(f"unknown baseline {name!r}; expected one of {known}, or a variant: b0 …") from None


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
        baseline: a name, or any spec; EfficientNet-Lite's keep their family's unscaled ends.
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
    rules = rounding or replace(
        rules_of_baseline(start.name),
        coefficient_rounding=choice(CoefficientRounding, coefficient_rounding, "coefficient_rounding"),
    )
    return named(scale(start, coefficients, rules))
