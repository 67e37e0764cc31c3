"""A conflict in numbers: one quantity, and ranges of it that have nothing in common."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import permutations

from scaling.targets.inversion.answer import Inversion
from scaling.targets.inversion.preimage import Dimension, LogInterval
from scaling.targets.inversion.surface import feasible_polygon, phi_signs, search_surface

BASE_OF = {Dimension.DEPTH: "alpha", Dimension.WIDTH: "beta", Dimension.RESOLUTION: "gamma"}

_Asked = Mapping[str, Mapping[Dimension, LogInterval]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """Ranges of one quantity, in all of which it would have to lie.

    Args:
        quantity: what is bounded: `phi`, a base, or a ratio of two bases' logarithms.
        ranges: by what bounds it: a variant, a dimension, or the given value. No value is in all of them.
    """

    quantity: str
    ranges: dict[str, tuple[float, float]]

    def proves(self) -> bool:
        """Whether the ranges have nothing in common."""
        lows, highs = zip(*self.ranges.values(), strict=True)
        return bool(max(lows) > min(highs))


def evidence(inversion: Inversion) -> Evidence | None:
    """Look for one quantity that shows a conflict.

    Returns:
        None where there is no conflict, where no multiplier at all gives a variant (its interval in `asked`
        is then None), or where no single quantity shows it: three half-planes may have nothing in common
        although each two have.

    >>> from scaling import variant
    >>> from scaling.targets.inversion import GridEntry, invert
    >>> b5 = GridEntry(name="b5", depth_coefficient=2.2, width_coefficient=1.6, image_size=456)
    >>> shown = evidence(invert(variant("b0"), [b5], alpha=1.2, beta=1.1, gamma=1.15))
    >>> shown.quantity, [round(low, 2) for low, _ in shown.ranges.values()]
    ('phi', [3.94, 5.08])
    """
    conflict = inversion.conflict
    if conflict is None:
        return None
    asked: dict[str, dict[Dimension, LogInterval]] = {}
    for name in conflict.variants:
        intervals = {dimension: inversion.asked[name][dimension] for dimension in conflict.dimensions}
        asked[name] = {
            dimension: interval for dimension, interval in intervals.items() if interval is not None
        }
        if len(asked[name]) < len(intervals):
            return None
    candidates = [
        _phis(asked, inversion.fixed),
        *_ratios(asked, conflict.dimensions),
        *_bases(asked, inversion.fixed),
    ]
    return next((one for one in candidates if one is not None and one.proves()), None)


def _phis(asked: _Asked, fixed: tuple[float | None, ...]) -> Evidence | None:
    """Phi of the one variant in conflict, as each dimension with a given base bounds it."""
    if len(asked) > 1:
        return None
    (intervals,) = asked.values()
    given = dict(zip(Dimension, fixed, strict=True))
    ranges = {}
    for dimension, interval in intervals.items():
        base = given[dimension]
        if base is not None and base != 1:
            ends = sorted((interval.low / math.log(base), interval.high / math.log(base)))
            ranges[str(dimension)] = (ends[0], ends[1])
    return Evidence(quantity="phi", ranges=ranges) if ranges else None


def _ratios(asked: _Asked, dimensions: tuple[Dimension, ...]) -> list[Evidence]:
    """The ratio of two logarithms, which no phi changes, as each variant bounds it."""
    found = []
    for first, second in permutations(dimensions, 2):
        ranges = {name: ratio_range(intervals, first, second) for name, intervals in asked.items()}
        known = {name: ends for name, ends in ranges.items() if ends is not None}
        if len(known) == len(asked) > 1:
            found.append(Evidence(quantity=f"ln {BASE_OF[first]} / ln {BASE_OF[second]}", ranges=known))
    return found


def ratio_range(
    asked: Mapping[Dimension, LogInterval], first: Dimension, second: Dimension
) -> tuple[float, float] | None:
    """Return the range of ln(first base) / ln(second base) that one variant allows, whatever its phi.

    None where the second interval holds 0: the ratio may then be anything.

    >>> ratio_range({Dimension.WIDTH: LogInterval(1, 2), Dimension.RESOLUTION: LogInterval(4, 5)},
    ...             Dimension.WIDTH, Dimension.RESOLUTION)
    (0.2, 0.5)
    """
    top, bottom = asked[first], asked[second]
    if 0.0 in bottom:
        return None
    quotients = [over / under for over in (top.low, top.high) for under in (bottom.low, bottom.high)]
    return min(quotients), max(quotients)


def _bases(asked: _Asked, fixed: tuple[float | None, ...]) -> list[Evidence]:
    """A given base beside the range that the variants would allow if nothing were given."""
    boxes = [dict(intervals) for intervals in asked.values()]
    surface = search_surface((None, None, None))
    polygons = [feasible_polygon(boxes, signs, surface) for signs in phi_signs(boxes)]
    vertices = [vertex for polygon in polygons for vertex in polygon]
    found = []
    for k, (dimension, base) in enumerate(zip(Dimension, fixed, strict=True)):
        if base is not None and vertices and None in fixed:
            values = [math.exp(vertex[k]) for vertex in vertices]
            ranges = {", ".join(asked): (min(values), max(values)), "given": (base, base)}
            found.append(Evidence(quantity=BASE_OF[dimension], ranges=ranges))
    return found
