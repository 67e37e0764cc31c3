"""`scaling describe`, `variants`, `summary`: what a network is made of."""

from __future__ import annotations

import json
from itertools import groupby
from typing import Any

import click
from rich.markup import escape
from rich.table import Table

from scaling.cli.arguments import spec_from_options, spec_options
from scaling.cli.output import console, emit_json, json_option, table_of
from scaling.cost import count_cost
from scaling.network.architecture import ArchitectureSpec, BlockKind
from scaling.network.decomposition import Layer, layers
from scaling.network.families import official_name, released_coefficients, variant
from scaling.network.serialization import to_json
from scaling.network.sides import input_sides
from scaling.network.small_inputs import idle_taps, last_map

_STAGE_FIELDS = (
    "kind",
    "repeats",
    "kernel_size",
    "stride",
    "expand_ratio",
    "se_ratio",
    "in_channels",
    "out_channels",
)


def description(spec: ArchitectureSpec) -> dict[str, Any]:
    """Return the `describe --json` document: how it was scaled is None where a file does not say."""
    made, cost = spec.derivation, count_cost(spec)
    return {
        "name": spec.name,
        "baseline": made.baseline if made else None,
        **{
            key: getattr(made.compound if made else None, key, None)
            for key in ("alpha", "beta", "gamma", "phi")
        },
        "coefficient_rounding": made.rounding.coefficient_rounding.value if made else None,
        "official_name": official_name(spec),
        "depth_coefficient": made.scaling.depth_coefficient if made else None,
        "width_coefficient": made.scaling.width_coefficient if made else None,
        "resolution_coefficient": spec.image_size / made.baseline_image_size if made else None,
        "image_size": spec.image_size,
        "dropout": spec.dropout,
        "in_channels": spec.in_channels,
        "num_classes": spec.num_classes,
        "stem_channels": spec.stem.out_channels,
        "stem_stride": spec.stem.stride,
        "stem_pool_stride": spec.stem.pool_stride,
        "activation": spec.activation.value,
        "head_channels": spec.head.out_channels,
        "last_map": last_map(spec),
        "idle_depthwise_weights": idle_taps(spec).idle,
        "stages": [{field: getattr(stage, field) for field in _STAGE_FIELDS} for stage in spec.stages],
        "blocks": spec.num_blocks,
        "params": cost.params,
        "macs": cost.macs,
        "activations": cost.activations,
        "keras_layers": len(layers(spec)),
        "spec": json.loads(to_json(spec)),
    }


@click.command()
@spec_options
@json_option
def describe(as_json: bool, **options: Any) -> None:
    """Describe a network: coefficients, stages, cost.

    NAME is an official variant (b0 … b8, l2, lite0 … lite4), a baseline (mobilenetv2, resnet-50 …), a file of
    your own, or FILE.json as a command prints it; or give --baseline, and to scale it --alpha --beta --gamma
    --phi.
    """
    spec = spec_from_options(**options)
    if as_json:
        emit_json(description(spec))
    else:
        _print_description(spec, description(spec))


def _print_description(spec: ArchitectureSpec, document: dict[str, Any]) -> None:
    as_it_is = document["baseline"] in {spec.name, None}
    made = "as it is" if as_it_is else f"scaled from {document['baseline']}"
    console.print(f"[bold]{escape(spec.name or 'network')}[/bold], {made}")
    if document["phi"] is not None:
        bases = "  ".join(f"{key} {document[key]:.6g}" for key in ("alpha", "beta", "gamma", "phi"))
        console.print(f"{bases}  (coefficient rounding: {document['coefficient_rounding']})")
    coefficients = "".join(
        f"{name} ×{document[f'{name}_coefficient']:.4g}  "
        for name in ("depth", "width", "resolution")
        if document["baseline"] is not None
    )
    console.print(f"{coefficients}dropout {document['dropout']:.3g}\n")
    console.print(_stage_table(spec))
    console.print(
        f"\n{document['blocks']} blocks, {document['keras_layers']} layers without top\n"
        f"{document['params']:,} params, {document['macs']:,} multiply-adds, "
        f"{document['activations']:,} activations"
    )
    idle = idle_taps(spec)
    if idle.idle:
        narrows = any(stage.kind == BlockKind.BOTTLENECK for stage in spec.stages)
        weights = "k×k" if narrows else "depthwise"
        console.print(
            f"{100 * idle.share:.0f} % of the {weights} weights meet nothing but padding at "
            f"{spec.image_size} px and never train: see --small-input"
        )


