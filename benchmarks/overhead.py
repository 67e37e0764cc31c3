"""What a search's time goes into that is not training, from the times that its own records keep.

python benchmarks/overhead.py [--config FILE] [--set KEY=VALUE …] [--output results/overhead]

It runs a search from its command line and shares out workers x seconds, from the command's start to its end:

training; start-up (imports, data, kernel table, until the first training); between trainings (proposal,
counting, images, building, record); waiting (nothing is left to train while another still trains: at the end,
and before the fresh seeds, which are chosen when all else has ended); conclusion (table, charts, report).

Target: all but training and waiting is at most 3 %.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import click

from scaling.atomic_write import write_json
from scaling.cli.output import console, run, table_of
from scaling.errors import ConfigError, ResultsError
from scaling.plans.networks import CONFIRM
from scaling.plans.search.run import SearchState, read_search
from scaling.provenance import provenance, utc_now
from scaling.runs.folder import RunFolder
from scaling.runs.store import Store

TARGET = 0.03
ROOT = Path(__file__).resolve().parents[1]


@dataclass(frozen=True, slots=True, kw_only=True)
class Shares:
    """Shares of workers x seconds, which sum to 1."""

    training: float
    start_up: float
    between: float
    waiting: float
    conclusion: float

    @property
    def overhead(self) -> float:
        """All but training and waiting."""
        return self.start_up + self.between + self.conclusion


@dataclass(frozen=True, slots=True, kw_only=True)
class Trained:
    """When a training ran, seconds since the epoch.

    Args:
        began_s: when its network was built.
        ended_s: when its record was written.
        confirms: whether its seed is a fresh one, of a network that was chosen when all else had ended.
    """

    began_s: float
    ended_s: float
    confirms: bool


def shares_of(trainings: Sequence[Trained], *, workers: int, began_s: float, ended_s: float) -> Shares:
    """Share out a search's time.

    Args:
        trainings: all of them, of one launch.
        workers: at work.
        began_s: start of the command, seconds since the epoch.
        ended_s: its end.

    >>> two = [Trained(began_s=1, ended_s=5, confirms=False), Trained(began_s=1, ended_s=9, confirms=False)]
    >>> found = shares_of(two, workers=2, began_s=0, ended_s=10)
    >>> found.training, found.waiting, found.start_up, round(found.between, 9)
    (0.6, 0.2, 0.1, 0.0)
    """
    whole = workers * (ended_s - began_s)
    first, last = min(one.began_s for one in trainings), max(one.ended_s for one in trainings)
    training = sum(one.ended_s - one.began_s for one in trainings)
    phases = [[one for one in trainings if one.confirms == confirms] for confirms in (False, True)]
    waiting = sum(_waiting_s(phase, workers) for phase in phases if phase)
    return Shares(
        training=training / whole,
        start_up=workers * (first - began_s) / whole,
        between=(workers * (last - first) - training - waiting) / whole,
        waiting=waiting / whole,
        conclusion=workers * (ended_s - last) / whole,
    )


def _waiting_s(phase: Sequence[Trained], workers: int) -> float:
    """Return worker-seconds between the last start of a phase and its end in which nothing trained."""
    start, end = max(one.began_s for one in phase), max(one.ended_s for one in phase)
    return workers * (end - start) - sum(max(0.0, one.ended_s - max(one.began_s, start)) for one in phase)


def trainings_of(state: SearchState, store: Store) -> list[Trained]:
    """Return when the trainings of a search ran: a record is written when its training has ended."""
    found = []
    for trial in state.search_trials():
        for job in trial.jobs.values():
            record = state.records.get(job.key)
            if record is not None and record.result is not None:
                ended_s = store.record(job.key).stat().st_mtime
                confirms = trial.network.kind == CONFIRM
                found.append(Trained(began_s=ended_s - record.wall_s, ended_s=ended_s, confirms=confirms))
    return found


def timed(
    config: Path | None, overrides: tuple[str, ...], workers: int, folder: RunFolder
) -> tuple[Shares, dict[str, Any]]:
    """Run a search from its command line, with a store of its own; return the shares and what was run.

    Raises:
        ResultsError: it failed.
    """
    store = Store(path=folder.path.with_name(folder.path.name + "-trainings"))
    options = [] if config is None else ["--config", str(config)]
    options += ["--workers", str(workers), "--store", str(store.path)]
    options += [part for override in overrides for part in ("--set", override)]
    began = time.time()
    done = subprocess.run(
        [sys.executable, "run_search.py", "--output", str(folder.path), *options],
        cwd=ROOT, stdout=subprocess.DEVNULL, check=False,
    )  # fmt: skip
    ended = time.time()
    if done.returncode:
        raise ResultsError(f"the search ended with status {done.returncode}")
    state = read_search(folder)
    trainings = trainings_of(state, store)
    facts: dict[str, Any] = {
        "wall_s": ended - began,
        "workers": workers,
        "networks": int(state.trials()["architecture"].nunique()),
        "trainings": len(trainings),
        "config": state.config.document(),
        "config_key": state.config.key(),
    }
    return shares_of(trainings, workers=workers, began_s=began, ended_s=ended), facts


@click.command()
@click.option("--config", type=click.Path(path_type=Path), help="As of run_search.py: the quick experiment.")
@click.option("--set", "overrides", multiple=True, metavar="KEY=VALUE", help="As of run_search.py.")
@click.option("--workers", type=click.IntRange(1), default=2, show_default=True, help="Worker processes.")
@click.option("--folder", type=click.Path(path_type=Path), help="Keep the run here; it must be a new one.")
@click.option("--output", type=click.Path(path_type=Path), help="Folder for overhead.json.")
def main(
    config: Path | None, overrides: tuple[str, ...], workers: int, folder: Path | None, output: Path | None
) -> None:
    """Measure the overhead of a search."""
    started = utc_now()
    if folder is not None and folder.exists():
        raise ConfigError(f"{folder} is there already; the overhead is that of a whole run")
    with tempfile.TemporaryDirectory() as temporary:
        run_folder = RunFolder(path=(folder or Path(temporary) / "run").absolute())
        shares, facts = timed(None if config is None else config.absolute(), overrides, workers, run_folder)
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
