"""What the drawings need to know of a network: its layers by module and sub-block, in words."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from itertools import groupby
from typing import NamedTuple

from scaling.drawings.palette import BLUE, INK, ORANGE, PURPLE, SKY, VERMILION, WHITE, Paint
from scaling.network.architecture import POOL_KERNEL, Activation, ArchitectureSpec
from scaling.network.decomposition import Layer, layers

ACTIVATION_NAMES = {Activation.SILU: "SiLU", Activation.RELU6: "ReLU6", Activation.RELU: "ReLU"}
DARK = "#4d4d4d"


class ModuleLook(NamedTuple):
    """A module of the drawings: its title, its use, its colours, and what its skip is for, if it has one."""

    title: str
    use: str
    fill: str
    text: str = INK
    skip: str = ""

    @property
    def paint(self) -> Paint:
        """Of its box."""
        return Paint(fill=self.fill, edge=self.fill, text=self.text)


MODULES = {
    "stem": ModuleLook("Stem", "once", DARK, WHITE),
    "module1": ModuleLook("Module 1", "opens a sub-block without expansion", SKY),
    "module2": ModuleLook("Module 2", "opens every other sub-block", BLUE, WHITE),
    "module3": ModuleLook("Module 3", "squeeze-excitation", ORANGE),
    "module4": ModuleLook("Module 4", "closes a sub-block without skip", "#00704f", WHITE),
    "module5": ModuleLook("Module 5", "closes a sub-block with skip", "#b34700", WHITE, "to be added"),
    "module6": ModuleLook("Module 6", "closes a separable block", PURPLE),
    "module7": ModuleLook("Module 7", "opens a bottleneck", "#3f3a80", WHITE),
    "module8": ModuleLook("Module 8", "closes one whose input is added", VERMILION, WHITE, "to be added"),
    "module9": ModuleLook(
        "Module 9", "closes one whose input is projected", "#7d2e00", WHITE, "to be projected and added"
    ),
    "final": ModuleLook("Final layers", "once", DARK, WHITE),
    "top": ModuleLook("Top", "the classifier", "#8f8f8f", WHITE),
}
"""Of the official drawings from the stem to the classifier; 6 to 9 are other networks'."""

