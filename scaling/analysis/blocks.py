"""Comparisons of networks trained with the same seeds: seeds are blocks, so networks are paired."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from scipy import stats

from scaling.analysis.choosing import holm
from scaling.analysis.intervals import LEVEL
from scaling.errors import ResultsError

METHOD = (
    "paired by seed (randomised blocks: top1 = network + seed + rest, the spread of the rest pooled over the "
    "networks), two-sided t-tests, Holm's correction within the family, 95 %"
)
"""How contrasts are judged, in words."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Blocks:
    """Networks by seeds, every cell filled.

    Args:
        means: of each network (fraction), by name.
        seeds: that all networks have.
        standard_deviation: of what network and seed leave unexplained (fraction).
        degrees_of_freedom: (networks − 1)(seeds − 1).
        left_out: networks that lack a seed the others have.
    """

    means: Mapping[str, float]
    seeds: tuple[int, ...]
    standard_deviation: float
    degrees_of_freedom: int
    left_out: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Contrast:
    """A weighted sum of networks whose weights sum to 0: a difference, or a difference of differences.

    Args:
        value: the sum (fraction).
        low: lower end of its 95 % interval, not corrected.
        high: upper end.
        p: two-sided, not corrected.
        p_holm: corrected within its family.
        seeds: it rests on.
    """

    value: float
    low: float
    high: float
    p: float
    p_holm: float
    seeds: int

    @property
    def told(self) -> bool:
        """Whether noise does not explain it, after correction."""
        return self.p_holm < 1 - LEVEL


def blocks_of(top1: pd.DataFrame) -> Blocks:
    """Return networks by seeds; a network that lacks a seed which most have is left out.

    Args:
        top1: columns `name`, `seed`, `top1` (fraction): complete trainings alone, one a name and seed.

    Raises:
        ResultsError: fewer than two networks share two seeds.

    Source: randomised complete block design, Box, Hunter & Hunter 2005, chapter 4.

    >>> frame = pd.DataFrame({
    ...     "name": ["a", "a", "b", "b"], "seed": [0, 1, 0, 1], "top1": [0.7, 0.8, 0.8, 0.9]})
    >>> blocks_of(frame).standard_deviation < 1e-9
    True
    """
    table = top1.pivot(index="name", columns="seed", values="top1").astype(float)
    seeds = [seed for seed in table.columns if table[seed].notna().sum() > len(table) / 2]
    whole = table[seeds].dropna()
    if len(whole) < 2 or len(seeds) < 2:
        raise ResultsError("a comparison by pairs needs two networks with two seeds in common")
    values = whole.to_numpy()
    rest = values - values.mean(axis=1, keepdims=True) - values.mean(axis=0, keepdims=True) + values.mean()
    freedom = (len(whole) - 1) * (len(seeds) - 1)
    return Blocks(
        means={str(name): float(mean) for name, mean in whole.mean(axis=1).items()},
        seeds=tuple(int(seed) for seed in seeds),
        standard_deviation=math.sqrt(float((rest**2).sum()) / freedom),
        degrees_of_freedom=freedom,
        left_out=tuple(str(name) for name in table.index if name not in whole.index),
    )


def contrast(blocks: Blocks, more: Sequence[str], less: Sequence[str]) -> Contrast:
    """Return the sum of some networks minus the sum of as many others; a network may come twice.

    Args:
        blocks: networks by seeds.
        more: added.
        less: subtracted, equally many.

    Raises:
        ResultsError: a network is not among the blocks, or the numbers differ.

    >>> blocks = Blocks(means={"a": 0.7, "b": 0.8}, seeds=(0, 1, 2), standard_deviation=0.01,
    ...                 degrees_of_freedom=2)
    >>> found = contrast(blocks, ["b"], ["a"])
    >>> round(found.value, 3), round(found.low, 3), round(found.high, 3)
    (0.1, 0.065, 0.135)
    """
    unknown = [name for name in (*more, *less) if name not in blocks.means]
    if unknown or len(more) != len(less):
        raise ResultsError(f"no comparison of {list(more)} with {list(less)}: {unknown or 'unequal numbers'}")
    weights: dict[str, int] = {}
    for names, sign in ((more, 1), (less, -1)):
        for name in names:
            weights[name] = weights.get(name, 0) + sign
    value = sum(weight * blocks.means[name] for name, weight in weights.items())
    squares = sum(weight**2 for weight in weights.values())
    error = blocks.standard_deviation * math.sqrt(squares / len(blocks.seeds))
    reach = float(stats.t.ppf((1 + LEVEL) / 2, blocks.degrees_of_freedom)) * error
    p = _p(value, error, blocks.degrees_of_freedom)
    return Contrast(
        value=value, low=value - reach, high=value + reach, p=p, p_holm=p, seeds=len(blocks.seeds)
    )


def corrected(contrasts: Sequence[Contrast]) -> list[Contrast]:
    """Return a family of contrasts with their p-values corrected for their number (Holm)."""
    adjusted = holm([one.p for one in contrasts])
    return [replace(one, p_holm=p) for one, p in zip(contrasts, adjusted, strict=True)]


def _p(value: float, error: float, freedom: int) -> float:
    if error == 0:
        return float(np.isclose(value, 0))
    return float(2 * stats.t.sf(abs(value) / error, freedom))
