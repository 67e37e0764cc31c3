"""How convolutional networks scale: generate, count, build, search and compare.

>>> import scaling
>>> scaling.count_cost(scaling.variant("b0")).macs
385814752
"""

from __future__ import annotations

from scaling.architecture import ArchitectureSpec, HeadSpec, StageSpec, StemSpec
from scaling.coefficients import CompoundCoefficients, ScalingCoefficients
from scaling.errors import ConfigError, DataError, ResultsError, ScalingError, SpecError
from scaling.families import generate, variant
from scaling.generation import scale
from scaling.rounding import RoundingRules

__version__ = "0.1.0"
__all__ = [
    "ArchitectureSpec",
    "CompoundCoefficients",
    "ConfigError",
    "DataError",
    "HeadSpec",
    "ResultsError",
    "RoundingRules",
    "ScalingCoefficients",
    "ScalingError",
    "SpecError",
    "StageSpec",
    "StemSpec",
    "generate",
    "scale",
    "variant",
]
