"""`run_search.py run` and `resume`: a search to its end, then table, charts, report."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from scaling.cli.options import run_folder_argument, storage_of, storage_options, where_of, where_options
from scaling.cli.output import INTERRUPTED, answer, console, errors, json_option, measuring, say
from scaling.cli.search import run_options
from scaling.cli.trials import print_choice, print_conclusion, print_result, print_trade_offs
from scaling.cost import count_cost
from scaling.library.searching import RunFailedError, SearchRun, experiment_file, search
from scaling.plans.search.candidates import networks_planned
from scaling.plans.search.conclusion import unlearned
from scaling.plans.search.config import SearchConfig, load_config
from scaling.plans.search.result import family_command, to_build, train_command
from scaling.plans.search.run import Announced, failed_of, read_search
from scaling.plans.search.samplers import Sampler
from scaling.plans.search.search_table import CostRule
from scaling.plans.search.trial import reference_trials
from scaling.runs.arithmetic import arithmetic_words
from scaling.runs.folder import RunFolder
from scaling.runs.launch import Where
from scaling.targets.space import image_sizes


@click.command()
@run_options
def run(
    config_path: Path | None,
    output: Path | None,
    overrides: tuple[str, ...],
    sampler: str | None,
    cost: str | None,
    plan: Path | None,
    device: str | None,
    kernels: str | None,
    storage: str | None,
    storage_file: Path | None,
    fresh: bool,
    as_json: bool,
    **where: Any,
) -> None:
    """Run a search, or go on with it.

    Started again with the same folder and configuration, a run goes on where it stopped.
    """
    options = {
        "search.sampler": sampler,
        "search.cost": cost,
        "engine.kernels": kernels,
        "engine.device": device,
    }
    config = _configured(config_path, overrides, plan, options)
    folder = RunFolder(path=output or Path("runs") / config.name)
    url = storage_of(storage, storage_file, folder)
    _run(config, folder, where_of(**where), url=url, fresh=fresh, as_json=as_json)


@click.command()
@run_folder_argument
@where_options
@storage_options
@json_option
@click.pass_context
def resume(
    context: click.Context,
    /,
    run_folder: Path,
    storage: str | None,
    storage_file: Path | None,
    as_json: bool,
    **where: Any,
) -> None:
    """Go on with a run by its own configuration, whatever its experiment file says now.

    Only the number of workers, and where they are, may change: everything else shapes results.
    """
    folder = RunFolder(path=run_folder)
    config = read_search(folder).config
    if context.get_parameter_source("store_path") == click.core.ParameterSource.DEFAULT:
        where["store_path"] = folder.store()
    url = storage_of(storage, storage_file, folder)
    _run(config, folder, where_of(**where), url=url, fresh=False, as_json=as_json)


def _run(
    config: SearchConfig, folder: RunFolder, where: Where, *, url: Any, fresh: bool, as_json: bool
) -> None:
    try:
        with measuring() as progress:
            found = search(
                config,
                output=folder.path,
                where=where,
                storage=url,
                fresh=fresh,
                console=errors,
                announce=_announce,
                progress=progress,
            )
    except KeyboardInterrupt:
        say(f"stopped; the same command goes on from here ({folder.path})", errors)
        sys.exit(INTERRUPTED)
    answer(found.result, as_json, lambda: _show(found))
    _refuse_nothing(found)


def preview(
    *,
    config_path: Path | None,
    overrides: tuple[str, ...],
    plan: Path | None,
    sampler: str | None,
    cost: str | None,
    as_json: bool,
    **others: Any,
) -> None:
    """Say what `run` would do with the same options; nothing is written or trained."""
    del others
    config = _configured(config_path, overrides, plan, {"search.sampler": sampler, "search.cost": cost})
    document = {
        "experiment": config.name,
        "proposals": networks_planned(config),
        "references": len(reference_trials(config)),
        "epochs": config.setup.recipe.epochs,
        "expected_minutes": config.expected_minutes,
    }

    def printed() -> None:
        minutes = "" if config.expected_minutes is None else f"; about {config.expected_minutes:g} minutes"
        say(f"{config.name}: {config.question}", style="bold")
        say(
            f"it would train {document['proposals']} proposals and {document['references']} references, "
            f"{document['epochs']} epochs each, on {config.setup.data.name}; {_wanted(config)}{minutes}"
        )
        say("to start it: scaling search run, with the same options")

    answer(document, as_json, printed)


def _configured(
    path: Path | None, overrides: tuple[str, ...], plan: Path | None, options: Mapping[str, str | None]
) -> SearchConfig:
    """Read the experiment file, with what options change."""
    if plan is not None:
        from scaling.plans.search.sizing import read_overrides  # noqa: PLC0415

        overrides = (*overrides, *read_overrides(plan))
    given = [f"{setting}={value}" for setting, value in options.items() if value is not None]
    return load_config(experiment_file(path), [*overrides, *given])


def _announce(found: Announced) -> None:
    config, setup = found.config, found.config.setup
    target, rules, baseline = config.target, setup.rounding_rules, config.baseline_spec
    cost, sizes = count_cost(baseline), image_sizes(baseline, target, rules)
    say(f"{config.name}: {config.question}", errors, style="bold")
    if found.finished:
        say(f"{found.folder.path} is finished; --fresh starts anew", errors)
        return
    verb = "going on with" if found.continued else "starting"
    say(
        f"{verb} {found.folder.path}: baseline {cost.params:,} params, {cost.macs:,} multiply-adds "
        f"at {baseline.image_size} px; {_wanted(config)}",
        errors,
    )
    say(
        f"{found.networks} proposals and {len(reference_trials(config))} references at {sizes[0]} to "
        f"{sizes[-1]} px, on {setup.device}; {found.packing}",
        errors,
    )


def _wanted(config: SearchConfig) -> str:
    """Say what proposals must cost."""
    target, limits = config.target, asdict(config.target.limits)
    if config.search.cost == CostRule.NOMINAL:
        wanted = f"nominal cost {target.factor:g}×, wherever achieved cost ends"
    else:
        wanted = f"target {target.factor:g}× the {target.metric} within {100 * target.tolerance:g} %"
    return ", ".join([wanted, *(f"{name} {most:,}" for name, most in limits.items() if most is not None)])


def _show(found: SearchRun) -> None:
    trials, noise, config = found.trials, found.noise, found.config
    result, surface = found.result, config.search.sampler == Sampler.SURFACE
    choice = result["choice"]
    print_conclusion(result["surface"], config.setup.data.name)
    if choice and not surface:
        print_choice(choice)
    for line in unlearned(trials, config):
        console.print(line, soft_wrap=True)
    print_result(trials, noise, marks=not surface)
    print_trade_offs(config, trials, noise)
    _print_exhausted(found)
    for line in arithmetic_words(result["arithmetic"]):
        console.print(line)
    chosen = to_build(config, result)
    if chosen:
        print_commands(train_command(found.path), family_command(found.path, chosen))
    folder = found.state.folder
    say(f"\n{folder.trials}\n{folder.figures}/\n{folder.path / 'report.html'}")


def print_commands(train: str, family: str | None) -> None:
    """Print how the network to build is trained, and how its family is built."""
    console.print("\nto train it to its weights:")
    say(train)
    if family is not None:
        console.print("its family, on this run's baseline (without --config: on EfficientNet-B0):")
        say(family)


def _print_exhausted(found: SearchRun) -> None:
    proposed = found.state.proposals()
    accepted = int(proposed["fate"].isin(["accepted", "repeat"]).sum())
    if found.config.search.sampler == Sampler.GRID:
        console.print("the whole grid was trained")
    elif accepted < found.config.search.trials or found.config.search.sampler == Sampler.EXHAUSTIVE:
        why = "the answer is as sure as was asked for" if found.answered else "nothing else is on target"
        console.print(f"{accepted} proposals: {why}")


def _refuse_nothing(found: SearchRun) -> None:
    """End with an error where nothing was trained.

    Raises:
        RunFailedError: no network is complete, or something is left that this launch could not train.
    """
    trials, failed = found.trials, failed_of(found.state)
    if not (trials["state"] == "complete").any():
        reason = next(iter(failed), "every training diverged or was stopped")
        raise RunFailedError(f"no network of {found.path} was trained: {reason}")
    if not found.finished:
        raise RunFailedError(f"{found.path} is not finished; the same command goes on from here")
