"""`scaling count`: what a network costs, and why counters disagree."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import click

from scaling.cli.arguments import spec_from_options, spec_options
from scaling.cli.output import console, emit_json, json_option, table_of, waiting
from scaling.cost import Cost, count_cost
from scaling.network.architecture import ArchitectureSpec
from scaling.network.families import official_name
from scaling.network.published import printed_macs


@click.command()
@spec_options
@click.option("--no-trace", is_flag=True, help="Closed form only: skip fvcore and torch's counter.")
@json_option
def count(no_trace: bool, as_json: bool, **options: Any) -> None:
    """Count a network and reconcile the counters.

    NAME is an official variant (b0 … b8, l2, lite0 … lite4), a baseline (mobilenetv2, resnet-50 …), a file of
    your own, or FILE.json as a command prints it; or give --baseline, and to scale it --alpha --beta --gamma
    --phi.
    """
    spec = spec_from_options(**options)
    cost = count_cost(spec)
    name = official_name(spec)
    traced = {} if no_trace else _trace(spec)
    document = {
        "params": cost.params,
        "macs": cost.macs,
        "activations": cost.activations,
        **{
            key: traced.get(key)
            for key in ("fvcore_total", "fvcore_by_operator", "fvcore_unsupported", "torch_flop_counter")
        },
        "printed_flops": printed_macs(name) if name else None,
        "by_stage": [asdict(piece) for piece in cost.by_stage],
    }
    if as_json:
        emit_json(document)
    else:
        _print_count(spec, cost, document)


def _trace(spec: ArchitectureSpec) -> dict[str, Any]:
    from scaling.cost.traced import count_with_fvcore, count_with_torch  # noqa: PLC0415 (imports torch)
    from scaling.model import build_model  # noqa: PLC0415

    shape = (1, spec.in_channels, spec.image_size, spec.image_size)
    with waiting("tracing the module with fvcore"):
        counted = count_with_fvcore(build_model(spec, seed=0).pieces(), shape)
    return {
        "fvcore_total": counted.total,
        "fvcore_by_operator": counted.by_operator,
        "fvcore_unsupported": counted.unsupported,
        "torch_flop_counter": count_with_torch(build_model(spec, device="meta"), shape),
    }


def _print_count(spec: ArchitectureSpec, cost: Cost, document: dict[str, Any]) -> None:
    table = table_of("piece", "params", "MACs", "activations", "%")
    for piece in cost.by_stage:
        share = f"{100 * piece.macs / cost.macs:.1f}"
        table.add_row(piece.name, f"{piece.params:,}", f"{piece.macs:,}", f"{piece.activations:,}", share)
    table.add_section()
    table.add_row("total", f"{cost.params:,}", f"{cost.macs:,}", f"{cost.activations:,}", "100.0")
    console.print(f"[bold]{spec.name}[/bold] at {spec.image_size} px, one image")
    console.print(table)
    console.print(
        f"\npeak activation memory at inference, estimated: {cost.peak_activation_bytes / 2**20:,.1f} MiB"
    )
    _print_reconciliation(cost, document)


def _print_reconciliation(cost: Cost, document: dict[str, Any]) -> None:
    table = table_of("counter", "count", "what it adds")
    table.columns[-1].justify = "left"
    table.add_row("closed form (macs)", f"{cost.macs:,}", "multiply-adds, conv + linear")
    if document["printed_flops"]:
        table.add_row("paper prints", f"{document['printed_flops']:,}", "rounded; the same convention")
    for operator, number in (document["fvcore_by_operator"] or {}).items():
        table.add_row(f"fvcore {operator}", f"{number:,}", _NOTES.get(operator, ""))
    if document["fvcore_total"] is not None:
        table.add_row("fvcore total", f"{document['fvcore_total']:,}", "units mixed")
        table.add_row("torch FlopCounterMode", f"{document['torch_flop_counter']:,}", "2 × macs")
    console.print()
    console.print(table)
    if document["fvcore_unsupported"]:
        calls = ", ".join(f"{name} ×{calls}" for name, calls in document["fvcore_unsupported"].items())
        console.print(f"\ncounted by nobody: {calls}")


_NOTES = {
    "conv": "multiply-adds",
    "linear": "multiply-adds",
    "batch_norm": "2 per element: 0.39 B of B0 becomes 0.40 B",
    "adaptive_avg_pool2d": "1 per element",
}
