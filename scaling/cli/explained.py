"""What `scaling explain` shows: its JSON document and its tables."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from rich.table import Table

from scaling.cli.output import table_of
from scaling.cost import Cost
from scaling.network.architecture import ArchitectureSpec
from scaling.network.baselines import EFFICIENTNET_B0
from scaling.network.coefficients import UNSCALED
from scaling.targets.explanation import Explanation, FormulaNetwork, RoundingStep, answer


def explanation_document(found: Explanation) -> dict[str, Any]:
    """Return the `explain --json` document."""
    candidates = [one for one in (found.copied, found.exact) if one is not None]
    return {
        "name": found.name,
        "released": _network_document(found.released, found.cost),
        "formula": [_candidate_document(one) for one in candidates],
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


def _candidate_document(candidate: FormulaNetwork) -> dict[str, Any]:
    return {
        "label": candidate.label,
        **asdict(candidate.compound),
        "before_rounding": {**asdict(candidate.raw), "image_size": _pixels(candidate)},
        **_network_document(candidate.spec, candidate.cost),
    }


def _pixels(candidate: FormulaNetwork) -> float:
    return EFFICIENTNET_B0.image_size * candidate.raw.resolution_coefficient


def explanation_tables(found: Explanation) -> Iterator[Table]:
    """Yield the tables of `explain`, in the order in which they are read."""
    yield _candidates(found)
    yield _implied(found)
    yield _rows(found)
    yield _steps(found)


def _candidates(found: Explanation) -> Table:
    candidates = [one for one in (found.copied, found.exact) if one is not None]
    table = table_of("", "released", *(one.label for one in candidates))
    bases = [
        f"{one.compound.alpha:.4g} {one.compound.beta:.4g} {one.compound.gamma:.4g}" for one in candidates
    ]
    table.add_row("alpha beta gamma", "", *bases)
    table.add_row("phi", "", *(f"{one.compound.phi:.4f}" for one in candidates))
    released = _network_document(found.released, found.cost)
    documents = [_network_document(one.spec, one.cost) for one in candidates]
    raws = [
        {
            "depth_coefficient": f"{one.raw.depth_coefficient:.4f}",
            "width_coefficient": f"{one.raw.width_coefficient:.4f}",
            "image_size": f"{_pixels(one):.1f}",
        }
        for one in candidates
    ]
    for key, heading in (
        ("depth_coefficient", "depth"),
        ("width_coefficient", "width"),
        ("image_size", "image size"),
    ):
        cells = [f"{raw[key]} → {document[key]}" for raw, document in zip(raws, documents, strict=True)]
        table.add_row(heading, str(released[key]), *cells)
    for key, heading, unit in (("params", "params M", 1e6), ("macs", "MACs B", 1e9)):
        cells = [_with_difference(document[key], released[key], unit) for document in documents]
        table.add_row(heading, f"{released[key] / unit:.3f}", *cells)
    return table


def _with_difference(value: float, reference: float, unit: float) -> str:
    difference = "exact" if value == reference else f"{100 * (value / reference - 1):+.1f} %"
    return f"{value / unit:.3f} {difference}"


def _implied(found: Explanation) -> Table:
    table = table_of("phi from", "paper", "integers at", "exact", "integers at")
    for both in zip(found.implied_by_paper, found.implied_by_exact, strict=True):
        cells = [cell for one in both for cell in (f"{one.phi:.3f}", f"{one.low:.3f} … {one.high:.3f}")]
        table.add_row(both[0].dimension.value, *cells)
    return table


def _rows(found: Explanation) -> Table:
    scaling = found.released.derivation.scaling if found.released.derivation else UNSCALED
    table = table_of(
        "stage",
        "channels",
        f"× {scaling.width_coefficient:g}",
        "become",
        "repeats",
        f"× {scaling.depth_coefficient:g}",
        "become",
    )
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
    before: RoundingStep | None = None
    for step in found.steps:
        params = "" if step.params is None else f"{step.params / 1e6:.3f}"
        change = "" if before is None else f"{100 * (step.macs / before.macs - 1):+.1f} %"
        table.add_row(step.change, params, f"{step.macs / 1e9:.3f}", change)
        before = step
    return table
