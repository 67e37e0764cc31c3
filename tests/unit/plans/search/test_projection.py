"""The study that others look at: flat, equal to one made again, and never in the way of the run."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import optuna
import pandas as pd
import pytest
from made_up_search import MadeUpSearch
from search_runs import configuration
from sqlalchemy import URL, make_url

from scaling.errors import ConfigError
from scaling.plans.search.candidates import of_square
from scaling.plans.search.history import Fate, History, Proposal
from scaling.plans.search.projection import (
    NUMBER,
    Projection,
    all_shown,
    rebuild_study,
    shown,
    study_in_memory,
)
from scaling.plans.search.storage_url import sqlite_url
from scaling.plans.search.trial import first_trials, reference_trials, trial_of
from scaling.runs.record import RecordState

ATTRIBUTES = (
    *("alpha", "beta", "gamma", "phi", "depth_share", "width_share", "resolution_share"),
    *("depth_coefficient", "width_coefficient", "image_size", "params", "macs", "achieved_factor"),
    *("seeds", "loss", "top1", "trial", NUMBER),
)
CONFIG = configuration(
    search={"trials": 6, "seeds": [0, 1], "sampler": "random", "pruner": "median", "startup_trials": 2},
    recipe={"epochs": 4},
)


def show_all(search: MadeUpSearch, projection: Projection) -> None:
    for trial in search.proposed():
        assert trial.proposal is not None
        proposal = search.history.proposals[trial.proposal]
        projection.show(shown(CONFIG, proposal, trial, search.history, search.records))


def kept(search: MadeUpSearch, url: URL) -> str:
    """Run a search beside its study, as a launch does; one training diverges."""
    projection = Projection(CONFIG, url)
    projection.start()
    while search.send().jobs:
        show_all(search, projection)  # it has begun
        (job,) = search.running.values()
        if search.trial(job).proposal == 3:
            search.end(job, RecordState.DIVERGED)
        else:
            search.train(job)
        show_all(search, projection)
    return projection.close()


def table(url: URL) -> pd.DataFrame:
    study = optuna.load_study(study_name=CONFIG.name, storage=url.render_as_string(hide_password=False))
    frame = study.trials_dataframe()
    for trial in study.trials:
        frame.loc[trial.number, "reports"] = str(trial.intermediate_values)
    times = ["datetime_start", "datetime_complete", "duration", "number"]
    return frame.drop(columns=times).sort_values(f"user_attrs_{NUMBER}", ignore_index=True)


def test_a_study_made_again_is_the_one_that_was_kept(tmp_path: Path) -> None:
    search, first, second = MadeUpSearch(CONFIG), *(sqlite_url(tmp_path / f"{n}.sqlite3") for n in (1, 2))
    assert kept(search, first) == ""
    assert rebuild_study(CONFIG, search.history, search.records, second) == len(search.proposed())
    pd.testing.assert_frame_equal(table(first), table(second), check_like=True)
    before = table(second)
    rebuild_study(CONFIG, search.history, search.records, second)
    pd.testing.assert_frame_equal(table(second), before)
    assert set(before["state"]) >= {"COMPLETE", "FAIL"}


def test_attributes_are_flat_and_those_of_the_networks(tmp_path: Path) -> None:
    search, url = MadeUpSearch(CONFIG).run(), sqlite_url(tmp_path / "study.sqlite3")
    rebuild_study(CONFIG, search.history, search.records, url)
    study = optuna.load_study(study_name=CONFIG.name, storage=str(url))
    for trial, frozen in zip(search.proposed(), study.trials, strict=True):
        assert set(frozen.user_attrs) <= set(ATTRIBUTES)
        assert all(isinstance(value, int | float) for value in frozen.user_attrs.values())
        assert frozen.user_attrs["trial"] == trial.number
        assert frozen.user_attrs["image_size"] == trial.network.spec.image_size  # type: ignore[union-attr]
        shares = [frozen.user_attrs[f"{name}_share"] for name in ("depth", "width", "resolution")]
        assert sum(shares) == pytest.approx(1)
        assert frozen.params.keys() == {"s", "v"}
    complete = [one for one in study.trials if one.state.name == "COMPLETE"]
    assert set(complete[0].user_attrs) == set(ATTRIBUTES)
    assert [one.value for one in complete] == [pytest.approx(one.user_attrs["top1"]) for one in complete]
    pruned = [one for one in study.trials if one.state.name == "PRUNED"]
    decisions = {one.curve for one in search.history.pruned.values()}
    assert {tuple(one.intermediate_values.values()) for one in pruned} == decisions


def test_the_baseline_with_another_seed_has_attributes_too() -> None:
    network = of_square(CONFIG, 0.5, 0.5, 1.0)
    again = Proposal(number=0, s=0.5, v=0.5, network=network, fate=Fate.REPEAT, proposed_at="", seed=9)
    trial = trial_of(CONFIG, 5, again, first_trials(reference_trials(CONFIG)))
    found = shown(CONFIG, again, trial, History(), {}).attributes
    assert (found["achieved_factor"], found["phi"]) == (1.0, 0.0)
    assert "alpha" not in found


def test_optuna_s_own_charts_get_the_same_study(tmp_path: Path) -> None:
    search, url = MadeUpSearch(CONFIG).run(), sqlite_url(tmp_path / "study.sqlite3")
    rebuild_study(CONFIG, search.history, search.records, url)
    memory = study_in_memory(CONFIG, search.history, search.records).trials_dataframe()
    database = optuna.load_study(study_name=CONFIG.name, storage=str(url)).trials_dataframe()
    columns = [name for name in memory.columns if not name.startswith(("datetime", "duration", "system"))]
    pd.testing.assert_frame_equal(memory[columns], database[columns], check_like=True)


def test_a_database_that_is_away_holds_nothing_up_and_is_named_without_its_password(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("scaling.plans.search.projection.LAST_S", 0.5)
    search = MadeUpSearch(CONFIG).run()
    projection = Projection(CONFIG, make_url("postgresql+psycopg://me:s3cret@127.0.0.1:1/none"))
    projection.start()
    start = time.monotonic()
    show_all(search, projection)
    assert time.monotonic() - start < 1
    while not projection.problem:
        time.sleep(0.01)
    behind = projection.close()
    assert "127.0.0.1:1" in behind
    assert "is away" in behind
    assert "s3cret" not in behind


def test_a_driver_that_is_not_installed_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_url: str, **_: object) -> None:
        raise ImportError("no driver")

    monkeypatch.setattr("scaling.plans.search.projection.LAST_S", 0.1)
    monkeypatch.setattr("scaling.plans.search.projection.RETRY_S", 0.02)
    monkeypatch.setattr("scaling.plans.search.projection.RDBStorage", refuse)
    search = MadeUpSearch(CONFIG).run()
    projection = Projection(CONFIG, sqlite_url(Path("none.sqlite3")))
    projection.start()
    show_all(search, projection)
    assert "ImportError" in projection.close()


def test_a_database_that_comes_back_catches_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("scaling.plans.search.projection.RETRY_S", 0.02)
    search, folder = MadeUpSearch(CONFIG).run(), tmp_path / "mount"
    url = sqlite_url(folder / "study.sqlite3")
    projection = Projection(CONFIG, url)
    projection.start()
    show_all(search, projection)
    while not projection.problem:
        time.sleep(0.01)
    folder.mkdir()
    assert projection.close() == ""
    expected = sqlite_url(tmp_path / "expected.sqlite3")
    rebuild_study(CONFIG, search.history, search.records, expected)
    pd.testing.assert_frame_equal(table(url), table(expected), check_like=True)


def test_a_study_of_another_configuration_is_left_alone(tmp_path: Path) -> None:
    url = sqlite_url(tmp_path / "study.sqlite3")
    search = MadeUpSearch(CONFIG).run()
    rebuild_study(CONFIG, search.history, search.records, url)
    before = table(url)
    other: Any = configuration(search={"trials": 1, "sampler": "random"})
    another = MadeUpSearch(other).run()
    with pytest.raises(ConfigError, match="of another configuration; choose another name"):
        rebuild_study(other, another.history, another.records, url)
    projection = Projection(other, url)
    projection.start()
    for one in all_shown(other, another.history, another.records):
        projection.show(one)
    assert "of another configuration" in projection.close()
    pd.testing.assert_frame_equal(table(url), before)
