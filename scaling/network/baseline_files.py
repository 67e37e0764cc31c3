"""A baseline of one's own: a TOML file, or a file of block strings.

`[baseline]` is the table that experiment files have too; one reader serves both.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator
from pydantic_core import PydanticCustomError

from scaling.errors import ConfigError, SpecError
from scaling.network.architecture import (
    LARGEST_IMAGE,
    SMALLEST_IMAGE,
    Activation,
    ArchitectureSpec,
    HeadSpec,
    StageSpec,
    StemSpec,
)
from scaling.network.baselines import (
    BASELINES,
    EFFICIENTNET_B0,
    Baseline,
    known_baseline,
    rules_of_baseline,
)
from scaling.network.block_strings import stage_from_string, stages_from_strings
from scaling.network.families import baseline_named, official_name, variant
from scaling.network.rounding import (
    RELEASED,
    ChannelRule,
    CoefficientRounding,
    HeadRule,
    RepeatRule,
    check_whole,
)
from scaling.network.serialization import read_spec
from scaling.network.small_inputs import SmallInput, for_small_input
from scaling.toml_errors import located, parse_toml, problem_of, read_text

HEAD_OF_LAST_STAGE = 4
"""Head channels over the last stage's in a file of block strings, as EfficientNet-B0 has them."""


def _image_size(value: int) -> int:
    check_whole("image size", value, SMALLEST_IMAGE, LARGEST_IMAGE)
    return value


def _block_string(text: str) -> str:
    stage_from_string(text)
    return text


# Each is checked where it stands, so that an error can say on which line.
_ImageSize = Annotated[int, AfterValidator(_image_size)]
_StemChannels = Annotated[int, AfterValidator(lambda n: StemSpec(out_channels=n).out_channels)]
_StemKernel = Annotated[int, AfterValidator(lambda n: StemSpec(out_channels=1, kernel_size=n).kernel_size)]
_StemStride = Annotated[int, AfterValidator(lambda n: StemSpec(out_channels=1, stride=n).stride)]
_PoolStride = Annotated[int, AfterValidator(lambda n: StemSpec(out_channels=1, pool_stride=n).pool_stride)]
_HeadChannels = Annotated[int, AfterValidator(lambda n: HeadSpec(out_channels=n).out_channels)]
_Probability = Annotated[float, Field(ge=0, lt=1)]
_BlockString = Annotated[str, AfterValidator(_block_string)]

_WITH_STAGES = (
    "stem_channels",
    "stem_kernel_size",
    "stem_pool_stride",
    "head_channels",
    "activation",
    "dropout",
    "stochastic_depth",
)


class BaselineTable(BaseModel):
    """`[baseline]`: a named network, or one written as block strings; image size and strides may change."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    name: str = "efficientnet-b0"
    """A known network, or the name of the one written here."""
    image_size: _ImageSize | None = None
    """Side in pixels, instead of the network's own."""
    stem_stride: _StemStride | None = None
    """Stride of the first convolution, 1 to 4."""
    small_input: SmallInput = SmallInput.NONE
    """Which strides become 1 for small images (docs/small_inputs.md)."""
    stem_channels: _StemChannels | None = None
    """Channels of the stem of the network written here."""
    stem_kernel_size: _StemKernel | None = None
    """Side of the stem's kernel, odd, of the network written here."""
    stem_pool_stride: _PoolStride | None = None
    """Stride of a 3x3 max pooling that ends its stem, as ResNet has; 1 for none."""
    stages: tuple[_BlockString, ...] | None = None
    """Stages of the network written here, as block strings (docs/baselines.md)."""
    head_channels: _HeadChannels | None = None
    """Channels of the head of the network written here; 0 for no convolution before the classifier."""
    activation: Activation | None = None
    """Activation of the network written here."""
    dropout: _Probability | None = None
    """Drop probability of the network written here; the recipe's wins."""
    stochastic_depth: _Probability | None = None
    """Drop probability of the network written here; the recipe's wins."""

    @model_validator(mode="after")
    def _all_or_none(self) -> BaselineTable:
        parts = (self.stem_channels, self.stages, self.head_channels, self.image_size)
        if self.stages is not None and None in parts:
            raise ValueError("stages also need stem_channels, head_channels and image_size")
        alone = [name for name in _WITH_STAGES if getattr(self, name) is not None]
        if self.stages is None and alone:
            raise ValueError(f"{' and '.join(alone)} go with stages: a named network has its own")
        return self

    @model_validator(mode="after")
    def _stages_join(self) -> BaselineTable:
        stages = stages_from_strings(self.stages or ())
        given = [self.stem_channels, *(stage.out_channels for stage in stages)]
        for index, (stage, before) in enumerate(zip(stages, given, strict=False)):
            if stage.in_channels != before:
                giver = f"stage {index}" if index else "the stem"
                problem = f"stage {index + 1} takes {stage.in_channels} channels but {giver} gives {before}"
                context = {"problem": problem, "entry": ("stages", index)}
                raise PydanticCustomError("stages_join", "{problem}", context)
        return self

    def network(self) -> ArchitectureSpec:
        """Return the network, for RGB images and 1,000 classes.

        Raises:
            SpecError: nothing has that name, or a value is out of range.
        """
        spec = baseline_named(self.name) if self.stages is None else self._written(self.stages)
        changes = {} if self.stem_stride is None else {"stride": self.stem_stride}
        size = spec.image_size if self.image_size is None else self.image_size
        sized = replace(spec, stem=replace(spec.stem, **changes), image_size=size)
        return for_small_input(sized, self.small_input)

    def _written(self, stages: tuple[str, ...]) -> ArchitectureSpec:
        assert self.stem_channels is not None
        assert self.head_channels is not None
        assert self.image_size is not None
        given = {
            name: getattr(self, name)
            for name in ("activation", "dropout", "stochastic_depth")
            if getattr(self, name) is not None
        }
        return ArchitectureSpec(
            stem=StemSpec(
                out_channels=self.stem_channels,
                kernel_size=self.stem_kernel_size or 3,
                pool_stride=self.stem_pool_stride or 1,
            ),
            stages=stages_from_strings(stages),
            head=HeadSpec(out_channels=self.head_channels),
            image_size=self.image_size,
            name=self.name,
            **given,
        )


