"""The stem, modules 1 to 5 and the final layers, layer by layer, and the sub-blocks made of them."""

from __future__ import annotations

from collections.abc import Iterator

from scaling.drawings import drawing
from scaling.drawings.drawing import (
    Align,
    Box,
    Drawing,
    Item,
    Line,
    Role,
    Text,
    arrow_down,
    labelled_box,
    moved,
)
from scaling.drawings.palette import GREY, LAYER_PAINTS
from scaling.drawings.pieces import (
    MODULES,
    Composition,
    ModuleSketch,
    compositions,
    modules_of,
    span_text,
)
from scaling.network.architecture import ArchitectureSpec

COLUMN, GAP = 58.0, 5.2
LAYER, ARROW = 13.0, 7.0
HEADER = 14.0
_CHIP, _CHIP_GAP = 41.0, 12.0
_ROW, _HALF = 56.0, 256.0
_NAMES = 75.0
_ASIDE = 7.0


def module_drawing(spec: ArchitectureSpec) -> Drawing:
    """Lay out the modules of a network and the sub-blocks they make.

    Layers that some blocks do without are dashed (zero padding: at stride 2 only).

    >>> from scaling import variant
    >>> [text.text for text in module_drawing(variant("b0")).texts(Role.TITLE)][:3]
    ['Stem', 'Module 1', 'Module 2']
    """
    modules = modules_of(spec)
    items: list[Item] = []
    for index, module in enumerate(modules):
        items += moved(_column(module), index * (COLUMN + GAP), 0)
    width = len(modules) * (COLUMN + GAP) - GAP
    bottom = max(item.bounds.bottom for item in items) + 16
    items.append(drawing.rule(0, width, bottom - 4))
    across = 2 if width > 1.5 * _HALF else 1
    for index, composition in enumerate(compositions(spec)):
        items += moved(_row(composition), index % across * _HALF, bottom + 8 + index // across * _ROW)
    return drawing.finished(f"Modules and sub-blocks of {spec.name}", items, margin=8)


def _column(module: ModuleSketch) -> Iterator[Item]:
    """One module: coloured title, layers from top to bottom, and where it is used."""
    look = MODULES[module.name]
    header = Box(x=0, y=0, width=COLUMN, height=HEADER, paint=look.paint)
    middle = COLUMN / 2
    yield from labelled_box(header, look.title, size=7.5, bold=True, role=Role.TITLE)
    counts = " or ".join(map(str, module.counts))
    plural = "layer" if module.counts == (1,) else "layers"
    yield _note(middle, HEADER + 9, f"{counts} {plural}", role=Role.LAYERS)
    top = HEADER + 15
    # What is projected stands between the branch and the addition, which the branch reaches aside.
    aside = _ASIDE if any(layer.part == "shortcut_conv" for layer in module.layers) else 0.0
    rows: dict[str, float] = {}
    for index, layer in enumerate(module.layers):
        if index and layer.part != "shortcut_conv":
            yield arrow_down(middle + aside / 2, top - ARROW, top)
        paint, width = LAYER_PAINTS[layer.does], COLUMN - 2 - aside
        box = Box(x=1 + aside, y=top, width=width, height=LAYER, paint=paint, dashed=layer.optional)
        yield from labelled_box(box, layer.label, size=5.5)
        rows[layer.part] = top + LAYER / 2
        top += LAYER + ARROW
    if aside:
        left, branch, add = 1 + aside, rows["project_bn"], rows["add"]
        yield Line(points=((left, branch), (2, branch), (2, add), (left, add)))
    for line in _wrapped(look.use):
        yield _note(middle, top + 2, line)
        top += 7.5


def _note(x: float, y: float, text: str, *, role: Role = Role.NOTE) -> Text:
    return Text(x=x, y=y, text=text, size=5.2, align=Align.CENTRE, colour=GREY, role=role)


def _wrapped(text: str, most: int = 19) -> list[str]:
    lines = [""]
    for word in text.split():
        if len(lines[-1]) + len(word) + 1 > most and lines[-1]:
            lines.append("")
        lines[-1] = f"{lines[-1]} {word}".strip()
    return lines


def _row(composition: Composition) -> Iterator[Item]:
    """One sub-block as modules in a line, squeeze-excitation and skip as the detours that they are."""
    middle = _ROW / 2 - 8
    plural = "block" if len(composition.stages) == 1 else "blocks"
    yield Text(x=0, y=middle, text=f"Sub-block {composition.kind}", size=7, bold=True, role=Role.TITLE)
    where = "first of" if composition.kind < 3 else "repeats in"
    words = f"{where} {plural} {span_text(composition.stages)}"
    yield Text(x=0, y=middle + 9, text=words, size=5.2, colour=GREY, role=Role.NOTE)
    left = _NAMES
    yield _port(left - _CHIP_GAP - 4, middle, "in")
    ends = []
    for name in composition.modules:
        yield Line(points=((left - _CHIP_GAP, middle), (left, middle)))
        box = Box(x=left, y=middle - 9, width=_CHIP, height=18, paint=MODULES[name].paint)
        yield from labelled_box(box, MODULES[name].title, size=6, bold=True)
        ends.append((left, left + _CHIP))
        left += _CHIP + _CHIP_GAP
    yield Line(points=((left - _CHIP_GAP, middle), (left, middle)))
    yield _port(left + 7, middle, "out")
    yield from _detours(composition, ends, middle)


def _port(x: float, middle: float, text: str) -> Text:
    y = drawing.middle_baseline(middle, 6)
    return Text(x=x, y=y, text=text, size=5.6, align=Align.CENTRE, colour=GREY)


def _detours(composition: Composition, ends: list[tuple[float, float]], middle: float) -> Iterator[Item]:
    last_left, last_right = ends[-1]
    if "module3" in composition.modules:
        start, stop = ends[0][1] + 4, last_left + 8
        yield Line(points=((start, middle), (start, middle + 16), (stop, middle + 16), (stop, middle + 9)))
        yield _note((start + stop) / 2, middle + 22, "to be multiplied")
    skip = MODULES[composition.modules[-1]].skip
    if skip:
        start, stop = ends[0][0] - 9, last_right - 8
        yield Line(points=((start, middle), (start, middle - 16), (stop, middle - 16), (stop, middle - 9)))
        yield _note((start + stop) / 2, middle - 18.5, f"skip connection, {skip}")
