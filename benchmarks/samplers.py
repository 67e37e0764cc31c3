"""What each sampler would have found of a table of which every network was trained.

python benchmarks/samplers.py results/fashion_mnist_exhaustive --seeds 0 --seeds 1 --output results/samplers
python benchmarks/samplers.py --synthetic experiments/fashion_mnist_exhaustive.toml

It replays searches on tabulated accuracies, many a sampler, and prints regret: how far the choice is behind
the table's winner, after each number of networks. Proposals and what becomes of them are those of a search;
only the training is looked up. `--seeds N` shows the samplers means of N seeds drawn from the table's; 0, the
table's means.

Target: the table's winner at a quarter of the table's epochs. It counts as met by a sampler that chooses the
winner in more than half of its searches, by the low end of Wilson's 95 % interval.
"""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import click
import numpy as np
import optuna
import pandas as pd
from rich.table import Table as Printed

from scaling.atomic_write import write_json
from scaling.cli.output import console, counting_bars, emit_json, json_option, run, table_of
from scaling.errors import ConfigError
from scaling.figures.sampler_regret import save_sampler_regret
from scaling.plans.networks import network_columns
from scaling.plans.search.candidates import enumerated
from scaling.plans.search.config import SearchConfig, load_config
from scaling.plans.search.replay import AccuracyTable
from scaling.plans.search.replay import table_of as table_of_run
from scaling.plans.search.run import read_search
from scaling.plans.search.sampler_regret import (
    RegretCurves,
    against_random,
    regret_curves,
    sampler_regret_frame,
)
from scaling.plans.search.samplers import Sampler
from scaling.provenance import provenance, utc_now
from scaling.runs.folder import RunFolder

QUARTER = 4
PRINTED = (1, 2, 3, 5, 7, 10, 14, 17, 21, 28)
"""Numbers of networks whose figures are printed; files have all."""


def synthetic(config: SearchConfig) -> pd.DataFrame:
    """Return a made-up table: accuracy falls with distance from some shares of cost, seeds add noise."""
    document = config.document()
    document["search"] |= {"sampler": "exhaustive", "pruner": "none"}
    random, rows = np.random.default_rng(0), []
    for number, network in enumerate(enumerated(SearchConfig.model_validate(document)) or ()):
        row = network_columns(network, config.baseline_spec, config.target)
        shares = [row[f"realised_{axis}_share"] for axis in ("depth", "width", "resolution")]
        away = float(np.square(np.subtract(shares, (0.25, 0.3, 0.45))).sum())
        for seed in config.search.seeds:
            top1 = 0.86 - 0.04 * away + random.normal(0, 0.004)
            rows.append({**row, "trial": number, "seed": seed, "top1": top1, "state": "complete"})
    return pd.DataFrame(rows)


