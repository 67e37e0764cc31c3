"""A spec taken apart as the official drawings do: layers, five modules, three kinds of sub-block.

Layers are those of Keras's `EfficientNetB0` … `EfficientNetB7`, by the same names: 237 … 813 without the top.
Other networks are counted by the same convention, rescaling and normalization of the image and zero padding
at every stride included; their blocks are modules of our own: 6 (pointwise convolution of a separable block),
7 (opens a bottleneck), 8 and 9 (close it, with the input or its projection added).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import chain

from scaling.network.architecture import POOL_KERNEL, ArchitectureSpec, BlockKind, BlockSpec, StageSpec
from scaling.network.sides import out_size

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
    """List the layers of a network in order.

    Args:
        spec: the network.
        include_top: also pooling, dropout and classifier (3 layers).

    Source: keras/applications/efficientnet.py (names and order), arXiv:1905.11946 Table 1.

    >>> from scaling import variant
    >>> len(layers(variant("b0"))), len(layers(variant("b7")))
    (237, 813)
    """
    found = [*_stem(spec)]
    side = found[-1].output_shape[0]
    for number, stage in enumerate(spec.stages, start=1):
        for index, block in enumerate(stage.blocks()):
            sub_block = f"{number}{block_letters(index)}"
            found += _block(block, side, sub_block=sub_block, kind=sub_block_kind(stage, index))
            side = out_size(side, block.stride)
    found += _final(spec, side)
    return (*found, *_top(spec)) if include_top else tuple(found)


def sub_block_kind(stage: StageSpec, index: int) -> int:
    """Return 1 for a first block that begins depthwise, 2 for any other first block, 3 for a repeat."""
    if index > 0:
        return 3
    return 1 if stage.starts_depthwise else 2


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


def _conv_bn_activation(
    prefix: str, conv: str, shape: Shape, weights: int, *, names: tuple[str, str] = ("bn", "activation")
) -> Iterator[Layer]:
    yield Layer(name=prefix + conv, module="", output_shape=shape, params=weights)
    for name, params in zip(names, (2 * shape[-1], 0), strict=True):
        yield Layer(name=prefix + name, module="", output_shape=shape, params=params, statistics=params)


def _stem(spec: ArchitectureSpec) -> Iterator[Layer]:
    image = (spec.image_size, spec.image_size, spec.in_channels)
    for name in ("input", "rescaling"):
        yield Layer(name=name, module="stem", output_shape=image)
    # Keras keeps a mean and a variance per channel and one count.
    yield Layer(name="normalization", module="stem", output_shape=image, statistics=2 * spec.in_channels + 1)
    if spec.stem.stride > 1:
        yield _padding("stem_conv_pad", spec.image_size, spec.in_channels, spec.stem.kernel_size)
    side, channels = out_size(spec.image_size, spec.stem.stride), spec.stem.out_channels
    weights = spec.stem.kernel_size**2 * spec.in_channels * channels
    for layer in _conv_bn_activation("stem_", "conv", (side, side, channels), weights):
        yield replace(layer, module="stem")
    if spec.stem.has_pool:
        yield _padding("stem_pool_pad", side, channels, POOL_KERNEL)
        pooled = out_size(side, spec.stem.pool_stride)
        yield Layer(name="stem_pool", module="stem", output_shape=(pooled, pooled, channels))


def _padding(name: str, side: int, channels: int, kernel_size: int) -> Layer:
    padded = side + kernel_size - 1 - (side % 2 == 0)  # one row less on even sides, as Keras pads
    return Layer(
        name=name, module="stem" if "stem" in name else "module2", output_shape=(padded, padded, channels)
    )


def _block(block: BlockSpec, side: int, *, sub_block: str, kind: int) -> Iterator[Layer]:
    prefix = f"block{sub_block}_"
    out = out_size(side, block.stride)
    pieces: dict[BlockKind, tuple[Iterator[Layer], ...]] = {
        BlockKind.MBCONV: (
            _depthwise(block, side, prefix),
            _squeeze_excitation(block, prefix),
            _projection(block, out, prefix),
        ),
        BlockKind.SEPARABLE: (_depthwise(block, side, prefix), _pointwise(block, out, prefix)),
        BlockKind.BOTTLENECK: (_narrow(block, side, prefix), _widening(block, out, prefix)),
    }
    for layer in chain(*pieces[block.kind]):
        yield replace(layer, sub_block=sub_block, kind=kind)


def _depthwise(block: BlockSpec, side: int, prefix: str) -> Iterator[Layer]:
    """Modules 1 (without expansion) and 2."""
    channels, module = block.expanded_channels, "module1" if block.expand_ratio == 1 else "module2"
    if block.expand_ratio != 1:
        names = ("expand_bn", "expand_activation")
        weights = block.in_channels * channels
        for layer in _conv_bn_activation(prefix, "expand_conv", (side, side, channels), weights, names=names):
            yield replace(layer, module=module)
    if block.stride > 1:
        yield replace(_padding(prefix + "dwconv_pad", side, channels, block.kernel_size), module=module)
    out = out_size(side, block.stride)
    weights = block.kernel_size**2 * channels
    for layer in _conv_bn_activation(prefix, "dwconv", (out, out, channels), weights):
        yield replace(layer, module=module)


def _squeeze_excitation(block: BlockSpec, prefix: str) -> Iterator[Layer]:
    """Module 3: four layers, and in Keras's names the multiply that opens module 4 or 5."""
    channels, squeeze = block.expanded_channels, block.squeeze_channels
    if squeeze == 0:
        return
    weights = channels * squeeze
    for name, shape, params in (
        ("se_squeeze", (channels,), 0),
        ("se_reshape", (1, 1, channels), 0),
        ("se_reduce", (1, 1, squeeze), weights + squeeze),
        ("se_expand", (1, 1, channels), weights + channels),
    ):
        yield Layer(name=prefix + name, module="module3", output_shape=shape, params=params)


