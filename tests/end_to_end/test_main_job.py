"""`python run_search.py` with a tiny budget: from nothing to table, provenance and charts, and again."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import datetime
from pathlib import Path

import pandas as pd
import pytest
from search_runs import ROOT, environment, experiment, finished

from scaling.figures import RUN_CHARTS
from scaling.runs.trials_table import TRIAL_COLUMNS, read_trials
from scaling.search.config import load_config

TINY = [
    *("--set", "data.train=200", "--set", "data.validation=100"),
    *("--set", "recipe.epochs=1", "--set", "search.trials=2"),
]  # fmt: skip


def main_job(output: Path, *more: str) -> subprocess.CompletedProcess[str]:
    """Run the README's main command, as it is typed, with the budget made small."""
    arguments = [sys.executable, "run_search.py", *TINY, "--output", str(output), *more]
    return subprocess.run(
        arguments, cwd=ROOT, env=environment(), capture_output=True, text=True, timeout=300, check=False
    )


CLOCKED = {"wall_s", "train_step_ms", "inference_ms_batch_1", "inference_ms", "images_per_s"}
"""What a clock says; everything else is the same every time."""


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, subprocess.CompletedProcess[str]]:
    output = tmp_path_factory.mktemp("main") / "run"
    return output, main_job(output)


def test_it_ends_well_and_prints_its_table(run: tuple[Path, subprocess.CompletedProcess[str]]) -> None:
    output, done = run
    assert done.returncode == 0, done.stderr
    for word in ("baseline", "depth", "width", "resolution", "compound", "trial 5", "top-1 %", "noise floor"):
        assert word in done.stdout
    assert str(output / "trials.csv") in done.stdout
    assert "distinct networks on target" in done.stderr
    assert "Traceback" not in done.stderr
    assert "9/9" in done.stderr
    assert "again at" in done.stderr
    assert "best: trial " in done.stdout
    assert "scaling family --alpha " in done.stdout


def test_the_table_of_trials_is_right(run: tuple[Path, subprocess.CompletedProcess[str]]) -> None:
    trials = read_trials(run[0] / "trials.csv")
    assert list(trials.columns) == list(TRIAL_COLUMNS)
    trained = trials[trials["state"] == "complete"]
    assert set(trials["state"]) <= {"complete", "infeasible"}
    kinds = trained.groupby("kind")["trial"].nunique().to_dict()
    assert kinds == {"reference": 5, "search": 2, "confirm": 2}
    table = load_config(ROOT / "experiments" / "quick.toml").search
    first = trained[trained["kind"] != "confirm"].groupby("trial")["seed"].apply(list).to_dict()
    assert first[0] == [0, 1, 2]
    assert all(value == list(table.seeds) for trial, value in first.items() if trial > 0)
    again = trained[trained["kind"] == "confirm"].groupby("trial")["seed"].apply(list)
    assert again.tolist() == [list(table.confirm_seeds)] * 2
    assert trials["experiment"].unique().tolist() == ["quick"]
    assert trained["top1"].between(0, 1).all()
    assert (trained["wall_s"] > 0).all()
    assert (trained["fidelity_epochs"] == 1).all()
    search = trained[trained["kind"] == "search"]
    assert ((search["achieved_factor"] / 2 - 1).abs() <= 0.05).all()
    assert search["architecture"].nunique() == 2
    assert not set(search["architecture"]) & set(trained.loc[trained["kind"] == "reference", "architecture"])


def test_provenance_is_complete(run: tuple[Path, subprocess.CompletedProcess[str]]) -> None:
    found = json.loads((run[0] / "provenance.json").read_text())
    assert found["config"] == json.loads((run[0] / "config.json").read_text())
    assert found["config"]["data"]["train"] == 200
    assert found["config"]["search"]["baseline_seeds"] == [0, 1, 2]
    assert len(found["config_key"]) == 16
    assert {"commit", "dirty", "command", "device", "packages", "platform", "cores"} <= set(found)
    assert found["command"][0] == "run_search.py"
    assert all(len(checksum) == 64 for checksum in found["data_checksums"].values())
    assert len(found["data_checksums"]) == 2
    started, ended = (datetime.fromisoformat(found[key]) for key in ("started", "finished"))
    assert (
        started.utcoffset() == ended.utcoffset() == datetime.fromisoformat("2000-01-01T00+00:00").utcoffset()
    )
    assert started <= ended


def test_charts_are_drawn_as_svg_and_png(run: tuple[Path, subprocess.CompletedProcess[str]]) -> None:
    names = {file.name for file in (run[0] / "figures").iterdir()}
    for kind in ("svg", "png"):
        assert {name for name in names if name.endswith(kind) and name.startswith("run_")}
        assert {name for name in names if name.endswith(kind) and name.startswith("family_")}
    least = {".svg": 300, ".png": 300, ".csv": 5}
    assert all(file.stat().st_size > least[file.suffix] for file in (run[0] / "figures").iterdir())


