"""Statistics of results: frame to frame, no state. Floor 6."""

from scaling.analysis.noise import NoiseFloor, noise_floor, usual_difference
from scaling.analysis.ranking import ranked

__all__ = ["NoiseFloor", "noise_floor", "ranked", "usual_difference"]
