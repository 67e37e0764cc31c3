"""`scaling count`: what a network costs, and why counters disagree."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import click

from scaling.cli.arguments import spec_from_options, spec_options
from scaling.cli.output import Columns, answer, console, json_option, table_by, table_of, waiting
from scaling.cost import Cost, count_cost
from scaling.network.architecture import ArchitectureSpec
from scaling.network.families import official_name
from scaling.network.published import printed_macs

_TRACED = ("fvcore_total", "fvcore_by_operator", "fvcore_unsupported", "torch_flop_counter")
_NOTES = {
    "conv": "multiply-adds",
    "linear": "multiply-adds",
    "batch_norm": "2 per element: 0.39 B of B0 becomes 0.40 B",
    "adaptive_avg_pool2d": "1 per element",
}


@click.command()
@spec_options
@click.option("--no-trace", is_flag=True, help="Closed form only: skip fvcore and torch's counter.")
@json_option
def count(no_trace: bool, as_json: bool, **options: Any) -> None:
    """Count a network and reconcile the counters."""
    spec = spec_from_options(**options)
    cost, name = count_cost(spec), official_name(spec)
    document = {
        "params": cost.params,
        "macs": cost.macs,
        "activations": cost.activations,
        **(dict.fromkeys(_TRACED) if no_trace else _trace(spec)),
        "printed_flops": printed_macs(name) if name else None,
        "by_stage": [asdict(piece) for piece in cost.by_stage],
    }
    answer(document, as_json, lambda: _print_count(cost, document))


def _trace(spec: ArchitectureSpec) -> dict[str, Any]:
    from scaling.cost.traced import count_with_fvcore, count_with_torch  # noqa: PLC0415 (imports torch)
    from scaling.model import build_model  # noqa: PLC0415

    shape = (1, spec.in_channels, spec.image_size, spec.image_size)
    with waiting("tracing the module with fvcore"):
        counted = count_with_fvcore(build_model(spec, seed=0).pieces(), shape)
    by_torch = count_with_torch(build_model(spec, device="meta"), shape)
    values = (counted.total, counted.by_operator, counted.unsupported, by_torch)
    return dict(zip(_TRACED, values, strict=True))


def _print_count(cost: Cost, document: dict[str, Any]) -> None:
    columns: Columns = {
        "piece": "{row.name}",
        "params": "{row.params:,}",
        "MACs": "{row.macs:,}",
        "activations": "{row.activations:,}",
        "%": lambda row: f"{100 * row.macs / cost.macs:.1f}",
    }
    table = table_by(columns, cost.by_stage)
    table.add_section()
    table.add_row("total", f"{cost.params:,}", f"{cost.macs:,}", f"{cost.activations:,}", "100.0")
    console.print(f"[bold]{cost.spec.name}[/bold] at {cost.spec.image_size} px, one image")
    console.print(table)
    console.print(
        f"\npeak activation memory at inference, estimated: {cost.peak_activation_bytes / 2**20:,.1f} MiB\n"
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
    console.print(table)
    if document["fvcore_unsupported"]:
        calls = ", ".join(f"{name} ×{calls}" for name, calls in document["fvcore_unsupported"].items())
        console.print(f"\ncounted by nobody: {calls}")
