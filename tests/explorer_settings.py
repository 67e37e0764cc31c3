"""Settings of the explorer and what Python says of each: for the test in a browser."""

from __future__ import annotations

import math
import random
from dataclasses import asdict, replace
from itertools import groupby
from typing import Any
from urllib.parse import urlencode

from scaling import (
    ArchitectureSpec,
    CompoundCoefficients,
    RoundingRules,
    ScalingCoefficients,
    count_cost,
    scale,
    variant,
)
from scaling.network.baselines import EFFICIENTNETS, rules_of_baseline
from scaling.network.decomposition import layers
from scaling.network.families import lite_coefficients, official_name, released_coefficients
from scaling.network.rounding import ChannelRule, CoefficientRounding, HeadRule, RepeatRule, SqueezeRounding
from scaling.network.sides import input_sides

OFFICIAL = (*released_coefficients(), *lite_coefficients())
B0, LITE0 = "efficientnet-b0", "efficientnet-lite0"
Setting = dict[str, Any]


def rules_of(setting: Setting) -> RoundingRules:
    changed = {name: value for name, value in setting.items() if name in asdict(RoundingRules())}
    return replace(RoundingRules(), **changed)


def network(setting: Setting) -> ArchitectureSpec:
    baseline = EFFICIENTNETS[setting["baseline"]]
    if setting["mode"] == "direct":
        multipliers = ScalingCoefficients(
            depth_coefficient=setting["depth"],
            width_coefficient=setting["width"],
            resolution_coefficient=setting["image"] / baseline.image_size,
        )
        return scale(baseline, multipliers, rules_of(setting))
    bases = {name: setting[name] for name in ("alpha", "beta", "gamma", "phi")}
    return scale(baseline, CompoundCoefficients(**bases), rules_of(setting))


def fragment(setting: Setting) -> str:
    words = {True: "true", False: "false"}
    return "#" + urlencode(
        {key: words.get(value, value) if isinstance(value, bool) else value for key, value in setting.items()}
    )


def official_setting(name: str) -> Setting:
    row = (released_coefficients() | lite_coefficients())[name]
    baseline = LITE0 if name in lite_coefficients() else B0
    rules = rules_of_baseline(baseline)
    return {
        "mode": "direct",
        "baseline": baseline,
        "depth": row.depth_coefficient,
        "width": row.width_coefficient,
        "image": row.image_size,
        "scaled_stem_and_head": rules.scaled_stem_and_head,
        "scaled_end_repeats": rules.scaled_end_repeats,
    }


def random_setting(draw: random.Random) -> Setting:
    setting: Setting = {
        "mode": draw.choice(["compound", "compound", "direct"]),
        "baseline": draw.choice([B0, B0, LITE0]),
    }
    if setting["mode"] == "direct":
        setting |= {
            "depth": round(draw.uniform(0.3, 4), draw.choice([1, 2, 15])),
            "width": round(draw.uniform(0.3, 4), draw.choice([1, 2, 15])),
            "image": draw.randint(32, 800),
        }
    else:
        digits = draw.choice([1, 2, 3, 15])
        setting |= {name: round(draw.uniform(1.05, 1.4), digits) for name in ("alpha", "beta", "gamma")}
        setting["phi"] = draw.choice(
            [draw.randint(-1, 5), round(draw.uniform(-1.5, 5), 2), draw.uniform(-1, 5)]
        )
    rules = {
        "coefficient_rounding": draw.choice(list(CoefficientRounding)).value,
        "channel_rule": draw.choice(list(ChannelRule)).value,
        "channel_divisor": draw.choice([1, 2, 4, 7, 8, 16]),
        "repeat_rule": draw.choice(list(RepeatRule)).value,
        "head_rule": draw.choice(list(HeadRule)).value,
        "squeeze_rounding": draw.choice(list(SqueezeRounding)).value,
        "image_size_step": draw.choice([1, 2, 4, 7, 32]),
        "scaled_stem_and_head": draw.random() < 0.7,
        "scaled_end_repeats": draw.random() < 0.7,
    }
    kept = draw.sample(sorted(rules), draw.randint(0, len(rules)))
    return setting | {name: rules[name] for name in kept}


def edge_settings() -> list[Setting]:
    """Where Python's floats and JavaScript's could part: ties of every rounding, twelfth digits, ends."""
    none = {"coefficient_rounding": "none"}
    point = {"mode": "compound", "baseline": B0, "alpha": 1.25, "beta": 1.25, "gamma": 1.25, "phi": 1}
    direct = {"mode": "direct", "baseline": B0, "depth": 1, "width": 1, "image": 224}
    return [
        point,
        point | {"alpha": 1.75, "beta": 1.35, "gamma": 1.15},
        point | {"phi": 2, "alpha": 1.5, "beta": 1.5, "gamma": 1.5},
        point | none | {"alpha": 1.000244140625, "beta": 1.000732421875, "gamma": 1.0},
        point | none | {"alpha": 2.0, "beta": 2.0, "gamma": 1.1, "phi": 0.5, "channel_rule": "round"},
        point | none | {"alpha": 2.0, "phi": 1.0000000000000002},
        point | {"phi": 0},
        point | {"alpha": 0.9, "beta": 0.95, "gamma": 0.9, "phi": 3},
        direct | {"depth": 1.1, "repeat_rule": "round"},
        direct | {"depth": 1.25, "width": 2.25, "repeat_rule": "round", "coefficient_rounding": "none"},
        direct
        | {
            "depth": 1.5,
            "width": 0.5,
            "repeat_rule": "round",
            "channel_rule": "round",
            "channel_divisor": 16,
        },
        direct | {"width": 0.3, "channel_divisor": 1, "squeeze_rounding": "round"},
        direct | {"image": 33, "image_size_step": 2},
        direct | {"image": 8},
        direct | {"image": 1000, "depth": 6, "width": 5},
    ]


