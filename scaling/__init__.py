"""How convolutional networks scale: generate, count, build, search and compare.

>>> import scaling
>>> scaling.count_cost(scaling.variant("b0")).macs
385814752
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from scaling.cost import Cost, count_cost
from scaling.errors import ConfigError, DataError, ResultsError, ScalingError, SpecError, WeightsError
from scaling.network.architecture import ArchitectureSpec, HeadSpec, StageSpec, StemSpec
from scaling.network.coefficients import CompoundCoefficients, ScalingCoefficients
from scaling.network.families import generate, variant
from scaling.network.generation import scale
from scaling.network.rounding import RoundingRules
from scaling.network.small_inputs import for_small_input

if TYPE_CHECKING:
    from scaling.model import build_model
    from scaling.weights import export_weights, load_weights

__version__ = "0.1.0"
__all__ = [
    "ArchitectureSpec",
    "CompoundCoefficients",
    "ConfigError",
    "Cost",
    "DataError",
    "HeadSpec",
    "ResultsError",
    "RoundingRules",
    "ScalingCoefficients",
    "ScalingError",
    "SpecError",
    "StageSpec",
    "StemSpec",
    "WeightsError",
    "build_model",
    "count_cost",
    "export_weights",
    "for_small_input",
    "generate",
    "load_weights",
    "scale",
    "variant",
]


def __getattr__(name: str) -> Any:
    """Import what needs torch when it is first asked for, so that describing a network stays instant."""
    if name == "build_model":
        from scaling.model import build_model  # noqa: PLC0415

        return build_model
    if name in ("export_weights", "load_weights"):
        from scaling import weights  # noqa: PLC0415

        return getattr(weights, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
