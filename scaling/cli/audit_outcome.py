"""Prints an audit: what it costs, and which cheap proxy, if any, ranks networks as a longer training does."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from scaling.analysis.intervals import Estimate
from scaling.cli.output import Columns, answer, console, table_by
from scaling.library.auditing import AuditRun
from scaling.plans.audit.config import load_audit
from scaling.plans.audit.plan import AuditPlan
from scaling.runs.store import Known, Store


def print_audit_paper(path: Path, data: str, as_json: bool) -> None:
    """Print what the paper did instead of an audit."""
    config = load_audit(path, data=data).config
    document = {"name": config.name, "trainings": [], "note": config.paper}
    answer(document, as_json, lambda: console.print(config.paper, markup=False))


def print_audit_cost(plan: AuditPlan, store: Store, as_json: bool) -> None:
    """Print how many trainings the anchors and each proxy are, and what is left of them."""
    found, config = plan.results(Known(store=store)), plan.audit.config
    rows = []
    for one in plan.trainings:
        records = [record for row in found[one.name] for record in row]
        there = sum(record is not None and record.state.settled for record in records)
        rows.append({"name": one.name, "trainings": len(records), "there": there, "macs": one.macs})
    columns: Columns = {
        "what": "{row[name]}",
        "trainings": "{row[trainings]}",
        "there": "{row[there]}",
        "tera multiply-adds": lambda row: f"{row['macs'] / 1e12:.3g}",
        "of anchors": lambda row: f"{100 * row['macs'] / plan.trainings[0].macs:.3g} %",
    }
    document = {"name": config.name, "networks": config.anchors.networks, "trainings": rows}
    answer(document, as_json, lambda: console.print(table_by(columns, rows)))


def print_verdict(run: AuditRun) -> None:
    """Print what follows, and every proxy's agreement."""
    verdict, config = run.verdict, run.plan.audit.config
    console.print(verdict.conclusion)
    there = int(verdict.table["anchor_top1"].notna().sum())
    anchors = config.anchors
    console.print(
        f"{there} of {len(verdict.table)} networks have anchors: {anchors.epochs} epochs, "
        f"{len(anchors.seeds)} seed(s). Intervals: 95 %, bootstrap over networks."
    )
    columns: Columns = {
        "proxy": lambda row: row.name.replace("_", " ") + (" *" if row.holds(verdict.least) else ""),
        "cost": lambda row: f"{100 * row.cost:.2g} %" if row.cost else "none",
        "Spearman": lambda row: _cell(row.agreement.spearman),
        "Kendall": "{row.agreement.kendall.value:.2f}",
        f"of best {config.best}": "{row.agreement.precision.value:.2f}",
        "regret": lambda row: f"{100 * row.agreement.regret.value:.1f}",
    }
    console.print(table_by(columns, verdict.judged, bold=lambda row: row.holds(verdict.least)))
    console.print(
        "cost: training multiply-adds over the anchors'. regret: points of anchor top-1 lost by taking the "
        "proxy's best network. *: holds by the rule."
    )
    if verdict.missing:
        console.print(f"Not enough networks yet: {', '.join(verdict.missing)}.")
    if verdict.reliability is not None:
        console.print(f"Anchors with each other, seed by seed: Spearman {_cell(verdict.reliability)}.")


def _cell(one: Estimate) -> str:
    return f"{one.value:.2f} ({one.low:.2f}, {one.high:.2f})" if np.isfinite(one.value) else ""
