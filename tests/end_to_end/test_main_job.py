"""`python run_search.py` with a tiny budget: from nothing to table, provenance and charts, and again."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import datetime
from pathlib import Path

import pytest
from launches import environment
from recorded_runs import shown
from search_runs import ROOT

from scaling.figures import RUN_CHARTS
from scaling.plans.search.config import load_config
from scaling.report import read_record
from scaling.runs.trials_table import DIGEST, TRIAL_COLUMNS, digest_of, read_trials

TINY = [
    *("--set", "data.train=200", "--set", "data.validation=100"),
    *("--set", "recipe.epochs=1", "--set", "search.trials=2"),
]  # fmt: skip


def main_job(output: Path, *more: str) -> subprocess.CompletedProcess[str]:
    """Run the README's main command, as it is typed, with the budget made small."""
    arguments = [sys.executable, "run_search.py", *TINY, "--output", str(output)]
    arguments += ["--store", str(output.parent / "trainings"), *more]
    return subprocess.run(
        arguments, cwd=ROOT, env=environment(), capture_output=True, text=True, timeout=300, check=False
    )


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, subprocess.CompletedProcess[str]]:
    output = tmp_path_factory.mktemp("main") / "run"
    return output, main_job(output)


def test_it_ends_well_and_prints_its_table(run: tuple[Path, subprocess.CompletedProcess[str]]) -> None:
    output, done = run
    assert done.returncode == 0, done.stderr
    for word in (
        "baseline",
        "depth",
        "width",
        "resolution",
        "compound",
        "trial 5",
        "top-1 %",
        "did not learn",
    ):
        assert word in done.stdout
    assert str(output / "trials.csv") in done.stdout
    assert "2 proposals and 5 references" in done.stderr
    assert "Traceback" not in done.stderr
    trainings = len(read_trials(output / "trials.csv"))
    assert f"{trainings}/{trainings}" in done.stderr
    assert "optimum at" in done.stderr
    assert done.stdout.startswith("On glyphs a doubling of cost is worth ")
    assert "The network to build has " in done.stdout
    assert "scaling family --alpha " in done.stdout


def test_the_table_of_trials_is_right(run: tuple[Path, subprocess.CompletedProcess[str]]) -> None:
    trials = read_trials(run[0] / "trials.csv")
    assert list(trials.columns) == list(TRIAL_COLUMNS)
    trained = trials[trials["state"] == "complete"]
    assert set(trials["state"]) <= {"complete", "infeasible"}
    kinds = trained.groupby("kind")["trial"].nunique().to_dict()
    assert kinds == {"reference": 5, "search": 2, "confirm": 1}
    table = load_config(ROOT / "experiments" / "quick.toml").search
    first = trained[trained["kind"] != "confirm"].groupby("trial")["seed"].apply(list).to_dict()
    assert first[0] == list(table.baseline_seeds)
    assert all(first[trial] == list(table.seeds) for trial in range(1, 5))
    assert all(first[trial] == [0] for trial in (5, 6))
    again = trained[trained["kind"] == "confirm"].groupby("trial")["seed"].apply(list)
    assert again.tolist() == [list(table.confirm_seeds)]
    assert trials["experiment"].unique().tolist() == ["quick"]
    assert trained["top1"].between(0, 1).all()
    assert (trained["wall_s"] > 0).all()
    assert (trained["fidelity_epochs"] == 1).all()
    search = trained[trained["kind"] == "search"]
    assert ((search["achieved_factor"] / 4 - 1).abs() <= 0.05).all()
    assert search["architecture"].nunique() == 2
    assert not set(search["architecture"]) & set(trained.loc[trained["kind"] == "reference", "architecture"])


def test_provenance_is_complete(run: tuple[Path, subprocess.CompletedProcess[str]]) -> None:
    found = json.loads((run[0] / "provenance.json").read_text())
    assert found["config"] == json.loads((run[0] / "run.json").read_text())["config"]
    assert found["config"]["setup"]["data"]["train"] == 200
    assert found["config"]["search"]["baseline_seeds"] == [0, 1, 2, 3]
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
    least = {".svg": 300, ".png": 300, ".csv": 5}
    assert all(file.stat().st_size > least[file.suffix] for file in (run[0] / "figures").iterdir())


def test_a_report_is_written_and_named(run: tuple[Path, subprocess.CompletedProcess[str]]) -> None:
    output, done = run
    assert str(output / "report.html") in done.stdout
    page = (output / "report.html").read_text(encoding="utf-8")
    assert load_config(ROOT / "experiments" / "quick.toml").question.split(",")[0] in page
    left_out = read_record(output).left_out
    assert page.count("<svg") == len(RUN_CHARTS) - len(left_out) + 1
    drawn = {file.stem for file in (output / "figures").glob("*.svg")}
    assert drawn == RUN_CHARTS.keys() - left_out.keys()


def test_a_finished_run_says_so_trains_nothing_and_prints_one_document(
    run: tuple[Path, subprocess.CompletedProcess[str]],
) -> None:
    output, _ = run
    before = {name: (output / name).read_bytes() for name in ("trials.csv", "provenance.json", "run.json")}
    again = main_job(output, "--json")
    assert again.returncode == 0, again.stderr
    assert "is finished; --fresh starts anew" in " ".join(again.stderr.split())
    assert "/" not in again.stderr.split("anew")[-1]
    assert {name: (output / name).read_bytes() for name in before} == before
    document = json.loads(again.stdout)
    assert document["experiment"] == "quick"
    trials = read_trials(output / "trials.csv")
    assert sum(document["states"].values()) == len(trials)
    assert len(document["ranking"]) == 7
    searched = trials[(trials["state"] == "complete") & (trials["kind"] != "confirm")]
    assert document["ranking"][0]["top1"] == pytest.approx(searched.groupby("trial")["top1"].mean().max())


def test_another_configuration_is_refused(run: tuple[Path, subprocess.CompletedProcess[str]]) -> None:
    before = (run[0] / "trials.csv").read_bytes()
    done = main_job(run[0], "--set", "recipe.learning_rate=0.01")
    assert (done.returncode, done.stdout) == (2, "")
    assert "Traceback" not in done.stderr
    assert "setup.recipe.learning_rate: 0.02 there, 0.01 here" in done.stderr
    assert (run[0] / "trials.csv").read_bytes() == before


def test_export_copies_what_is_kept(
    run: tuple[Path, subprocess.CompletedProcess[str]], tmp_path: Path
) -> None:
    kept = tmp_path / "kept"
    shown("export", str(run[0]), "--to", str(kept))
    for name in ("trials.csv", "result.json"):
        assert (kept / name).read_bytes() == (run[0] / name).read_bytes(), name
    provenance = json.loads((kept / "provenance.json").read_text())
    assert provenance.pop(DIGEST) == digest_of(kept / "trials.csv")
    assert provenance == json.loads((run[0] / "provenance.json").read_text())
    document = json.loads((run[0] / "run.json").read_text())
    assert json.loads((kept / "run.json").read_text()) == {k: v for k, v in document.items() if k != "store"}
    assert {file.name for file in (kept / "figures").iterdir()} == {
        file.name for file in (run[0] / "figures").glob("run_*")
    }
    assert not [path for path in kept.rglob("*") if path.suffix in {".sqlite3", ".lock", ".jsonl"}]
