"""A new experiment file: complete, commented, valid as it is written."""

from __future__ import annotations

import json
import math
import textwrap
from collections.abc import Iterator
from typing import Any

from scaling.data import SplitName, dataset_info
from scaling.data.folders import PREFIX, folder_of, readable, split_folder
from scaling.network.baselines import rules_of_baseline
from scaling.network.families import baseline_named
from scaling.network.rounding import RepeatRule
from scaling.network.small_inputs import SmallInput
from scaling.plans.search.settings import Setting, settings

WIDTH = 100
PROXY = {
    # EfficientNet-B0's first four stages, a quarter as wide: a training takes seconds to minutes on one core.
    "name": "proxy-b0",
    "stem_stride": 1,
    "stem_channels": 16,
    "stages": [
        "r1_k3_s11_e1_i16_o8_se0.25",
        "r1_k3_s22_e6_i8_o12_se0.25",
        "r2_k5_s22_e6_i12_o20_se0.25",
        "r2_k3_s22_e6_i20_o32_se0.25",
    ],
    "head_channels": 128,
}
PROXY_SIZE = 24
"""Pixels."""
SMALLEST = 14
"""Pixels of a baseline on small images, which leave no room for more."""
FACTOR = 4.0
"""Times the baseline's cost: at twice, few depths of a small network are on target."""
MOST_IMAGES: dict[SplitName, int] = {"train": 6000, "validation": 4000}
"""Of which trainings take seconds to minutes, and that every data set with a name has."""

EXAMPLES: dict[str, Any] = {
    "expected_minutes": 10,
    "setup.baseline.image_size": 32,
    "setup.baseline.stem_stride": 1,
    "setup.baseline.stem_channels": PROXY["stem_channels"],
    "setup.baseline.stem_kernel_size": 7,
    "setup.baseline.stem_pool_stride": 2,
    "setup.baseline.stages": PROXY["stages"],
    "setup.baseline.activation": "relu",
    "setup.baseline.dropout": 0.2,
    "setup.baseline.stochastic_depth": 0.2,
    "setup.baseline.head_channels": PROXY["head_channels"],
    "search.largest_image_size": 64,
    "search.stop.contrast": 1.0,
    "search.stop.regret": 0.5,
    "search.limits.max_macs": 1_000_000_000,
    "search.limits.max_params": 10_000_000,
    "search.limits.max_activations": 20_000_000,
    "search.limits.max_latency_ms": 5.0,
    "search.limits.max_memory_bytes": 2_000_000_000,
    "setup.recipe.gradient_clip": 1.0,
    "setup.recipe.ema_decay": 0.999,
    "setup.recipe.dropout": 0.2,
    "setup.recipe.stochastic_depth": 0.2,
    "setup.recipe.augmentation.crop_area": 0.5,
}
"""Of settings that have no default."""


def experiment_toml(*, name: str, data: str, baseline: str | None, command: str) -> str:
    """Return the text of a new experiment file, which `command` runs.

    The baseline is brought to an image size that leaves room for scaling; None gives a tiny one, for minutes
    on a CPU.

    Raises:
        DataError: the data set is unknown, or the folder of pictures has none of a split.
        SpecError: the baseline is unknown.
    """
    chosen = _chosen(name=name, data=data, baseline=baseline, command=command)
    lines = [
        f"# A coefficient search. Run it:  {command}",
        "# Lines that begin with '#' and a key show defaults, or examples where there is none; remove the",
        "# '#' to change them. An unknown key is an error.",
    ]
    tables: dict[str, list[Setting]] = {}
    for setting in settings():
        tables.setdefault(setting.table, []).append(setting)
    for table, members in tables.items():
        lines += ["", *([f"[{table}]"] if table else [])]
        for setting in members:
            lines += _lines(setting, chosen)
    return "\n".join(lines) + "\n"


def _lines(setting: Setting, chosen: dict[str, Any]) -> Iterator[str]:
    meaning = setting.meaning
    if len(setting.choices) > 1 and not all(f"`{one}`" in meaning for one in setting.choices):
        meaning += f" One of {', '.join(setting.choices)}."
    example = setting.default is None and setting.path not in chosen
    yield from textwrap.wrap(
        meaning + (" Not set; for example:" if example else ""),
        WIDTH,
        initial_indent="# ",
        subsequent_indent="#   ",
    )
    if setting.path in chosen:
        yield f"{setting.key} = {toml_value(chosen[setting.path])}"
    else:
        value = EXAMPLES.get(setting.path, 1) if setting.default is None else setting.default
        yield f"#{setting.key} = {toml_value(value)}"


def toml_value(value: Any) -> str:
    """Write a plain value as TOML.

    >>> toml_value([1, 2.5, "a", True])
    '[1, 2.5, "a", true]'
    """
    if isinstance(value, list):
        return "[" + ", ".join(map(toml_value, value)) + "]"
    return json.dumps(value, ensure_ascii=False)


def _chosen(*, name: str, data: str, baseline: str | None, command: str) -> dict[str, Any]:
    native = dataset_info(data).native_size
    # Pure resolution at so much cost needs the square root of it in sides, within the images' own.
    side = None if native is None else max(SMALLEST, math.floor(native / math.sqrt(FACTOR)))
    own, images = _own_network(baseline, side), _images(data)
    return {
        "schema_version": 2,
        "kind": "search",
        "name": name,
        "question": f"On {data}, what is a doubling of cost worth by depth, width and resolution?",
        "prediction": "",
        "command": command,
        "setup.data.name": data,
        **{f"setup.data.{split}": count for split, count in images.items()},
        **own,
        "setup.rounding.coefficient_rounding": "none",
        "setup.numerics.batch_norm_momentum": 0.1,
        "search.trials": 13,
        "search.seeds": [0, 1],
        "search.baseline_seeds": [0, 1, 2, 3],
        "search.confirm": 1,
        "search.target_factor": FACTOR,
        "search.tolerance": 0.05,
        "search.sampler": "surface",
        "setup.recipe.epochs": 3,
        "setup.recipe.batch_size": min(50, images["train"]),
        "setup.recipe.learning_rate": 0.008,
        "setup.recipe.dropout": 0.0,
        "setup.recipe.stochastic_depth": 0.0,
        "setup.recipe.zero_init_residual": True,
    }


def _images(data: str) -> dict[SplitName, int]:
    """Return how many images train and judge: no more than a folder of pictures has."""
    if not data.startswith(PREFIX):
        return MOST_IMAGES
    folder = folder_of(data)
    return {
        split: len(readable(split_folder(folder, split, seed=0), most)) for split, most in MOST_IMAGES.items()
    }


def _own_network(baseline: str | None, largest: int | None) -> dict[str, Any]:
    """Return the settings of the baseline, at most so many pixels wide."""
    if baseline is None:
        size = PROXY_SIZE if largest is None else min(PROXY_SIZE, largest)
        table = {f"setup.baseline.{key}": value for key, value in {**PROXY, "image_size": size}.items()}
        return {
            **table,
            "setup.rounding.channel_divisor": 2,
            "setup.rounding.repeat_rule": RepeatRule.ROUND.value,
        }
    spec = baseline_named(baseline)
    size = spec.image_size if largest is None else min(largest, spec.image_size)
    return {
        "setup.baseline.name": baseline,
        "setup.baseline.image_size": size,
        "setup.baseline.small_input": SmallInput.AUTO.value,
        "setup.rounding.channel_divisor": rules_of_baseline(spec.name).channel_divisor,
        "setup.rounding.repeat_rule": RepeatRule.ROUND.value,
    }
