"""Prints what a study costs before it is run, at a size of ours or at the paper's."""

from __future__ import annotations

from rich.markup import escape

from scaling.cli.output import Columns, answer, console, table_by
from scaling.plans.study.config import StudyConfig
from scaling.plans.study.cost import cost_document, cost_of, paper_document, paper_parts
from scaling.plans.study.equality import held_equal
from scaling.plans.study.plan import StudyPlan
from scaling.runs.store import Known, Store

COLUMNS: Columns = {
    "network": "{row.network.name}",
    "px": lambda row: "" if row.network.spec is None else str(row.network.spec.image_size),
    "cost": lambda row: "" if row.achieved_factor is None else f"{row.achieved_factor:.2f}×",
    "trainings": lambda row: str(row.trainings or "none"),
}


def print_cost(plan: StudyPlan, store: Store, as_json: bool) -> None:
    """Print the networks of a study, how many trainings they are, and what is left of them."""
    state = plan.state(Known(store=store))
    found = cost_of(plan, state)

    def printed() -> None:
        console.print(f"[bold]{escape(plan.title)}[/bold]")
        console.print(table_by({**COLUMNS, "there": "{row.there}"}, found.rows))
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

    answer(cost_document(found), as_json, printed)


def print_paper(config: StudyConfig, as_json: bool) -> None:
    """Print what the paper's own size takes, by baseline and summed."""
    parts, paper = paper_parts(config), config.sizes.paper
    found = paper_document(config, parts)

    def printed() -> None:
        for part in parts:
            console.print(f"[bold]{escape(config.name)}[/bold] from {escape(part.baseline)}")
            console.print(table_by(COLUMNS, part.cost.rows))
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

    answer(found, as_json, printed)
