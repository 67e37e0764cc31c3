"""Why no bases exist: a smallest set of variants and dimensions that contradict each other."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import TypeAlias

from scaling.targets.inversion.preimage import Dimension, LogInterval

Asked: TypeAlias = Mapping[str, Mapping[Dimension, LogInterval | None]]
"""What every variant asks in every dimension; None where nothing can give it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Conflict:
    """An irreducible conflict: without any one of its variants, or of its dimensions, there is a solution.

    Args:
        variants: names, in the order of the grid.
        dimensions: those that matter, in the order depth, width, resolution.
    """

    variants: tuple[str, ...]
    dimensions: tuple[Dimension, ...]


def minimal_conflict(asked: Asked, possible: Callable[[Asked], bool]) -> Conflict:
    """Reduce an infeasible grid to an irreducible conflict.

    Single variants and pairs are tried first, because a proof of two lines is the one worth reading; what
    is left goes through a deletion filter. Dimensions are then dropped one by one.

    Args:
        asked: an infeasible set.
        possible: whether a set has a solution; it must hold of every subset of a set of which it holds.

    >>> asked = {"a": {Dimension.DEPTH: None}, "b": {Dimension.DEPTH: LogInterval(0, 1)}}
    >>> minimal_conflict(asked, lambda some: all(None not in one.values() for one in some.values())).variants
    ('a',)
    """
    variants = _variants(asked, possible)
    dimensions = list(Dimension)
    for dimension in Dimension:
        fewer = [kept for kept in dimensions if kept != dimension]
        if not possible(_part(asked, variants, fewer)):
            dimensions = fewer
    return Conflict(variants=tuple(variants), dimensions=tuple(dimensions))


def _variants(asked: Asked, possible: Callable[[Asked], bool]) -> Sequence[str]:
    for size in (1, 2):
        for some in combinations(asked, size):
            if not possible(_part(asked, some, tuple(Dimension))):
                return some
    kept = list(asked)
    for name in asked:
        fewer = [other for other in kept if other != name]
        if not possible(_part(asked, fewer, tuple(Dimension))):
            kept = fewer
    return kept


def _part(asked: Asked, variants: Sequence[str], dimensions: Sequence[Dimension]) -> Asked:
    return {
        name: {dimension: asked[name][dimension] for dimension in dimensions if dimension in asked[name]}
        for name in variants
    }