def test_a_report_is_written_and_named(run: tuple[Path, subprocess.CompletedProcess[str]]) -> None:
    output, done = run
    assert str(output / "report.html") in done.stdout
    page = (output / "report.html").read_text(encoding="utf-8")
    assert load_config(ROOT / "experiments" / "quick.toml").question.split(",")[0] in page
    assert page.count("<svg") == len(RUN_CHARTS) + 1


def test_a_finished_run_says_so_and_trains_nothing(
    run: tuple[Path, subprocess.CompletedProcess[str]],
) -> None:
    output, first = run
    before = {name: (output / name).read_bytes() for name in ("trials.csv", "provenance.json", "config.json")}
    again = main_job(output)
    assert again.returncode == 0, again.stderr
    assert "is finished; --fresh starts anew" in " ".join(again.stderr.split())
    assert "/9" not in again.stderr
    assert again.stdout.splitlines()[0].split() == first.stdout.splitlines()[0].split()
    assert {name: (output / name).read_bytes() for name in before} == before


def test_json_is_one_document_of_the_same_result(run: tuple[Path, subprocess.CompletedProcess[str]]) -> None:
    done = main_job(run[0], "--json")
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    assert document["experiment"] == "quick"
    trials = read_trials(run[0] / "trials.csv")
    assert sum(document["states"].values()) == len(trials)
    assert len(document["ranking"]) == 7
    best = document["ranking"][0]["top1"]
    searched = trials[(trials["state"] == "complete") & (trials["kind"] != "confirm")]
    means = searched.groupby("trial")["top1"].mean()
    assert best == pytest.approx(means.max())


def test_another_configuration_is_refused(run: tuple[Path, subprocess.CompletedProcess[str]]) -> None:
    before = (run[0] / "trials.csv").read_bytes()
    done = main_job(run[0], "--set", "recipe.learning_rate=0.02")
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert "recipe.learning_rate: 0.008 there, 0.02 here" in done.stderr
    assert (run[0] / "trials.csv").read_bytes() == before


def test_export_copies_what_is_kept(
    run: tuple[Path, subprocess.CompletedProcess[str]], tmp_path: Path
) -> None:
    arguments = [sys.executable, "run_search.py", "export", str(run[0]), "--to", str(tmp_path / "kept")]
    done = subprocess.run(arguments, cwd=ROOT, env=environment(), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    kept = tmp_path / "kept"
    for name in ("trials.csv", "provenance.json", "config.json"):
        assert (kept / name).read_bytes() == (run[0] / name).read_bytes()
    assert {file.name for file in (kept / "figures").iterdir()} >= {
        file.name for file in (run[0] / "figures").glob("run_*")
    }
    assert not list(kept.rglob("*.sqlite3*")) + list(kept.rglob("*.lock"))


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, pd.DataFrame]:
    """A finished run of six small networks, and its table."""
    folder = tmp_path_factory.mktemp("small")
    config = experiment(folder, search={"trials": 1, "baseline_seeds": [0]})
    done = finished(config, folder / "run")
    assert done.returncode == 0, done.stderr
    return folder, read_trials(folder / "run" / "trials.csv")


def test_fresh_sets_aside_and_gives_the_same_result_again(small: tuple[Path, pd.DataFrame]) -> None:
    folder, first = small
    output = folder / "run"
    (output / "mine.txt").write_text("mine")
    again = finished(folder / "tiny.toml", output, "--fresh")
    assert again.returncode == 0, again.stderr
    (aside,) = folder.glob("run.before-*")
    assert (aside / "mine.txt").read_text() == "mine"
    assert not (output / "mine.txt").exists()
    pd.testing.assert_frame_equal(read_trials(aside / "trials.csv"), first)
    columns = [column for column in first.columns if column not in CLOCKED]
    found = read_trials(output / "trials.csv")[columns]
    pd.testing.assert_frame_equal(found, first[columns], check_exact=True)


def test_a_lost_database_is_not_taken_for_a_finished_run(small: tuple[Path, pd.DataFrame]) -> None:
    folder, first = small
    output = folder / "run"
    for file in output.glob("study.sqlite3*"):
        file.unlink()
    done = finished(folder / "tiny.toml", output)
    assert done.returncode == 0, done.stderr
    columns = [column for column in first.columns if column not in CLOCKED]
    pd.testing.assert_frame_equal(read_trials(output / "trials.csv")[columns], first[columns])


def test_a_run_of_which_everything_diverges_fails_with_one_reason(tmp_path: Path) -> None:
    config = experiment(tmp_path, recipe={"learning_rate": 1e30, "optimizer": "sgd"}, search={"trials": 1})
    done = finished(config, tmp_path / "run")
    assert done.returncode == 1
    assert "no network" in done.stderr.splitlines()[-1]
    assert "Traceback" not in done.stderr
    trials = read_trials(tmp_path / "run" / "trials.csv")
    assert set(trials["state"]) == {"diverged"}
    assert trials["top1"].isna().all()


def test_a_space_without_networks_is_refused(tmp_path: Path) -> None:
    config = experiment(tmp_path, search={"tolerance": 1e-9})
    done = finished(config, tmp_path / "run")
    assert done.returncode == 2
    assert done.stdout == ""
    assert "no network is on target" in done.stderr.splitlines()[-1]
    assert "Traceback" not in done.stderr
