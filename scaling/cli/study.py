"""`scaling study`: run, cost, report or export a study of scaling."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click
from rich.markup import escape

from scaling.cli.output import console, emit_json, errors, json_option
from scaling.cli.where import where_of, where_options
from scaling.errors import ConfigError
from scaling.plans.experiment import Size
from scaling.plans.study.files import FOLDER, kind_of, listed, load_study, path_of
from scaling.plans.study.plan import StudyPlan
from scaling.plans.study.run import export_study, study_plan
from scaling.runs.launch import Where

PATH = click.Path(path_type=Path)
INTERRUPTED = 130
RATES = "rates"
RATES_QUESTION = (
    "Which learning rate is best at a setup's baseline, and with depth, width or resolution alone?"
)
"""Of a study that needs no file but the setup's."""


@click.command()
@click.argument("name", required=False)
@click.option("--size", type=click.Choice([one.value for one in Size]), default="quick", show_default=True)
@click.option("--data", default="glyphs", show_default=True, help="Fills {data} in the setup's name.")
@click.option("--setup", type=PATH, help="Setup file: data, baseline, recipe and engine.")
@click.option(
    "--set", "overrides", multiple=True, metavar="KEY=VALUE", help="Override, e.g. recipe.epochs=5."
)
@click.option("--seeds", type=int, help="Of rates, or of noise, which trains the baseline alone: how many.")
@click.option("--factor", type=float, help="Of rates: cost of the scaled networks (4).")
@click.option("--run", "finished", type=PATH, help="Of noise: read the folder of a run; train nothing.")
@click.option("--plan", "costed", is_flag=True, help="Say what it costs; train nothing.")
@click.option("--report", is_flag=True, help="Report what is trained by now; train nothing.")
@click.option("--export", is_flag=True, help="Report, then copy to results/studies/.")
@click.option("--fresh", is_flag=True, help="Move an earlier run in the folder out of the way.")
@click.option("--output", type=PATH, help="Folder (runs/studies/NAME-SIZE-DATA).")
@where_options
@json_option
def study(
    name: str | None,
    size: str,
    data: str,
    setup: Path | None,
    overrides: tuple[str, ...],
    seeds: int | None,
    factor: float | None,
    finished: Path | None,
    costed: bool,
    report: bool,
    export: bool,
    fresh: bool,
    output: Path | None,
    as_json: bool,
    **where: Any,
) -> None:
    """Run a study: NAME of a file in experiments/, or a path to one. Without NAME, list them.

    Trainings are kept in a store that all runs share: the same network, recipe and seed is never trained
    twice, and a study that was stopped goes on. Stopped by Ctrl-C or SIGTERM it writes what is known, and
    ends with 130.
    """
    if name is None:
        _list(as_json)
        return
    if name == RATES:
        if finished is not None:
            raise ConfigError("--run is for a study of noise, not of rates")
        from scaling.cli.rates import study_rates  # noqa: PLC0415

        study_rates(
            setup or FOLDER / "setups" / f"{data}-{size}.toml",
            where_of(**where),
            factor=4.0 if factor is None else factor,
            seeds=2 if seeds is None else seeds,
            overrides=overrides,
            costed=costed,
            report=report,
            export=export,
            fresh=fresh,
            output=output,
            as_json=as_json,
        )
        return
    if factor is not None:
        raise ConfigError(f"--factor is for rates; {name} has its own: --set design.factor=…")
    if kind_of(name) == "audit":
        if setup is not None or seeds is not None or finished is not None or fresh:
            raise ConfigError("--setup, --seeds, --run and --fresh are for studies, not for audits")
        _audit(
            path=path_of(name),
            size=size,
            data=data,
            overrides=overrides,
            plan=costed,
            report=report,
            export=export,
            **where,
            output=output,
            as_json=as_json,
        )
        return
    if finished is not None:
        _read_noise(name, finished, as_json)
        return
    if Size(size) == Size.PAPER:
        from scaling.cli.study_cost import print_paper  # noqa: PLC0415

        print_paper(load_study(name, overrides).config, as_json, plan=costed)
        return
    _study(
        study_plan(name, size=size, data=data, setup=setup, overrides=overrides, seeds=seeds),
        where_of(**where),
        minutes=None if setup or overrides or seeds else data,
        costed=costed,
        report=report,
        export=export,
        fresh=fresh,
        output=output,
        as_json=as_json,
    )


def _study(
    plan: StudyPlan,
    where: Where,
    *,
    minutes: str | None,
    costed: bool,
    report: bool,
    export: bool,
    fresh: bool,
    output: Path | None,
    as_json: bool,
) -> None:
    if costed:
        from scaling.cli.study_cost import print_cost  # noqa: PLC0415

        print_cost(plan, where.store, as_json, plan.table.minutes.get(minutes) if minutes else None)
        return
    from scaling.cli.kernels import measuring  # noqa: PLC0415
    from scaling.cli.study_outcome import print_outcome  # noqa: PLC0415
    from scaling.library import studying  # noqa: PLC0415  matplotlib takes a second

    errors.print(f"[bold]{escape(plan.title)}[/bold]: {escape(plan.study.question)}")
    looking = report or export
    try:
        with measuring("measuring times" if looking else "measuring kernels") as progress:
            found = studying.study(
                plan,
                output=output,
                where=where,
                train=not looking,
                fresh=fresh,
                console=errors,
                progress=progress,
            )
    except studying.StudyStopped as stopped:
        missing = len(stopped.run.outcome.state.missing)
        errors.print(f"{missing} trainings are missing; what the others show is written")
        errors.print(f"stopped; the same command goes on from here ({stopped.run.path})", soft_wrap=True)
        sys.exit(INTERRUPTED)
    if as_json:
        emit_json(found.result)
    else:
        print_outcome(found.outcome)
        console.print(f"\n{found.problem or found.path}", soft_wrap=True)
    if export:
        for written in export_study(found.folder, Path("results") / "studies" / plan.title):
            errors.print(str(written), soft_wrap=True)


def _audit(**options: object) -> None:
    from scaling.cli.audit import audit  # noqa: PLC0415

    click.get_current_context().invoke(audit, **options)


def _read_noise(name: str, folder: Path, as_json: bool) -> None:
    """Print the noise floor of a finished run."""
    from scaling.cli.noise_floor import print_noise  # noqa: PLC0415
    from scaling.plans.study.outcome import noise_document, noise_of_run  # noqa: PLC0415

    if load_study(name).config.design.kind != "noise":
        raise ConfigError(f"--run is for a study of noise: scaling study noise --run FOLDER; got {name}")
    report = noise_of_run(folder)
    if as_json:
        emit_json({"run": str(folder), **noise_document(report)})
    else:
        print_noise(report)
        console.print(f"\n{folder}", soft_wrap=True)


def _list(as_json: bool) -> None:
    found = {name: one for name, one in listed("study", "audit").items() if not name.endswith("-standard")}
    found |= {RATES: RATES_QUESTION} if found else {}
    if as_json:
        emit_json([{"name": name, "question": question} for name, question in found.items()])
        return
    if not found:
        raise ConfigError(f"there is no study in {FOLDER}/; give a path to one")
    for name, question in sorted(found.items()):
        console.print(f"[bold]{name}[/bold]: {escape(question)}")
