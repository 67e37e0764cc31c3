"""`scaling describe`, `variants`, `summary`: what a network is made of."""

from __future__ import annotations

import json
from itertools import groupby
from typing import Any

import click
from rich.markup import escape

from scaling.cli.arguments import spec_from_options, spec_options
from scaling.cli.output import Columns, answer, console, json_option, print_table, table_by
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
    compound = made.compound if made else None
    return {
        "name": spec.name,
        "baseline": made.baseline if made else None,
        **{key: getattr(compound, key, None) for key in ("alpha", "beta", "gamma", "phi")},
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
    """Describe a network: coefficients, stages, cost."""
    spec = spec_from_options(**options)
    document = description(spec)
    answer(document, as_json, lambda: _print_description(spec, document))


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
    _print_stages(spec)
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


def _print_stages(spec: ArchitectureSpec) -> None:
    stem, sides = spec.stem, input_sides(spec)
    pool = f" pool s{stem.pool_stride}" if stem.has_pool else ""
    rows = [
        ("stem", f"{spec.image_size}²", "", f"k{stem.kernel_size} s{stem.stride}{pool}", stem.out_channels)
    ]
    for number, (stage, side) in enumerate(zip(spec.stages, sides, strict=False), start=1):
        ratio = f"e{stage.expand_ratio}" if stage.kind == BlockKind.MBCONV else stage.operator
        block = f"{ratio} k{stage.kernel_size} s{stage.stride}"
        rows.append((f"stage{number}", f"{side}²", str(stage.repeats), block, stage.out_channels))
    if spec.head.out_channels:
        rows.append(("head", f"{sides[-1]}²", "", "k1 s1", spec.head.out_channels))
    rows.append(("classifier", "", "", "", spec.num_classes))
    costs = {piece.name: piece for piece in count_cost(spec).by_stage}
    print_table(
        ("piece", "input", "×", "block", "out", "params", "MACs M"),
        (
            (*words, str(channels), f"{costs[words[0]].params:,}", f"{costs[words[0]].macs / 1e6:,.1f}")
            for *words, channels in rows
        ),
    )


@click.command()
@json_option
def variants(as_json: bool) -> None:
    """List the official variants: coefficients, sizes, exact cost."""
    documents = [description(variant(name)) for name in released_coefficients()]
    columns: Columns = {
        "name": "{row[name]}",
        "depth": "{row[depth_coefficient]:.1f}",
        "width": "{row[width_coefficient]:.1f}",
        "image": "{row[image_size]}",
        "drop": "{row[dropout]:.1f}",
        "blocks": "{row[blocks]}",
        "layers": "{row[keras_layers]}",
        "params M": lambda row: f"{row['params'] / 1e6:.2f}",
        "MACs B": lambda row: f"{row['macs'] / 1e9:.3f}",
    }
    answer(documents, as_json, lambda: console.print(table_by(columns, documents)))


@click.command()
@spec_options
@click.option("--include-top", is_flag=True, help="Also pooling, dropout and the classifier (3 layers).")
@click.option("--by-block", is_flag=True, help="Fold the layers of every sub-block into one line.")
@json_option
def summary(include_top: bool, by_block: bool, as_json: bool, **options: Any) -> None:
    """List a network layer by layer, as Keras's summary does.

    Shapes are (height, width, channels); params are the trainable ones.
    """
    found = layers(spec_from_options(**options), include_top=include_top)
    rows = _folded(found) if by_block else [_row(layer.name, layer.module, [layer]) for layer in found]

    def printed() -> None:
        columns: Columns = {
            "name": "{row[name]}",
            "module": "{row[module]}",
            "sub-block": lambda row: row["sub_block"] or "",
            "output shape": lambda row: "×".join(map(str, row["output_shape"])),
            "params": "{row[params]:,}",
        }
        console.print(table_by(columns, rows))
        console.print(f"{len(found)} layers, {sum(row['params'] for row in rows):,} params")

    answer(rows, as_json, printed)


def _folded(found: tuple[Layer, ...]) -> list[dict[str, Any]]:
    """Return one row a sub-block (stem, final and top count as one each)."""
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
    }
