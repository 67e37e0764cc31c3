"""How convolutional networks scale: generate, count, build, search and compare.

>>> import scaling
>>> scaling.count_cost(scaling.variant("b0")).macs
385814752
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from scaling.cost import Cost, count_cost
from scaling.errors import ConfigError, DataError, ResultsError, ScalingError, SpecError, WeightsError
from scaling.network.architecture import ArchitectureSpec, HeadSpec, StageSpec, StemSpec
from scaling.network.coefficients import CompoundCoefficients, ScalingCoefficients
from scaling.network.families import generate, variant
from scaling.network.generation import scale
from scaling.network.rounding import RoundingRules
from scaling.network.small_inputs import for_small_input
from scaling.notebook import register_views

if TYPE_CHECKING:
    from scaling.drawings import draw
    from scaling.library.auditing import AuditRun, audit
    from scaling.library.bracketing import RatesRun, bracket_rates
    from scaling.library.fitting import fit
    from scaling.library.loading import load_run
    from scaling.library.searching import SearchRun, search
    from scaling.library.studying import StudyRun, study
    from scaling.library.training import train
    from scaling.model import build_model
    from scaling.plans.final.result import TrainingRun
    from scaling.weights import create_model, export_weights, load_weights

__version__ = "0.2.0"
__all__ = [
    "ArchitectureSpec",
    "AuditRun",
    "CompoundCoefficients",
    "ConfigError",
    "Cost",
    "DataError",
    "HeadSpec",
    "RatesRun",
    "ResultsError",
    "RoundingRules",
    "ScalingCoefficients",
    "ScalingError",
    "SearchRun",
    "SpecError",
    "StageSpec",
    "StemSpec",
    "StudyRun",
    "TrainingRun",
    "WeightsError",
    "audit",
    "bracket_rates",
    "build_model",
    "count_cost",
    "create_model",
    "draw",
    "export_weights",
    "fit",
    "for_small_input",
    "generate",
    "load_run",
    "load_weights",
    "scale",
    "search",
    "study",
    "train",
    "variant",
]


_LAZY = {
    "AuditRun": "scaling.library.auditing",
    "RatesRun": "scaling.library.bracketing",
    "SearchRun": "scaling.library.searching",
    "StudyRun": "scaling.library.studying",
    "TrainingRun": "scaling.plans.final.result",
    "audit": "scaling.library.auditing",
    "bracket_rates": "scaling.library.bracketing",
    "build_model": "scaling.model",
    "create_model": "scaling.weights",
    "draw": "scaling.drawings",
    "export_weights": "scaling.weights",
    "fit": "scaling.library.fitting",
    "load_run": "scaling.library.loading",
    "load_weights": "scaling.weights",
    "search": "scaling.library.searching",
    "study": "scaling.library.studying",
    "train": "scaling.library.training",
}
"""What needs torch or matplotlib, and where it lives: imported when first asked for."""

register_views()


def __getattr__(name: str) -> Any:
    """Import a name of `_LAZY`."""
    if name not in _LAZY:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_LAZY[name]), name)
