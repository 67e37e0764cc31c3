"""`scaling study`: run, cost, report or export a study of scaling."""

from __future__ import annotations

import sys
from pathlib import Path

import click
from rich.markup import escape

from scaling.cli.output import console, emit_json, errors, json_option, table_of
from scaling.errors import ConfigError
from scaling.search.config import SearchConfig, load_config
from scaling.studies.config import (
    FOLDER,
    Size,
    StudyConfig,
    checked_proxy,
    load_proxy,
    load_study,
    study_names,
)
from scaling.studies.folder import StudyFolder, export_study
from scaling.studies.trials import Bench
from scaling.training.engine import best_device
from scaling.training.store import DEFAULT_STORE, TrainingStore

PATH = click.Path(path_type=Path)
INTERRUPTED = 130


@click.command()
@click.argument("name", required=False)
@click.option("--size", type=click.Choice([one.value for one in Size]), default="quick", show_default=True)
@click.option("--data", default="glyphs", show_default=True, help="Fills {data} in the proxy's name.")
@click.option("--proxy", "proxy_path", type=PATH, help="Search file to take data, baseline and recipe from.")
@click.option("--set", "overrides", multiple=True, metavar="KEY=VALUE", help="Override the proxy's settings.")
@click.option("--plan", is_flag=True, help="Say what it costs; train nothing.")
@click.option("--report", is_flag=True, help="Report what is trained by now; train nothing.")
@click.option("--export", is_flag=True, help="Report, then copy to results/studies/.")
@click.option("--workers", type=click.IntRange(1, 256), help="Worker processes (by cores or GPU).")
@click.option("--store", "store_path", type=PATH, default=DEFAULT_STORE, show_default=True)
@click.option("--output", type=PATH, help="Folder (runs/studies/NAME-SIZE-DATA).")
@json_option
def study(
    name: str | None,
    size: str,
    data: str,
    proxy_path: Path | None,
    overrides: tuple[str, ...],
    plan: bool,
    report: bool,
    export: bool,
    workers: int | None,
    store_path: Path,
    output: Path | None,
    as_json: bool,
) -> None:
    """Run a study: NAME of a file in experiments/, or a path to one. Without NAME, list them.

    Trainings are kept in a store that all studies share: the same network, recipe and seed is never trained
    twice, and a study that was stopped goes on.
    """
    if name is None:
        _list(as_json)
        return
    config, path = load_study(name)
    if Size(size) == Size.PAPER:
        _paper(config, as_json, plan=plan)
        return
    proxy = (
        load_config(proxy_path, overrides)
        if proxy_path
        else load_proxy(config, path, Size(size), data, overrides)
    )
    label = proxy.name if proxy_path else data
    bench = Bench(
        study=config,
        size=config.table(Size(size)),
        proxy=checked_proxy(proxy),
        title=f"{config.name}-{size}-{label.replace(':', '-').replace('/', '-')}",
    )
    folder = StudyFolder(path=output or Path("runs") / "studies" / bench.title)
    store = TrainingStore(path=store_path, device=best_device(proxy.search.device))
    if plan:
        minutes = None if proxy_path or overrides else bench.size.minutes.get(data)
        _plan(bench, store, as_json, minutes)
        return
    from scaling.cli.studying import conclude, train  # noqa: PLC0415  matplotlib takes a second

    stopped = False if report or export else not train(bench, store, workers=_workers(proxy, workers))
    conclude(bench, store, folder, Size(size), as_json=as_json, quietly=stopped)
    if stopped:
        errors.print(f"stopped; the same command goes on from here ({folder.path})")
        sys.exit(INTERRUPTED)
    if export:
        for written in export_study(folder, Path("results") / "studies" / bench.title):
            errors.print(str(written), soft_wrap=True)


def _workers(proxy: SearchConfig, asked: int | None) -> int | None:
    if asked is not None:
        return asked
    return None if proxy.search.workers == "auto" else proxy.search.workers


def _list(as_json: bool) -> None:
    found = {name: load_study(name)[0] for name in study_names()}
    if as_json:
        emit_json([{"name": name, "question": one.question} for name, one in found.items()])
        return
    if not found:
        raise ConfigError(f"there is no study in {FOLDER}/; give a path to one")
    for name, one in found.items():
        console.print(f"[bold]{name}[/bold]: {escape(one.question)}")


def _plan(bench: Bench, store: TrainingStore, as_json: bool, minutes: float | None) -> None:
    from scaling.studies.plan import plan_document, plan_of  # noqa: PLC0415
    from scaling.studies.trials import state_of  # noqa: PLC0415

    found = plan_of(bench, state_of(bench, store))
    if as_json:
        emit_json(plan_document(found))
        return
    console.print(f"[bold]{escape(bench.title)}[/bold]")
    table = table_of("network", "px", "cost", "trainings", "there")
    for row in found.rows:
        size = "" if row.member.spec is None else str(row.member.spec.image_size)
        cost = "" if row.achieved_factor is None else f"{row.achieved_factor:.2f}×"
        table.add_row(row.member.name, size, cost, str(row.trainings or "none"), str(row.there))
    console.print(table)
    for row in found.rows:
        if row.member.problem is not None:
            console.print(f"none: {row.member.problem}")
    console.print(
        f"{found.trainings} trainings, {found.there} of them done; {found.train_macs / 1e12:.3g} tera "
        "multiply-adds to go, forward and backward"
        + ("" if not found.follows else "; what follows from results is costed as the paper's shares")
    )
    if found.core_s is not None:
        console.print(f"about {found.core_s / 60:.0f} worker minutes, by what was trained before")
    if minutes is not None:
        console.print(f"expected by its file: {minutes:g} minutes, were nothing trained yet")


def _paper(config: StudyConfig, as_json: bool, *, plan: bool) -> None:
    if not plan:
        raise ConfigError("size paper is what the paper did; it is costed, not run: add --plan")
    from scaling.studies.paper_plan import paper_document, paper_parts  # noqa: PLC0415

    parts, paper = paper_parts(config), config.sizes.paper
    found = paper_document(config, parts)
    if as_json:
        emit_json(found)
        return
    for part in parts:
        console.print(f"[bold]{escape(config.name)}[/bold] from {escape(part.baseline)}")
        table = table_of("network", "px", "cost", "trainings")
        for row in part.plan.rows:
            size = "" if row.member.spec is None else str(row.member.spec.image_size)
            cost = "" if row.achieved_factor is None else f"{row.achieved_factor:.2f}×"
            table.add_row(row.member.name, size, cost, str(row.trainings or "none"))
        console.print(table)
        console.print(
            f"{part.plan.train_macs / 1e18:.3g} · 10^18 multiply-adds; one epoch of the baseline is "
            f"{part.epoch_macs / 1e15:.3g} · 10^15\n"
        )
    console.print(
        f"{found['trainings']} trainings of {paper.epochs} epochs on {paper.train:,} images: "
        f"{found['train_macs'] / 1e18:.3g} · 10^18 multiply-adds, forward and backward"
    )
    if paper.note:
        console.print(escape(paper.note))
