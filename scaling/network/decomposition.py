"""A spec taken apart as the official drawings do: layers, five modules, three kinds of sub-block.

Layers are those of Keras's `EfficientNetB0` … `EfficientNetB7`, by the same names: 237 … 813 without the top.
Other networks are counted by the same convention, rescaling and normalization of the image and zero padding
at every stride included; their blocks are modules of our own: 6 (pointwise convolution of a separable block),
7 (opens a bottleneck), 8 and 9 (close it, with the input or its projection added).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from scaling.network.architecture import ArchitectureSpec
from scaling.network.operation import Operation, OperationKind, Part
from scaling.network.operations import pieces

Shape = tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Layer:
    """One line of a Keras-style summary.

    Args:
        name: Keras's name, such as `block2a_expand_conv`.
        module: `stem`, `module1` … `module9`, `final` or `top`.
        sub_block: `1a` … `7d` as in Keras's names; empty in stem, final and top.
        kind: 1, 2 or 3 (FACTS of the official drawings: first without expansion, other first, repeat);
            0 outside the blocks.
        output_shape: (height, width, channels), or (channels,) after pooling; batch left out.
        params: trainable parameters.
        statistics: batch-norm's moving mean and variance, or the normalization layer's, not trained.
    """

    name: str
    module: str
    sub_block: str = ""
    kind: int = 0
    output_shape: Shape
    params: int = 0
    statistics: int = 0


def layers(spec: ArchitectureSpec, *, include_top: bool = False) -> tuple[Layer, ...]:
    """List the layers of a network in order; the top is pooling, dropout and classifier.

    Source: keras/applications/efficientnet.py (names and order), arXiv:1905.11946 Table 1.

    >>> from scaling import variant
    >>> len(layers(variant("b0"))), len(layers(variant("b7")))
    (237, 813)
    """
    found = [*_image(spec)]
    for piece in pieces(spec):
        of_piece = [layer for row in piece for layer in _layers(row, piece)]
        found += _within(of_piece, piece) if piece[0].stage else of_piece
    return tuple(layer for layer in found if include_top or layer.module != "top")


def _within(found: Iterable[Layer], block: tuple[Operation, ...]) -> Iterator[Layer]:
    """Name the layers of a block after it, and say of which kind it is."""
    opening = block[0]
    sub_block = f"{opening.stage}{block_letters(opening.block)}"
    first = 1 if opening.kind == OperationKind.DEPTHWISE else 2
    kind = first if opening.block == 0 else 3
    for layer in found:
        yield replace(layer, name=f"block{sub_block}_{layer.name}", sub_block=sub_block, kind=kind)


def block_letters(index: int) -> str:
    """Name a block within its stage: a, b, … z, aa, ab, ….

    >>> block_letters(0), block_letters(25), block_letters(26)
    ('a', 'z', 'aa')
    """
    text = ""
    index += 1
    while index:
        index, rest = divmod(index - 1, 26)
        text = chr(ord("a") + rest) + text
    return text


def _image(spec: ArchitectureSpec) -> Iterator[Layer]:
    shape = (spec.image_size, spec.image_size, spec.in_channels)
    for name in ("input", "rescaling"):
        yield Layer(name=name, module="stem", output_shape=shape)
    # Keras keeps a mean and a variance per channel and one count.
    yield Layer(name="normalization", module="stem", output_shape=shape, statistics=2 * spec.in_channels + 1)


def _layers(row: Operation, block: tuple[Operation, ...]) -> Iterator[Layer]:
    """Yield the layers of one row of a block, a block's name left out."""
    module, side, channels = _module(row, block), row.out_side, row.out_channels
    shape: Shape = (side, side, channels)
    if row.part in _PADDINGS and row.stride > 1:
        padded = row.in_side + row.kernel_size - 1 - (row.in_side % 2 == 0)  # Keras: a row less on even sides
        before = (padded, padded, row.in_channels)
        yield Layer(name=_PADDINGS[row.part], module=module, output_shape=before)
    if row.norm:
        name = _NORMED[row.part]
        conv = f"{name}dwconv" if row.kind == OperationKind.DEPTHWISE else f"{name}conv"
        yield Layer(name=conv, module=module, output_shape=shape, params=row.weights)
        moments = 2 * channels
        yield Layer(name=f"{name}bn", module=module, output_shape=shape, params=moments, statistics=moments)
        if row.activation is not None:
            yield Layer(name=f"{name}activation", module=module, output_shape=shape)
        return
    for name in _OTHERS[row.part, row.kind]:
        if name in _VECTORS:
            shape = (channels,)
        elif name in _PIXELS:
            shape = (1, 1, channels)
        yield Layer(name=name, module=module, output_shape=shape, params=row.params)


_PADDINGS = {
    Part.STEM: "stem_conv_pad",
    Part.STEM_POOL: "stem_pool_pad",
    Part.DEPTHWISE: "dwconv_pad",
    Part.SPATIAL: "conv_pad",
}
_NORMED = {
    Part.STEM: "stem_",
    Part.EXPAND: "expand_",
    Part.DEPTHWISE: "",
    Part.PROJECT: "project_",
    Part.POINTWISE: "project_",
    Part.NARROW: "reduce_",
    Part.SPATIAL: "",
    Part.SHORTCUT: "shortcut_",
    Part.HEAD: "top_",
}
"""What the names of a convolution, its batch norm and its activation begin with."""
_OTHERS = {
    (Part.STEM_POOL, OperationKind.MAX_POOL): ("stem_pool",),
    (Part.REDUCE, OperationKind.MEAN): ("se_squeeze", "se_reshape"),
    (Part.REDUCE, OperationKind.CONVOLUTION): ("se_reduce",),
    (Part.GATE, OperationKind.CONVOLUTION): ("se_expand",),
    (Part.GATE, OperationKind.MULTIPLY): ("se_excite",),
    (Part.SKIP, OperationKind.ADD): ("drop", "add"),
    (Part.SUM, OperationKind.ADD): ("add", "out_activation"),
    (Part.CLASSIFIER, OperationKind.MEAN): ("avg_pool", "top_dropout"),
    (Part.CLASSIFIER, OperationKind.LINEAR): ("predictions",),
}
_VECTORS = ("se_squeeze", "avg_pool", "top_dropout", "predictions")
_PIXELS = ("se_reshape", "se_reduce", "se_expand")


def _module(row: Operation, block: tuple[Operation, ...]) -> str:
    """Return which module of the drawings an operation of a block belongs to."""
    parts = {each.part for each in block}
    if row.part in (Part.EXPAND, Part.DEPTHWISE):
        return "module2" if Part.EXPAND in parts else "module1"
    if row.part not in _CLOSING and row.kind != OperationKind.MULTIPLY:
        return _MODULES[row.part]
    if Part.SUM in parts:
        return "module9" if Part.SHORTCUT in parts else "module8"
    return "module5" if Part.SKIP in parts else "module4"


_CLOSING = (Part.PROJECT, Part.SKIP, Part.SHORTCUT, Part.SUM)
_MODULES = {
    Part.STEM: "stem",
    Part.STEM_POOL: "stem",
    Part.REDUCE: "module3",
    Part.GATE: "module3",
    Part.POINTWISE: "module6",
    Part.NARROW: "module7",
    Part.SPATIAL: "module7",
    Part.HEAD: "final",
    Part.CLASSIFIER: "top",
}
"""Of operations whose module is the same in every block; the rest open or close one."""
