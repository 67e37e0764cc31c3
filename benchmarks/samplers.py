"""What each sampler would have found of a table of which every network was trained.

    python benchmarks/samplers.py results/fashion_mnist_exhaustive
    python benchmarks/samplers.py --synthetic experiments/fashion_mnist_exhaustive.toml

Replays searches on tabulated accuracies, many repetitions each, and prints regret: how far the choice is
behind the table's winner after a quarter of the table's epochs. `--seeds N` shows the samplers means of N
seeds drawn from the table's, instead of the table's means.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

import numpy as np
import optuna
import pandas as pd

from scaling.errors import ScalingError
from scaling.results import read_trials
from scaling.search.config import SearchConfig, load_config
from scaling.search.folder import RunFolder
from scaling.search.queueing import queue_of
from scaling.search.replay import Float, Table, observations, regrets, replay, summary, table_of
from scaling.search.samplers import Sampler


def synthetic(config: SearchConfig) -> pd.DataFrame:
    """Return a made-up table: accuracy falls with distance from some shares of cost, seeds add noise."""
    document = config.document()
    document["search"] |= {"sampler": "exhaustive", "pruner": "none"}
    random, rows = np.random.default_rng(0), []
    for number, candidate in enumerate(queue_of(SearchConfig.model_validate(document)) or ()):
        row = candidate.row(config)
        shares = [row[f"realised_{axis}_share"] for axis in ("depth", "width", "resolution")]
        away = float(np.square(np.subtract(shares, (0.25, 0.3, 0.45))).sum())
        for seed in config.search.seeds:
            top1 = 0.86 - 0.04 * away + random.normal(0, 0.004)
            rows.append({**row, "trial": number, "seed": seed, "top1": top1, "state": "complete"})
    return pd.DataFrame(rows)


def curves_of(table: Table, sampler: Sampler, arguments: argparse.Namespace) -> list[Float]:
    """Return regret after each network for every repetition."""
    curves = []
    for repetition in range(arguments.repetitions):
        observed = observations(table, seed=repetition, seeds=arguments.seeds)
        found = replay(table, sampler, budget=len(table), seed=repetition, observed=observed)
        curves.append(regrets(table, found[: arguments.most or len(found)], observed))
    return curves


def arguments_of() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("run", type=Path, help="folder of an exhaustive run: config.json, trials.csv")
    parser.add_argument("--synthetic", action="store_true", help="RUN is an experiment file; make a table up")
    parser.add_argument("--repetitions", type=int, default=100)
    parser.add_argument("--seeds", type=int, help="seeds that a search sees of each network")
    parser.add_argument("--samplers", default=",".join(Sampler), help="comma-separated")
    parser.add_argument("--most", type=int, help="networks after which replays end")
    parser.add_argument("--curves", type=Path, help="write regret curves to this CSV file")
    parser.add_argument("--json", action="store_true", help="one JSON document")
    return parser.parse_args()


def measure(arguments: argparse.Namespace) -> dict[str, object]:
    """Replay everything; return figures after a quarter of the table for each sampler."""
    if arguments.synthetic:
        config = load_config(arguments.run)
        trials = synthetic(config)
    else:
        config, trials = (
            RunFolder(path=arguments.run).read_config(),
            read_trials(arguments.run / "trials.csv"),
        )
    table = table_of(config, trials)
    quarter = max(1, len(table) // 4)
    arguments.most = arguments.most or 2 * quarter
    names = [Sampler(name) for name in arguments.samplers.split(",")]
    curves = {name: curves_of(table, name, arguments) for name in names}
    if arguments.curves is not None:
        rows = [
            {"sampler": str(name), **summary(own, at)}
            for name, own in curves.items()
            for at in range(1, arguments.most + 1)
        ]
        pd.DataFrame(rows).to_csv(arguments.curves, index=False)
    return {
        "table": "synthetic" if arguments.synthetic else str(arguments.run),
        "networks": len(table),
        "grid_networks": len(table.grid),
        "seeds_of_the_table": table.top1.shape[1],
        "seeds_seen": arguments.seeds or "means of the table",
        "spread_of_means": float(np.ptp(table.top1.mean(1))),
        "repetitions": arguments.repetitions,
        "after_a_quarter": {str(name): summary(own, quarter) for name, own in curves.items()},
    }


def main() -> None:
    """Run and print."""
    arguments = arguments_of()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    try:
        found = measure(arguments)
    except (ScalingError, ValueError) as error:
        sys.exit(f"samplers: {error}")
    if arguments.json:
        print(json.dumps(found, indent=2))
        return
    made_up = " (SYNTHETIC: made up, no measurement)" if arguments.synthetic else ""
    print(f"{found['table']}{made_up}: {found['networks']} networks, {found['grid_networks']} on the grid;")
    spread = 100 * float(str(found["spread_of_means"]))
    print(f"spread of means {spread:.2f} points; {found['repetitions']} searches each")
    print("regret in points after a quarter of the table's epochs; mean with 95 % bootstrap interval")
    print(f"{'sampler':<12}{'median':>8}{'p90':>8}{'mean':>8}  {'interval':<15}{'winner found':>13}")
    results = found["after_a_quarter"]
    assert isinstance(results, dict)
    for name, row in sorted(results.items(), key=lambda item: float(item[1]["mean"])):
        interval = f"[{100 * row['low']:.2f}, {100 * row['high']:.2f}]"
        print(
            f"{name:<12}{100 * row['median']:>8.2f}{100 * row['p90']:>8.2f}{100 * row['mean']:>8.2f}  "
            f"{interval:<15}{100 * row['winner_found']:>11.0f} %"
        )


if __name__ == "__main__":
    main()
