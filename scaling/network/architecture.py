"""The architecture as data: a frozen spec that compares, hashes and prints, and holds no tensor.

Cost, model, drawings, weights and a search's cache key all read the same spec.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from itertools import pairwise
from typing import ClassVar

from scaling.errors import SpecError
from scaling.html_views import html_of
from scaling.network.coefficients import CompoundCoefficients, ScalingCoefficients
from scaling.network.rounding import RoundingRules, SqueezeRounding, check_whole, choice

SMALLEST_IMAGE, LARGEST_IMAGE = 8, 4096
MOST_BLOCKS = 2000
MOST_CHANNELS = 1_000_000
LONGEST_NAME = 200
POOL_KERNEL = 3
"""Of the max pooling that may end a stem (ResNet)."""
_FORBID_EXTRA = {"extra": "forbid"}


class Activation(StrEnum):
    """The nonlinearity after every batch norm that does not project, and in squeeze-excitation."""

    SILU = "silu"
    """x · sigmoid(x), also called swish: EfficientNet."""
    RELU6 = "relu6"
    """min(max(x, 0), 6): EfficientNet-Lite and the MobileNets, for integer arithmetic."""
    RELU = "relu"
    """max(x, 0): ResNet."""


class BlockKind(StrEnum):
    """What a stage's blocks are made of."""

    MBCONV = "mbconv"
    """[1x1 expansion], depthwise, [squeeze-excitation], 1x1 projection: EfficientNet, MobileNetV2."""
    SEPARABLE = "separable"
    """Depthwise, 1x1, an activation after each, no skip: MobileNetV1 (arXiv:1704.04861)."""
    BOTTLENECK = "bottleneck"
    """1x1, k x k, 1x1, added to the shortcut before the last activation: ResNet (arXiv:1512.03385)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _KindRules:
    """What a stage of a kind may be; its operations are in `scaling.network.operations`."""

    operator: str
    """What its blocks are called, with their expand ratio."""
    squeezes: bool = False
    expands: bool = True
    narrows: bool = False
    """Whether the ratio is that of the output to the middle convolution, which is then scaled and rounded."""


_KINDS = {
    BlockKind.MBCONV: _KindRules(operator="MBConv{}", squeezes=True),
    BlockKind.SEPARABLE: _KindRules(operator="Separable", expands=False),
    BlockKind.BOTTLENECK: _KindRules(operator="Bottleneck{}", narrows=True),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class StemSpec:
    """The first convolution: conv, batch norm, activation; in a ResNet a 3x3 max pooling behind them.

    Args:
        out_channels: 1 to 1e6.
        kernel_size: odd, 1 to 15.
        stride: 1 to 4; 2 as released, 1 for small inputs.
        pool_stride: of the max pooling, 1 to 4; 1 leaves it out.
    """

    out_channels: int
    kernel_size: int = 3
    stride: int = 2
    pool_stride: int = 1
    __pydantic_config__: ClassVar = _FORBID_EXTRA

    def __post_init__(self) -> None:
        check_whole("stem out_channels", self.out_channels, 1, MOST_CHANNELS)
        _check_kernel("stem", self.kernel_size, self.stride)
        check_whole("stem pool_stride", self.pool_stride, 1, 4)

    @property
    def has_pool(self) -> bool:
        """Whether a max pooling ends the stem."""
        return self.pool_stride > 1


@dataclass(frozen=True, slots=True, kw_only=True)
class HeadSpec:
    """The last 1x1 convolution; with 0 channels there is none, as in MobileNetV1 and ResNet."""

    out_channels: int
    __pydantic_config__: ClassVar = _FORBID_EXTRA

    def __post_init__(self) -> None:
        check_whole("head out_channels", self.out_channels, 0, MOST_CHANNELS)


@dataclass(frozen=True, slots=True, kw_only=True)
class StageSpec:
    """A run of blocks of one kind; the first strides and changes channels, the others repeat.

    Args:
        repeats: blocks in the stage, 1 to 2000.
        kernel_size: of the depthwise convolution (bottleneck: of the middle one), odd, 1 to 15.
        stride: of the first block, 1 to 4.
        expand_ratio: 1 to 64. MBConv: depthwise channels over input channels; 1 leaves the expansion out.
            Bottleneck: output channels over the middle convolution's; it must divide them. Separable: 1.
        in_channels: into the first block, 1 to 1e6.
        out_channels: of every block, 1 to 1e6.
        se_ratio: squeeze-excitation width over a block's INPUT channels, 0 to 1; 0 leaves it out, as
            blocks other than MBConv must.
        squeeze_rounding: how that width becomes an integer.
        kind: of its blocks.

    Raises:
        SpecError: a value is out of its range, or does not go with the kind.

    Source: Tan & Le 2019, arXiv:1905.11946, Table 1; kinds as in `BlockKind`.
    """

    repeats: int
    kernel_size: int
    stride: int
    expand_ratio: int
    in_channels: int
    out_channels: int
    se_ratio: float = 0.25
    squeeze_rounding: SqueezeRounding = SqueezeRounding.FLOOR
    kind: BlockKind = BlockKind.MBCONV
    __pydantic_config__: ClassVar = _FORBID_EXTRA

    def __post_init__(self) -> None:
        check_whole("stage repeats", self.repeats, 1, MOST_BLOCKS)
        _check_kernel("stage", self.kernel_size, self.stride)
        check_whole("expand_ratio", self.expand_ratio, 1, 64)
        check_whole("stage in_channels", self.in_channels, 1, MOST_CHANNELS)
        check_whole("stage out_channels", self.out_channels, 1, MOST_CHANNELS)
        if not 0 <= self.se_ratio <= 1:
            raise SpecError(f"se_ratio must be between 0 and 1, got {self.se_ratio}")
        # Equal specs must print alike: 1, 1.0 and -0.0 would not.
        object.__setattr__(self, "se_ratio", float(self.se_ratio) + 0.0)
        rounding = choice(SqueezeRounding, self.squeeze_rounding, "squeeze_rounding")
        object.__setattr__(self, "squeeze_rounding", rounding)
        object.__setattr__(self, "kind", choice(BlockKind, self.kind, "stage kind"))
        _check_kind(self)

    @property
    def operator(self) -> str:
        """What its blocks are called, with their ratio: MBConv6, Separable, Bottleneck4."""
        return _KINDS[self.kind].operator.format(self.expand_ratio)

    @property
    def channel_unit(self) -> int:
        """What its output channels are a multiple of: a bottleneck's expand_ratio, for others 1."""
        return self.expand_ratio if _KINDS[self.kind].narrows else 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Derivation:
    """How a spec was made from a baseline; metadata, outside equality."""

    baseline: str
    baseline_image_size: int
    compound: CompoundCoefficients | None
    """None for an official variant."""
    scaling: ScalingCoefficients
    """After coefficient rounding."""
    rounding: RoundingRules
    __pydantic_config__: ClassVar = _FORBID_EXTRA

    def __post_init__(self) -> None:
        _check_name("derivation baseline", self.baseline)