def quarters(table: AccuracyTable, seeds: int | None) -> tuple[int, ...]:
    """Return a quarter of the networks, and how many networks take a quarter of the table's epochs.

    They are one where a search trains every network with all seeds; with fewer seeds it can train more.
    """
    trained = table.top1.shape[1]
    epochs = len(table) * trained // (QUARTER * (seeds or trained))
    return tuple(sorted({max(1, len(table) // QUARTER), min(len(table), max(1, epochs))}))


def conclusion(table: AccuracyTable, curves: Sequence[RegretCurves], seeds: int | None) -> dict[str, Any]:
    """Return what the searches of one way of seeing say after each of its quarters."""
    frame = sampler_regret_frame(curves)
    at = quarters(table, seeds)
    last = frame[frame["networks"] == at[-1]]
    proposed = frozenset[int]().union(*(one.networks for one in curves if not one.sampler.queues))
    random = any(one.sampler == Sampler.RANDOM for one in curves)
    return {
        "seen": curves[0].seen,
        "networks_at_a_quarter_of_the_epochs": at[-1],
        "target_met_by": list(last[last["chosen_low"] > 0.5]["sampler"]),
        "networks_no_sampler_proposed": len(table) - len(proposed),
        "after": {str(number): _records(frame[frame["networks"] == number]) for number in at},
        "against_random": [
            row for number in at if random for row in _records(against_random(curves, number))
        ],
        "curves": _records(frame),
    }


def _records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """Return rows as plain data, None where there is no number."""
    plain = frame.drop(columns="seen", errors="ignore").astype(object)
    rows = plain.where(plain.notna(), None).to_dict("records")
    return [{str(name): value for name, value in row.items()} for row in rows]


def curves_printed(found: dict[str, Any]) -> Printed:
    """Return the curves of one way of seeing as a table, a block a sampler."""
    printed = table_of("sampler", "networks", "regret", "95 % interval", "winner")
    name = ""
    for row in found["curves"]:
        if row["networks"] in PRINTED:
            shown = row["sampler"] if row["sampler"] != name else ""
            name = row["sampler"]
            interval = f"{100 * row['regret_low']:.2f} to {100 * row['regret_high']:.2f}"
            share = f"{100 * row['winner_chosen']:.0f} %"
            printed.add_row(shown, str(row["networks"]), f"{100 * row['regret']:.2f}", interval, share)
    return printed


def show(found: dict[str, Any]) -> None:
    """Print everything in words and tables."""
    made_up = " (SYNTHETIC: made up, no measurement)" if found["synthetic"] else ""
    console.print(
        f"{found['table']}{made_up}: {found['networks']} networks, "
        f"{found['grid_networks']} on the paper's grid; "
        f"means {100 * found['spread_of_means']:.2f} points apart"
    )
    for one in found["ways"]:
        console.print(f"\nSeen: {one['seen']} of each network. Regret in points, mean over searches")
        console.print(curves_printed(one))
        searches = sorted({(row["searches"], row["sampler"]) for row in one["curves"]})
        console.print("searches: " + ", ".join(f"{name} {number}" for number, name in searches))
        against = table_of("against random", "networks", "difference", "95 % interval", "verdict")
        for row in one["against_random"]:
            interval = f"{100 * row['low']:+.2f} to {100 * row['high']:+.2f}"
            against.add_row(
                row["sampler"],
                str(row["networks"]),
                f"{100 * row['difference']:+.2f}",
                interval,
                row["verdict"],
            )
        console.print(against)
        met = ", ".join(one["target_met_by"]) or "no sampler"
        console.print(
            f"winner chosen by most searches at a quarter of the epochs "
            f"({one['networks_at_a_quarter_of_the_epochs']} networks): {met}"
        )


def named(samplers: str) -> tuple[Sampler, ...]:
    """Return samplers by their names, each once.

    Raises:
        ConfigError: one is unknown.
    """
    known = {str(one): one for one in Sampler}
    for name in samplers.split(","):
        if name not in known:
            raise ConfigError(f"expected samplers among {', '.join(known)}; got {name!r}")
    return tuple(known[name] for name in dict.fromkeys(samplers.split(",")))


def table_read(path: Path, *, made_up: bool) -> tuple[SearchConfig, AccuracyTable, dict[str, str]]:
    """Return a run's configuration, its table, and the checksum of what was read."""
    if made_up:
        config = load_config(path)
        return config, table_of_run(config, synthetic(config)), {}
    run = read_search(RunFolder(path=path))
    checksum = hashlib.sha256(run.folder.trials.read_bytes()).hexdigest()
    return run.config, table_of_run(run.config, run.trials()), {"trials.csv": checksum}


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """The searches of one sampler for one way of seeing.

    Args:
        run_folder: of the table, or the experiment file of a made-up one.
        made_up: whether it is.
        sampler: which.
        repetitions: searches.
        seeds: seen of a network; None for the table's means.
        most: networks after which a search ends.
    """

    run_folder: Path
    made_up: bool
    sampler: Sampler
    repetitions: int
    seeds: int | None
    most: int


def replayed(task: Task) -> RegretCurves:
    """Replay the searches of a task; runs in a process of its own."""
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    _, table, _ = table_read(task.run_folder, made_up=task.made_up)
    return regret_curves(table, task.sampler, repetitions=task.repetitions, seeds=task.seeds, most=task.most)


def replay_all(tasks: Sequence[Task], *, workers: int) -> list[RegretCurves]:
    """Return the curves of every task, in order; the longest, those of gp, begin first."""
    order = sorted(tasks, key=lambda task: task.sampler != Sampler.GP)
    with counting_bars() as bars, ExitStack() as stack:
        if workers > 1:
            pool = stack.enter_context(ProcessPoolExecutor(workers, mp_context=get_context("spawn")))
            found = pool.map(replayed, order)
        else:
            found = map(replayed, order)
        by_task = dict(zip(order, bars.track(found, total=len(order), description="replays"), strict=True))
    return [by_task[task] for task in tasks]


def ends(table: AccuracyTable, seeds: int | None, most: int | None) -> int:
    """Return after how many networks searches end.

    Raises:
        ConfigError: `most` is less than a quarter.
    """
    quarter = quarters(table, seeds)[-1]
    wanted = min(len(table), most or max(quarter, len(table) // 2))
    if wanted < quarter:
        raise ConfigError(f"--most must be at least {quarter}, a quarter of the table's epochs; got {most}")
    return wanted


def record_of(config: SearchConfig, checksums: dict[str, str], started: str) -> dict[str, Any]:
    """Return the provenance of this benchmark: the table's configuration, and what was read of it."""
    return provenance(
        config=config.document(),
        config_key=config.key(),
        command=sys.argv,
        device="cpu",
        data_checksums=checksums,
        started=started,
        finished=utc_now(),
    )


REPETITIONS = click.IntRange(3)


@click.command()
@click.argument("run_folder", metavar="RUN", type=click.Path(path_type=Path, exists=True))
@click.option("--synthetic", "made_up", is_flag=True, help="RUN is an experiment file; make a table up.")
@click.option("--repetitions", type=REPETITIONS, default=100, show_default=True, help="Searches a sampler.")
@click.option(
    "--gp-repetitions", type=REPETITIONS, default=30, show_default=True, help="Of gp: it takes seconds each."
)
@click.option(
    "--seeds", type=click.IntRange(0), multiple=True, default=(0,), help="Seen of a network; 0: means."
)
@click.option("--samplers", default=",".join(Sampler), help="Comma-separated.")
@click.option("--most", type=click.IntRange(1), help="Networks after which a search ends.")
@click.option("--workers", type=click.IntRange(1), default=1, show_default=True, help="Processes.")
@click.option("--output", type=click.Path(path_type=Path), help="Folder for curves, chart and conclusion.")
@json_option
def main(
    run_folder: Path,
    made_up: bool,
    repetitions: int,
    gp_repetitions: int,
    seeds: tuple[int, ...],
    samplers: str,
    most: int | None,
    workers: int,
    output: Path | None,
    as_json: bool,
) -> None:
    """Replay searches on the table of RUN, the folder of an exhaustive run."""
    started = utc_now()
    config, table, checksums = table_read(run_folder, made_up=made_up)
    tasks = [
        Task(
            run_folder=run_folder,
            made_up=made_up,
            sampler=name,
            repetitions=gp_repetitions if name == Sampler.GP else repetitions,
            seeds=one or None,
            most=ends(table, one or None, most),
        )
        for one in dict.fromkeys(seeds)
        for name in named(samplers)
    ]
    curves = replay_all(tasks, workers=workers)
    ways: dict[int | None, list[RegretCurves]] = {}
    for task, curve in zip(tasks, curves, strict=True):
        ways.setdefault(task.seeds, []).append(curve)
    found = {
        "table": str(run_folder),
        "synthetic": made_up,
        "networks": len(table),
        "grid_networks": len(table.grid),
        "seeds_of_the_table": table.top1.shape[1],
        "spread_of_means": float(np.ptp(table.top1.mean(1))),
        "ways": [conclusion(table, own, one) for one, own in ways.items()],
    }
    if as_json:
        emit_json(found)
    else:
        show(found)
    if output is not None:
        title = f"Replayed searches: {config.name}{' (made up)' if made_up else ''}"
        save_sampler_regret(curves, output, title=title)
        write_json(output / "samplers.json", found)
        write_json(output / "provenance.json", record_of(config, checksums, started))


if __name__ == "__main__":
    run(main)
