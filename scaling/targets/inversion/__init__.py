"""From a grid of networks back to alpha, beta, gamma and phi: the inverse of compound scaling.

The baseline, the grid and the rounding rules are arguments. `solve` is the way in; `preimage` turns
rounding rules into intervals, `surface` intervals into polygons of bases, `centre` picks a point,
`exponents` settles the phis with the generator, `conflict` says why there is no answer, and `evidence` shows
it in numbers.
"""

from __future__ import annotations

from scaling.targets.inversion.answer import Inversion, Region, Solution
from scaling.targets.inversion.conflict import Conflict
from scaling.targets.inversion.evidence import Evidence, evidence
from scaling.targets.inversion.grid import GridEntry, grid_from_json, realise
from scaling.targets.inversion.preimage import Dimension, LogInterval, Match, preimages
from scaling.targets.inversion.solve import invert

__all__ = [
    "Conflict",
    "Dimension",
    "Evidence",
    "GridEntry",
    "Inversion",
    "LogInterval",
    "Match",
    "Region",
    "Solution",
    "evidence",
    "grid_from_json",
    "invert",
    "preimages",
    "realise",
]