@dataclass(frozen=True, slots=True, kw_only=True)
class ArchitectureSpec:
    """A network as plain data.

    Equality and hash cover the architecture: stem, stages, head, image_size, in_channels,
    num_classes and activation. name, dropout, stochastic_depth and derivation are metadata outside both.

    Args:
        stem: first convolution.
        stages: at least one; channels chain from stem through every stage.
        head: last convolution.
        image_size: side in pixels, 8 to 4096.
        in_channels: of the image, 1 to 1e6; 3 for RGB.
        num_classes: outputs of the classifier, 1 to 1e6.
        activation: SiLU; ReLU6 in EfficientNet-Lite and the MobileNets, ReLU in ResNet.
        name: what to call it, up to 200 characters that can be printed.
        dropout: before the classifier, in [0, 1).
        stochastic_depth: drop probability of the last block, in [0, 1); block i of N gets i/N of it.
        derivation: how it was scaled, if it was.

    Raises:
        SpecError: a value is out of range, channels do not chain, or there are over 2,000 blocks.

    >>> from scaling import variant
    >>> b0 = variant("b0")
    >>> b0.image_size, b0.num_blocks, [stage.out_channels for stage in b0.stages]
    (224, 16, [16, 24, 40, 80, 112, 192, 320])
    """

    stem: StemSpec
    stages: tuple[StageSpec, ...]
    head: HeadSpec
    image_size: int
    in_channels: int = 3
    num_classes: int = 1000
    activation: Activation = Activation.SILU
    name: str = field(default="unnamed", compare=False)
    dropout: float = field(default=0.2, compare=False)
    stochastic_depth: float = field(default=0.2, compare=False)
    derivation: Derivation | None = field(default=None, compare=False)
    __pydantic_config__: ClassVar = _FORBID_EXTRA

    def __post_init__(self) -> None:
        _check_name("name", self.name)
        check_whole("image size", self.image_size, SMALLEST_IMAGE, LARGEST_IMAGE)
        check_whole("in_channels", self.in_channels, 1, MOST_CHANNELS)
        check_whole("num_classes", self.num_classes, 1, MOST_CHANNELS)
        for name in ("dropout", "stochastic_depth"):
            if not 0 <= getattr(self, name) < 1:
                raise SpecError(f"{name} must be at least 0 and below 1, got {getattr(self, name)}")
        object.__setattr__(self, "activation", choice(Activation, self.activation, "activation"))
        if not self.stages:
            raise SpecError("an architecture needs at least one stage, got none")
        _check_chain(self)
        if self.num_blocks > MOST_BLOCKS:
            raise SpecError(f"a network may have at most {MOST_BLOCKS} blocks, got {self.num_blocks}")

    def __repr__(self) -> str:
        """Say in one line what it is; its fields are there for the rest."""
        stages = ", ".join(f"{stage.repeats}×{stage.operator}({stage.out_channels})" for stage in self.stages)
        return (
            f"<ArchitectureSpec {self.name}: {self.image_size} px, stem {self.stem.out_channels}, {stages}, "
            f"head {self.head.out_channels}, {self.num_classes} classes>"
        )

    def _repr_html_(self) -> str | None:
        """Show its stages and its drawing in a notebook."""
        return html_of(self)

    @property
    def num_blocks(self) -> int:
        """Blocks in all stages (the official documents' sub-blocks)."""
        return sum(stage.repeats for stage in self.stages)

    @property
    def channels(self) -> tuple[int, ...]:
        """Output channels of stem, every stage, head (0 for none)."""
        return (
            self.stem.out_channels,
            *(stage.out_channels for stage in self.stages),
            self.head.out_channels,
        )

    @property
    def feature_channels(self) -> int:
        """Channels that are pooled and classified: the head's, without one the last stage's."""
        return self.head.out_channels or self.stages[-1].out_channels

    def block_survival(self) -> tuple[float, ...]:
        """Survival probability of each block: 1 - stochastic_depth · i / N, i from 0.

        Source: tensorflow/tpu efficientnet_model.py (drop_connect).
        """
        total = self.num_blocks
        return tuple(1 - self.stochastic_depth * index / total for index in range(total))


