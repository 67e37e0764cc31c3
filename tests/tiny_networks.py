"""A two-stage network of 16 px, as the tiny searches of these tests scale it."""

from __future__ import annotations

from dataclasses import replace

from scaling import RoundingRules
from scaling.data import dataset_info
from scaling.network.baseline_files import BaselineTable
from scaling.network.rounding import CoefficientRounding, RepeatRule
from scaling.targets.target import Target

TINY_TABLE = BaselineTable(
    name="tiny-b0",
    image_size=16,
    stem_stride=1,
    stem_channels=8,
    stages=("r1_k3_s22_e1_i8_o8_se0.25", "r2_k3_s22_e2_i8_o16_se0.25"),
    head_channels=32,
)
_GLYPHS = dataset_info("glyphs")
TINY = replace(TINY_TABLE.network(), in_channels=_GLYPHS.in_channels, num_classes=_GLYPHS.num_classes)
TINY_RULES = RoundingRules(
    coefficient_rounding=CoefficientRounding.NONE, channel_divisor=2, repeat_rule=RepeatRule.ROUND
)
TINY_TARGET = Target(tolerance=0.05)
