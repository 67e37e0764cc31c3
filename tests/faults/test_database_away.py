"""A database of the study that is away, for a while or for good: the run goes on, the study catches up."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import optuna
import pandas as pd
import pytest
from checking import Left, check
from launches import wait_until
from optuna.storages import RDBStorage
from postgres import PASSWORD, Server, fresh_database
from processes import ended, kill_group, trained
from recorded_runs import shown
from search_runs import training
from searching import REFERENCES, TRIALS, Launch, begin_after, recorded

pytestmark = pytest.mark.faults
AWAY_S = 8.0


def rows(place: str) -> pd.DataFrame:
    storage = RDBStorage(place)
    frame = optuna.load_study(study_name="tiny", storage=storage).trials_dataframe()
    storage.remove_session()
    storage.engine.dispose()
    return frame.drop(columns=["datetime_start", "datetime_complete", "duration"])


def secret(folder: Path, place: str) -> Path:
    path = folder / "storage"
    path.write_text(place)
    path.chmod(0o600)
    return path


def test_postgresql_is_away_for_eight_seconds(
    server: Server, tmp_path: Path, undisturbed_run: Path, undisturbed: Left, launch: Launch
) -> None:
    begin_after(REFERENCES, undisturbed_run, tmp_path)
    place, output = fresh_database(server, tmp_path.name), tmp_path / "run"
    process = launch("--storage-file", secret(tmp_path, place))
    wait_until(lambda: training(output), what="a training")
    server.stop()
    stopped = time.monotonic()
    try:
        wait_until(lambda: recorded(output) > REFERENCES, what="a training that ends without the database")
        time.sleep(max(0.0, AWAY_S - (time.monotonic() - stopped)))
    finally:
        server.start()
    wait_until(lambda: trained(output) or not process.is_alive(), what="the end of the trainings")
    said = (tmp_path / "log").read_text()
    assert "study is behind" not in said, said
    kill_group(process)  # the charts are drawn elsewhere
    check(output, undisturbed)
    anew = f"sqlite:///{tmp_path / 'anew.sqlite3'}"
    shown("export", str(output), "--study", "--storage", anew)
    found = rows(place)
    assert found["state"].tolist() == ["COMPLETE"] * TRIALS
    pd.testing.assert_frame_equal(found, rows(anew))
    assert not (output / "study.sqlite3").exists()


def test_postgresql_is_away_from_start_to_end(
    server: Server, tmp_path: Path, undisturbed_run: Path, undisturbed: Left, launch: Launch
) -> None:
    begin_after(REFERENCES + TRIALS, undisturbed_run, tmp_path)
    place, output = fresh_database(server, tmp_path.name), tmp_path / "run"
    server.stop()
    try:
        process = launch("--storage-file", secret(tmp_path, place))
        assert ended(process) == 0, (tmp_path / "log").read_text()
    finally:
        server.start()
    (warning,) = [line for line in (tmp_path / "log").read_text().splitlines() if "behind" in line]
    assert "the Optuna study is behind" in warning
    assert "export --study makes it anew" in warning
    assert PASSWORD not in warning
    check(output, undisturbed)
    shown("export", str(output), "--study", "--storage-file", str(tmp_path / "storage"))
    assert rows(place)["state"].tolist() == ["COMPLETE"] * TRIALS


def test_a_study_of_postgresql_is_read_while_it_grows(
    server: Server, tmp_path: Path, undisturbed_run: Path, launch: Launch
) -> None:
    begin_after(REFERENCES, undisturbed_run, tmp_path)
    place, output = fresh_database(server, tmp_path.name), tmp_path / "run"
    process = launch("--storage-file", secret(tmp_path, place))
    wait_until(
        lambda: recorded(output) > REFERENCES and training(output), what="a second proposal in training"
    )
    status: dict[str, Any] = json.loads(shown("status", str(output), "--json"))
    assert status["finished"] is False
    assert status["trainings"]["done"] > REFERENCES
    assert len(status["training"]) <= 1
    assert json.loads(shown("best", str(output), "--json"))["confirmed"] is False
    shown("export", str(output), "--to", str(tmp_path / "early"))
    wait_until(lambda: trained(output) or not process.is_alive(), what="the end of the trainings")
    kill_group(process)
    assert json.loads(shown("best", str(output), "--json"))["confirmed"] is True
    early = pd.read_csv(tmp_path / "early" / "trials.csv")
    late = pd.read_csv(output / "trials.csv")
    merged = early[early["state"] == "complete"].merge(
        late, on=list(early.columns), how="left", indicator=True
    )
    assert set(merged["_merge"]) == {"both"}, "what was exported early is what the end has"
