"""A network block by block: sub-blocks of every stage, repeats collapsed, shapes on the edges."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby
from typing import Any

from scaling.cost import count_cost
from scaling.drawings.drawing import (
    Align,
    Box,
    Drawing,
    Item,
    Line,
    Role,
    Text,
    finished,
    labelled_box,
    text_at,
)
from scaling.drawings.metrics import drawable
from scaling.drawings.palette import GREY, PANEL, PLAIN, VERMILION
from scaling.drawings.pieces import MODULES, SubBlock, shape_text, sub_blocks
from scaling.network.architecture import ArchitectureSpec
from scaling.network.decomposition import layers

PAGE_WIDTH = 252.0
"""One column of a paper: 3.5 inches."""
_LEFT, _RIGHT = 52.0, 172.0
_MIDDLE = (_LEFT + _RIGHT) / 2
_PANEL, _END = 198.0, 240.0
_ROW, _EDGE = 15.0, 13.0
_BELOW, _GAP, _ABOVE = 8.0, 7.0, 4.0
_BETWEEN = _BELOW + _GAP + _ABOVE
"""From the last row of a panel to the first of the next."""
_CHIP = 8.5


def variant_drawing(spec: ArchitectureSpec) -> Drawing:
    """Lay out a network from its image to its classifier; the layer counts add up to the network's.

    >>> from scaling import variant
    >>> counts = variant_drawing(variant("b0")).texts(Role.LAYERS)
    >>> [text.text for text in counts][:3], sum(int(text.text.split()[0]) for text in counts)
    (['7 layers', '10 layers', '14 layers'], 237)
    """
    items: list[Item] = [*_heading(spec)]
    y = 40.0
    items += _end_piece(spec, "stem", y)
    y += _ROW
    for stage, runs in groupby(sub_blocks(spec), key=lambda run: run.stage):
        members = list(runs)
        items += _stage(spec, stage, members, y)
        y += _BETWEEN + len(members) * (_ROW + _EDGE) - _EDGE
    items += _edge(y, shape_text(sub_blocks(spec)[-1].layers[-1].output_shape), between=True)
    y += _BETWEEN
    if spec.head.out_channels:
        items += _end_piece(spec, "final", y)
        items += _edge(y + _ROW, shape_text(layers(spec)[-1].output_shape))
        y += _ROW + _EDGE
    items += _classifier(spec, y)
    return finished(f"{full_name(spec)} block by block", items, width=PAGE_WIDTH)


def full_name(spec: ArchitectureSpec) -> str:
    """Return a network's name as a reader expects it.

    >>> from scaling import variant
    >>> full_name(variant("b4")), full_name(variant("lite0"))
    ('EfficientNet-B4', 'EfficientNet-Lite0')
    """
    printable = drawable(spec.name).strip()
    for name, title in _TITLES.items():
        if printable.startswith(name):
            return title + printable.removeprefix(name)
    short = printable.removeprefix("efficientnet-")
    official = short.removeprefix("lite").removeprefix("b").isdecimal() or short == "l2"
    return f"EfficientNet-{short.capitalize()}" if official else printable or "unnamed"


_TITLES = {"mobilenetv1": "MobileNetV1", "mobilenetv2": "MobileNetV2", "resnet-50": "ResNet-50"}
"""Of baselines, and of networks scaled from them, whose names begin so."""


def size_text(count: float) -> str:
    """Write a large count with its unit: three or four digits.

    >>> size_text(5288548), size_text(385814752), size_text(37745884192), size_text(954)
    ('5.29 M', '386 M', '37.7 B', '954')
    """
    for unit, factor in (("B", 1e9), ("M", 1e6), ("k", 1e3)):
        if count >= factor:
            value = count / factor
            return f"{value:.{2 if value < 10 else 1 if value < 100 else 0}f} {unit}"
    return f"{count:g}"


def _heading(spec: ArchitectureSpec) -> Iterator[Item]:
    cost = count_cost(spec)
    yield Text(x=0, y=8, text=full_name(spec), size=9.5, bold=True, role=Role.TITLE)
    counts = (
        f"{size_text(cost.params)} params · {size_text(cost.macs)} multiply-adds · "
        f"{len(layers(spec))} layers without top"
    )
    yield Text(x=0, y=18, text=counts, size=6, colour=GREY, role=Role.NOTE)
    image = (spec.image_size, spec.image_size, spec.in_channels)
    yield Line(points=((_MIDDLE, 27), (_MIDDLE, 40)))
    yield _shape(33, f"image {shape_text(image)}")


def _shape(middle: float, text: str) -> Text:
    return text_at(_MIDDLE + 4, middle, text, 5.6, colour=GREY, role=Role.SHAPE)


def _edge(top: float, shape: str, *, between: bool = False) -> Iterator[Item]:
    """An arrow with the shape that it carries; the shape stands in the gap when it joins two panels."""
    yield Line(points=((_MIDDLE, top), (_MIDDLE, top + (_BETWEEN if between else _EDGE))))
    yield _shape(top + (_BELOW + _GAP / 2 if between else _EDGE / 2 - 0.5), shape)


def _layers(y: float, total: int, repeats: int = 1) -> Iterator[Item]:
    each = f"{repeats} × {total // repeats}" if repeats > 1 else ""
    middle = y + _ROW / 2
    if repeats > 1:
        yield text_at(_RIGHT + 6, middle, f"×{repeats}", 8, bold=True, role=Role.REPEATS)
    above = middle - (3.2 if each else 0)
    yield text_at(_END, above, f"{total} layers", 6, align=Align.RIGHT, role=Role.LAYERS)
    if each:
        yield text_at(_END, middle + 4.2, each, 5, align=Align.RIGHT, colour=GREY, role=Role.NOTE)


def _end_piece(spec: ArchitectureSpec, module: str, y: float) -> Iterator[Item]:
    stem = spec.stem
    words = f"Conv {stem.kernel_size}×{stem.kernel_size}"
    if stem.has_pool:  # two strides leave no room for the word
        words += f" s{stem.stride}, max pool s{stem.pool_stride}"
    elif stem.stride > 1:
        words += f", stride {stem.stride}"
    text = f"Stem: {words}" if module == "stem" else "Final layers: Conv 1×1"
    box = Box(x=_LEFT, y=y, width=_RIGHT - _LEFT, height=_ROW, paint=MODULES[module].paint)
    yield from labelled_box(box, text, size=6.2, bold=True)
    yield from _layers(y, sum(layer.module == module for layer in layers(spec)))


def _stage(spec: ArchitectureSpec, stage: int, runs: list[SubBlock], y: float) -> Iterator[Item]:
    """One block of the official drawings: a panel, its sub-blocks, the edges into them."""
    top = y + _BETWEEN - _ABOVE
    height = _ABOVE + len(runs) * (_ROW + _EDGE) - _EDGE + _BELOW
    yield Box(x=0, y=top, width=_PANEL, height=height, paint=PANEL, corner=3)
    yield text_at(5, top + _ABOVE + _ROW / 2, f"Block {stage}", 7, bold=True, role=Role.TITLE)
    for index, run in enumerate(runs):
        yield from _edge(y, shape_text(run.into), between=index == 0)
        y += _BETWEEN if index == 0 else _EDGE
        yield from _sub_block(spec, run, y)
        yield from _layers(y, run.repeats * len(run.layers), run.repeats)
        y += _ROW


def _sub_block(spec: ArchitectureSpec, run: SubBlock, y: float) -> Iterator[Item]:
    yield Box(x=_LEFT, y=y, width=_RIGHT - _LEFT, height=_ROW, paint=PLAIN)
    x = _LEFT + 4
    for module in run.modules:
        chip = Box(x=x, y=y + (_ROW - _CHIP) / 2, width=_CHIP, height=_CHIP, paint=MODULES[module].paint)
        yield from labelled_box(chip, module[-1], size=6, bold=True)
        x += _CHIP + 1.5
    stage = spec.stages[run.stage - 1]
    stride = f", stride {stage.stride}" if run.kind < 3 and stage.stride > 1 else ""
    words = f"{stage.operator} {stage.kernel_size}×{stage.kernel_size}{stride}"
    yield text_at(x + 4, y + _ROW / 2, words, 6.2)
    if run.has_skip:
        over, under, aside = y - 5.5, y + _ROW + 5.0, _LEFT - 6
        yield Line(
            points=((_MIDDLE, over), (aside, over), (aside, under), (_MIDDLE, under)),
            colour=VERMILION,
            dashed=run.projects_shortcut,
        )


def _classifier(spec: ArchitectureSpec, y: float) -> Iterator[Item]:
    box = Box(x=_LEFT, y=y, width=_RIGHT - _LEFT, height=_ROW, paint=PLAIN, dashed=True)
    yield from labelled_box(box, f"Top: pool, dropout, dense {spec.num_classes:,}", size=6.2)
    look: dict[str, Any] = {"colour": GREY, "role": Role.NOTE}
    yield text_at(_END, box.y + _ROW / 2, "3 more with top", 6, align=Align.RIGHT, **look)
    yield Text(x=0, y=box.y + _ROW + 13, text=_legend(spec), size=5, **look)


def _legend(spec: ArchitectureSpec) -> str:
    """Say what the squares and arrows are, as far as the network has them."""
    found = {module for run in sub_blocks(spec) for module in run.modules}
    if found <= {f"module{number}" for number in range(1, 6)}:
        return "Squares are modules 1 to 5; ×N are repeats; the arrow at the left is the skip of each."
    *others, last = sorted(module[-1] for module in found)
    text = f"Squares are modules {', '.join(others)} and {last}; ×N are repeats"
    if not any(run.has_skip for run in sub_blocks(spec)):
        return f"{text}; no block has a skip."
    return f"{text}; at the left skips" + (", dashed if projected." if "module9" in found else ".")
