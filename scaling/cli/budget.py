"""`scaling budget`: the networks of a family that no other one under the same limits exceeds."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

import click
import numpy as np

from scaling.cli.arguments import baseline_options, with_rounding
from scaling.cli.options import PATH, named_option
from scaling.cli.output import Columns, answer, compose, console, json_option, table_by
from scaling.cost.latency_model import NO_LATENCY, LatencyModel
from scaling.cost.peak_memory import MemoryUse
from scaling.errors import ConfigError
from scaling.latency.calibration import Calibration, read_calibration
from scaling.latency.timing import Mode
from scaling.network.baseline_files import baseline_from
from scaling.network.families import named
from scaling.network.rounding import CoefficientRounding
from scaling.targets.budget import Budget, BudgetAnswer, Family, cosines, nearest, spend
from scaling.targets.explanation import PAPER_BASES

ORDERS = ("macs", "params", "activations", "memory_bytes", "direction")
MOST_SHOWN = 10_000
TRAINING_BATCH = 32
UNITS = {
    "macs": (1e6, "M"),
    "params": (1e6, "M"),
    "activations": (1e6, "M"),
    "memory_bytes": (1e6, "MB"),
    "latency_ms": (1.0, "ms"),
    "image_size": (1.0, "px"),
}


@click.command()
@click.option("--macs", type=float, help="Most multiply-adds, e.g. 2e9.")
@click.option("--params", type=float, help="Most parameters, e.g. 10e6.")
@click.option("--activations", type=float, help="Most activations.")
@click.option("--memory-gb", type=float, help="10^9 bytes at the peak, float32.")
@named_option("--memory-of", Mode, default=Mode.INFERENCE.value, help="'inference' or 'training' (AdamW).")
@click.option("--memory-batch", type=int, help="Images a pass: 1 in inference, 32 in training unless given.")
@click.option("--latency-ms", type=float, help="Most milliseconds a batch, by --calibration.")
@click.option("--calibration", type=PATH, help="A file of `scaling latency --calibrate`.")
@click.option(
    "--latency-model",
    metavar="BASE,GMAC,MACT",
    help="Instead: ms of any network, of 10^9 multiply-adds, of 10^6 activations.",
)
@click.option("--most-image-size", "image_size", type=int, help="Largest side in pixels.")
@baseline_options
@click.option("--order", default="macs", show_default=True, help=f"Largest first: {', '.join(ORDERS)}.")
@compose(
    *(
        click.option(f"--{name}", type=float, default=base, show_default=True, help="Of the direction.")
        for name, base in PAPER_BASES.items()
    )
)
@click.option(
    "--top", type=click.IntRange(1, MOST_SHOWN), default=10, show_default=True, help="Networks to show."
)
@json_option
def budget(
    memory_gb: float | None,
    memory_of: Mode,
    memory_batch: int | None,
    calibration: Path | None,
    latency_model: str | None,
    baseline: str,
    coefficient_rounding: CoefficientRounding | None,
    image_size_step: int | None,
    order: str,
    top: int,
    as_json: bool,
    **limits: Any,
) -> None:
    """Show the networks of a family that no other one within the limits exceeds, and how each limit binds.

    Every distinct network from the baseline up to B7's cost is looked at. There is no accuracy model: none of
    the shown is said to be best. They are all those that cannot be made deeper, wider or larger in image
    without a limit, and the one nearest to a direction.
    """
    if order not in ORDERS:
        raise ConfigError(f"expected --order among {', '.join(ORDERS)}, got {order!r}")
    bases = {name: limits.pop(name) for name in PAPER_BASES}
    for name, base in bases.items():
        if not 1 <= base < float("inf"):
            raise ConfigError(f"--{name} must be at least 1, got {base}")
    wanted = Budget(memory_bytes=None if memory_gb is None else memory_gb * 1e9, **limits)
    start = with_rounding(baseline_from(baseline), coefficient_rounding, image_size_step)
    measured = None if calibration is None else read_calibration(calibration)
    if measured is not None and latency_model is not None:
        raise ConfigError("give --calibration or --latency-model, not both")
    by_hand = latency_of(latency_model, wanted=wanted.latency_ms is not None and measured is None)
    usual = TRAINING_BATCH if memory_of == Mode.TRAINING else 1
    batch = usual if memory_batch is None else memory_batch
    memory = MemoryUse(training=memory_of == Mode.TRAINING, batch=batch)
    family = Family(start.spec, start.rounding, by_hand if measured is None else measured.model, memory)
    found = spend(family, wanted)
    document = document_of(family, found, order=order, bases=bases, top=top)
    document["latency"] = None if measured is None else latency_notes(family, found, measured)
    answer(document, as_json, lambda: print_answer(document))


def latency_of(text: str | None, *, wanted: bool) -> LatencyModel:
    """Read a latency model: base, milliseconds for 10^9 multiply-adds and for 10^6 activations.

    Raises:
        ConfigError: it is not three numbers of at least 0, or is missing where a limit needs it.

    >>> latency_of("1,2,0.5", wanted=True).ms_per_gmac
    2.0
    """
    if text is None:
        if wanted:
            raise ConfigError(
                "--latency-ms needs --calibration FILE (scaling latency --calibrate), or --latency-model"
            )
        return NO_LATENCY
    try:
        base, gmac, mactivation = map(float, text.split(","))
    except ValueError:
        raise ConfigError(f"expected --latency-model as three numbers, like 1,2,0.5; got {text!r}") from None
    return LatencyModel(base_ms=base, ms_per_gmac=gmac, ms_per_mactivation=mactivation)


def latency_notes(family: Family, answer: BudgetAnswer, measured: Calibration) -> dict[str, Any]:
    """Return under which conditions latencies hold, how far off they may be, and where they extrapolate."""
    found = answer.pareto
    beyond = [bool(measured.beyond(family.spec(found, index))) for index in range(len(found))]
    return {
        "conditions": str(measured.conditions),
        "median_error": measured.errors["model"].median,
        "beyond": sum(beyond),
    }


def document_of(
    family: Family, answer: BudgetAnswer, *, order: str, bases: dict[str, float], top: int
) -> dict[str, Any]:
    """Return the answer as plain data: the shown networks in order, the nearest, the limits."""
    found, start = answer.pareto, family.baseline
    direction = (bases["alpha"], bases["beta"], bases["gamma"])
    by_direction = cosines(found, direction, start.image_size)
    wanted = by_direction if order == "direction" else found.amounts[order]
    shown = np.argsort(-wanted, kind="stable")[:top]
    near = nearest(found, direction, start.image_size) if len(found) else None
    return {
        "baseline": start.name,
        "family": answer.family,
        "family_most_macs": family.most_macs,
        "feasible": answer.feasible,
        "memory": asdict(family.memory),
        "pareto": len(found),
        "order": order,
        "networks": [_row(family, answer, int(index)) for index in shown],
        "direction": bases,
        "nearest": None if near is None else _row(family, answer, near),
        "limits": [
            {
                "limit": one.limit,
                "most": one.most,
                "slack": None if near is None else 1 - _amount(answer, one.limit, near) / one.most,
                "stops": one.stops,
                "stops_alone": one.alone,
                "feasible_without": one.feasible_without,
                "pareto_without": one.pareto_without,
                "largest_macs_without": one.largest_macs_without,
            }
            for one in answer.bindings
        ],
    }


def _amount(answer: BudgetAnswer, limit: str, index: int) -> float:
    found = answer.pareto
    return float(found.image_size[index] if limit == "image_size" else found.amounts[limit][index])


def _row(family: Family, answer: BudgetAnswer, index: int) -> dict[str, Any]:
    found = answer.pareto
    spec = family.spec(found, index)
    latency = {"latency_ms": _amount(answer, "latency_ms", index)} if family.latency.known else {}
    return {
        "name": named(spec).name if named(spec).name != spec.name else None,
        "depth_coefficient": float(found.depth_coefficient[index]),
        "width_coefficient": float(found.width_coefficient[index]),
        "image_size": int(found.image_size[index]),
        **{name: int(found.amounts[name][index]) for name in ORDERS[:-1]},
        **latency,
    }


def print_answer(document: dict[str, Any]) -> None:
    """Print the networks, the nearest, and how each limit binds."""
    console.print(
        f"[bold]{document['baseline']}[/bold]: {document['family']:,} networks up to "
        f"{document['family_most_macs'] / 1e9:.1f} B multiply-adds, {document['feasible']:,} within the "
        f"limits. {document['pareto']:,} of these no other one equals or exceeds in depth, width and image "
        "size at once."
    )
    if not document["networks"]:
        console.print("The baseline itself is beyond a limit: there is nothing to show.")
    else:
        _print_networks(document)
    if document["latency"] is not None:
        _print_latency(document)
    if document["limits"]:
        _print_limits(document)


def _print_networks(document: dict[str, Any]) -> None:
    rows, best = list(document["networks"]), document["nearest"]
    columns: Columns = {
        "depth": lambda row: f"{row['depth_coefficient']:.4g}{' *' if row == best else ''}",
        "width": "{row[width_coefficient]:.4g}",
        "px": "{row[image_size]}",
        "MACs M": lambda row: f"{row['macs'] / 1e6:,.0f}",
        "params M": lambda row: f"{row['params'] / 1e6:.2f}",
        "activ. M": lambda row: f"{row['activations'] / 1e6:.1f}",
        "MB": lambda row: f"{row['memory_bytes'] / 1e6:.0f}",
    }
    if "latency_ms" in best:
        columns["ms"] = "{row[latency_ms]:.2f}"
    more = [] if best in rows else [best]
    console.print(table_by(columns, rows + more, bold=lambda row: row == best))
    bases = ", ".join(f"{value:g}" for value in document["direction"].values())
    use, official = document["memory"], f" ({best['name']})" if best["name"] else ""
    below = ", below the others" if more else ""
    images = "1 image" if use["batch"] == 1 else f"{use['batch']:,} images"
    console.print(
        f"*: nearest in direction to alpha, beta, gamma = {bases}{official}{below}. "
        f"Sorted by {document['order']}, {len(rows) + len(more)} of {document['pareto']:,} shown. "
        f"MB: peak of {'training' if use['training'] else 'inference'}, {images}, float32. "
        "There is no accuracy model: larger, not known to be better."
    )


def _print_latency(document: dict[str, Any]) -> None:
    notes = document["latency"]
    console.print(
        f"ms a batch: {notes['conditions']}; off by {100 * notes['median_error']:.1f} % in the median."
    )
    if notes["beyond"]:
        console.print(
            f"{notes['beyond']} of {document['pareto']:,} of the set are beyond what was calibrated: "
            "the error there is unknown."
        )


def _print_limits(document: dict[str, Any]) -> None:
    columns: Columns = {
        "limit": lambda row: row["limit"].removesuffix("_bytes").removesuffix("_ms"),
        "at most": lambda row: "{:,.6g} {}".format(
            row["most"] / UNITS[row["limit"]][0], UNITS[row["limit"]][1]
        ),
        "slack": lambda row: "" if row["slack"] is None else f"{100 * row['slack']:.1f} %",
        "stops": "{row[stops]:,}",
        "alone": "{row[stops_alone]:,}",
        "Pareto": "{row[pareto_without]:,}",
        "MACs M": lambda row: f"{row['largest_macs_without'] / 1e6:,.0f}",
    }
    console.print(table_by(columns, document["limits"]))
    console.print(
        "slack: left over by the network marked *. stops: networks of the set whose next step in some "
        "dimension the limit forbids; alone: where no other limit does. Pareto, MACs: the set and its "
        "largest without the limit."
    )
    for one in document["limits"]:
        if one["feasible_without"] == document["feasible"]:
            console.print(f"{one['limit']} does not bind: without it the same networks are allowed.")
