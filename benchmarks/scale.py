"""Coordinator's time per result, from 100 to 5,000 results, with trainings that take no time.

python benchmarks/scale.py [--results 100 --results 1000 ...] [--output results/scale]

An executor answers every task at once with a made-up record, so all that is measured is ours: asking the
plan, naming the training, writing and noting the record, status. Then a second launch finds everything
trained, the run is read, the store is listed and looked through for what nobody needs. Each step prints
milliseconds per result; none may grow faster than n log n in all.
"""

from __future__ import annotations

import math
import tempfile
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import click

from scaling.atomic_write import write_json
from scaling.cli.output import console, run, table_of
from scaling.errors import ConfigError
from scaling.plans.search.config import SearchConfig, parse_config
from scaling.plans.search.history import open_history
from scaling.plans.search.plan import SearchPlan
from scaling.plans.search.run import read_search
from scaling.plans.search.status import status_of
from scaling.provenance import code_version, processor, utc_now
from scaling.runs.executor import Ended, EpochEnded, Event, Stepped
from scaling.runs.folder import RunFolder, held, open_folder
from scaling.runs.job import Job
from scaling.runs.launch import Where, launch
from scaling.runs.plan import Plan, Records, Wanted, never_pruned
from scaling.runs.record import Record, RecordState
from scaling.runs.setup import Setup
from scaling.runs.store import Known, Store
from scaling.runs.task import Task
from scaling.runs.tidy import stored_trainings, unneeded
from scaling.training.curve import EpochEnd
from scaling.training.machine import Packing

SIZES = (100, 1_000, 5_000)
WORKERS = 4
SETUP = Setup.model_validate(
    {
        "data": {"name": "glyphs", "train": 100, "validation": 50},
        "baseline": {"name": "b0", "image_size": 24},
        "engine": {"kernels": "fixed", "device": "cpu"},
        "recipe": {"epochs": 3, "batch_size": 25},
    }
)

SEARCH: dict[str, object] = {
    # Nominal cost lists no space beforehand, so every network is proposed, as in a large search.
    "cost": "nominal",
    "target_factor": 6.0,
    "sampler": "random",
    "baseline_seeds": [0],
    "confirm": 0,
}

PlanFactory = Callable[[int, Path], Plan]
"""Takes how many results there will be, and an empty folder for what the plan keeps; returns the plan."""


@dataclass(slots=True, kw_only=True)
class ListPlan:
    """A fixed list of trainings, as a study has."""

    jobs: Sequence[Job]

    def next_jobs(self, records: Records, room: int) -> Wanted:
        """Return all that are not recorded yet."""
        del room
        return Wanted(jobs=tuple(job for job in self.jobs if job.key not in records), done=True)

    prune = staticmethod(never_pruned)


@dataclass(slots=True, kw_only=True)
class OneAtATime:
    """The same trainings, of which each is known only when another has ended, as in a search."""

    jobs: deque[Job]
    active: dict[str, Job] = field(default_factory=dict)

    def next_jobs(self, records: Records, room: int) -> Wanted:
        """Return as many as there is room for."""
        self.active = {key: job for key, job in self.active.items() if key not in records}
        while self.jobs and len(self.active) < room:
            job = self.jobs.popleft()
            if job.key not in records:
                self.active[job.key] = job
        return Wanted(jobs=tuple(self.active.values()), done=not self.jobs)

    prune = staticmethod(never_pruned)


def _jobs(count: int) -> list[Job]:
    return [SETUP.job(SETUP.baseline_spec, seed=seed) for seed in range(count)]


def _search(count: int) -> SearchConfig:
    about = {"schema_version": 2, "kind": "search", "name": "scale", "question": "", "prediction": ""}
    setup = SETUP.document()
    setup["rounding"] = {"coefficient_rounding": "none", "channel_divisor": 1, "repeat_rule": "round"}
    # The baseline and four references, one seed each, are the first five results.
    document = {**about, "setup": setup, "search": {**SEARCH, "trials": count - 5}}
    return parse_config(document, where="scale")


PLANS: dict[str, PlanFactory] = {
    "list": lambda count, _folder: ListPlan(jobs=_jobs(count)),
    "one at a time": lambda count, _folder: OneAtATime(jobs=deque(_jobs(count))),
    "search": lambda count, folder: SearchPlan(_search(count), open_history(folder / "proposals.jsonl")),
}
"""What is measured; a plan of another kind is one more line."""