# Keras's layer name without its block -> what the drawing calls it, and what it does.
_WORDS: dict[str, tuple[str, str]] = {
    "input": ("Input", "input"),
    "rescaling": ("Rescaling", "norm"),
    "normalization": ("Normalization", "norm"),
    "stem_conv_pad": ("Zero padding", "reshape"),
    "stem_conv": ("Conv {stem}", "convolution"),
    "stem_pool_pad": ("Zero padding", "reshape"),
    "stem_pool": ("Max pool {pool}", "reshape"),
    "reduce_conv": ("Conv 1×1", "convolution"),
    "conv_pad": ("Zero padding", "reshape"),
    "conv": ("Conv {kernel}", "convolution"),
    "shortcut_conv": ("Shortcut 1×1", "convolution"),
    "expand_conv": ("Conv 1×1", "convolution"),
    "dwconv_pad": ("Zero padding", "reshape"),
    "dwconv": ("Depthwise {kernel}", "depthwise"),
    "se_squeeze": ("Global avg pool", "reshape"),
    "se_reshape": ("Reshape", "reshape"),
    "se_reduce": ("Conv 1×1, {activation}", "convolution"),
    "se_expand": ("Conv 1×1, sigmoid", "convolution"),
    "se_excite": ("Multiply", "combine"),
    "project_conv": ("Conv 1×1", "convolution"),
    "drop": ("Dropout", "dropout"),
    "add": ("Add", "combine"),
    "top_conv": ("Conv 1×1", "convolution"),
    "avg_pool": ("Global avg pool", "reshape"),
    "top_dropout": ("Dropout", "dropout"),
    "predictions": ("Dense", "convolution"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerSketch:
    """A layer in words: `does` is a key of `palette.LAYER_PAINTS`; some blocks do without an optional one."""

    part: str
    label: str
    does: str
    optional: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ModuleSketch:
    """A module in its longest form; `counts` are the numbers of layers that occur, rising."""

    name: str
    layers: tuple[LayerSketch, ...]
    counts: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Composition:
    """A kind of sub-block (1 to 3) as its modules in order, and the stages where it occurs, from 1."""

    kind: int
    modules: tuple[str, ...]
    stages: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SubBlock:
    """A run of equal sub-blocks of one stage.

    Args:
        stage: its number, from 1.
        first: Keras's name of the first, such as `2b`.
        kind: 1, 2 or 3.
        repeats: how many there are.
        into: shape that enters the first.
        layers: of the first, in order.
    """

    stage: int
    first: str
    kind: int
    repeats: int
    into: tuple[int, ...]
    layers: tuple[Layer, ...]

    @property
    def modules(self) -> tuple[str, ...]:
        """Names of its modules in order."""
        return tuple(dict.fromkeys(layer.module for layer in self.layers))

    @property
    def has_skip(self) -> bool:
        """Whether the input is added to the output."""
        return bool(MODULES[self.modules[-1]].skip)

    @property
    def projects_shortcut(self) -> bool:
        """Whether a 1x1 convolution stands in that skip."""
        return self.modules[-1] == "module9"


def stage_of(sub_block: str) -> int:
    """Return the stage's number of a sub-block's name.

    >>> stage_of("7aa")
    7
    """
    return int(sub_block.rstrip("abcdefghijklmnopqrstuvwxyz"))


def part_of(layer: Layer) -> str:
    """Return a layer's name without its block.

    >>> from scaling import variant
    >>> [part_of(layer) for layer in layers(variant("b0"))[7:9]]
    ['dwconv', 'bn']
    """
    return layer.name.removeprefix(f"block{layer.sub_block}_") if layer.sub_block else layer.name


def sketch(part: str, spec: ArchitectureSpec, kernel: str, *, optional: bool = False) -> LayerSketch:
    """Put a layer (see `part_of`) into words; `kernel` is that of the k x k convolution, such as `3×3`."""
    activation = ACTIVATION_NAMES[spec.activation]
    if part.endswith("bn"):
        return LayerSketch(part=part, label="Batch norm", does="norm", optional=optional)
    if part.endswith("activation"):
        return LayerSketch(part=part, label=activation, does="activation", optional=optional)
    words, does = _WORDS[part]
    stem = spec.stem
    label = words.format(
        kernel=kernel,
        activation=activation,
        stem=_strided(stem.kernel_size, stem.stride),
        pool=_strided(POOL_KERNEL, stem.pool_stride),
    )
    return LayerSketch(part=part, label=label, does=does, optional=optional)


def _strided(kernel_size: int, stride: int) -> str:
    return f"{kernel_size}×{kernel_size}" + (f", s{stride}" if stride > 1 else "")


@cache
def modules_of(spec: ArchitectureSpec) -> tuple[ModuleSketch, ...]:
    """Return the modules that a network has, each in its longest form.

    >>> from scaling import variant
    >>> [(module.name, module.counts) for module in modules_of(variant("b0"))][:3]
    [('stem', (7,)), ('module1', (3,)), ('module2', (6, 7))]
    """
    forms: dict[str, set[tuple[str, ...]]] = {name: set() for name in MODULES}
    kernels: dict[str, set[int]] = {name: set() for name in MODULES}
    found = layers(spec, include_top=True)
    for (module, sub_block), members in groupby(found, key=lambda layer: (layer.module, layer.sub_block)):
        forms[module].add(tuple(part_of(layer) for layer in members))
        if sub_block:
            kernels[module].add(spec.stages[stage_of(sub_block) - 1].kernel_size)
    return tuple(_module(name, forms[name], kernels[name], spec) for name in MODULES if forms[name])


def _module(
    name: str, forms: set[tuple[str, ...]], kernels: set[int], spec: ArchitectureSpec
) -> ModuleSketch:
    longest = max(forms, key=lambda form: (len(form), form))
    kernel = "k×k" if len(kernels) != 1 else "{0}×{0}".format(*kernels)
    return ModuleSketch(
        name=name,
        layers=tuple(
            sketch(part, spec, kernel, optional=any(part not in form for form in forms)) for part in longest
        ),
        counts=tuple(sorted({len(form) for form in forms})),
    )


@cache
def sub_blocks(spec: ArchitectureSpec) -> tuple[SubBlock, ...]:
    """Return the sub-blocks of a network, equal neighbours of a stage as one.

    >>> from scaling import variant
    >>> [(run.first, run.kind, run.repeats, len(run.layers)) for run in sub_blocks(variant("b0"))][:3]
    [('1a', 1, 1, 10), ('2a', 2, 1, 14), ('2b', 3, 1, 15)]
    """
    found = layers(spec)
    inside = [number for number, layer in enumerate(found) if layer.sub_block]
    into, runs = found[inside[0] - 1].output_shape, []
    for (stage, kind), run in groupby(
        found[inside[0] : inside[-1] + 1], key=lambda layer: (stage_of(layer.sub_block), layer.kind)
    ):
        blocks = [tuple(block) for _, block in groupby(run, key=lambda layer: layer.sub_block)]
        first = blocks[0][0].sub_block
        runs.append(
            SubBlock(stage=stage, first=first, kind=kind, repeats=len(blocks), into=into, layers=blocks[0])
        )
        into = blocks[0][-1].output_shape
    return tuple(runs)


@cache
def compositions(spec: ArchitectureSpec) -> tuple[Composition, ...]:
    """Return what sub-blocks 1 to 3 are made of in this network, with the stages where each way occurs.

    >>> from scaling import variant
    >>> [(c.kind, c.stages) for c in compositions(variant("b0"))]
    [(1, (1,)), (2, (2, 3, 4, 5, 6, 7)), (3, (2, 3, 4, 5, 6))]
    """
    where: dict[tuple[int, tuple[str, ...]], list[int]] = {}
    for run in sub_blocks(spec):
        where.setdefault((run.kind, run.modules), []).append(run.stage)
    return tuple(
        Composition(kind=kind, modules=modules, stages=tuple(dict.fromkeys(stages)))
        for (kind, modules), stages in sorted(where.items())
    )


def shape_text(shape: tuple[int, ...]) -> str:
    """Write a shape as the edges show it.

    >>> shape_text((112, 112, 16))
    '112×112×16'
    """
    return "×".join(str(side) for side in shape)


def span_text(numbers: tuple[int, ...]) -> str:
    """Write rising numbers with their runs folded.

    >>> span_text((1,)), span_text((2, 3, 4, 6))
    ('1', '2–4, 6')
    """
    parts = []
    for _, run in groupby(enumerate(numbers), key=lambda pair: pair[1] - pair[0]):
        members = [number for _, number in run]
        parts.append(str(members[0]) if len(members) == 1 else f"{members[0]}–{members[-1]}")
    return ", ".join(parts)
