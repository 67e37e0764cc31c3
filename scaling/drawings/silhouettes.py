"""Networks as silhouettes: an image, then a bar a block, as wide as its channels ask.

Depth, width and resolution are seen at a glance: the family side by side, and the five ways to scale.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from scaling.cost import count_cost
from scaling.drawings.drawing import Align, Box, Drawing, Item, Line, Role, Text, finished, moved
from scaling.drawings.metrics import text_width
from scaling.drawings.network import full_name, size_text
from scaling.drawings.palette import GREY, VERMILION, Paint, stage_fill
from scaling.drawings.pieces import MODULES
from scaling.network.architecture import ArchitectureSpec
from scaling.network.coefficients import CompoundCoefficients, ScalingCoefficients
from scaling.network.decomposition import layers
from scaling.network.generation import scale
from scaling.network.rounding import RELEASED, RoundingRules
from scaling.network.strategies import PAPER_BASES

_BAR_EDGE = "#ffffff"
_BLOCK_GAP, _STAGE_GAP = 0.7, 3.6


@dataclass(frozen=True, slots=True, kw_only=True)
class Ruler:
    """How many points things measure."""

    column: float
    """Width of a network's column."""
    bar: float
    """Height of a block's bar."""
    channels: Callable[[int], float]
    """Width of a bar from its channels."""
    image: float
    """Side of the largest image."""
    pixels: float
    """Points a pixel of an image."""
    family: bool
    """Whether stages say repeats × channels, and the head has a bar."""


def family_drawing(specs: Sequence[ArchitectureSpec]) -> Drawing:
    """Lay out networks side by side, all to one scale; the bars' widths go with the root of the channels.

    >>> from scaling import variant
    >>> drawing = family_drawing([variant("b0"), variant("b1")])
    >>> [text.text for text in drawing.texts(Role.LAYERS)]
    ['237 layers', '339 layers']
    """
    widest = max(_widest_stage(specs), *(spec.head.out_channels for spec in specs))
    column = min(118.0, max(56.0, 500.0 / len(specs)))
    unit = (min(column, 64.0) - 8) / math.sqrt(widest)
    largest = max(spec.image_size for spec in specs)
    ruler = Ruler(
        column=column,
        bar=min(5.6, 390.0 / max(spec.num_blocks for spec in specs)),
        channels=lambda channels: unit * math.sqrt(channels),
        pixels=(min(column, 64.0) - 8) / largest,
        image=min(column, 64.0) - 8,
        family=True,
    )
    items: list[Item] = []
    for index, spec in enumerate(specs):
        items += moved(_column(spec, ruler, _short_name(spec)), index * column, 0)
    bottom = max(item.bounds.bottom for item in items)
    items += _caption(
        bottom + 14,
        "Squares: images, to one scale. Bars: blocks, one each; width goes with the square root of channels.",
        "Beside a stage: repeats × channels. Layers without top. Dark bars: stem and head.",
    )
    return finished("Networks side by side: " + ", ".join(map(full_name, specs)), items, margin=8)


def _short_name(spec: ArchitectureSpec) -> str:
    name = full_name(spec)
    short = name.lower().removeprefix("efficientnet-").capitalize()
    return name if short.lower() == name.lower() and name != name.lower() else short


def scaling_ways(
    baseline: ArchitectureSpec, factor: float = 3.0, rounding: RoundingRules = RELEASED
) -> tuple[tuple[str, ArchitectureSpec], ...]:
    """Return the five ways of the paper's Fig. 2 at one nominal cost, a factor above 1 of the baseline's.

    Compound scaling uses the paper's bases; under the released rules achieved costs differ.

    Source: Tan & Le 2019, arXiv:1905.11946, Fig. 2.

    >>> from scaling import variant
    >>> [(name, spec.num_blocks, spec.image_size) for name, spec in scaling_ways(variant("b0"))][1:4]
    [('width', 16, 224), ('depth', 48, 224), ('resolution', 16, 388)]
    """
    root = math.sqrt(factor)
    alpha, beta, gamma = PAPER_BASES
    phi = math.log(factor) / (math.log(alpha) + 2 * math.log(beta) + 2 * math.log(gamma))
    ways: dict[str, CompoundCoefficients | ScalingCoefficients] = {
        "baseline": ScalingCoefficients(),
        "width": ScalingCoefficients(width_coefficient=root),
        "depth": ScalingCoefficients(depth_coefficient=factor),
        "resolution": ScalingCoefficients(resolution_coefficient=root),
        "compound": CompoundCoefficients(alpha=alpha, beta=beta, gamma=gamma, phi=phi),
    }
    return tuple((name, scale(baseline, way, rounding)) for name, way in ways.items())


