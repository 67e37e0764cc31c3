"""The response surface of a run: its trainings explained by doublings of depth, width and resolution."""

from scaling.analysis.surface.answer import Optimum, SurfaceAnswer, answer
from scaling.analysis.surface.forms import Form
from scaling.analysis.surface.observations import (
    COORDINATES,
    DIMENSIONS,
    Observations,
    Response,
    observations_of,
)
from scaling.analysis.surface.posterior import Draws, fit, refusal_of

__all__ = [
    "COORDINATES",
    "DIMENSIONS",
    "Draws",
    "Form",
    "Observations",
    "Optimum",
    "Response",
    "SurfaceAnswer",
    "answer",
    "fit",
    "observations_of",
    "refusal_of",
]
