"""`scaling audit`: which cheap proxy, if any, ranks networks as a longer training does."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click
import numpy as np
import pandas as pd

from scaling.analysis.intervals import Estimate
from scaling.atomic_write import write_json, write_text
from scaling.audit.config import Audit, AuditSize, audit_file, load_audit
from scaling.audit.judging import Results, Verdict, document_of, judge
from scaling.audit.networks import Trainings, anchor_networks, trainings_of
from scaling.audit.scoring import Scores, scores_of
from scaling.cli.kernels import measuring
from scaling.cli.output import console, counting_bars, emit_json, errors, json_option, table_of
from scaling.errors import ConfigError
from scaling.figures.audit import audit_cost_figure, audit_cost_frame, audit_ranks_figure, audit_ranks_frame
from scaling.figures.style import save_figure, save_frame
from scaling.network.architecture import ArchitectureSpec
from scaling.provenance import provenance, utc_now
from scaling.runs.exporting import copied
from scaling.training.engine import best_device
from scaling.training.job import TrainingJob
from scaling.training.pool import termination_as_ctrl_c
from scaling.training.store import DEFAULT_STORE, TrainingStore, train_jobs
from scaling.training.trained import Trained

DEFAULT = Path("experiments") / "audit.toml"
PATH = click.Path(path_type=Path)
INTERRUPTED = 130


@click.command()
@click.argument("path", metavar="[FILE]", type=PATH, default=DEFAULT)
@click.option(
    "--size", type=click.Choice([one.value for one in AuditSize]), default="quick", show_default=True
)
@click.option("--data", default="glyphs", show_default=True, help="Fills {data} in the search file's name.")
@click.option(
    "--set", "overrides", multiple=True, metavar="KEY=VALUE", help="Override the search file's settings."
)
@click.option("--plan", is_flag=True, help="Say what it costs; train nothing.")
@click.option("--report", is_flag=True, help="Report what is trained by now; train nothing.")
@click.option("--export", is_flag=True, help="Report, then copy to results/audits/.")
@click.option("--workers", type=click.IntRange(1, 256), help="Worker processes (by cores or GPU).")
@click.option("--store", "store_path", type=PATH, default=DEFAULT_STORE, show_default=True)
@click.option("--output", type=PATH, help="Folder (runs/audits/NAME).")
@json_option
@termination_as_ctrl_c()
def audit(
    path: Path,
    size: str,
    data: str,
    overrides: tuple[str, ...],
    plan: bool,
    report: bool,
    export: bool,
    workers: int | None,
    store_path: Path,
    output: Path | None,
    as_json: bool,
) -> None:
    """Audit cheap proxies against longer trainings of the same networks (FILE: experiments/audit.toml).

    Anchors are networks on target, trained with several seeds. Each proxy trains them cheaper, with fresh
    seeds; scores need no training. The cheapest proxy whose ranking holds is named, or that none does.
    Trainings are kept in the store that studies share; an audit that was stopped goes on.
    """
    found = audit_file(str(path), AuditSize(size)) or path  # what is no audit is told by reading it
    wanted, started = load_audit(found, overrides, data=data), utc_now()
    if AuditSize(size) == AuditSize.PAPER:
        _paper(wanted, plan=plan, as_json=as_json)
        return
    networks = anchor_networks(wanted)
    trainings = trainings_of(wanted, networks)
    store = TrainingStore(path=store_path, device=best_device(wanted.search.search.device))
    if plan:
        minutes = None if overrides else wanted.config.minutes.get(data)
        _plan(wanted, trainings, store, minutes, as_json=as_json)
        return
    stopped = False if report or export else not _train(trainings, store, _workers(wanted, workers))
    folder = output or Path("runs") / "audits" / wanted.title
    verdict = _judged(wanted, networks, trainings, store)
    sums = _checksums(trainings, store)
    write_all(wanted, verdict, folder, started=started, device=str(store.device), checksums=sums)
    if as_json:
        emit_json(document_of(wanted, verdict))
    else:
        print_verdict(wanted, verdict)
        console.print(f"\n{folder}", soft_wrap=True)
    if stopped:
        errors.print(f"stopped; the same command goes on from here ({folder})")
        sys.exit(INTERRUPTED)
    if export:
        files = sorted(path for path in folder.rglob("*") if path.is_file())
        for written in copied(folder, Path("results") / "audits" / wanted.title, files):
            errors.print(str(written), soft_wrap=True)


def _paper(wanted: Audit, *, plan: bool, as_json: bool) -> None:
    if not plan:
        raise ConfigError("size paper is what the paper did; it is told, not run: add --plan")
    if as_json:
        emit_json({"name": wanted.config.name, "trainings": [], "note": wanted.config.paper})
    else:
        console.print(wanted.config.paper, markup=False)


def _workers(wanted: Audit, asked: int | None) -> int | None:
    own = wanted.search.search.workers
    return asked if asked is not None else None if own == "auto" else own


def _jobs(trainings: tuple[Trainings, ...]) -> list[TrainingJob]:
    """Return every training, anchors' first seeds and proxies before further seeds."""
    most = max(len(row) for one in trainings for row in one.jobs)
    return [row[seed] for seed in range(most) for one in trainings for row in one.jobs if seed < len(row)]


