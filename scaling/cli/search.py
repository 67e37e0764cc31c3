"""`run_search.py`, also `scaling search`: run a search to its end, then table, charts, provenance."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click
import pandas as pd

from scaling.analysis import noise_floor, usual_difference
from scaling.cli.output import console, emit_json, errors, json_option, run
from scaling.cli.progress import SearchProgress
from scaling.cli.trials import print_result, result_document
from scaling.cost import count_cost
from scaling.data import checksum, dataset_info
from scaling.errors import ConfigError, ResultsError
from scaling.figures import save_family_figures, save_run_figures
from scaling.results import provenance, read_trials, write_json
from scaling.results.exporting import export_run
from scaling.results.provenance import utc_now
from scaling.search.candidate import references
from scaling.search.claims import ENUMERATED
from scaling.search.config import SearchConfig, load_config
from scaling.search.folder import RunFolder, hold, open_folder, set_aside
from scaling.search.launch import Launch
from scaling.search.objective import images
from scaling.search.space import image_sizes, on_target
from scaling.training.engine import best_device

DEFAULT = Path("experiments/quick.toml")


@click.group(invoke_without_command=True)
@click.option(
    "--config", "config_path", type=click.Path(path_type=Path), help=f"Experiment file ({DEFAULT})."
)
@click.option("--output", type=click.Path(path_type=Path), help="Folder of the run (runs/<experiment>).")
@click.option(
    "--set", "overrides", multiple=True, metavar="KEY=VALUE", help="Override, e.g. search.trials=3."
)
@click.option("--fresh", is_flag=True, help="Set an earlier run aside and start anew.")
@json_option
@click.pass_context
def search(
    context: click.Context,
    config_path: Path | None,
    output: Path | None,
    overrides: tuple[str, ...],
    fresh: bool,
    as_json: bool,
) -> None:
    """Search compound coefficients by proxy training.

    Started again with the same folder and configuration, a run goes on where it stopped.
    """
    if context.invoked_subcommand is not None:
        return
    config = load_config(config_path or default_config(), overrides)
    folder = RunFolder(path=output or Path("runs") / config.name)
    if fresh and (aside := set_aside(folder)):
        errors.print(f"the earlier run is kept in {aside}")
    run_search(config, folder, as_json=as_json)


@search.command()
@click.argument("run_folder", type=click.Path(path_type=Path))
@click.option("--to", "to", type=click.Path(path_type=Path), help="Where to (results/<experiment>).")
def export(run_folder: Path, to: Path | None) -> None:
    """Copy a run's table, provenance and charts to where results are kept."""
    config = RunFolder(path=run_folder).read_config()
    target = to or Path("results") / config.name
    paths = export_run(run_folder, target)
    trials = read_trials(target / "trials.csv")
    write_json(target / "result.json", result_document(config, trials, noise_floor(trials)))
    for path in [*paths, target / "result.json"]:
        console.print(str(path))


def default_config() -> Path:
    """Return the quick experiment: of the current folder, or of this checkout."""
    checkout = Path(__file__).resolve().parents[2] / DEFAULT
    for path in (DEFAULT, checkout):
        if path.exists():
            return path
    raise ConfigError(f"there is no {DEFAULT} here; give --config FILE")


def run_search(config: SearchConfig, folder: RunFolder, *, as_json: bool) -> None:
    """Run, or go on with, a search; print its result."""
    space = on_target(config.baseline_spec, config.target, config.rounding_rules)
    if len(space) == 0 and config.search.trials > 0:
        raise ConfigError(
            "no network is on target: widen search.tolerance, lower rounding.channel_divisor "
            "or set rounding.coefficient_rounding = 'none'"
        )
    continued = open_folder(folder, config)
    lock = hold(folder)
    try:
        launch = Launch.of(config, folder)
        trials = launch.trials()
        if continued and not (trials["state"] == "waiting").any() and is_finished(config, launch, trials):
            errors.print(f"{folder.path} is finished; --fresh starts anew")
        else:
            _train(launch, continued)
    finally:
        lock.release()
    _conclude(launch, as_json=as_json)


def is_finished(config: SearchConfig, launch: Launch, trials: pd.DataFrame) -> bool:
    """Whether no network is left to train."""
    proposed = trials[(trials["kind"] == "search") & (trials["state"] != "infeasible")]
    notes = launch.search.user_attrs
    return (
        bool(notes.get("space_exhausted") or notes.get(ENUMERATED))
        or proposed["trial"].nunique() >= config.search.trials
    )


def _train(launch: Launch, continued: bool) -> None:
    config, folder = launch.config, launch.run
    _announce(config, folder, continued)
    record = _start_record(launch)
    progress = _progress(launch)
    with progress.shown():
        launch.run_workers(progress.update)
    trials = launch.save()
    left = int((trials["state"] == "waiting").sum())
    finished = None if left or launch.interrupted else utc_now()
    write_json(folder.provenance, {**record, "finished": finished})
    if launch.interrupted:
        errors.print(f"stopped; the same command goes on from here ({folder.path})")
        sys.exit(130)


