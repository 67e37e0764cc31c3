"""`scaling study audit`: which cheap proxy, if any, ranks networks as a longer training does."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click
import numpy as np

from scaling.analysis.intervals import Estimate
from scaling.cli.kernels import measuring
from scaling.cli.output import console, emit_json, errors, json_option, table_of
from scaling.cli.where import where_of, where_options
from scaling.library import auditing
from scaling.plans.audit.config import load_audit
from scaling.plans.audit.plan import AuditPlan
from scaling.plans.audit.run import audit_plan, export_audit
from scaling.plans.experiment import Size as AuditSize
from scaling.runs.store import Known, Store

PATH = click.Path(path_type=Path)
INTERRUPTED = 130


@click.command()
@click.argument("path", type=PATH)
@click.option(
    "--size", type=click.Choice([one.value for one in AuditSize]), default="quick", show_default=True
)
@click.option("--data", default="glyphs", show_default=True, help="Fills {data} in the setup's name.")
@click.option("--set", "overrides", multiple=True, metavar="KEY=VALUE", help="Override the setup's settings.")
@click.option("--plan", is_flag=True, help="Say what it costs; train nothing.")
@click.option("--report", is_flag=True, help="Report what is trained by now; train nothing.")
@click.option("--export", is_flag=True, help="Report, then copy to results/audits/.")
@click.option("--output", type=PATH, help="Folder (runs/audits/NAME).")
@where_options
@json_option
def audit(
    path: Path,
    size: str,
    data: str,
    overrides: tuple[str, ...],
    plan: bool,
    report: bool,
    export: bool,
    output: Path | None,
    as_json: bool,
    **where: Any,
) -> None:
    """Audit cheap proxies against longer trainings of the same networks; `scaling study` calls this.

    Anchors are networks on target, trained with several seeds. Each proxy trains them cheaper, with fresh
    seeds; scores need no training. The cheapest proxy whose ranking holds is named, or that none does.
    """
    if AuditSize(size) == AuditSize.PAPER and plan:
        _paper(path, data, as_json=as_json)
        return
    wanted = audit_plan(path, size=size, data=data, overrides=overrides)
    place = where_of(**where)
    if plan:
        minutes = None if overrides else wanted.audit.config.minutes.get(data)
        _plan(wanted, place.store, minutes, as_json=as_json)
        return
    try:
        with measuring("measuring, scoring") as progress:
            found = auditing.audit(
                wanted,
                output=output,
                where=place,
                train=not (report or export),
                console=errors,
                progress=progress,
            )
    except auditing.AuditStopped as stopped:
        errors.print(f"stopped; the same command goes on from here ({stopped.run.path})", soft_wrap=True)
        sys.exit(INTERRUPTED)
    if as_json:
        emit_json(found.result)
    else:
        print_verdict(found)
        console.print(f"\n{found.problem or found.path}", soft_wrap=True)
    if export:
        for written in export_audit(found.folder, Path("results") / "audits" / wanted.audit.title):
            errors.print(str(written), soft_wrap=True)


def _paper(path: Path, data: str, *, as_json: bool) -> None:
    config = load_audit(path, data=data).config
    if as_json:
        emit_json({"name": config.name, "trainings": [], "note": config.paper})
    else:
        console.print(config.paper, markup=False)


def _plan(wanted: AuditPlan, store: Store, minutes: float | None, *, as_json: bool) -> None:
    found, config = wanted.results(Known(store=store)), wanted.audit.config
    rows = []
    for one in wanted.trainings:
        records = [record for row in found[one.name] for record in row]
        there = sum(record is not None and record.state.settled for record in records)
        rows.append({"name": one.name, "trainings": len(records), "there": there, "macs": one.macs})
    if as_json:
        emit_json({"name": config.name, "networks": config.anchors.networks, "trainings": rows})
        return
    table = table_of("what", "trainings", "there", "tera multiply-adds", "of anchors")
    for row, one in zip(rows, wanted.trainings, strict=True):
        share = f"{100 * one.macs / wanted.trainings[0].macs:.3g} %"
        table.add_row(one.name, str(row["trainings"]), str(row["there"]), f"{one.macs / 1e12:.3g}", share)
    console.print(table)
    if minutes is not None:
        console.print(f"expected by its file: {minutes:g} minutes, were nothing trained yet")


def print_verdict(run: auditing.AuditRun) -> None:
    """Print what follows, and every proxy's agreement."""
    verdict, config = run.verdict, run.plan.audit.config
    console.print(verdict.conclusion)
    there = int(verdict.table["anchor_top1"].notna().sum())
    anchors = config.anchors
    console.print(
        f"{there} of {len(verdict.table)} networks have anchors: {anchors.epochs} epochs, "
        f"{len(anchors.seeds)} seed(s). Intervals: 95 %, bootstrap over networks."
    )
    table = table_of("proxy", "cost", "Spearman", "Kendall", f"of best {config.best}", "regret")
    for one in verdict.judged:
        found = one.agreement
        table.add_row(
            one.name.replace("_", " "),
            f"{100 * one.cost:.2g} %" if one.cost else "none",
            _cell(found.spearman),
            f"{found.kendall.value:.2f}",
            f"{found.precision.value:.2f}",
            f"{100 * found.regret.value:.1f}",
            style="bold" if one.holds(verdict.least) else "",
        )
    console.print(table)
    console.print(
        "cost: training multiply-adds over the anchors'. regret: points of anchor top-1 lost by taking the "
        "proxy's best network. Bold: holds by the rule."
    )
    if verdict.missing:
        console.print(f"Not enough networks yet: {', '.join(verdict.missing)}.")
    if verdict.reliability is not None:
        console.print(f"Anchors with each other, seed by seed: Spearman {_cell(verdict.reliability)}.")


def _cell(one: Estimate) -> str:
    return f"{one.value:.2f} ({one.low:.2f}, {one.high:.2f})" if np.isfinite(one.value) else ""
