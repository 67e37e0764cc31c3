"""Statistics of results: frame to frame, no state."""

from scaling.analysis.choosing import contenders
from scaling.analysis.intervals import Interval, mean_interval, paired_difference
from scaling.analysis.noise import NoiseFloor, noise_floor, usual_difference
from scaling.analysis.ranking import ranked

__all__ = [
    "Interval",
    "NoiseFloor",
    "contenders",
    "mean_interval",
    "noise_floor",
    "paired_difference",
    "ranked",
    "usual_difference",
]
