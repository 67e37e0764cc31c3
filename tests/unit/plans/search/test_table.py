"""From history and records to the table: right at any moment of a run."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest
from made_up_search import MadeUpSearch
from search_runs import configuration, record_of

from scaling.plans.search.table import trials_of
from scaling.runs.record import Record, RecordState
from scaling.runs.store import Known, Store

CONFIG = configuration(search={"trials": 2, "seeds": [0, 7], "sampler": "random"})


def table(search: MadeUpSearch) -> pd.DataFrame:
    return trials_of(CONFIG, search.history, search.records)


def proposed(search: MadeUpSearch) -> pd.DataFrame:
    frame = table(search)
    return frame[frame["kind"] == "search"]


@pytest.fixture
def search() -> MadeUpSearch:
    return MadeUpSearch(CONFIG)


def ended(search: MadeUpSearch, *ends: Any) -> None:
    """Let the first proposal's trainings end, seed by seed: an accuracy, a state, or nothing yet."""
    while not search.proposed():
        search.send(20)
    trial = search.proposed()[0]
    for job, end in zip(trial.jobs.values(), ends, strict=False):
        if end is not None:
            search.running.pop(job.key, None)
        if isinstance(end, RecordState):
            error = "MemoryError: no more" if end == RecordState.FAILED else None
            search.records[job.key] = record_of(job, state=end, error=error)
        elif end is not None:
            search.records[job.key] = record_of(job, end)


def test_before_anything_is_trained_references_wait(search: MadeUpSearch) -> None:
    frame = table(search)
    assert frame["state"].tolist() == ["waiting"] * 11
    assert frame["seed"].tolist() == [0, 1, 2, *[0, 7] * 4]
    assert frame["top1"].isna().all()


def test_every_seed_is_a_row_and_the_sampler_learns_the_mean(search: MadeUpSearch) -> None:
    ended(search, 0.25, 0.5)
    mine = proposed(search)
    assert mine["seed"].tolist()[:2] == [0, 7]
    assert mine["top1"].tolist()[:2] == [0.25, 0.5]
    assert mine["state"].tolist()[:2] == ["complete"] * 2
    assert (mine["fidelity_epochs"] == 1).all()
    assert mine["wall_s"].tolist()[:2] == [2.0, 2.0]
    search.send(20)
    number = search.proposed()[0].proposal
    assert number is not None
    assert search.plan.asker.study.trials[number].value == 0.375


def test_one_diverged_seed_makes_the_trial_diverged_but_keeps_the_other(search: MadeUpSearch) -> None:
    ended(search, RecordState.DIVERGED, 0.5)
    mine = proposed(search).head(2)
    assert mine["state"].tolist() == ["diverged", "complete"]
    assert mine["top1"].isna().tolist() == [True, False]
    search.send(20)
    trial = search.proposed()[0]
    assert trial.state(search.records, {}) == "diverged"
    assert search.plan.asker.study.trials[0].state.name == "FAIL"


def test_an_error_fails_one_trial_and_the_others_go_on(search: MadeUpSearch) -> None:
    ended(search, 0.5, RecordState.FAILED)
    search.run()
    assert proposed(search)["state"].tolist() == ["complete", "failed", "complete", "complete"]


def test_what_is_in_training_waits_in_the_table(search: MadeUpSearch) -> None:
    ended(search, 0.25, None)
    mine = proposed(search).head(2)
    assert mine["state"].tolist() == ["complete", "waiting"]
    assert mine["trial"].tolist() == [5, 5]
    search.run()
    assert not table(search).duplicated(["trial", "seed"]).any()
    assert set(table(search)["state"]) == {"complete"}


def test_rows_name_their_records_and_measured_costs(search: MadeUpSearch) -> None:
    search.run()
    frame = table(search)
    records: dict[str, Record] = search.records
    assert set(frame["record"]) == set(records)
    assert (frame["inference_ms"] == 1.5).all()
    assert (frame["memory_bytes"] == 1000).all()


def test_records_of_a_store_give_the_same_table(search: MadeUpSearch, tmp_path: Any) -> None:
    search.run()
    store = Store(path=tmp_path)
    for record in search.records.values():
        store.add(record)
    again = trials_of(CONFIG, search.history, Known(store=store))
    pd.testing.assert_frame_equal(again, table(search))
