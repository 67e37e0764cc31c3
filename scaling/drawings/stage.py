"""One stage in detail: every layer of its sub-blocks, with output shape and parameters."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby

from scaling.drawings import drawing
from scaling.drawings.drawing import Box, Drawing, Item, Line, Role, Text, arrow_down, labelled_box, moved
from scaling.drawings.network import full_name
from scaling.drawings.palette import GREY, LAYER_PAINTS, VERMILION
from scaling.drawings.pieces import MODULES, SubBlock, part_of, shape_text, sketch, sub_blocks
from scaling.errors import ConfigError
from scaling.network.architecture import ArchitectureSpec
from scaling.network.decomposition import Layer, block_letters

_WIDTH, _HEIGHT, _STEP = 82.0, 13.0, 20.0
_BAR_LEFT, _BAR, _SKIP, _BYPASS = -30.0, 9.0, -14.0, -7.0
_COLUMN = 184.0
_TOP = 44.0


def stage_drawing(spec: ArchitectureSpec, number: int) -> Drawing:
    """Lay out one stage (from 1) layer by layer, its first sub-block and its repeats beside each other.

    Raises:
        ConfigError: the network has no such stage.

    >>> from scaling import variant
    >>> [text.text for text in stage_drawing(variant("b0"), 4).texts(Role.LAYERS)]
    ['14 layers', '30 layers (2 × 15)']
    """
    if not 1 <= number <= len(spec.stages):
        raise ConfigError(f"{spec.name} has stages 1 to {len(spec.stages)}, got {number}")
    items: list[Item] = [*_heading(spec, number)]
    for index, run in enumerate(run for run in sub_blocks(spec) if run.stage == number):
        items += moved(_sub_block(spec, run), index * _COLUMN, _TOP)
    return drawing.finished(f"{full_name(spec)}, block {number} in detail", items, margin=8)


def _heading(spec: ArchitectureSpec, number: int) -> Iterator[Item]:
    stage = spec.stages[number - 1]
    title = f"{full_name(spec)}, block {number}"
    yield Text(x=_BAR_LEFT, y=0, text=title, size=9, bold=True, role=Role.TITLE)
    words = (
        f"{stage.operator} {stage.kernel_size}×{stage.kernel_size}, stride {stage.stride}, "
        f"{stage.in_channels} to {stage.out_channels} channels"
    )
    yield Text(x=_BAR_LEFT, y=10, text=words, size=6, colour=GREY, role=Role.NOTE)


def _sub_block(spec: ArchitectureSpec, run: SubBlock) -> Iterator[Item]:
    yield from _title(run)
    kernel_size = spec.stages[run.stage - 1].kernel_size
    middle = _WIDTH / 2
    yield arrow_down(middle, -4, 10)
    yield _shape(0, f"{shape_text(run.into)} in")
    rows = {}
    for index, layer in enumerate(run.layers):
        top = 10 + index * _STEP
        rows[part_of(layer)] = top + _HEIGHT / 2
        yield from _layer(spec, layer, top, f"{kernel_size}×{kernel_size}")
        if not _branches_after(run, index):
            yield arrow_down(middle, top + _HEIGHT, top + _STEP)
    yield from _module_bars(run)
    yield from _detours(run, rows)


def _title(run: SubBlock) -> Iterator[Item]:
    last = block_letters(run.repeats + (0 if run.kind < 3 else 1) - 1)
    names = run.first if run.repeats == 1 else f"{run.first} … {run.stage}{last}"
    text = f"{names}: sub-block {run.kind}"
    yield Text(x=_BAR_LEFT, y=-18, text=text, size=7, bold=True, role=Role.TITLE)
    count = len(run.layers)
    each = f"{run.repeats * count} layers" + (f" ({run.repeats} × {count})" if run.repeats > 1 else "")
    yield Text(x=_BAR_LEFT, y=-9, text=each, size=5.8, colour=GREY, role=Role.LAYERS)
    if run.repeats > 1:
        times = f"×{run.repeats}"
        yield Text(x=104, y=-17, text=times, size=9, bold=True, role=Role.REPEATS)


def _layer(spec: ArchitectureSpec, layer: Layer, top: float, kernel: str) -> Iterator[Item]:
    words = sketch(part_of(layer), spec, kernel)
    box = Box(x=0, y=top, width=_WIDTH, height=_HEIGHT, paint=LAYER_PAINTS[words.does])
    yield from labelled_box(box, words.label, size=6)
    middle = top + _HEIGHT / 2
    if layer.params:
        yield _shape(middle - 3.2, shape_text(layer.output_shape), role=Role.SHAPE)
        yield _shape(middle + 3.6, f"{layer.params:,} params", size=4.8)
    else:
        yield _shape(middle, shape_text(layer.output_shape), role=Role.SHAPE)


def _shape(middle: float, text: str, *, size: float = 5.4, role: Role = Role.NOTE) -> Text:
    x = _WIDTH + 5 if role == Role.SHAPE or "params" in text else _WIDTH / 2 + 5
    return drawing.text_at(x, middle, text, size, colour=GREY, role=role)


def _module_bars(run: SubBlock) -> Iterator[Item]:
    """Coloured bars that say which layers a module has."""
    index = 0
    for module, members in groupby(run.layers, key=lambda layer: layer.module):
        count = len(list(members))
        top = 10 + index * _STEP
        height = (count - 1) * _STEP + _HEIGHT
        box = Box(x=_BAR_LEFT, y=top, width=_BAR, height=height, paint=MODULES[module].paint)
        yield from labelled_box(box, module[-1], size=6.5, bold=True)
        index += count


def _branches_after(run: SubBlock, index: int) -> bool:
    """Whether the layers of the shortcut follow, which take the block's input and not what stands above."""
    following = run.layers[index + 1 : index + 2]
    return any(part_of(layer) == "shortcut_conv" for layer in following)


def _detours(run: SubBlock, rows: dict[str, float]) -> Iterator[Item]:
    """What squeeze-excitation multiplies and what the skip adds."""
    middle = _WIDTH / 2
    if "se_excite" in rows:
        start = rows["activation"] + _HEIGHT / 2 + 2.5
        yield Line(
            points=((middle, start), (_BYPASS, start), (_BYPASS, rows["se_excite"]), (0, rows["se_excite"]))
        )
    if not run.has_skip:
        return
    into = rows["shortcut_conv" if run.projects_shortcut else "add"]
    yield Line(points=((middle, 2.5), (_SKIP, 2.5), (_SKIP, into), (0, into)), colour=VERMILION)
    if run.projects_shortcut:
        branch, add = rows["project_bn"], rows["add"]
        yield Line(points=((0, branch), (_BYPASS, branch), (_BYPASS, add), (0, add)))