def _announce(config: SearchConfig, folder: RunFolder, continued: bool) -> None:
    baseline, target, rules = config.baseline_spec, config.target, config.rounding_rules
    cost, sizes = count_cost(baseline), image_sizes(baseline, target, rules)
    space = len(on_target(baseline, target, rules))
    verb = "going on with" if continued else "starting"
    errors.print(f"[bold]{config.name}[/bold]: {config.question}")
    errors.print(
        f"{verb} {folder.path}: baseline {cost.params:,} params, {cost.macs:,} multiply-adds "
        f"at {baseline.image_size} px; target {target.factor:g}× within {100 * target.tolerance:g} %"
    )
    errors.print(
        f"{space:,} distinct networks on target ({sizes[0]}–{sizes[-1]} px, coefficient rounding "
        f"{rules.coefficient_rounding}, channels in steps of {rules.channel_divisor}); "
        f"{min(space, config.search.trials)} proposals and {len(list(references(config)))} references "
        f"to train on {config.search.workers} workers, {best_device(config.search.device)}"
    )


def _start_record(launch: Launch) -> dict[str, Any]:
    """Write provenance before training; the data are loaded here, so that what is missing shows now."""
    config, folder = launch.config, launch.run
    size = config.baseline_spec.image_size
    checksums = {
        f"{split} at {size} px": checksum(images(config, split, size)) for split in ("train", "validation")
    }
    record = provenance(
        config=config.document(),
        config_key=config.key(),
        command=sys.argv,
        device=str(best_device(config.search.device)),
        data_checksums=checksums,
        started=utc_now(),
        finished=None,
        dataset_source=dataset_info(config.data.name).source,
    )
    record["launches"] = [
        *_earlier_launches(folder),
        {"started": record["started"], "commit": record["commit"]},
    ]
    record["started"] = record["launches"][0]["started"]
    write_json(folder.provenance, record)
    return record


def _earlier_launches(folder: RunFolder) -> list[dict[str, Any]]:
    """Return when, and by which code, this run was launched before; a damaged record counts as none."""
    try:
        launches = json.loads(folder.provenance.read_text(encoding="utf-8"))["launches"]
    except (OSError, ValueError, KeyError, TypeError):
        return []
    return launches if isinstance(launches, list) else []


def _progress(launch: Launch) -> SearchProgress:
    config, trials = launch.config, launch.trials()
    search, base = config.search, count_cost(config.baseline_spec).macs
    feasible = [candidate for candidate in references(config) if candidate.feasible]
    total = search.trials * search.target_factor * base * len(search.seeds) + sum(
        count_cost(candidate.spec).macs
        * len(search.baseline_seeds if candidate.name == "baseline" else search.seeds)
        for candidate in feasible
    )
    complete = trials[trials["state"] == "complete"]
    return SearchProgress(
        errors,
        total=float(total),
        done=float(complete["macs"].sum()),
        networks=len(feasible) + search.trials,
        finished=int(complete["trial"].nunique()),
    )


def _conclude(launch: Launch, *, as_json: bool) -> None:
    trials, folder = launch.save(), launch.run
    noise = noise_floor(trials)
    title = f"{launch.config.name} on {launch.config.data.name}"
    figures = save_run_figures(trials, folder.figures, title=title, noise=usual_difference(trials))
    figures += save_family_figures(folder.figures, ("svg", "png"))
    if as_json:
        emit_json(result_document(launch.config, trials, noise))
    else:
        print_result(trials, noise)
        if launch.search.user_attrs.get(ENUMERATED):
            console.print("space exhausted: every network on target was queued")
        elif launch.search.user_attrs.get("space_exhausted"):
            console.print("space exhausted: the sampler found no further network on target")
        console.print(f"\n{folder.trials}\n{folder.provenance}\n{folder.figures}/ ({len(figures)} files)")
    if not (trials["state"] == "complete").any():
        raise RunFailedError(f"no network of {folder.path} was trained: {_first_error(launch)}")
    if (trials["state"] == "waiting").any():
        raise RunFailedError(
            f"{folder.path} is not finished: workers died; the same command goes on from here"
        )


class RunFailedError(ResultsError):
    """A run that failed, not bad input."""

    exit_code = 1


def _first_error(launch: Launch) -> str:
    for study in (launch.reference, launch.search):
        for trial in study.get_trials(deepcopy=False):
            if "error" in trial.user_attrs:
                return str(trial.user_attrs["error"])
    return "every training diverged or was stopped"


def main(arguments: Sequence[str] | None = None) -> None:
    """Run `run_search.py`."""
    run(search, list(arguments) if arguments is not None else None)