class RoundingTable(BaseModel):
    """`[rounding]`: the rules between coefficients and networks."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    coefficient_rounding: CoefficientRounding = CoefficientRounding.NONE
    """Whether depth and width are rounded to one decimal first, as released."""
    channel_rule: ChannelRule = ChannelRule.RELEASED
    """How scaled channels become whole multiples of the divisor."""
    channel_divisor: int = 8
    """Channels are multiples of this; the baseline's must be already."""
    repeat_rule: RepeatRule = RepeatRule.CEIL
    """How scaled repeats become whole numbers."""
    head_rule: HeadRule = HeadRule.CHANNEL_RULE
    """Where the head's channels come from."""
    image_size_step: int = 1
    """Image sizes are multiples of this many pixels."""


class BaselineFile(BaseModel):
    """A baseline's own file: `[baseline]`, and `[rounding]` where it departs from the released rules."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    baseline: BaselineTable
    rounding: RoundingTable = RoundingTable()


def baseline_from(text: str) -> Baseline:
    """Return the baseline that a name or the path of a file says.

    A text with a suffix or a folder in it is a path: `mobilenetv2`, `my_net.toml`, `nets/mine.txt`.

    Raises:
        ConfigError: the file cannot be read or is wrong; the message names file and line.
        SpecError: nothing has that name.

    >>> baseline_from("resnet-50").spec.num_blocks
    16
    """
    if not is_path(text):
        spec = baseline_named(text)
        return Baseline(spec=spec, rounding=rules_of_baseline(spec.name))
    return read_baseline(Path(text))


def network_named(name: str) -> ArchitectureSpec:
    """Return an official variant, a baseline as it is by its name or its file, or the network in FILE.json.

    Raises:
        ConfigError: the file cannot be read or is wrong.
        SpecError: nothing has that name, or the file holds no network.

    >>> network_named("b0").name
    'b0'
    """
    if name.endswith(".json"):
        return read_spec(Path(name))
    if is_path(name):
        return baseline_from(name).unscaled()
    known = known_baseline(name)
    if known is None or official_name(known) is not None:
        try:
            return variant(name)
        except SpecError as error:
            raise SpecError(f"{error}, or a baseline: {', '.join(BASELINES)}") from None
    return Baseline(spec=known, rounding=rules_of_baseline(known.name)).unscaled()


def is_path(text: str) -> bool:
    """Say whether a text is meant as a file: it has a suffix or a folder.

    >>> is_path("my_net.toml"), is_path("resnet-50")
    (True, False)
    """
    return bool(Path(text).suffix) or "/" in text


def read_baseline(path: Path) -> Baseline:
    """Read a baseline's file: TOML (`.toml`), or one block string a line (any other suffix).

    Raises:
        ConfigError: it cannot be read, or an entry is wrong; the message names file and line.
    """
    text = read_text(path, "the baseline")
    return _from_toml(text, path) if path.suffix == ".toml" else _from_strings(text, path)


def _from_toml(text: str, path: Path) -> Baseline:
    document = parse_toml(text, path)
    if "kind" in document:
        raise ConfigError(
            f"{path} is an experiment file, whose classes depend on its data; a baseline's own file has the "
            "tables [baseline] and [rounding] alone"
        )
    try:
        file = BaselineFile.model_validate(document)
    except ValidationError as error:
        raise located(path, text, *problem_of(error, BaselineFile)) from None
    table = file.baseline
    if table.stages is not None and "name" not in table.model_fields_set:
        table = table.model_copy(update={"name": path.stem})
    base = RELEASED if table.stages is not None else rules_of_baseline(table.name)
    try:
        rounding = replace(base, **file.rounding.model_dump(exclude_unset=True))
    except SpecError as error:
        raise located(path, text, ("rounding",), str(error)) from None
    try:
        return Baseline(spec=table.network(), rounding=rounding)
    except SpecError as error:
        raise located(path, text, ("baseline",), str(error)) from None


def _from_strings(text: str, path: Path) -> Baseline:
    """Read block strings; the rest is B0's: 3x3 stem of stride 2, head of 4 times the last stage, 224 px."""
    stages: list[StageSpec] = []
    for number, line in enumerate(text.splitlines(), start=1):
        words = line.partition("#")[0].strip()
        if not words:
            continue
        try:
            stage = stage_from_string(words)
        except SpecError as error:
            raise ConfigError(f"{path}, line {number}: {error}") from None
        if stages and stage.in_channels != stages[-1].out_channels:
            raise ConfigError(
                f"{path}, line {number}: it takes {stage.in_channels} channels but the stage before gives "
                f"{stages[-1].out_channels}"
            )
        stages.append(stage)
    if not stages:
        raise ConfigError(f"{path}: expected block strings like r2_k5_s22_e6_i24_o40_se0.25, one a line")
    try:
        spec = ArchitectureSpec(
            stem=StemSpec(out_channels=stages[0].in_channels),
            stages=tuple(stages),
            head=HeadSpec(out_channels=HEAD_OF_LAST_STAGE * stages[-1].out_channels),
            image_size=EFFICIENTNET_B0.image_size,
            name=path.stem,
        )
    except SpecError as error:
        raise ConfigError(f"{path}: {error}") from None
    return Baseline(spec=spec, rounding=RELEASED)
