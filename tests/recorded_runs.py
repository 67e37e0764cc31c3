"""Runs as their folder and store keep them, written without training: for commands that only read."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from click.testing import CliRunner
from search_runs import configuration, record_of, store_of

from scaling.atomic_write import write_json
from scaling.cli.search import search
from scaling.plans.search.config import SearchConfig
from scaling.plans.search.history import open_history
from scaling.plans.search.plan import SearchPlan
from scaling.plans.search.run import KIND, SearchState, read_search, run_search, write_tables
from scaling.plans.search.trial import reference_trials
from scaling.runs.folder import RunFolder, open_folder
from scaling.runs.job import Job
from scaling.runs.launch import Where
from scaling.runs.record import Record
from scaling.runs.store import Known

CONFIG = configuration(
    search={"trials": 3, "seeds": [0, 1], "baseline_seeds": [0, 1, 2], "confirm": 1, "confirm_seeds": [7, 8]}
)
REFERENCES = reference_trials(CONFIG)
TRAININGS = 3 + 2 * 4 + 2 * 3 + 2
"""Of a whole run: the baseline, the other references, the proposals, the best again."""
Accuracy = Callable[[Job], float]


def by_seed(job: Job) -> float:
    """Every network is as good; seeds are a little apart."""
    return 0.5 + job.seed / 100


def a_run(
    path: Path, trainings: int | None = None, *, config: SearchConfig = CONFIG, top1: Accuracy = by_seed
) -> RunFolder:
    """A run with one worker, as it was when so many trainings had ended; all of them if None.

    Tables are those that a launch leaves when it is stopped there.
    """
    folder, store = RunFolder(path=path), store_of(path)
    path.mkdir(parents=True)
    open_folder(folder, KIND, config.document(), config.key(), store=store.path)
    plan, known = SearchPlan(config, open_history(folder.proposals)), Known(store=store)
    while trainings is None or len(known) < trainings:
        wanted = plan.next_jobs(known, 1).jobs
        if not wanted:
            break
        record = record_of(wanted[0], top1(wanted[0]))
        folder.note_keys([record.key])
        store.add(record)
        known.note(record)
    write_json(folder.provenance, {"started": "2026-01-01T00:00:00+00:00", "finished": None})
    if len(known):
        write_tables(read_search(folder))
    return folder


def go_on(folder: RunFolder, config: SearchConfig = CONFIG) -> tuple[SearchState, list[str]]:
    """Launch a run of which nothing is left to train, and return it with what it warned of."""
    warned: list[str] = []
    _, state = run_search(config, folder, Where(store=store_of(folder.path)), warn=warned.append)
    return state, warned


def add(folder: RunFolder, record: Record) -> None:
    """Record a training of a run."""
    folder.note_keys([record.key])
    store_of(folder.path).add(record)


def shown(*arguments: str, columns: int = 60) -> str:
    outcome = CliRunner(env={"COLUMNS": str(columns)}).invoke(
        search, list(arguments), catch_exceptions=False, standalone_mode=False
    )
    assert outcome.stderr == ""
    return outcome.stdout
