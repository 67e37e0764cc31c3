"""`scaling noise`: how far seeds alone move a proxy's accuracy, and how many of them a comparison needs."""

from __future__ import annotations

import logging
import math
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click
import torch

from scaling.analysis.floor import NoiseReport, noise_report
from scaling.analysis.intervals import LEVEL
from scaling.analysis.power import POWER
from scaling.atomic_write import write_json
from scaling.cli.kernels import announce_engine, measuring
from scaling.cli.output import console, counting_bars, emit_json, errors, json_option, table_of
from scaling.cli.recording import start_record
from scaling.cost import count_cost
from scaling.data import LARGEST_SEED
from scaling.errors import ConfigError
from scaling.provenance import utc_now
from scaling.runs.trials_table import read_trials, write_trials
from scaling.search.config import SearchConfig, load_config
from scaling.search.folder import RunFolder, hold, open_folder
from scaling.search.packing import packing_of
from scaling.search.repeats import read_repeats, repeats_table, right_table, train_repeats
from scaling.search.run_kernels import folder_kernels
from scaling.training.pool import termination_as_ctrl_c

PATH = click.Path(path_type=Path)
MOST_SEEDS = 10_000


@click.command()
@click.argument("run", type=PATH, required=False)
@click.option("--config", "config_path", type=PATH, help="Experiment file whose baseline is trained.")
@click.option("--seeds", type=int, default=8, show_default=True, help="Trainings of the baseline, 2 or more.")
@click.option(
    "--set", "overrides", multiple=True, metavar="KEY=VALUE", help="Override, e.g. recipe.epochs=5."
)
@click.option("--output", type=PATH, help="Folder of the seeds (runs/<experiment>-noise).")
@json_option
def noise(
    run: Path | None,
    config_path: Path | None,
    seeds: int,
    overrides: tuple[str, ...],
    output: Path | None,
    as_json: bool,
) -> None:
    """Measure the noise floor of a proxy: the spread from seed to seed at its baseline.

    With --config the baseline is trained with so many seeds; finished ones are kept, and more can be added
    later. With RUN, the folder of a run or of its results, nothing is trained: all its networks with two
    seeds or more are pooled.
    """
    if (run is None) == (config_path is None):
        raise ConfigError("give either --config FILE, to train, or the folder of a run, to read")
    if run is not None:
        if overrides or output is not None:
            raise ConfigError("--set and --output go with --config; a run is read as it is")
        folder = RunFolder(path=run)
        config = folder.read_config()
        report = noise_report(read_trials(folder.trials), validation_images=config.data.validation)
    else:
        assert config_path is not None
        config = load_config(config_path, overrides)
        folder = RunFolder(path=output or Path("runs") / f"{config.name}-noise")
        report = measured(config, folder, seeds)
    if as_json:
        emit_json(document(config, report))
    else:
        print_report(config, report)
        console.print(f"\n{folder.path}", soft_wrap=True)


def measured(config: SearchConfig, folder: RunFolder, seeds: int) -> NoiseReport:
    """Train what is missing, write the table, the report and provenance, and return the report.

    Raises:
        ConfigError: the number of seeds is out of range.
    """
    if not 2 <= seeds <= min(MOST_SEEDS, LARGEST_SEED):
        raise ConfigError(f"--seeds must be between 2 and {MOST_SEEDS:,}, got {seeds}")
    logging.basicConfig(format="scaling: %(message)s", stream=sys.stderr)
    wanted = range(seeds)
    open_folder(folder, config)
    lock = hold(folder)
    try:
        finished = {repeat.seed for repeat in read_repeats(config, folder, wanted)}
        if len(finished) < seeds:
            _train(config, folder, wanted, len(finished))
        repeats = read_repeats(config, folder, wanted)
        table = repeats_table(config, repeats)
        write_trials(folder.trials, table)
        report = noise_report(table, validation_images=config.data.validation, right_SN=right_table(repeats))
        write_json(folder.path / "noise.json", document(config, report))
    finally:
        lock.release()
    return report