def settings() -> list[Setting]:
    draw = random.Random(20190528)
    return [*map(official_setting, OFFICIAL), *edge_settings(), *(random_setting(draw) for _ in range(220))]


def expected(setting: Setting) -> dict[str, Any]:
    spec = network(setting)
    cost, sides = count_cost(spec), input_sides(spec)
    channels = [
        spec.stem.out_channels,
        *(s.out_channels for s in spec.stages),
        spec.head.out_channels,
        spec.num_classes,
    ]
    repeats = [1, *(stage.repeats for stage in spec.stages), 1, 1]
    inputs = [spec.image_size, *sides[: len(spec.stages)], sides[-1], sides[-1]]
    baseline = count_cost(EFFICIENTNETS[setting["baseline"]])
    assert spec.derivation is not None
    scaling = spec.derivation.scaling
    multipliers = (scaling.depth_coefficient, scaling.width_coefficient)
    return {
        "params": f"{cost.params:,}",
        "macs": f"{cost.macs:,}",
        "activations": f"{cost.activations:,}",
        "achieved": cost.macs / baseline.macs,
        "network": (*multipliers, spec.image_size, spec.num_blocks),
        "nearest": official_name(spec) or nearest(cost.macs, cost.params),
        "rows": [
            [
                piece.name,
                f"{side}²",
                str(times),
                str(width),
                f"{piece.params:,}",
                f"{piece.macs:,}",
                f"{piece.activations:,}",
            ]
            for piece, side, times, width in zip(cost.by_stage, inputs, repeats, channels, strict=True)
        ],
        "drawing": drawn(spec),
    }


def drawn(spec: ArchitectureSpec) -> dict[str, list[str]]:
    """What the drawing must say, class by class of its texts, from the layers of `decomposition`."""
    every = layers(spec)
    inside = [layer for layer in every if layer.sub_block]
    blocks = [list(members) for _, members in groupby(inside, key=lambda layer: layer.sub_block)]
    runs = [
        list(run)
        for _, run in groupby(blocks, key=lambda block: (stage_of(block[0].sub_block), block[0].kind))
    ]
    ends = {name: [layer for layer in every if layer.module == name] for name in ("stem", "final")}
    before = [every[every.index(run[0][0]) - 1].output_shape for run in runs]
    shapes = [*before, runs[-1][-1][-1].output_shape, ends["final"][-1].output_shape]
    counts = [sum(map(len, run)) for run in runs]
    assert len(ends["stem"]) + sum(counts) + len(ends["final"]) == len(every)
    stages = [spec.stages[stage_of(run[0][0].sub_block) - 1] for run in runs]
    strides = [stage.stride if run[0][0].kind < 3 else 1 for stage, run in zip(stages, runs, strict=True)]
    repeated = [run for run in runs if len(run) > 1]
    return {
        "total": [f"{len(every)} layers without top"],
        "shape": [f"image {spec.image_size}×{spec.image_size}×{spec.in_channels}", *map(shape_words, shapes)],
        "block": [f"Block {number}" for number in range(1, len(spec.stages) + 1)],
        "kind": [f"kind {run[0][0].kind}" for run in runs],
        "chip": [
            module.removeprefix("module")
            for run in runs
            for module in dict.fromkeys(layer.module for layer in run[0])
        ],
        "operator": [
            f"MBConv{stage.expand_ratio} {stage.kernel_size}×{stage.kernel_size}"
            + (f", stride {stride}" if stride > 1 else "")
            for stage, stride in zip(stages, strides, strict=True)
        ],
        "repeats": [f"×{len(run)}" for run in repeated],
        "layers": [f"{count} layers" for count in (len(ends["stem"]), *counts, len(ends["final"]))],
        "each": [*(f"{len(run)} × {len(run[0])}" for run in repeated), "3 more"],
    }


def stage_of(sub_block: str) -> int:
    """The stage's number in a name such as `6ab`."""
    return int(sub_block.rstrip("abcdefghijklmnopqrstuvwxyz"))


def shape_words(shape: tuple[int, ...]) -> str:
    return "×".join(map(str, shape))


def nearest(macs: int, params: int) -> str:
    costs = {name: count_cost(variant(name)) for name in OFFICIAL}
    return min(
        OFFICIAL,
        key=lambda name: abs(math.log(macs / costs[name].macs)) + abs(math.log(params / costs[name].params)),
    )
