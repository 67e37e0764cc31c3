"""From a grid of networks back to alpha, beta, gamma and phi: the inverse of compound scaling.

Floor 1. The baseline, the grid and the rounding rules are arguments. `solve` is the way in; `preimage` turns
rounding rules into intervals, `surface` intervals into polygons of bases, `centre` picks a point,
`exponents` settles the phis with the generator, `conflict` says why there is no answer, and `evidence` shows
it in numbers.
"""

from __future__ import annotations

from scaling.inversion.answer import Inversion, Region, Solution
from scaling.inversion.conflict import Conflict
from scaling.inversion.evidence import Evidence, evidence
from scaling.inversion.grid import GridEntry, grid_from_json, realise
from scaling.inversion.preimage import Dimension, Interval, Match, preimages
from scaling.inversion.solve import invert

__all__ = [
    "Conflict",
    "Dimension",
    "Evidence",
    "GridEntry",
    "Interval",
    "Inversion",
    "Match",
    "Region",
    "Solution",
    "evidence",
    "grid_from_json",
    "invert",
    "preimages",
    "realise",
]
