"""Every setting of an experiment file, with its default and what it means, read from the models."""

from __future__ import annotations

import dataclasses
import inspect
import re
import types
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from pydantic import BaseModel
from pydantic_core import PydanticUndefined

from scaling.search.config import SearchConfig

MEANINGS = {
    "schema_version": "version of this file's format",
    "kind": "what this file is",
    "name": "of the run and of its folder: letters, digits, - and _",
    "question": "what the search is to answer",
    "prediction": "what you expect, written before the run",
    "command": "how it is started; for the reader",
    "expected_minutes": "how long it takes; for the reader",
    "data.name": "which images: `scaling data list` names them",
    "data.train": "images that train",
    "data.validation": "images that judge; 1.96 · √(p(1−p)/n) is how far chance alone moves an accuracy p",
    "data.seed": "chooses the subset and the split",
    "data.allow_upsampling": "whether images may be enlarged beyond their own size, which adds no detail",
    "baseline.name": "a known network, or the name of the one written here",
    "baseline.image_size": "side in pixels, instead of the network's own",
    "baseline.stem_stride": "of the first convolution, 1 or 2",
    "baseline.small_input": "which strides become 1 for small images (docs/small_inputs.md)",
    "baseline.stem_channels": "of the network written here",
    "baseline.stem_kernel_size": "of the network written here, odd",
    "baseline.stem_pool_stride": "of a 3x3 max pooling that ends its stem, as ResNet has; 1 for none",
    "baseline.stages": "of the network written here, as block strings (docs/baselines.md)",
    "baseline.head_channels": "of the network written here; 0 for no convolution before the classifier",
    "baseline.activation": "of the network written here",
    "baseline.dropout": "of the network written here; the recipe's wins",
    "baseline.stochastic_depth": "of the network written here; the recipe's wins",
    "rounding.coefficient_rounding": "whether depth and width are rounded to one decimal first, as released",
    "rounding.channel_rule": "how scaled channels become whole multiples of the divisor",
    "rounding.channel_divisor": "channels are multiples of this; the baseline's must be already",
    "rounding.repeat_rule": "how scaled repeats become whole numbers",
    "rounding.head_rule": "where the head's channels come from",
    "rounding.image_size_step": "image sizes are multiples of this many pixels",
    "numerics.batch_norm_epsilon": "added to the variance",
    "numerics.batch_norm_momentum": "share of each batch in the moving statistics; short runs need 0.1",
    "search.seeds": "with which every proposal and reference is trained",
    "search.baseline_seeds": "with which the unscaled baseline is trained; they also measure the noise",
    "search.cost": "whether achieved cost is brought on target, or the formula decides, as in the paper",
    "search.metric": "which cost is brought on target",
    "search.target_factor": "how many times the baseline's cost",
    "search.tolerance": "how far from the target a network may end, as a share",
    "search.largest_image_size": "in pixels; the data's own size is a limit in any case",
    "search.objectives": "top1, and what it is traded against; several give a Pareto front",
    "search.sampler": "who proposes",
    "search.startup_trials": "random proposals before tpe, gp or cmaes learn",
    "search.grid_step": "of alpha, beta and gamma, for the sampler grid",
    "search.grid_tolerance": "how far alpha·beta²·gamma² may be from the target on that grid, as a share",
    "search.pruner": "who ends trainings that fall behind; one objective only",
    "search.seed": "of the sampler",
    "search.workers": "processes that train side by side",
    "search.device": "that trains; auto is a GPU where there is one",
}
"""What settings mean that no description or docstring explains."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """One setting of an experiment file.

    Args:
        table: the tables above it, joined by dots; empty at the top.
        key: its name there.
        meaning: in one line.
        choices: the values it may take; empty where they are not a short list.
        default: plain; None where it has none.
        required: whether a file must give it.
    """

    table: str
    key: str
    meaning: str
    choices: tuple[str, ...]
    default: Any
    required: bool

    @property
    def path(self) -> str:
        """The key with its tables."""
        return f"{self.table}.{self.key}" if self.table else self.key


def settings() -> tuple[Setting, ...]:
    """Return every setting, in the order of the models."""
    return tuple(_of_model(SearchConfig, ""))


def _of_model(model: type[BaseModel], table: str) -> Iterator[Setting]:
    for key, field in model.model_fields.items():
        kind, path = field.annotation, f"{table}.{key}" if table else key
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            yield from _of_model(kind, path)
        elif dataclasses.is_dataclass(kind) and isinstance(kind, type):
            yield from _of_dataclass(kind, path)
        else:
            required = field.default is PydanticUndefined
            yield Setting(
                table=table,
                key=key,
                meaning=field.description or MEANINGS.get(path, ""),
                choices=_choices(kind),
                default=None if required else _plain(field.default),
                required=required,
            )


def _of_dataclass(kind: type[Any], table: str) -> Iterator[Setting]:
    hints, meanings = get_type_hints(kind), _documented(kind)
    for field in dataclasses.fields(kind):
        own = hints[field.name]
        if dataclasses.is_dataclass(own) and isinstance(own, type):
            yield from _of_dataclass(own, f"{table}.{field.name}")
            continue
        required = field.default is dataclasses.MISSING
        yield Setting(
            table=table,
            key=field.name,
            meaning=meanings.get(field.name) or MEANINGS.get(f"{table}.{field.name}", ""),
            choices=_choices(own),
            default=None if required else _plain(field.default),
            required=required,
        )


def _documented(kind: type[Any]) -> dict[str, str]:
    """Return what a dataclass's docstring says of its fields, under `Args:`."""
    text = inspect.getdoc(kind) or ""
    _, _, args = text.partition("Args:\n")
    args = re.split(r"\n\n|\n(?=\S)", args)[0]
    entries = re.findall(r"^ {4}(\w+): (.*(?:\n {8}.*)*)", args, flags=re.MULTILINE)
    return {name: " ".join(meaning.split()).rstrip(".") for name, meaning in entries}


def _choices(kind: Any) -> tuple[str, ...]:
    if isinstance(kind, type) and issubclass(kind, Enum):
        return tuple(str(member.value) for member in kind)
    if get_origin(kind) is Literal:
        return tuple(str(one) for one in get_args(kind))
    if get_origin(kind) in {tuple, Union, types.UnionType}:
        found = [_choices(one) for one in get_args(kind) if one not in {Ellipsis, type(None)}]
        return found[0] if len(found) == 1 else ()
    return ()


def _plain(value: Any) -> Any:
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, tuple):
        return [_plain(one) for one in value]
    return value
