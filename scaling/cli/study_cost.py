"""Prints what a study costs before it is run, at a size of ours or at the paper's."""

from __future__ import annotations

from rich.markup import escape

from scaling.cli.output import console, emit_json, table_of
from scaling.errors import ConfigError
from scaling.plans.study.config import StudyConfig
from scaling.plans.study.cost import CostRow, cost_document, cost_of, paper_document, paper_parts
from scaling.plans.study.equality import held_equal
from scaling.plans.study.plan import StudyPlan
from scaling.runs.store import Known, Store


def print_cost(plan: StudyPlan, store: Store, as_json: bool, minutes: float | None) -> None:
    """Print the networks of a study, how many trainings they are, and what is left of them.

    Args:
        plan: of the study.
        store: of what is trained already.
        as_json: print one JSON document.
        minutes: expected by the study's file; None where that does not hold.
    """
    state = plan.state(Known(store=store))
    found = cost_of(plan, state)
    if as_json:
        emit_json(cost_document(found))
        return
    console.print(f"[bold]{escape(plan.title)}[/bold]")
    table = table_of("network", "px", "cost", "trainings", "there")
    for row in found.rows:
        table.add_row(*_cells(row), str(row.there))
    console.print(table)
    for row in found.rows:
        if row.network.problem is not None:
            console.print(f"none: {row.network.problem}")
    for line in held_equal(plan, state.networks):
        console.print(line)
    console.print(
        f"{found.trainings} trainings, {found.there} of them done; {found.train_macs / 1e12:.3g} tera "
        "multiply-adds to go, forward and backward"
        + ("" if not found.follows else "; what follows from results is costed as the paper's shares")
    )
    if found.core_s is not None:
        console.print(f"about {found.core_s / 60:.0f} worker minutes, by what was trained before")
    if minutes is not None:
        console.print(f"expected by its file: {minutes:g} minutes, were nothing trained yet")


def print_paper(config: StudyConfig, as_json: bool, *, plan: bool) -> None:
    """Print what the paper's own size takes, by baseline and summed.

    Raises:
        ConfigError: it was to be run.
    """
    if not plan:
        raise ConfigError("size paper is what the paper did; it is costed, not run: add --plan")
    parts, paper = paper_parts(config), config.sizes.paper
    found = paper_document(config, parts)
    if as_json:
        emit_json(found)
        return
    for part in parts:
        console.print(f"[bold]{escape(config.name)}[/bold] from {escape(part.baseline)}")
        table = table_of("network", "px", "cost", "trainings")
        for row in part.cost.rows:
            table.add_row(*_cells(row))
        console.print(table)
        console.print(
            f"{part.cost.train_macs / 1e18:.3g} · 10^18 multiply-adds; one epoch of the baseline is "
            f"{part.epoch_macs / 1e15:.3g} · 10^15\n"
        )
    console.print(
        f"{found['trainings']} trainings of {paper.epochs} epochs on {paper.train:,} images: "
        f"{found['train_macs'] / 1e18:.3g} · 10^18 multiply-adds, forward and backward"
    )
    if paper.note:
        console.print(escape(paper.note))


def _cells(row: CostRow) -> tuple[str, str, str, str]:
    size = "" if row.network.spec is None else str(row.network.spec.image_size)
    cost = "" if row.achieved_factor is None else f"{row.achieved_factor:.2f}×"
    return row.network.name, size, cost, str(row.trainings or "none")