def _stage_table(spec: ArchitectureSpec) -> Table:
    table = table_of("piece", "input", "×", "block", "out", "params", "MACs M")
    pieces = {piece.name: piece for piece in count_cost(spec).by_stage}

    def add(name: str, side: str, repeats: str, block: str, channels: int) -> None:
        cost = pieces[name]
        table.add_row(
            name, side, repeats, block, str(channels), f"{cost.params:,}", f"{cost.macs / 1e6:,.1f}"
        )

    stem, sides = spec.stem, input_sides(spec)
    pool = f" pool s{stem.pool_stride}" if stem.has_pool else ""
    add("stem", f"{spec.image_size}²", "", f"k{stem.kernel_size} s{stem.stride}{pool}", stem.out_channels)
    for number, (stage, side) in enumerate(zip(spec.stages, sides, strict=False), start=1):
        ratio = f"e{stage.expand_ratio}" if stage.kind == BlockKind.MBCONV else stage.operator
        block = f"{ratio} k{stage.kernel_size} s{stage.stride}"
        add(f"stage{number}", f"{side}²", str(stage.repeats), block, stage.out_channels)
    if spec.head.out_channels:
        add("head", f"{sides[-1]}²", "", "k1 s1", spec.head.out_channels)
    add("classifier", "", "", "", spec.num_classes)
    return table


@click.command()
@json_option
def variants(as_json: bool) -> None:
    """List the official variants: coefficients, sizes, exact cost."""
    documents = [description(variant(name)) for name in released_coefficients()]
    if as_json:
        emit_json(documents)
        return
    table = table_of("name", "depth", "width", "image", "drop", "blocks", "layers", "params M", "MACs B")
    for d in documents:
        table.add_row(
            d["name"],
            f"{d['depth_coefficient']:.1f}",
            f"{d['width_coefficient']:.1f}",
            str(d["image_size"]),
            f"{d['dropout']:.1f}",
            str(d["blocks"]),
            str(d["keras_layers"]),
            f"{d['params'] / 1e6:.2f}",
            f"{d['macs'] / 1e9:.3f}",
        )
    console.print(table)


@click.command()
@spec_options
@click.option("--include-top", is_flag=True, help="Also pooling, dropout and the classifier (3 layers).")
@click.option("--by-block", is_flag=True, help="Fold the layers of every sub-block into one line.")
@json_option
def summary(include_top: bool, by_block: bool, as_json: bool, **options: Any) -> None:
    """List a network layer by layer, as Keras's summary does.

    Shapes are (height, width, channels); params are the trainable ones.
    """
    rows = _folded(layers(spec_from_options(**options), include_top=include_top), by_block)
    if as_json:
        emit_json(
            [
                {key: row[key] for key in ("name", "module", "sub_block", "output_shape", "params")}
                for row in rows
            ]
        )
        return
    table = table_of("name", "module", "sub-block", "output shape", "params")
    for row in rows:
        shape = "×".join(map(str, row["output_shape"]))
        table.add_row(row["name"], row["module"], row["sub_block"] or "", shape, f"{row['params']:,}")
    console.print(table)
    layer_count, params = sum(row["layers"] for row in rows), sum(row["params"] for row in rows)
    console.print(f"{layer_count} layers, {params:,} params")


def _folded(found: tuple[Layer, ...], by_block: bool) -> list[dict[str, Any]]:
    """Return one row a layer, or one a sub-block (stem, final and top count as one each)."""
    if not by_block:
        return [_row(layer.name, layer.module, [layer]) for layer in found]
    groups = groupby(found, key=lambda layer: f"block{layer.sub_block}" if layer.sub_block else layer.module)
    rows = [(name, list(members)) for name, members in groups]
    return [
        _row(name, "+".join(dict.fromkeys(m.module.removeprefix("module") for m in members)), members)
        for name, members in rows
    ]


def _row(name: str, module: str, members: list[Layer]) -> dict[str, Any]:
    return {
        "name": name,
        "module": module,
        "sub_block": members[-1].sub_block or None,
        "output_shape": list(members[-1].output_shape),
        "params": sum(layer.params for layer in members),
        "layers": len(members),
    }
