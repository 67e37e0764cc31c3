"""A new experiment file: complete, commented, valid as it is written."""

from __future__ import annotations

import json
import math
import textwrap
from collections.abc import Iterator
from typing import Any

from scaling.data import dataset_info
from scaling.network.baselines import rules_of_baseline
from scaling.network.families import baseline_named
from scaling.network.rounding import RepeatRule
from scaling.network.small_inputs import SmallInput
from scaling.search.settings import Setting, settings

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

EXAMPLES: dict[str, Any] = {
    "expected_minutes": 10,
    "baseline.image_size": 32,
    "baseline.stem_stride": 1,
    "baseline.stem_channels": PROXY["stem_channels"],
    "baseline.stem_kernel_size": 7,
    "baseline.stem_pool_stride": 2,
    "baseline.stages": PROXY["stages"],
    "baseline.activation": "relu",
    "baseline.dropout": 0.2,
    "baseline.stochastic_depth": 0.2,
    "baseline.head_channels": PROXY["head_channels"],
    "search.largest_image_size": 64,
    "search.limits.max_macs": 1_000_000_000,
    "search.limits.max_params": 10_000_000,
    "search.limits.max_activations": 20_000_000,
    "search.limits.max_latency_ms": 5.0,
    "search.limits.max_memory_bytes": 2_000_000_000,
    "recipe.gradient_clip": 1.0,
    "recipe.ema_decay": 0.999,
    "recipe.dropout": 0.2,
    "recipe.stochastic_depth": 0.2,
    "recipe.augmentation.crop_area": 0.5,
}
"""Of settings that have no default."""


def experiment_toml(*, name: str, data: str, baseline: str | None, command: str) -> str:
    """Return the text of a new experiment file.

    Args:
        name: of the experiment.
        data: name of the data set.
        baseline: a known network, brought to an image size that leaves room for scaling; None gives a tiny
            one, for minutes on a CPU.
        command: that runs the file.

    Raises:
        DataError: the data set is unknown.
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
        meaning += f" ({', '.join(setting.choices)})"
    example = setting.default is None and setting.path not in chosen
    yield from textwrap.wrap(
        meaning + ("; not set, for example:" if example else ""),
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
    # Pure resolution at twice the cost needs √2 times the side, and must stay within the images' own.
    side = None if native is None else max(16, math.floor(native / math.sqrt(2)))
    own = _own_network(baseline, side)
    return {
        "schema_version": 1,
        "kind": "search",
        "name": name,
        "question": f"On {data}, which shares of depth, width and resolution use twice the cost best?",
        "prediction": "Write down, before the run, what you expect.",
        "command": command,
        "data.name": data,
        "data.train": 6000,
        "data.validation": 4000,
        **own,
        "rounding.coefficient_rounding": "none",
        "numerics.batch_norm_momentum": 0.1,
        "search.trials": 12,
        "search.seeds": [0, 1],
        "search.confirm": 3,
        "search.tolerance": 0.05,
        "search.sampler": "tpe",
        "search.workers": 2,
        "recipe.epochs": 3,
        "recipe.batch_size": 50,
        "recipe.learning_rate": 0.008,
        "recipe.dropout": 0.0,
        "recipe.stochastic_depth": 0.0,
        "recipe.zero_init_residual": True,
    }


def _own_network(baseline: str | None, largest: int | None) -> dict[str, Any]:
    """Return the settings of the baseline, at most so many pixels wide."""
    if baseline is None:
        size = PROXY_SIZE if largest is None else min(PROXY_SIZE, largest)
        table = {f"baseline.{key}": value for key, value in {**PROXY, "image_size": size}.items()}
        return {**table, "rounding.channel_divisor": 2, "rounding.repeat_rule": RepeatRule.ROUND.value}
    spec = baseline_named(baseline)
    size = spec.image_size if largest is None else min(largest, spec.image_size)
    return {
        "baseline.name": baseline,
        "baseline.image_size": size,
        "baseline.small_input": SmallInput.AUTO.value,
        "rounding.channel_divisor": rules_of_baseline(spec.name).channel_divisor,
        "rounding.repeat_rule": RepeatRule.ROUND.value,
    }
