"""Tables of what networks are made of and cost: channels, stages, the family, one network stage by stage."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import pandas as pd

from scaling.cost import Cost, PieceCost, count_cost
from scaling.network.architecture import ArchitectureSpec
from scaling.network.decomposition import layers
from scaling.network.sides import input_sides
from scaling.tables.table import Table


def channels_table(specs: Sequence[ArchitectureSpec]) -> Table:
    """Return channels per stage, a column a network: stem, stages, head.

    Args:
        specs: networks of equally many stages.

    >>> from scaling import variant
    >>> channels_table([variant("b0"), variant("b1")]).data["b0"].tolist()
    [32, 16, 24, 40, 80, 112, 192, 320, 1280]
    """
    stages = len(specs[0].stages)
    data = pd.DataFrame({"stage": ["stem", *(str(number + 1) for number in range(stages)), "head"]})
    for spec in specs:
        channels = [stage.out_channels for stage in spec.stages]
        data[spec.name] = [spec.stem.out_channels, *channels, spec.head.out_channels]
    shown = data.astype(str).replace("0", "–")  # no head convolution
    shown = shown.rename(columns={spec.name: spec.name.upper() for spec in specs})
    return Table(
        name="channels",
        caption="Channels of every stage",
        data=data,
        shown=shown,
        left=("stage",),
        notes=(
            "Output channels of the stem convolution, of the blocks of each stage, of the head convolution.",
        ),
    )


def stages_table(spec: ArchitectureSpec) -> Table:
    """Return a network stage by stage as the paper's Table 1 does: operator, resolution, channels, layers.

    Resolution is of the stage's input; "layers" are the paper's word for blocks.

    Source: Tan & Le 2019, arXiv:1905.11946, Table 1.

    >>> from scaling import variant
    >>> stages_table(variant("b0")).shown.iloc[1].tolist()
    ['2', 'MBConv1, k3x3', '112 × 112', '16', '1']
    """
    sides, stem = input_sides(spec), spec.stem
    pool = " & MaxPool" if stem.has_pool else ""
    rows: list[dict[str, Any]] = [
        _stage(f"Conv{stem.kernel_size}x{stem.kernel_size}{pool}", spec.image_size, stem.out_channels, 1)
    ]
    for stage, side in zip(spec.stages, sides, strict=False):
        operator = f"{stage.operator}, k{stage.kernel_size}x{stage.kernel_size}"
        rows.append(_stage(operator, side, stage.out_channels, stage.repeats))
    end = "Conv1x1 & Pooling & FC" if spec.head.out_channels else "Pooling & FC"
    rows.append(_stage(end, sides[-1], spec.feature_channels, 1))
    data = pd.DataFrame(rows)
    data.insert(0, "stage", range(1, len(data) + 1))
    shown = pd.DataFrame(
        {
            "stage": data["stage"].astype(str),
            "operator": data["operator"],
            "resolution": data["input_size"].map(lambda side: f"{side} × {side}"),
            "channels": data["channels"].astype(str),
            "layers": data["repeats"].astype(str),
        }
    )
    return Table(
        name="stages",
        caption=f"{spec.name} stage by stage",
        data=data,
        shown=shown,
        left=("operator",),
        notes=("Resolution is of a stage's input; layers are blocks.",),
    )


def _stage(operator: str, side: int, channels: int, repeats: int) -> dict[str, Any]:
    return {"operator": operator, "input_size": side, "channels": channels, "repeats": repeats}


def family_table(specs: Sequence[ArchitectureSpec]) -> Table:
    """Return coefficients, size and exact cost, a row a network.

    Raises:
        ValueError: a network was not scaled from a baseline.

    >>> from scaling import variant
    >>> family_table([variant("b7")]).shown.iloc[0].tolist()
    ['B7', '3.1', '2.0', '600', '0.5', '55', '813', '66,347,960', '37,745,884,192', '289,939,464']
    """
    data = pd.DataFrame([_member(spec) for spec in specs])
    shown = pd.DataFrame(
        {
            "variant": data["variant"].str.upper(),
            "depth": data["depth_coefficient"].map("{:.1f}".format),
            "width": data["width_coefficient"].map("{:.1f}".format),
            "image": data["image_size"].astype(str),
            "dropout": data["dropout"].map("{:.1f}".format),
            "blocks": data["blocks"].astype(str),
            "layers": data["layers"].astype(str),
            "params": data["params"].map("{:,}".format),
            "multiply-adds": data["macs"].map("{:,}".format),
            "activations": data["activations"].map("{:,}".format),
        }
    )
    return Table(
        name="family",
        caption="The released family, counted exactly",
        data=data,
        shown=shown,
        left=("variant",),
        notes=("Layers as in Keras's summary, without the top; one image; params are trainable.",),
    )


def _member(spec: ArchitectureSpec) -> dict[str, Any]:
    if spec.derivation is None:
        raise ValueError(f"{spec.name} was not scaled from a baseline")
    cost, scaling = count_cost(spec), spec.derivation.scaling
    return {
        "variant": spec.name,
        "depth_coefficient": scaling.depth_coefficient,
        "width_coefficient": scaling.width_coefficient,
        "image_size": spec.image_size,
        "dropout": spec.dropout,
        "blocks": spec.num_blocks,
        "layers": len(layers(spec)),
        "params": cost.params,
        "macs": cost.macs,
        "activations": cost.activations,
    }


def cost_table(cost: Cost) -> Table:
    """Return params, multiply-adds and activations of stem, stages, head and classifier, and their sums.

    >>> from scaling import count_cost, variant
    >>> cost_table(count_cost(variant("b0"))).shown.iloc[-1].tolist()
    ['whole network', '5,288,548', '385,814,752', '6,748,036']
    """
    whole = PieceCost(name="whole network", params=cost.params, macs=cost.macs, activations=cost.activations)
    data = pd.DataFrame([asdict(piece) for piece in (*cost.by_stage, whole)])
    data = data[["name", "params", "macs", "activations"]]
    shown = data.assign(**{column: data[column].map("{:,}".format) for column in data.columns[1:]})
    return Table(
        name="cost",
        caption=f"{cost.spec.name} at {cost.spec.image_size} px, one image",
        data=data,
        shown=shown.rename(columns={"name": "piece", "macs": "multiply-adds"}),
        left=("piece",),
    )
