"""How real-valued coefficients become integers: the released rules and their published variants.

Every rule here is monotone in its coefficient, which is what lets `scaling.targets.inversion` solve for it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TypeVar, assert_never

from scaling.errors import SpecError
from scaling.network.coefficients import ScalingCoefficients


class CoefficientRounding(StrEnum):
    """What happens to alpha^phi, beta^phi, gamma^phi before they meet the baseline."""

    RELEASED = "released"
    """Depth and width to one decimal, as the official grid is printed."""
    NONE = "none"
    """Kept, but for floating-point noise beyond 12 significant digits."""


class ChannelRule(StrEnum):
    """How channels times width becomes a multiple of the divisor."""

    RELEASED = "released"
    """Nearest multiple, half up, then one divisor more if that lost over 10 % (tensorflow/tpu)."""
    WITHOUT_MINIMUM = "without-minimum"
    """Nearest multiple, half up, and nothing else (google/automl's copy)."""
    ROUND = "round"
    """Python's `round` on channels / divisor, half to even (facebookresearch/pycls)."""


class RepeatRule(StrEnum):
    """How repeats times depth becomes a whole number of blocks."""

    CEIL = "ceil"
    """tensorflow/tpu: never fewer blocks than the formula asks for."""
    ROUND = "round"
    """facebookresearch/pycls: nearest, half to even, at least one."""


class HeadRule(StrEnum):
    """Where the channels of the head convolution come from."""

    CHANNEL_RULE = "channel-rule"
    """The channel rule applied to the baseline's head channels (tensorflow/tpu)."""
    LAST_STAGE = "last-stage"
    """The baseline's ratio of head to last stage (4 for B0) times the scaled last stage (torchvision)."""


class SqueezeRounding(StrEnum):
    """How se_ratio times a block's input channels becomes squeeze channels."""

    FLOOR = "floor"
    """max(1, int(se_ratio · in_channels)), as released."""
    ROUND = "round"
    """max(1, round(se_ratio · in_channels)), as timm does."""


Choice = TypeVar("Choice", bound=StrEnum)


def choice(kind: type[Choice], value: str, name: str) -> Choice:
    """Return the member of an enum that a string names.

    Raises:
        SpecError: there is no such member; the message lists those that exist.

    >>> choice(RepeatRule, "ceil", "repeat_rule")
    <RepeatRule.CEIL: 'ceil'>
    """
    try:
        return kind(value)
    except ValueError:
        known = ", ".join(member.value for member in kind)
        raise SpecError(f"{name} must be one of {known}, got {value!r}") from None


def check_whole(name: str, value: float, low: int, high: int) -> None:
    """Check that a count is a whole number in a range.

    Raises:
        SpecError: it is not; the message names the count.
    """
    if not low <= value <= high:
        raise SpecError(f"{name} must be between {low} and {high}, got {value}")
    if isinstance(value, bool) or not isinstance(value, int):
        raise SpecError(f"{name} must be a whole number, got {value!r}")


@dataclass(frozen=True, slots=True, kw_only=True)
class RoundingRules:
    """Every rounding choice between coefficients and an architecture; the defaults are the released code's.

    Channels are multiples of the divisor and image sizes of the step (in pixels), each 1 to 1024. Without
    scaled_stem_and_head these keep the baseline's channels, without scaled_end_repeats the first and the last
    stage keep its repeats, as in EfficientNet-Lite.

    Raises:
        SpecError: a divisor or step is out of range, or a switch is not a truth value.

    Source: tensorflow/tpu efficientnet_model.py (round_filters, round_repeats).

    >>> RoundingRules().channels(40, 1.1)
    48
    >>> RoundingRules(channel_rule=ChannelRule.WITHOUT_MINIMUM).channels(16, 1.2)
    16
    """

    coefficient_rounding: CoefficientRounding = CoefficientRounding.RELEASED
    channel_rule: ChannelRule = ChannelRule.RELEASED
    channel_divisor: int = 8
    repeat_rule: RepeatRule = RepeatRule.CEIL
    head_rule: HeadRule = HeadRule.CHANNEL_RULE
    squeeze_rounding: SqueezeRounding = SqueezeRounding.FLOOR
    image_size_step: int = 1
    scaled_stem_and_head: bool = True
    scaled_end_repeats: bool = True

    def __post_init__(self) -> None:
        for name, kind in _CHOICES.items():
            object.__setattr__(self, name, choice(kind, getattr(self, name), name))
        for name in ("channel_divisor", "image_size_step"):
            check_whole(name, getattr(self, name), 1, 1024)
        for name in ("scaled_stem_and_head", "scaled_end_repeats"):
            if not isinstance(getattr(self, name), bool):
                raise SpecError(f"{name} must be true or false, got {getattr(self, name)!r}")

    def coefficient(self, value: float) -> float:
        """Round a depth or width coefficient.

        >>> exact = RoundingRules(coefficient_rounding=CoefficientRounding.NONE)
        >>> RoundingRules().coefficient(1.14869), exact.coefficient(1.14869)
        (1.1, 1.14869)
        """
        match self.coefficient_rounding:
            case CoefficientRounding.RELEASED:
                return round(value, 1)
            case CoefficientRounding.NONE:
                # alpha^phi carries noise in its last bits; 2.0000000000000004 must not become a third block.
                return float(f"{value:.12g}")
            case _:
                assert_never(self.coefficient_rounding)

    def coefficients(self, raw: ScalingCoefficients) -> ScalingCoefficients:
        """Round depth and width; the resolution coefficient stays, its image size is rounded instead.

        Raises:
            SpecError: a coefficient rounds to 0.
        """
        depth, width = self.coefficient(raw.depth_coefficient), self.coefficient(raw.width_coefficient)
        for name, before, after in zip(
            ("depth", "width"), (raw.depth_coefficient, raw.width_coefficient), (depth, width), strict=True
        ):
            if after <= 0:
                raise SpecError(
                    f"{name} coefficient {before:.4g} rounds to 0.0 at one decimal; "
                    "choose a larger phi or coefficient rounding 'none'"
                )
        return replace(raw, depth_coefficient=depth, width_coefficient=width)

    def channels(self, channels: int, width_coefficient: float) -> int:
        """Scale a channel count by a (rounded) width coefficient.

        >>> [RoundingRules().channels(c, 2.0) for c in (32, 16, 24, 40)]
        [64, 32, 48, 80]
        """
        scaled, divisor = channels * width_coefficient, self.channel_divisor
        nearest = max(divisor, int(scaled + divisor / 2) // divisor * divisor)
        match self.channel_rule:
            case ChannelRule.RELEASED:
                return nearest + divisor if nearest < 0.9 * scaled else nearest
            case ChannelRule.WITHOUT_MINIMUM:
                return nearest
            case ChannelRule.ROUND:
                return max(1, round(scaled / divisor)) * divisor
            case _:
                assert_never(self.channel_rule)

    def repeats(self, repeats: int, depth_coefficient: float) -> int:
        """Scale a stage's repeats by a (rounded) depth coefficient; never below 1.

        >>> [RoundingRules().repeats(n, 1.1) for n in (1, 2, 3, 4)]
        [2, 3, 4, 5]
        """
        scaled = repeats * depth_coefficient
        match self.repeat_rule:
            case RepeatRule.CEIL:
                return max(1, math.ceil(scaled))
            case RepeatRule.ROUND:
                return max(1, round(scaled))
            case _:
                assert_never(self.repeat_rule)

    def stage_repeats(self, repeats: Sequence[int], depth_coefficient: float) -> tuple[int, ...]:
        """Scale the repeats of all stages; the first and the last stay where the rules say so.

        >>> RoundingRules(scaled_end_repeats=False).stage_repeats((1, 2, 3, 1), 1.8)
        (1, 4, 6, 1)
        """
        scaled = [self.repeats(number, depth_coefficient) for number in repeats]
        if not self.scaled_end_repeats:
            scaled[0], scaled[-1] = repeats[0], repeats[-1]
        return tuple(scaled)

    def stem_channels(self, stem: int, width_coefficient: float) -> int:
        """Scale the stem's channels, unless the rules keep them.

        >>> RoundingRules(scaled_stem_and_head=False).stem_channels(32, 1.4)
        32
        """
        return self.channels(stem, width_coefficient) if self.scaled_stem_and_head else stem

    def head_channels(self, head: int, last_stage: int, width_coefficient: float) -> int:
        """Scale the baseline's head channels (0 for none, which stays), unless the rules keep them."""
        if head == 0 or not self.scaled_stem_and_head:
            return head
        match self.head_rule:
            case HeadRule.CHANNEL_RULE:
                return self.channels(head, width_coefficient)
            case HeadRule.LAST_STAGE:
                return max(1, round(head / last_stage * self.channels(last_stage, width_coefficient)))
            case _:
                assert_never(self.head_rule)

    def image_size(self, image_size: int, resolution_coefficient: float) -> int:
        """Scale an image side in pixels to the nearest multiple of the step, half up.

        >>> RoundingRules().image_size(224, 1.15), RoundingRules(image_size_step=4).image_size(224, 1.15)
        (258, 256)
        """
        step = self.image_size_step
        return max(step, math.floor(image_size * resolution_coefficient / step + 0.5) * step)


_CHOICES: dict[str, type[StrEnum]] = {
    "coefficient_rounding": CoefficientRounding,
    "channel_rule": ChannelRule,
    "repeat_rule": RepeatRule,
    "head_rule": HeadRule,
    "squeeze_rounding": SqueezeRounding,
}

RELEASED = RoundingRules()
"""The rules under which the official grid was made."""

LITE = RoundingRules(scaled_stem_and_head=False, scaled_end_repeats=False)
"""EfficientNet-Lite's rules: tensorflow/tpu lite/efficientnet_lite_builder.py (fix_head_stem)."""


def squeeze_channels(in_channels: int, se_ratio: float, rounding: SqueezeRounding) -> int:
    """Return the squeeze width of a block: se_ratio of its INPUT channels, at least 1; 0 without one.

    >>> squeeze_channels(40, 0.25, SqueezeRounding.FLOOR), squeeze_channels(40, 0, SqueezeRounding.FLOOR)
    (10, 0)
    """
    if se_ratio == 0:
        return 0
    scaled = se_ratio * in_channels
    match rounding:
        case SqueezeRounding.FLOOR:
            return max(1, int(scaled))
        case SqueezeRounding.ROUND:
            return max(1, round(scaled))
        case _:
            assert_never(rounding)