@dataclass(slots=True, kw_only=True)
class AtOnce:
    """Answers every task with a made-up record."""

    workers: int = WORKERS
    events: deque[Event] = field(default_factory=deque)

    def submit(self, task: Task) -> None:
        """Take a task, and answer it."""
        curve = tuple(_point(epoch) for epoch in (1, 2, 3))
        record = Record(
            key=task.key,
            identity=task.job.identity(),
            spec=task.job.spec,
            state=RecordState.COMPLETE,
            curve=curve,
            result={
                "top1": (task.job.seed % 50) / 50,
                "validation_loss": 1.0,
                "validation_images": 50,
                "epochs": 3,
                "wall_s": 1.0,
            },
            provenance={"network": task.job.spec.name, "finished": utc_now()},
        )
        self.events.append(Stepped(key=task.key, worker="0", steps=4))
        self.events += [EpochEnded(key=task.key, curve=curve[:epoch]) for epoch in (1, 2, 3)]
        self.events.append(Ended(key=task.key, record=record))

    def stop(self, key: str | None = None, *, prune: bool = False) -> None:
        """Nothing runs."""

    def wait(self, timeout_s: float) -> Sequence[Event]:
        """Return what has happened up to the end of one training."""
        del timeout_s
        found: list[Event] = []
        while self.events and not (found and isinstance(found[-1], Ended)):
            found.append(self.events.popleft())
        return found

    def close(self) -> None:
        """Nothing is open."""


def _point(epoch: int) -> EpochEnd:
    return EpochEnd(
        epoch=epoch, steps=4 * epoch, loss=1.0, validation_loss=1.0, top1=0.5, learning_rate=0.1, seconds=1.0
    )


def measured(factory: PlanFactory, count: int) -> dict[str, float]:
    """Return seconds per result of each step.

    Args:
        factory: makes the plan.
        count: of results.
    """
    with tempfile.TemporaryDirectory() as place:
        folder = RunFolder(path=Path(place) / "run")
        where = Where(store=Store(path=Path(place) / "trainings"), executor=AtOnce())
        config = _search(count)
        with held(folder):
            open_folder(folder, "search", config.document(), config.key(), store=where.store.path)

            def launched() -> None:
                launch(
                    factory(count, folder.path),
                    folder,
                    where,
                    packing=Packing(workers=WORKERS, threads=1, reason="measured"),
                    engine=SETUP.engine,
                )

            def read() -> None:
                known = Known(store=where.store)
                assert sum(key in known for key in folder.keys()) == count  # noqa: SIM118

            steps: dict[str, Callable[[], object]] = {
                "train": launched,
                "find all trained": launched,
                "read the run": read,
                "list the store": lambda: stored_trainings(where.store),
                "find the unneeded": lambda: unneeded(where.store, Path(place)),
            }
            if factory is PLANS["search"]:
                steps["status of the search"] = lambda: status_of(read_search(folder))
                steps["table of the search"] = lambda: read_search(folder).trials()
            return {name: _seconds(step) / count for name, step in steps.items()}


def _seconds(step: Callable[[], object]) -> float:
    start = time.perf_counter()
    step()
    return time.perf_counter() - start


def growth(first: tuple[int, float], last: tuple[int, float]) -> float:
    """Return how time per result grew, over what n log n allows; up to about 1 is well.

    >>> growth((100, 1.0), (10_000, 2.0))
    1.0
    """
    return last[1] / first[1] / (math.log(last[0]) / math.log(first[0]))


@click.command()
@click.option(
    "--results", "sizes", type=click.IntRange(min=2), multiple=True, default=SIZES, show_default=True
)
@click.option("--plan", "names", type=click.Choice(list(PLANS)), multiple=True, default=list(PLANS))
@click.option("--output", type=click.Path(path_type=Path), help="Folder for scale.json.")
def main(sizes: tuple[int, ...], names: tuple[str, ...], output: Path | None) -> None:
    """Print milliseconds per result of every step, and how they grow."""
    sizes = tuple(sorted(set(sizes)))
    if len(sizes) < 2:
        raise ConfigError("give --results at least twice: growth is between two of them")
    measured(PLANS["list"], 20)  # imports, caches
    rows = []
    for name in names:
        by_size = {size: measured(PLANS[name], size) for size in sizes}
        for step in by_size[sizes[0]]:
            times = {size: by_size[size][step] for size in sizes}
            ratio = growth((sizes[0], times[sizes[0]]), (sizes[-1], times[sizes[-1]]))
            rows.append({"plan": name, "step": step, "seconds_per_result": times, "growth": ratio})
    _print(rows, sizes)
    if output is not None:
        commit, dirty = code_version()
        about = {"commit": commit, "dirty": dirty, "processor": processor(), "made": utc_now()}
        write_json(output / "scale.json", {**about, "rows": rows})


def _print(rows: Sequence[dict[str, object]], sizes: Sequence[int]) -> None:
    table = table_of("plan", "step", *(f"{size:,} (ms)" for size in sizes), "over n log n")
    for row in rows:
        times = row["seconds_per_result"]
        assert isinstance(times, dict)
        table.add_row(
            str(row["plan"]),
            str(row["step"]),
            *(f"{1000 * times[size]:.2f}" for size in sizes),
            f"{row['growth']:.2f}",
        )
    console.print(table, width=110, crop=False)


if __name__ == "__main__":
    run(main)