def _projection(block: BlockSpec, side: int, prefix: str) -> Iterator[Layer]:
    """Modules 4 (no skip) and 5 (dropout and add)."""
    module = "module5" if block.has_skip else "module4"
    expanded, shape = (side, side, block.expanded_channels), (side, side, block.out_channels)
    if block.squeeze_channels:
        yield Layer(name=prefix + "se_excite", module=module, output_shape=expanded)
    weights = block.expanded_channels * block.out_channels
    yield Layer(name=prefix + "project_conv", module=module, output_shape=shape, params=weights)
    norm = 2 * block.out_channels
    yield Layer(name=prefix + "project_bn", module=module, output_shape=shape, params=norm, statistics=norm)
    if block.has_skip:
        yield Layer(name=prefix + "drop", module=module, output_shape=shape)
        yield Layer(name=prefix + "add", module=module, output_shape=shape)


def _pointwise(block: BlockSpec, side: int, prefix: str) -> Iterator[Layer]:
    """Module 6: the second half of a separable block."""
    names, shape = ("project_bn", "project_activation"), (side, side, block.out_channels)
    weights = block.in_channels * block.out_channels
    for layer in _conv_bn_activation(prefix, "project_conv", shape, weights, names=names):
        yield replace(layer, module="module6")


def _narrow(block: BlockSpec, side: int, prefix: str) -> Iterator[Layer]:
    """Module 7: a bottleneck up to its k x k convolution."""
    inner, out = block.expanded_channels, out_size(side, block.stride)
    names, weights = ("reduce_bn", "reduce_activation"), block.in_channels * inner
    for layer in _conv_bn_activation(prefix, "reduce_conv", (side, side, inner), weights, names=names):
        yield replace(layer, module="module7")
    if block.stride > 1:
        yield replace(_padding(prefix + "conv_pad", side, inner, block.kernel_size), module="module7")
    weights = block.kernel_size**2 * inner**2
    for layer in _conv_bn_activation(prefix, "conv", (out, out, inner), weights):
        yield replace(layer, module="module7")


def _widening(block: BlockSpec, side: int, prefix: str) -> Iterator[Layer]:
    """Modules 8 (the input itself is added) and 9 (its projection is)."""
    module, shape = ("module9" if block.projects_shortcut else "module8"), (side, side, block.out_channels)
    weights = {"project": block.expanded_channels * block.out_channels}
    if block.projects_shortcut:
        weights["shortcut"] = block.in_channels * block.out_channels
    norm = 2 * block.out_channels
    for name, count in weights.items():
        yield Layer(name=f"{prefix}{name}_conv", module=module, output_shape=shape, params=count)
        yield Layer(
            name=f"{prefix}{name}_bn", module=module, output_shape=shape, params=norm, statistics=norm
        )
    for name in ("add", "out_activation"):
        yield Layer(name=prefix + name, module=module, output_shape=shape)


def _final(spec: ArchitectureSpec, side: int) -> Iterator[Layer]:
    channels = spec.head.out_channels
    if channels == 0:
        return
    weights = spec.stages[-1].out_channels * channels
    for layer in _conv_bn_activation("top_", "conv", (side, side, channels), weights):
        yield replace(layer, module="final")


def _top(spec: ArchitectureSpec) -> Iterator[Layer]:
    channels, classes = spec.feature_channels, spec.num_classes
    yield Layer(name="avg_pool", module="top", output_shape=(channels,))
    yield Layer(name="top_dropout", module="top", output_shape=(channels,))
    yield Layer(name="predictions", module="top", output_shape=(classes,), params=(channels + 1) * classes)
