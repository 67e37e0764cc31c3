"""What an executor costs beside training: processes of this machine against a local Dask cluster with TLS.

    python benchmarks/executors.py [--jobs 100] [--workers 2] [--rounds 3]

The store has every record already, so that a job is only sent, looked up and sent back. Both in turn, in one
process, on the same records.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from scaling.plans.search.config import load_config
from scaling.runs.cluster import DaskExecutor
from scaling.runs.cluster_connection import Cluster
from scaling.runs.executor import Ended, Executor
from scaling.runs.job import Job
from scaling.runs.processes import LocalProcesses
from scaling.runs.record import Record, RecordState
from scaling.runs.store import Store
from scaling.runs.task import Task
from scaling.training.machine import Packing

ROOT = Path(__file__).parents[1]


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """Seconds to the first answer, seconds of each further job and worker, seconds to close."""

    start_s: float
    job_s: float
    close_s: float


def jobs_of(count: int) -> list[Job]:
    """Return tiny jobs that differ by their seed."""
    setup = load_config(ROOT / "experiments" / "quick.toml").setup
    return [setup.job(setup.baseline_spec, seed=seed) for seed in range(count)]


def recorded(jobs: list[Job], store: Store) -> None:
    """Put a record of every job into the store."""
    for job in jobs:
        store.add(
            Record(
                key=job.key,
                identity=job.identity(),
                spec=job.spec,
                state=RecordState.COMPLETE,
                provenance={},
            )
        )


def measured(make: Callable[[], Executor], jobs: list[Job], store: Path) -> Cost:
    """Send all jobs through an executor, as many at a time as it has workers."""
    began = time.perf_counter()
    executor = make()
    left, workers, answers = list(jobs), executor.workers, 0
    for _ in range(workers):
        executor.submit(_task(left.pop(), store))
    first = 0.0
    while answers < len(jobs):
        for event in executor.wait(60):
            if isinstance(event, Ended):
                assert event.record is not None, event
                answers += 1
                first = time.perf_counter() if answers == workers else first
                if left:
                    executor.submit(_task(left.pop(), store))
    ended = time.perf_counter()
    executor.close()
    return Cost(
        start_s=first - began,
        job_s=(ended - first) * workers / (len(jobs) - workers),
        close_s=time.perf_counter() - ended,
    )


def _task(job: Job, store: Path) -> Task:
    return Task(job=job, key=job.key, kernels=None, store=store)


def main() -> None:
    """Print a table of medians, and the ratios."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--jobs", type=int, default=100)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    packing = Packing(workers=given.workers, threads=1, reason="benchmark")
    makers: Mapping[str, Callable[[], Executor]] = {
        "processes": lambda: LocalProcesses(packing=packing),
        "dask": lambda: DaskExecutor(cluster=Cluster(address="local", workers=given.workers)),
    }
    jobs = jobs_of(given.jobs)
    with tempfile.TemporaryDirectory() as folder:
        store = Store(path=Path(folder))
        recorded(jobs, store)
        found: dict[str, list[Cost]] = {name: [] for name in makers}
        for _ in range(given.rounds):
            for name, make in makers.items():
                found[name].append(measured(make, jobs, store.path))
    print(f"{given.jobs} jobs, {given.workers} workers, median of {given.rounds} rounds")
    print(f"{'':<18}{'processes':>12}{'dask':>12}{'ratio':>8}")
    for title, figure in (("start, s", "start_s"), ("each job, ms", "job_s"), ("close, s", "close_s")):
        scale = 1000 if "ms" in title else 1
        one, other = (
            scale * statistics.median(getattr(cost, figure) for cost in found[name]) for name in makers
        )
        print(f"{title:<18}{one:>12.2f}{other:>12.2f}{other / one:>8.1f}")


if __name__ == "__main__":
    main()
