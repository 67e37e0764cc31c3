"""What an inversion answers: a solution, or a conflict."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

from scaling.network.rounding import RoundingRules
from scaling.targets.inversion.grid import GridEntry
from scaling.targets.inversion.preimage import LogInterval, Match
from scaling.targets.inversion.surface import Vector
from scaling.targets.steps import Dimension

Asked: TypeAlias = Mapping[str, Mapping[Dimension, LogInterval | None]]
"""What every variant asks in every dimension; None where nothing can give it."""
PhiInterval: TypeAlias = tuple[float, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Region:
    """Every (alpha, beta, gamma) that reproduces a grid.

    Args:
        polygons: convex in the logarithms; vertices (alpha, beta, gamma) in order. One as a rule; two or more
            where phi may change its sign together with the bases. Two vertices are a segment, one is a point.
    """

    polygons: tuple[tuple[Vector, ...], ...]

    def bounds(self) -> tuple[tuple[float, float], tuple[float, float], tuple[float, float]]:
        """Return the smallest and the largest alpha, beta and gamma."""
        alphas, betas, gammas = zip(*(vertex for polygon in self.polygons for vertex in polygon), strict=True)
        return (min(alphas), max(alphas)), (min(betas), max(betas)), (min(gammas), max(gammas))


@dataclass(frozen=True, slots=True, kw_only=True)
class Solution:
    """Bases and phis that reproduce a grid, each checked with the generator itself.

    Args:
        phi: of each variant at that triple: 0 where 0 does, else the middle of its interval.
        intervals: every phi between these two, both included, gives the variant at that triple.
        region: every triple for which phis exist.
        margin: the fraction, 0 to 0.5, of every interval that the central triple keeps from both its ends.
    """

    alpha: float
    beta: float
    gamma: float
    phi: dict[str, float]
    intervals: dict[str, PhiInterval]
    region: Region
    margin: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Conflict:
    """An irreducible conflict: without any one of its variants, or of its dimensions, there is a solution."""

    variants: tuple[str, ...]
    dimensions: tuple[Dimension, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Inversion:
    """What was asked, and the answer: a solution or a conflict, never both.

    Args:
        fixed: alpha, beta and gamma as given, None where free.
        asked: the interval of ln(multiplier) of every variant and dimension.
    """

    grid: tuple[GridEntry, ...]
    rounding: RoundingRules
    match: Match
    fixed: tuple[float | None, ...]
    asked: Asked
    solution: Solution | None
    conflict: Conflict | None
