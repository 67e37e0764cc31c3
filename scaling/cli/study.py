"""`scaling study`: run, cost, report or export a study of scaling, or an audit of proxies."""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, assert_never

import click
from rich.markup import escape

from scaling.cli.options import PATH, fresh_option, overrides_option, where_of, where_options
from scaling.cli.output import INTERRUPTED, answer, console, errors, json_option, measuring, say
from scaling.errors import ConfigError
from scaling.plans.audit.plan import AuditPlan
from scaling.plans.audit.run import audit_plan
from scaling.plans.experiment import Size
from scaling.plans.study.files import FOLDER, kind_of, listed, load_study, path_of
from scaling.plans.study.plan import StudyPlan
from scaling.plans.study.rates import RatesPlan
from scaling.plans.study.rates_run import rates_plan
from scaling.plans.study.run import study_plan
from scaling.runs.experiment_file import bundled
from scaling.runs.launch import Where

if TYPE_CHECKING:
    from scaling.library.auditing import AuditRun
    from scaling.library.bracketing import RatesRun
    from scaling.library.studying import StudyRun

    AnyRun = AuditRun | RatesRun | StudyRun
AnyPlan = AuditPlan | RatesPlan | StudyPlan
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
@overrides_option
@click.option("--seeds", type=int, help="Of rates, or of noise, which trains the baseline alone: how many.")
@click.option("--factor", type=float, help="Of rates: cost of the scaled networks (4).")
@click.option("--run", "finished", type=PATH, help="Of noise: read the folder of a run; train nothing.")
@click.option("--plan", "costed", is_flag=True, help="Say what it costs; train nothing.")
@click.option("--report", is_flag=True, help="Report what is trained by now; train nothing.")
@click.option("--export", is_flag=True, help="Report, then copy to results/studies/ or results/audits/.")
@fresh_option
@click.option("--output", type=PATH, help="Folder (runs/studies/NAME-SIZE-DATA, runs/audits/NAME).")
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

    An audit trains anchors, networks on target, with several seeds, and the same networks by cheap proxies
    with fresh seeds; the cheapest proxy whose ranking holds is named, or that none does.
    """
    if name is None:
        _list(as_json)
        return
    kind = RATES if name == RATES else kind_of(name)
    if factor is not None and kind != RATES:
        raise ConfigError(f"--factor is for rates; {name} has its own: --set design.factor=…")
    if kind == "audit" and (setup is not None or seeds is not None or finished is not None or fresh):
        raise ConfigError("--setup, --seeds, --run and --fresh are for studies, not for audits")
    if finished is not None:
        _read_noise(name, finished, as_json)
        return
    if Size(size) == Size.PAPER and kind != RATES:
        _print_paper(name, overrides, data, as_json, costed=costed, of_audit=kind == "audit")
        return
    if kind == RATES:
        setup = setup or bundled(FOLDER / "setups" / f"{data}-{size}.toml")
    plan = _plan_of(kind, name, size, data, setup, overrides, seeds, factor)
    place = where_of(**where)
    if costed:
        _print_cost(plan, place, as_json, None if setup or overrides or seeds else data)
        return
    found = _launched(plan, place, output, train=not (report or export), fresh=fresh)
    answer(found.result, as_json, lambda: _print(found))
    if export:
        for line in _exported(found, setup):
            say(line, errors)


def _plan_of(
    kind: str | None,
    name: str,
    size: str,
    data: str,
    setup: Path | None,
    overrides: tuple[str, ...],
    seeds: int | None,
    factor: float | None,
) -> AnyPlan:
    if kind == "audit":
        return audit_plan(path_of(name), size=size, data=data, overrides=overrides)
    if kind != RATES:
        return study_plan(name, size=size, data=data, setup=setup, overrides=overrides, seeds=seeds)
    assert setup is not None
    factor, seeds = 4.0 if factor is None else factor, 2 if seeds is None else seeds
    return rates_plan(setup, factor=factor, seeds=seeds, overrides=overrides)


def _launched(plan: AnyPlan, where: Where, output: Path | None, *, train: bool, fresh: bool) -> AnyRun:
    from scaling.library.auditing import audit  # noqa: PLC0415  matplotlib takes a second
    from scaling.library.bracketing import bracket_rates  # noqa: PLC0415
    from scaling.library.progress import RunStopped  # noqa: PLC0415
    from scaling.library.studying import StudyRun  # noqa: PLC0415
    from scaling.library.studying import study as run_study  # noqa: PLC0415

    launch: Callable[..., AnyRun]
    match plan:
        case AuditPlan():
            launch, what = partial(audit, plan), "measuring, scoring"
        case RatesPlan():
            launch, what = partial(bracket_rates, plan, fresh=fresh), "measuring kernels"
        case StudyPlan():
            launch = partial(run_study, plan, fresh=fresh)
            what = "measuring kernels" if train else "measuring times"
            errors.print(f"[bold]{escape(plan.title)}[/bold]: {escape(plan.study.question)}")
        case _:
            assert_never(plan)
    try:
        with measuring(what) as progress:
            return launch(output=output, where=where, train=train, console=errors, progress=progress)
    except RunStopped as stopped:
        if isinstance(stopped.run, StudyRun):
            missing = len(stopped.run.outcome.state.missing)
            errors.print(f"{missing} trainings are missing; what the others show is written")
        say(f"stopped; the same command goes on from here ({stopped.run.path})", errors)
        sys.exit(INTERRUPTED)


def _print(found: AnyRun) -> None:
    from scaling.cli.audit_outcome import print_verdict  # noqa: PLC0415
    from scaling.cli.rates import print_rates  # noqa: PLC0415
    from scaling.cli.study_outcome import print_outcome  # noqa: PLC0415
    from scaling.library.auditing import AuditRun  # noqa: PLC0415
    from scaling.library.bracketing import RatesRun  # noqa: PLC0415

    if isinstance(found, RatesRun):
        print_rates(found)
        say(f"\n{found.path}")
        return
    print_verdict(found) if isinstance(found, AuditRun) else print_outcome(found.outcome)
    say(f"\n{found.problem or found.path}")


def _exported(found: AnyRun, setup: Path | None) -> list[str]:
    """Copy what was found to where results are kept, or learning rates beside their setup; return lines."""
    from scaling.library.bracketing import RatesRun  # noqa: PLC0415
    from scaling.plans.study.rates_run import export_rates  # noqa: PLC0415

    if not isinstance(found, RatesRun):
        return [str(path) for path in found.export()]
    assert setup is not None
    copy = export_rates(found.folder, setup)
    return [f'{copy}; the setup uses it by: rates = "rates/{copy.name}"']


def _print_paper(
    name: str, overrides: tuple[str, ...], data: str, as_json: bool, *, costed: bool, of_audit: bool
) -> None:
    """Print what the paper's own size takes.

    Raises:
        ConfigError: it was to be run.
    """
    from scaling.cli.audit_outcome import print_audit_paper  # noqa: PLC0415
    from scaling.cli.study_cost import print_paper  # noqa: PLC0415

    if not costed:
        raise ConfigError("size paper is what the paper did; it is costed, not run: add --plan")
    if of_audit:
        print_audit_paper(path_of(name), data, as_json)
    else:
        print_paper(load_study(name, overrides).config, as_json)


def _print_cost(plan: AnyPlan, where: Where, as_json: bool, data: str | None) -> None:
    """Print what is to be trained, and how long it may take by its file where that holds for some data."""
    from scaling.cli.audit_outcome import print_audit_cost  # noqa: PLC0415
    from scaling.cli.rates import print_rates_cost  # noqa: PLC0415
    from scaling.cli.study_cost import print_cost  # noqa: PLC0415

    expected: dict[str, float] = {}
    match plan:
        case AuditPlan():
            print_audit_cost(plan, where.store, as_json)
            expected = plan.audit.config.minutes
        case RatesPlan():
            print_rates_cost(plan, where.store, as_json)
        case StudyPlan():
            print_cost(plan, where.store, as_json)
            expected = plan.table.minutes
        case _:
            assert_never(plan)
    if data in expected and not as_json:
        console.print(f"expected by its file: {expected[data]:g} minutes, were nothing trained yet")


def _read_noise(name: str, folder: Path, as_json: bool) -> None:
    """Print the noise floor of a finished run."""
    from scaling.cli.noise_floor import print_noise  # noqa: PLC0415
    from scaling.plans.study.outcome import noise_document, noise_of_run  # noqa: PLC0415

    if name == RATES or load_study(name).config.design.kind != "noise":
        raise ConfigError(f"--run is for a study of noise: scaling study noise --run FOLDER; got {name}")
    report = noise_of_run(folder)

    def printed() -> None:
        print_noise(report)
        say(f"\n{folder}")

    answer({"run": str(folder), **noise_document(report)}, as_json, printed)


def _list(as_json: bool) -> None:
    found = {name: one for name, one in listed("study", "audit").items() if not name.endswith("-standard")}
    found |= {RATES: RATES_QUESTION} if found else {}
    if not found and not as_json:
        raise ConfigError(f"there is no study in {FOLDER}/; give a path to one")
    lines = [f"[bold]{name}[/bold]: {escape(question)}" for name, question in sorted(found.items())]
    document = [{"name": name, "question": question} for name, question in found.items()]
    answer(document, as_json, lambda: console.print("\n".join(lines)))
