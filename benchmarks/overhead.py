"""What a search's time goes into that is not training, from the times that its own database keeps.

python benchmarks/overhead.py [--config FILE] [--set KEY=VALUE …] [--output results/overhead]

It runs a search from its command line and shares out workers x seconds, from the command's start to its end:

training; start-up (imports, data, kernel table, until a worker's first claim); claims (proposal, counting,
storage between two networks); within networks (data at another size, building, measuring, storing);
conclusion (table, charts, report); waiting (a worker has nothing to train while another still trains: at the
end, and before the fresh seeds, which are chosen when all else is told).

Target: all but training and waiting is at most 3 %.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import click
from optuna.trial import FrozenTrial, TrialState

from scaling.atomic_write import write_json
from scaling.cli.output import console, run, table_of
from scaling.errors import ConfigError, ResultsError
from scaling.provenance import provenance, utc_now
from scaling.search.candidate import CONFIRM
from scaling.search.folder import RunFolder
from scaling.search.location import sqlite_url
from scaling.search.objective import seed_results
from scaling.search.run import studies
from scaling.search.storage import open_storage

TARGET = 0.03
ROOT = Path(__file__).resolve().parents[1]


@dataclass(frozen=True, slots=True, kw_only=True)
class Shares:
    """Shares of workers x seconds, which sum to 1."""

    training: float
    start_up: float
    claims: float
    within_networks: float
    waiting: float
    conclusion: float

    @property
    def overhead(self) -> float:
        """All but training and waiting."""
        return self.start_up + self.claims + self.within_networks + self.conclusion


def shares_of(trials: list[FrozenTrial], *, began_s: float, ended_s: float) -> Shares:
    """Share out a search's time.

    Args:
        trials: that were trained, of all studies, each with its worker, times and results.
        began_s: start of the command, seconds since the epoch.
        ended_s: its end.
    """
    by_worker: dict[int, list[FrozenTrial]] = {}
    for trial in sorted(trials, key=_start):
        by_worker.setdefault(trial.user_attrs["worker"], []).append(trial)
    last = max(map(_end, trials))
    whole = len(by_worker) * (ended_s - began_s)
    training = sum(_trained(trial) for trial in trials)
    chosen = max(_end(trial) for trial in trials if not _confirms(trial))
    pairs = [pair for own in by_worker.values() for pair in pairwise(own)]
    between = sum(_start(after) - _end(before) for before, after in pairs)
    barrier = sum(max(0.0, chosen - _end(before)) for before, after in pairs if _confirms(after))
    return Shares(
        training=training / whole,
        start_up=sum(_start(own[0]) - began_s for own in by_worker.values()) / whole,
        claims=(between - barrier) / whole,
        within_networks=(sum(_end(trial) - _start(trial) for trial in trials) - training) / whole,
        waiting=(barrier + sum(last - _end(own[-1]) for own in by_worker.values())) / whole,
        conclusion=len(by_worker) * (ended_s - last) / whole,
    )


def _confirms(trial: FrozenTrial) -> bool:
    """Whether fresh seeds are trained, for which networks are chosen once all others are told."""
    return bool(trial.user_attrs["candidate"]["kind"] == CONFIRM)


def _start(trial: FrozenTrial) -> float:
    assert trial.datetime_start is not None
    return trial.datetime_start.timestamp()


def _end(trial: FrozenTrial) -> float:
    assert trial.datetime_complete is not None
    return trial.datetime_complete.timestamp()


def _trained(trial: FrozenTrial) -> float:
    return float(sum(result["wall_s"] for result in seed_results(trial.user_attrs).values()))


def timed(
    config: Path | None, overrides: tuple[str, ...], folder: RunFolder
) -> tuple[Shares, dict[str, Any]]:
    """Run a search from its command line; return the shares and what was run.

    Raises:
        ResultsError: it failed.
    """
    chosen = [] if config is None else ["--config", str(config)]
    options = [part for override in overrides for part in ("--set", override)]
    command = ["run_search.py", *chosen, "--output", str(folder.path), *options]
    began = time.time()
    done = subprocess.run([sys.executable, *command], cwd=ROOT, stdout=subprocess.DEVNULL, check=False)
    ended = time.time()
    if done.returncode:
        raise ResultsError(f"the search ended with status {done.returncode}")
    opened = folder.read_config()
    trials = [
        trial
        for study in studies(opened, open_storage(sqlite_url(folder.database)))
        for trial in study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
    ]
    facts: dict[str, Any] = {
        "wall_s": ended - began,
        "workers": opened.search.workers,
        "networks": len(trials),
        "trainings": sum(len(seed_results(trial.user_attrs)) for trial in trials),
    }
    facts |= {"config": opened.document(), "config_key": opened.key()}
    return shares_of(trials, began_s=began, ended_s=ended), facts


@click.command()
@click.option("--config", type=click.Path(path_type=Path), help="As of run_search.py: the quick experiment.")
@click.option("--set", "overrides", multiple=True, metavar="KEY=VALUE", help="As of run_search.py.")
@click.option("--folder", type=click.Path(path_type=Path), help="Keep the run here; it must be a new one.")
@click.option("--output", type=click.Path(path_type=Path), help="Folder for overhead.json.")
def main(config: Path | None, overrides: tuple[str, ...], folder: Path | None, output: Path | None) -> None:
    """Measure the overhead of a search."""
    started = utc_now()
    if folder is not None and folder.exists():
        raise ConfigError(f"{folder} is there already; the overhead is that of a whole run")
    with tempfile.TemporaryDirectory() as temporary:
        shares, facts = timed(config, overrides, RunFolder(path=folder or Path(temporary) / "run"))
    table = table_of("share of workers x seconds", "%")
    for name, share in asdict(shares).items():
        table.add_row(name.replace("_", " "), f"{100 * share:.1f}")
    console.print(table)
    verdict = "at most" if shares.overhead <= TARGET else "ABOVE"
    console.print(
        f"{facts['trainings']} trainings on {facts['workers']} workers in {facts['wall_s']:.0f} s; "
        f"overhead {100 * shares.overhead:.1f} %, {verdict} {100 * TARGET:.0f} %"
    )
    if output is not None:
        record = provenance(
            config=facts.pop("config"),
            config_key=facts.pop("config_key"),
            command=sys.argv,
            device="cpu",
            data_checksums={},
            started=started,
            finished=utc_now(),
        )
        found = {**facts, "shares": asdict(shares), "overhead": shares.overhead, "target": TARGET}
        write_json(output / "overhead.json", found)
        write_json(output / "provenance.json", record)


if __name__ == "__main__":
    run(main)