def _train(config: SearchConfig, folder: RunFolder, wanted: range, finished: int) -> None:
    packing = packing_of(config, most=len(wanted) - finished)
    workers = packing.workers
    with measuring() as progress:
        table = folder_kernels(config, folder, threads=packing.threads, progress=progress)
    cost = count_cost(config.baseline_spec)
    errors.print(
        f"{config.name}: {cost.params:,} params at {config.baseline_spec.image_size} px, "
        f"{len(wanted)} seeds ({finished} finished) on {workers} workers"
    )
    announce_engine(packing, table)
    record = start_record(config, folder)
    record |= {
        "seeds": len(wanted),
        "threads": packing.threads,
        "torch_cpu": torch.backends.cpu.get_cpu_capability(),
    }
    with counting_bars() as bars:
        bar = bars.add_task("seeds", total=len(wanted), completed=finished)
        try:
            with termination_as_ctrl_c():
                train_repeats(
                    config, folder, wanted, packing=packing, on_finished=lambda _seed: bars.advance(bar)
                )
        except KeyboardInterrupt:
            errors.print(f"stopped; the same command goes on from here ({folder.path})")
            sys.exit(130)
    write_json(folder.provenance, {**record, "finished": utc_now()})


def document(config: SearchConfig, report: NoiseReport) -> dict[str, Any]:
    """Return the report as plain data: fractions, with the methods named."""
    plain = asdict(report)
    floor = plain.pop("floor")
    return {
        "experiment": config.name,
        "standard_deviation": floor["standard_deviation"],
        "degrees_of_freedom": floor["degrees_of_freedom"],
        "limits_method": "chi-square",
        **plain,
        "level": LEVEL,
        "power": POWER,
        "test": "two-sided t-test of two means, equal seeds each",
    }


def print_report(config: SearchConfig, report: NoiseReport) -> None:
    """Print the report in points of top-1."""
    floor, (low, high) = report.floor, report.limits
    console.print(f"[bold]{config.name}[/bold] on {config.data.name}, {config.recipe.epochs} epochs")
    if report.top1 is not None:
        top1 = report.top1
        console.print(
            f"top-1 {100 * top1.value:.2f} % ({100 * top1.low:.2f} to {100 * top1.high:.2f}: 95 % t interval "
            f"of the mean of {top1.count} seeds)"
        )
    spreads = table_of("in points of top-1", "std. dev.")
    spreads.add_row(
        "from seed to seed",
        f"{100 * floor.standard_deviation:.2f} ({100 * low:.2f} to {100 * high:.2f})",
    )
    if report.parts is not None:
        spreads.add_row("  of it: finitely many images", _root(report.parts.sampling))
        spreads.add_row("  of it: networks that differ", _root(report.parts.training))
    spreads.add_row("choice of validation images", f"{100 * report.validation_error:.2f}")
    console.print(spreads)
    console.print(
        f"Brackets: 95 % chi-square interval, {floor.degrees_of_freedom} degrees of freedom"
        f"{f', {report.networks} networks pooled' if report.networks > 1 else ''}. Parts add up as squares. "
        f"Last line: standard error of one accuracy on {report.validation_images:,} images, which networks "
        "judged on the same images share."
    )
    if report.parts is None:
        bound = min(report.validation_error / floor.standard_deviation, 1) if floor.standard_deviation else 1
        console.print(
            f"Finitely many images make at most {100 * bound**2:.0f} % of the variance from seed to seed."
        )
    needed = table_of("to tell apart", "seeds each", "if spread low", "if high")
    for row in report.needed:
        needed.add_row(
            f"{100 * row.difference:g} points", _count(row.seeds), _count(row.at_low), _count(row.at_high)
        )
    console.print(needed)
    console.print("Two-sided t-test at 95 %, power 80 %, one comparison.")


def _root(variance: float) -> str:
    return f"{100 * math.sqrt(variance):.2f}" if variance >= 0 else "0 (not seen)"


def _count(seeds: int | None) -> str:
    return "over a million" if seeds is None else f"{seeds:,}"
