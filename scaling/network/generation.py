"""Scale a baseline: coefficients and rounding rules in, a new architecture out.

The baseline is an argument; `scaling.network.families` knows the official ones by name.
"""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import pairwise

from scaling.errors import SpecError
from scaling.network.architecture import (
    LARGEST_IMAGE,
    MOST_BLOCKS,
    MOST_CHANNELS,
    SMALLEST_IMAGE,
    ArchitectureSpec,
    Derivation,
    HeadSpec,
    StageSpec,
)
from scaling.network.coefficients import CompoundCoefficients, ScalingCoefficients
from scaling.network.rounding import RELEASED, RoundingRules


def scale(
    spec: ArchitectureSpec,
    coefficients: CompoundCoefficients | ScalingCoefficients,
    rounding: RoundingRules = RELEASED,
) -> ArchitectureSpec:
    """Scale a baseline's depth, width and resolution.

    Coefficients are rounded first, then channels (once per stage), repeats (once per stage) and image size,
    each by the rule that `rounding` names. Kernel sizes, strides and expand ratios never change.

    Raises:
        SpecError: a coefficient rounds to 0, or the result is out of range (image size 8 to 4096,
            2,000 blocks, 1e6 channels).

    Source: tensorflow/tpu efficientnet_model.py; Tan & Le 2019, arXiv:1905.11946, section 4.

    >>> from scaling import variant
    >>> b2 = scale(variant("b0"), ScalingCoefficients(
    ...     depth_coefficient=1.2, width_coefficient=1.1, resolution_coefficient=260 / 224))
    >>> b2 == variant("b2")
    True
    """
    compound = None
    if isinstance(coefficients, CompoundCoefficients):
        compound, coefficients = coefficients, coefficients.scaling_coefficients()
    multipliers = rounding.coefficients(coefficients)
    _check_sizes(spec, multipliers, rounding)
    width = multipliers.width_coefficient
    channels = scaled_channels(spec, width, rounding)
    return replace(
        spec,
        stem=replace(spec.stem, out_channels=channels[0]),
        stages=_scaled_stages(spec, channels, multipliers, rounding),
        head=HeadSpec(out_channels=channels[-1]),
        image_size=rounding.image_size(spec.image_size, multipliers.resolution_coefficient),
        name=f"{spec.name}-d{multipliers.depth_coefficient:g}-w{width:g}"
        f"-r{multipliers.resolution_coefficient:.4g}",
        dropout=scaled_dropout(width) if spec.dropout else 0.0,
        derivation=Derivation(
            baseline=spec.name,
            baseline_image_size=spec.image_size,
            compound=compound,
            scaling=multipliers,
            rounding=rounding,
        ),
    )


def scaled_to(
    spec: ArchitectureSpec,
    *,
    depth: float,
    width: float,
    image_size: float,
    rounding: RoundingRules = RELEASED,
) -> ArchitectureSpec:
    """Scale a baseline by depth and width coefficients to an image size; see `scale`."""
    multipliers = ScalingCoefficients(
        depth_coefficient=depth, width_coefficient=width, resolution_coefficient=image_size / spec.image_size
    )
    return scale(spec, multipliers, rounding)


def scaled_dropout(width_coefficient: float) -> float:
    """Dropout of a network that no release names: clip(0.2 + 0.3·log2(width), 0.2, 0.5).

    Ours: the released grid goes from 0.2 at width 1 to 0.5 at width 2 and prints no formula. A baseline
    without dropout, as ResNet-50, stays without.

    >>> scaled_dropout(1.0), scaled_dropout(2.0), round(scaled_dropout(1.4), 3)
    (0.2, 0.5, 0.346)
    """
    return min(0.5, max(0.2, 0.2 + 0.3 * math.log2(width_coefficient)))


def scaled_channels(
    spec: ArchitectureSpec, width_coefficient: float, rounding: RoundingRules
) -> tuple[int, ...]:
    """Return what a (rounded) width makes of the channels of stem, every stage, head; a head of 0 stays 0.

    In a stage of bottlenecks the rule rounds the width of the middle convolution, and the output is
    expand_ratio times that: both come out whole under any divisor, as in torchvision's wide ResNets.

    >>> from scaling import variant
    >>> scaled_channels(variant("b0"), 1.1, RELEASED)
    (32, 16, 24, 48, 88, 120, 208, 352, 1408)
    """
    head = rounding.head_channels(spec.head.out_channels, spec.stages[-1].out_channels, width_coefficient)
    stages = (_stage_channels(stage, width_coefficient, rounding) for stage in spec.stages)
    return (rounding.stem_channels(spec.stem.out_channels, width_coefficient), *stages, head)


def _stage_channels(stage: StageSpec, width_coefficient: float, rounding: RoundingRules) -> int:
    unit = stage.channel_unit
    return unit * rounding.channels(stage.out_channels // unit, width_coefficient)


def _scaled_stages(
    spec: ArchitectureSpec,
    channels: tuple[int, ...],
    multipliers: ScalingCoefficients,
    rounding: RoundingRules,
) -> tuple[StageSpec, ...]:
    repeats = rounding.stage_repeats([stage.repeats for stage in spec.stages], multipliers.depth_coefficient)
    return tuple(
        replace(
            stage,
            repeats=number,
            in_channels=in_channels,
            out_channels=out_channels,
            squeeze_rounding=rounding.squeeze_rounding,
        )
        for stage, number, (in_channels, out_channels) in zip(
            spec.stages, repeats, pairwise(channels[:-1]), strict=True
        )
    )


def _check_sizes(spec: ArchitectureSpec, multipliers: ScalingCoefficients, rounding: RoundingRules) -> None:
    """Refuse what is too large before anything is built of it, in the words of the whole network."""
    size = rounding.image_size(spec.image_size, multipliers.resolution_coefficient)
    width = multipliers.width_coefficient
    blocks = sum(rounding.stage_repeats([s.repeats for s in spec.stages], multipliers.depth_coefficient))
    channels = max(scaled_channels(spec, width, rounding))
    for name, value, low, high in (
        ("image size", size, SMALLEST_IMAGE, LARGEST_IMAGE),
        ("blocks", blocks, 1, MOST_BLOCKS),
        ("channels of the widest layer", channels, 1, MOST_CHANNELS),
    ):
        if not low <= value <= high:
            raise SpecError(
                f"{name} must be between {low} and {high}, got {value} at depth "
                f"×{multipliers.depth_coefficient:.4g}, width ×{multipliers.width_coefficient:.4g}, "
                f"resolution ×{multipliers.resolution_coefficient:.4g}"
            )
