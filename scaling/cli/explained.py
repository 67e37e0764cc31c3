"""What `scaling explain` shows: its JSON document and its tables."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from rich.table import Table

from scaling.cli.output import Columns, table_by, table_of
from scaling.cost import Cost
from scaling.network.architecture import ArchitectureSpec
from scaling.network.baselines import EFFICIENTNET_B0
from scaling.network.coefficients import UNSCALED
from scaling.targets.explanation import Explanation, answer


def explanation_document(found: Explanation) -> dict[str, Any]:
    """Return the `explain --json` document."""
    return {
        "name": found.name,
        "released": _network_document(found.released, found.cost),
        "formula": _formula(found),
        "implied_phi": {
            "paper": [asdict(one) for one in found.implied_by_paper],
            "exact": [asdict(one) for one in found.implied_by_exact],
        },
        "stages": [asdict(row) for row in found.rows],
        "rounding_steps": [asdict(step) for step in found.steps],
        "phi": {
            "paper": found.by_paper,
            "paper_printed_coefficients": found.by_paper_printed,
            "paper_without_coefficient_rounding": found.by_paper_unrounded,
            "exact": found.interval,
            "exact_triple_also_gives": found.grid,
        },
        "answer": list(answer(found)),
    }


def _network_document(spec: ArchitectureSpec, cost: Cost) -> dict[str, Any]:
    assert spec.derivation is not None
    scaling = spec.derivation.scaling
    return {
        "depth_coefficient": scaling.depth_coefficient,
        "width_coefficient": scaling.width_coefficient,
        "image_size": spec.image_size,
        "blocks": spec.num_blocks,
        "params": cost.params,
        "macs": cost.macs,
    }


def _formula(found: Explanation) -> list[dict[str, Any]]:
    """Return what the formula gives at the paper's bases and at the exact triple."""
    return [
        {
            "label": one.label,
            **asdict(one.compound),
            "before_rounding": {
                **asdict(one.raw),
                "image_size": EFFICIENTNET_B0.image_size * one.raw.resolution_coefficient,
            },
            **_network_document(one.spec, one.cost),
        }
        for one in (found.copied, found.exact)
        if one is not None
    ]


def explanation_tables(found: Explanation) -> Iterator[Table]:
    """Yield the tables of `explain`, in the order in which they are read."""
    yield _candidates(found)
    columns: Columns = {
        "phi from": lambda row: row[0].dimension.value,
        "paper": "{row[0].phi:.3f}",
        "integers at": "{row[0].low:.3f} … {row[0].high:.3f}",
        "exact": "{row[1].phi:.3f}",
        "integers at ": "{row[1].low:.3f} … {row[1].high:.3f}",
    }
    yield table_by(columns, zip(found.implied_by_paper, found.implied_by_exact, strict=True))
    yield _stages(found)
    yield _steps(found)


def _candidates(found: Explanation) -> Table:
    released, given = _network_document(found.released, found.cost), _formula(found)
    table = table_of("", "released", *(one["label"] for one in given))
    table.add_row(
        "alpha beta gamma", "", *("{alpha:.4g} {beta:.4g} {gamma:.4g}".format(**one) for one in given)
    )
    table.add_row("phi", "", *(f"{one['phi']:.4f}" for one in given))
    for key, heading, digits in (
        ("depth_coefficient", "depth", 4),
        ("width_coefficient", "width", 4),
        ("image_size", "image size", 1),
    ):
        cells = (f"{one['before_rounding'][key]:.{digits}f} → {one[key]}" for one in given)
        table.add_row(heading, str(released[key]), *cells)
    for key, heading, unit in (("params", "params M", 1e6), ("macs", "MACs B", 1e9)):
        cells = (_with_difference(one[key], released[key], unit) for one in given)
        table.add_row(heading, f"{released[key] / unit:.3f}", *cells)
    return table


def _with_difference(value: float, reference: float, unit: float) -> str:
    difference = "exact" if value == reference else f"{100 * (value / reference - 1):+.1f} %"
    return f"{value / unit:.3f} {difference}"


def _stages(found: Explanation) -> Table:
    scaling = found.released.derivation.scaling if found.released.derivation else UNSCALED
    width, depth = f"× {scaling.width_coefficient:g}", f"× {scaling.depth_coefficient:g}"
    table = table_of("stage", "channels", width, "become", "repeats", depth, "become")
    for row in found.rows:
        mark = "*" if row.by_minimum else ""
        channels = (str(row.baseline_channels), f"{row.scaled_channels:.1f}", f"{mark}{row.channels}")
        repeats: tuple[str, ...] = ("", "", "")
        if row.scaled_repeats is not None:
            repeats = (str(row.baseline_repeats), f"{row.scaled_repeats:.1f}", str(row.repeats))
        table.add_row(row.name, *channels, *repeats)
    if any(row.by_minimum for row in found.rows):
        table.caption = "* a multiple of 8 more, because rounding lost over 10 %"
        table.caption_justify = "left"
    return table


def _steps(found: Explanation) -> Table:
    table = table_of("rounding at the exact triple", "params M", "MACs B", "step")
    for before, step in zip((None, *found.steps), found.steps, strict=False):
        params = "" if step.params is None else f"{step.params / 1e6:.3f}"
        change = "" if before is None else f"{100 * (step.macs / before.macs - 1):+.1f} %"
        table.add_row(step.change, params, f"{step.macs / 1e9:.3f}", change)
    return table
