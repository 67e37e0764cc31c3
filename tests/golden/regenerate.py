"""Make the golden tables anew from other people's code: `python tests/golden/regenerate.py [--check]`.

Nothing here asks this package for a number: coefficients come from efficientnet-pytorch, architectures and
multiply-adds from timm, fvcore totals and activations from torchvision, layers from Keras. The source column
stays as it is. With --check nothing is written; differences are printed and the exit code is 1. It takes
minutes and needs the peers (.ci/install-peers).
"""

from __future__ import annotations

import csv
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import torch
from fvcore.nn import ActivationCountAnalysis, FlopCountAnalysis
from golden_files import FOLDER, rows
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

sys.path.insert(0, str(FOLDER.parent / "differential"))
from peer_networks import OFFICIAL, TORCH_PEERS, import_peer, keras_network

PEERS = {peer.name: peer for peer in TORCH_PEERS}


def words(numbers: Iterable[int]) -> str:
    return " ".join(str(number) for number in numbers)


def coefficients(variant: str) -> dict[str, str]:
    library = import_peer("efficientnet_pytorch")
    width, depth, size, dropout = library.utils.efficientnet_params(f"efficientnet-{variant}")
    return {
        "width_coefficient": str(width),
        "depth_coefficient": str(depth),
        "image_size": str(size),
        "dropout": str(dropout),
    }


@torch.no_grad()
def architecture(variant: str, size: int) -> dict[str, str]:
    model: Any = PEERS["timm-tf"].build(variant)
    with FlopCounterMode(display=False) as counter:
        model(torch.empty(1, 3, size, size, device="meta"))
    repeats = [len(stage) for stage in model.blocks]
    projections = [
        [module for module in stage[-1].modules() if isinstance(module, nn.Conv2d)][-1]
        for stage in model.blocks
    ]
    return {
        "repeats": words(repeats),
        "stem_channels": str(model.conv_stem.out_channels),
        "stage_channels": words(projection.out_channels for projection in projections),
        "head_channels": str(model.conv_head.out_channels),
        "blocks": str(sum(repeats)),
        "params": str(sum(parameter.numel() for parameter in model.parameters())),
        "macs_conv_linear": str(counter.get_total_flops() // 2),
    }


def quietly(analysis: Any) -> int:
    analysis.unsupported_ops_warnings(False).uncalled_modules_warnings(False)
    return int(analysis.total())


@torch.no_grad()
def traced(variant: str, size: int, analysis: Any) -> int:
    model = PEERS["torchvision"].build(variant, device="cpu")
    return quietly(analysis(model, torch.zeros(1, 3, size, size)))


def keras_counts(variant: str) -> dict[str, str]:
    """Count a network with its top, and cut where `include_top=False` cuts (test_keras.py builds that)."""
    whole = keras_network(variant, device="meta")
    cut = type(whole)(whole.inputs, whole.get_layer("top_activation").output)
    found = {}
    for name, model in (("top", whole), ("notop", cut)):
        found[f"keras_params_{name}"] = str(model.count_params())
        found[f"keras_layers_{name}"] = str(len(model.layers))
    return found


def official_row(row: dict[str, str]) -> dict[str, str]:
    variant = row["variant"]
    found = coefficients(variant)
    size = int(found["image_size"])
    found |= architecture(variant, size)
    if variant in OFFICIAL:  # torchvision and Keras end at B7
        found["macs_fvcore_eval"] = str(traced(variant, size, FlopCountAnalysis))
        found |= keras_counts(variant)
    return {
        column: found.get(column, row[column] if column in ("variant", "source") else "") for column in row
    }


def activations_row(row: dict[str, str]) -> dict[str, str]:
    size = coefficients(row["variant"])["image_size"]
    count = traced(row["variant"], int(size), ActivationCountAnalysis)
    return {**row, "image_size": size, "activations": str(count)}


TABLES = {"official_grid": official_row, "activations": activations_row}


def differences(table: str, new: list[dict[str, str]]) -> list[str]:
    return [
        f"{table} {before['variant']} {column}: file {before[column]!r}, peers {after[column]!r}"
        for before, after in zip(rows(table), new, strict=True)
        for column in before
        if before[column] != after[column]
    ]


def write(table: str, new: list[dict[str, str]]) -> None:
    with Path(FOLDER, f"{table}.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, fieldnames=list(new[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(new)


def main() -> None:
    changed = False
    for table, regenerate in TABLES.items():
        new = [regenerate(row) for row in rows(table)]
        found = differences(table, new)
        changed = changed or bool(found)
        print(*(found or [f"{table}: as the peers count"]), sep="\n")
        if "--check" not in sys.argv:
            write(table, new)
    sys.exit(1 if changed and "--check" in sys.argv else 0)


if __name__ == "__main__":
    main()
