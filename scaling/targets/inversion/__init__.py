"""From a grid of networks back to alpha, beta, gamma and phi: the inverse of compound scaling.

The baseline, the grid and the rounding rules are arguments. `solve` is the way in and settles the phis with
the generator; `preimage` turns rounding rules into intervals, `surface` intervals into polygons of bases and
their centre; `answer` says why there is no solution, and shows it in numbers.
"""

from __future__ import annotations

from scaling.targets.inversion.answer import Conflict, Evidence, Inversion, Region, Solution, evidence
from scaling.targets.inversion.grid import GridEntry, grid_from_json, realise
from scaling.targets.inversion.preimage import LogInterval, Match, preimages
from scaling.targets.inversion.solve import invert
from scaling.targets.steps import Dimension

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