def scaling_ways_drawing(baseline: ArchitectureSpec, factor: float = 3.0) -> Drawing:
    """Lay out the five ways to scale, each network drawn from its own spec with its achieved cost."""
    ways = scaling_ways(baseline, factor)
    specs = [spec for _, spec in ways]
    ruler = Ruler(
        column=100.0,
        bar=3.6,
        channels=lambda channels: 84.0 * channels / _widest_stage(specs),
        pixels=62.0 / max(spec.image_size for spec in specs),
        image=62.0,
        family=False,
    )
    items: list[Item] = []
    for index, (way, spec) in enumerate(ways):
        title = f"({'abcde'[index]}) {way}"
        column = list(_silhouette(spec, ruler, title))
        bottom = max(item.bounds.bottom for item in column)
        column += _coefficients(spec, way, specs[0], bottom + 13)
        items += moved(column, index * ruler.column, 0)
    items += _caption(
        max(item.bounds.bottom for item in items) + 14,
        f"From {full_name(baseline)}, each at {factor:g} times its cost by the formula; "
        "the last line is the cost that rounding leaves.",
        "Squares: images. Bars: blocks, one each, as wide as their channels; the dark one is the stem.",
    )
    return finished(f"Five ways to scale {full_name(baseline)}", items, margin=8)


def _widest_stage(specs: Iterable[ArchitectureSpec]) -> int:
    return max(stage.out_channels for spec in specs for stage in spec.stages)


def _column(spec: ArchitectureSpec, ruler: Ruler, name: str) -> Iterator[Item]:
    """A silhouette with its counts below."""
    silhouette = list(_silhouette(spec, ruler, name))
    yield from silhouette
    y = max(item.bounds.bottom for item in silhouette) + 12
    cost, middle = count_cost(spec), ruler.column / 2
    yield _centred(middle, y, f"{len(layers(spec))} layers", size=6, bold=True, role=Role.LAYERS)
    for text in (
        f"{spec.num_blocks} blocks",
        f"{size_text(cost.params)} params",
        f"{size_text(cost.macs)} MACs",
    ):
        y += 8
        yield _centred(middle, y, text, size=5.8)


def _silhouette(spec: ArchitectureSpec, ruler: Ruler, name: str) -> Iterator[Item]:
    middle, side = ruler.column / 2, spec.image_size * ruler.pixels
    width = text_width(name, 8.5, bold=True)
    size = 8.5 * min(1.0, (ruler.column - 4) / width)  # a long name is set smaller
    yield _centred(middle, 0, name, size=size, bold=True, role=Role.TITLE)
    top = 9 + ruler.image - side
    image = Paint(fill="#fdf3df", edge="#b87f00")
    yield Box(x=middle - side / 2, y=top, width=side, height=side, paint=image, corner=0)
    pixels = f"{spec.image_size}"
    fits = side > text_width(pixels, 5.6) + 2  # else it stands above the square
    yield _centred(middle, top + side / 2 + 2 if fits else top - 3, pixels, size=5.6)
    y = top + side + 12
    yield Line(points=((middle, top + side), (middle, y)))
    yield _bar(spec.stem.out_channels, y, ruler, MODULES["stem"].paint)
    y += ruler.bar + _STAGE_GAP
    for number, stage in enumerate(spec.stages):
        paint = Paint(fill=stage_fill(number, len(spec.stages)), edge=_BAR_EDGE)
        start = y
        for _ in range(stage.repeats):
            yield _bar(stage.out_channels, y, ruler, paint)
            y += ruler.bar + _BLOCK_GAP
        if ruler.family:
            yield _beside(stage.repeats, stage.out_channels, (start + y - _BLOCK_GAP) / 2, ruler)
        y += _STAGE_GAP - _BLOCK_GAP
    if ruler.family and spec.head.out_channels:
        yield _bar(spec.head.out_channels, y, ruler, MODULES["final"].paint)


def _bar(channels: int, y: float, ruler: Ruler, paint: Paint) -> Box:
    width = ruler.channels(channels)
    x = (ruler.column - width) / 2
    return Box(x=x, y=y, width=width, height=ruler.bar, paint=paint, corner=0.8, edge_width=0.3)


def _beside(repeats: int, channels: int, middle: float, ruler: Ruler) -> Text:
    x, text = (ruler.column + ruler.channels(channels)) / 2 + 2, f"{repeats}×{channels}"
    return Text(x=x, y=middle + 1.7, text=text, size=4.8, colour=GREY, role=Role.REPEATS)


def _coefficients(spec: ArchitectureSpec, way: str, baseline: ArchitectureSpec, y: float) -> Iterator[Item]:
    """Depth, width, resolution of a way, those that grew in red, and its exact cost."""
    assert spec.derivation is not None, "every way is scaled from a baseline"
    scaling = spec.derivation.scaling
    lines = (
        (f"depth ×{scaling.depth_coefficient:.2g}: {spec.num_blocks} blocks", {"depth", "compound"}),
        (f"width ×{scaling.width_coefficient:.2g}", {"width", "compound"}),
        (f"image {spec.image_size} px", {"resolution", "compound"}),
    )
    for text, ways in lines:
        grew = way in ways
        yield _centred(50, y, text, size=6, bold=grew, colour=VERMILION if grew else GREY)
        y += 8.5
    macs, before = count_cost(spec).macs, count_cost(baseline).macs
    times = "" if way == "baseline" else f", ×{macs / before:.2f}"
    yield _centred(50, y + 2, f"{size_text(macs)} MACs{times}", size=6)


def _centred(x: float, y: float, text: str, *, role: Role = Role.NOTE, **look: Any) -> Text:
    return Text(x=x, y=y, text=text, align=Align.CENTRE, role=role, **look)


def _caption(y: float, *lines: str) -> Iterator[Item]:
    for index, line in enumerate(lines):
        yield Text(x=0, y=y + 8 * index, text=line, size=5.6, colour=GREY, role=Role.NOTE)