def _train(trainings: tuple[Trainings, ...], store: TrainingStore, workers: int | None) -> bool:
    """Train what is missing; False if stopped by Ctrl-C or SIGTERM."""
    jobs = _jobs(trainings)
    found = store.find(jobs)
    with counting_bars() as bars, measuring() as progress:
        bar = bars.add_task("training", total=len(jobs), completed=sum(one is not None for one in found))

        def ended(trained: Trained) -> None:
            bars.advance(bar)
            top1 = "" if trained.top1 is None else f" {100 * trained.top1:.1f} %"
            errors.print(f"{trained.provenance['network']}: {trained.state}{top1}, {trained.wall_s:.0f} s")

        try:
            train_jobs(jobs, store, workers=workers, on_end=ended, progress=progress)
        except KeyboardInterrupt:
            return False
    return True


def _judged(
    wanted: Audit,
    networks: tuple[ArchitectureSpec, ...],
    trainings: tuple[Trainings, ...],
    store: TrainingStore,
) -> Verdict:
    results: Results = {one.name: [store.find(row) for row in one.jobs] for one in trainings}
    scores: tuple[Scores, ...] = ()
    with counting_bars() as bars:
        bar = bars.add_task("scoring", total=len(networks) * len(wanted.config.scores.names))
        scores = scores_of(wanted, networks, lambda: bars.advance(bar))
    return judge(wanted, networks, trainings, results, scores)


def _checksums(trainings: tuple[Trainings, ...], store: TrainingStore) -> dict[str, str]:
    """Return the checksum of every split that was trained or judged on."""
    jobs, sums = _jobs(trainings), dict[str, str]()
    for job, one in zip(jobs, store.find(jobs), strict=True):
        if one is not None:
            data = one.identity["data"]
            for split, checksum in zip(("train", "validation"), data["checksums"], strict=True):
                sums[f"{split}, {data[split]:,} images at {job.spec.image_size} px"] = checksum
    return dict(sorted(sums.items()))


def write_all(
    wanted: Audit, verdict: Verdict, folder: Path, *, started: str, device: str, checksums: dict[str, str]
) -> None:
    """Write table, result, provenance and charts."""
    write_text(folder / "audit.csv", verdict.table.to_csv(index=False, lineterminator="\n"))
    write_json(folder / "result.json", document_of(wanted, verdict))
    record = provenance(
        config={"audit": wanted.config.document(), "search": wanted.search.document()},
        config_key=wanted.search.key(),
        command=sys.argv,
        device=device,
        data_checksums=checksums,
        started=started,
        finished=utc_now(),
    )
    write_json(folder / "provenance.json", record)
    title, charts = wanted.title, folder / "figures"
    ranks: pd.DataFrame = audit_ranks_frame(verdict.table, verdict.judged)
    costs: pd.DataFrame = audit_cost_frame(verdict.judged, verdict.least)
    save_figure(audit_ranks_figure(ranks, title=title), charts / "audit_ranks", title=f"{title}: ranks")
    figure = audit_cost_figure(costs, title=title, least=verdict.least)
    save_figure(figure, charts / "audit_cost", title=f"{title}: cost and agreement")
    save_frame(ranks, charts / "audit_ranks.csv")
    save_frame(costs, charts / "audit_cost.csv")


def _plan(
    wanted: Audit,
    trainings: tuple[Trainings, ...],
    store: TrainingStore,
    minutes: float | None,
    *,
    as_json: bool,
) -> None:
    rows = list[dict[str, Any]]()
    for one in trainings:
        jobs = [job for row in one.jobs for job in row]
        there = sum(found is not None for found in store.find(jobs))
        rows.append({"name": one.name, "trainings": len(jobs), "there": there, "macs": one.macs})
    if as_json:
        emit_json({"name": wanted.config.name, "networks": wanted.config.anchors.networks, "trainings": rows})
        return
    table = table_of("what", "trainings", "there", "tera multiply-adds", "of anchors")
    for row in rows:
        table.add_row(
            str(row["name"]),
            str(row["trainings"]),
            str(row["there"]),
            f"{row['macs'] / 1e12:.3g}",
            f"{100 * row['macs'] / trainings[0].macs:.3g} %",
        )
    console.print(table)
    if minutes is not None:
        console.print(f"expected by its file: {minutes:g} minutes, were nothing trained yet")


def print_verdict(wanted: Audit, verdict: Verdict) -> None:
    """Print every proxy's agreement, and what follows."""
    there = int(verdict.table["anchor_top1"].notna().sum())
    anchors = wanted.config.anchors
    console.print(
        f"{there} of {len(verdict.table)} networks have anchors: {anchors.epochs} epochs, "
        f"{len(anchors.seeds)} seed(s). Intervals: 95 %, bootstrap over networks."
    )
    table = table_of("proxy", "cost", "Spearman", "Kendall", f"of best {wanted.config.best}", "regret")
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
    console.print(verdict.conclusion)


def _cell(one: Estimate) -> str:
    return f"{one.value:.2f} ({one.low:.2f}, {one.high:.2f})" if np.isfinite(one.value) else ""