def _check_name(where: str, name: str) -> None:
    if len(name) > LONGEST_NAME or not name.isprintable():
        raise SpecError(f"{where} must be printable and at most {LONGEST_NAME} characters, got {name[:60]!r}")


def _check_kernel(where: str, kernel_size: int, stride: int) -> None:
    check_whole(f"{where} kernel_size", kernel_size, 1, 15)
    if kernel_size % 2 == 0:
        raise SpecError(f"{where} kernel_size must be odd, got {kernel_size}")
    check_whole(f"{where} stride", stride, 1, 4)


def _check_kind(stage: StageSpec) -> None:
    kind, ratio, rules = stage.kind, stage.expand_ratio, _KINDS[stage.kind]
    if stage.se_ratio and not rules.squeezes:
        raise SpecError(f"a {kind} stage has no squeeze-excitation: se_ratio must be 0, got {stage.se_ratio}")
    if ratio != 1 and not rules.expands:
        raise SpecError(f"a {kind} stage expands nothing: expand_ratio must be 1, got {ratio}")
    if stage.out_channels % stage.channel_unit:
        raise SpecError(
            f"the out_channels of a {kind} stage must be a multiple of its expand_ratio {ratio}, "
            f"got {stage.out_channels}"
        )


def _check_chain(spec: ArchitectureSpec) -> None:
    first = spec.stages[0]
    if first.in_channels != spec.stem.out_channels:
        raise SpecError(
            f"stage 1 takes {first.in_channels} channels but the stem gives {spec.stem.out_channels}"
        )
    for number, (before, after) in enumerate(pairwise(spec.stages), start=2):
        if after.in_channels != before.out_channels:
            raise SpecError(
                f"stage {number} takes {after.in_channels} channels "
                f"but stage {number - 1} gives {before.out_channels}"
            )
