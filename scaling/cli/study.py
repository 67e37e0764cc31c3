"""`scaling study`: run, cost, report or export a study of scaling."""

from __future__ import annotations

import sys
from pathlib import Path

import click
from rich.markup import escape

from scaling.audit.config import audit_file, audits, load_audit
from scaling.cli.output import console, emit_json, errors, json_option
from scaling.errors import ConfigError
from scaling.runs.titles import file_name, suffix_of
from scaling.search.config import SearchConfig, calibration_of, load_changed
from scaling.studies.config import (
    FOLDER,
    Size,
    checked_proxy,
    load_study,
    proxy_file,
    study_names,
)
from scaling.studies.equality import check_bench
from scaling.studies.folder import StudyFolder, export_study
from scaling.studies.trials import Bench
from scaling.training.engine import best_device
from scaling.training.pool import termination_as_ctrl_c
from scaling.training.store import DEFAULT_STORE, TrainingStore

PATH = click.Path(path_type=Path)
INTERRUPTED = 130


@click.command()
@click.argument("name", required=False)
@click.option("--size", type=click.Choice([one.value for one in Size]), default="quick", show_default=True)
@click.option("--data", default="glyphs", show_default=True, help="Fills {data} in the proxy's name.")
@click.option("--proxy", "proxy_path", type=PATH, help="Search file to take data, baseline and recipe from.")
@click.option(
    "--set",
    "overrides",
    multiple=True,
    metavar="KEY=VALUE",
    help="Override the proxy's settings, or design.…",
)
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
    twice, and a study that was stopped goes on. Stopped by Ctrl-C or SIGTERM it writes what is known, and
    ends with 130.
    """
    if name is None:
        _list(as_json)
        return
    if audit_file(name) is not None:
        if proxy_path is not None:
            raise ConfigError("an audit names its search file under [anchors]; --proxy is for studies")
        from scaling.cli.audit import audit  # noqa: PLC0415

        click.get_current_context().invoke(
            audit,
            path=audit_file(name),
            size=size,
            data=data,
            overrides=overrides,
            plan=plan,
            report=report,
            export=export,
            workers=workers,
            store_path=store_path,
            output=output,
            as_json=as_json,
        )
        return
    design = tuple(one for one in overrides if one.startswith("design."))
    overrides = tuple(one for one in overrides if one not in design)
    config, path = load_study(name, design)
    if Size(size) == Size.PAPER:
        from scaling.cli.study_plans import print_paper  # noqa: PLC0415

        print_paper(config, as_json, plan=plan)
        return
    file = proxy_path or proxy_file(config, path, Size(size), data)
    proxy, shaping = load_changed(file, overrides)
    label = proxy.name if proxy_path else data
    bench = Bench(
        study=config,
        size=config.table(Size(size)),
        proxy=checked_proxy(proxy),
        title=f"{config.name}-{size}-{file_name(label)}{suffix_of((*design, *shaping))}",
        calibration=calibration_of(file, overrides),
    )
    check_bench(bench)
    folder = StudyFolder(path=output or Path("runs") / "studies" / bench.title)
    store = TrainingStore(path=store_path, device=best_device(proxy.search.device))
    if plan:
        from scaling.cli.study_plans import print_plan  # noqa: PLC0415

        minutes = None if proxy_path or overrides or design else bench.size.minutes.get(data)
        print_plan(bench, store, as_json, minutes)
        return
    from scaling.cli.studying import conclude, train  # noqa: PLC0415  matplotlib takes a second

    with termination_as_ctrl_c():
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
    found = {name: load_study(name)[0].question for name in study_names()}
    found |= {path.stem: load_audit(path).config.question for path in audits()}
    if as_json:
        emit_json([{"name": name, "question": question} for name, question in found.items()])
        return
    if not found:
        raise ConfigError(f"there is no study in {FOLDER}/; give a path to one")
    for name, question in sorted(found.items()):
        console.print(f"[bold]{name}[/bold]: {escape(question)}")
