"""A tiny study as a user runs it: stopped, reported, resumed; a second study trains only what is new."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from scaling.studies.folder import StudyFolder, export_study
from search_runs import answer_ctrl_c, environment, experiment, stop_by_ctrl_c, wait_until

from scaling.cli import group
from scaling.runs.trials_table import read_trials

STUDY = """
schema_version = 1
kind = "study"
name = "{name}"
question = "does it run?"
prediction = "yes"
{law}

[design]
kind = "ladder"
strategies = [{strategies}]
factors = [2.0]
tolerance = 0.2

[[expect]]
claim = "depth beats the baseline"
more = ["depth@2"]
less = ["baseline"]

[sizes.quick]
proxy = "tiny.toml"
seeds = [0, 1]

[sizes.standard]
proxy = "tiny.toml"
seeds = [0, 1]
"""


def study(folder: Path, name: str, strategies: str, *, law: str = "") -> Path:
    path = folder / f"{name}.toml"
    path.write_text(STUDY.format(name=name, strategies=strategies, law=law), encoding="utf-8")
    return path


def arguments(name: str, *more: str) -> list[str]:
    return [f"{name}.toml", "--proxy", "tiny.toml", "--store", "store", "--output", f"out-{name}", *more]


def run(name: str, *more: str) -> Result:
    """In this process; trainings have processes of their own."""
    done = CliRunner().invoke(group, ["study", *arguments(name, *more)])
    assert done.exit_code == 0, done.output
    return done


def records(folder: Path) -> dict[str, int]:
    return {path.name: path.stat().st_mtime_ns for path in (folder / "store").glob("[0-9a-f]*.json")}


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a study that was stopped by Ctrl-C after its first training."""
    folder = tmp_path_factory.mktemp("studies")
    experiment(folder, search={"workers": 1}, recipe={"epochs": 4})
    study(folder, "first", '"depth", "width"')
    launch = subprocess.Popen(
        [sys.executable, "-m", "scaling", "study", *arguments("first")],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment(),
        start_new_session=True, cwd=folder, preexec_fn=answer_ctrl_c,  # noqa: PLW1509  these tests start no threads
    )  # fmt: skip
    wait_until(lambda: len(records(folder)) >= 1, what="the first training")
    stop_by_ctrl_c(launch)
    return folder


def test_a_study_that_was_stopped_goes_on_and_another_trains_only_what_is_new(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(place)
    before = records(place)
    assert 1 <= len(before) < 6
    assert "PARTIAL" in run("first", "--report").stdout
    assert records(place) == before
    trials = read_trials(place / "out-first" / "trials.csv")
    assert (trials["state"] == "complete").sum() == len(before)
    assert (trials["state"] == "waiting").sum() == 6 - len(before)

    done = run("first")
    assert "PARTIAL" not in done.stdout
    assert "Predicted" in done.stdout
    after = records(place)
    assert len(after) == 6
    assert before.items() <= after.items()  # what was finished was not touched
    check_folder(place / "out-first")

    study(place, "second", '"compound", "depth", "width"', law="law = true")
    plan = json.loads(run("second", "--plan", "--json").stdout)
    assert (plan["trainings"], plan["there"]) == (8, 6)
    assert plan["core_s"] > 0
    assert json.loads(run("second", "--json").stdout)["complete"]
    assert len(records(place)) == 8
    assert after.items() <= records(place).items()
    first, second = (read_trials(place / f"out-{name}" / "trials.csv") for name in ("first", "second"))
    shared = first.merge(second, on=["architecture", "seed"])
    assert len(shared) == 6
    assert (shared["top1_x"] == shared["top1_y"]).all()
    export_study(StudyFolder(path=place / "out-second"), place / "kept")
    assert (place / "kept" / "laws.json").read_bytes() == (place / "out-second" / "laws.json").read_bytes()


def check_folder(folder: Path) -> None:
    """Conclusions, provenance of all three launches, and a card that shows its gaps."""
    result = json.loads((folder / "result.json").read_text())
    assert result["complete"]
    assert result["missing_trainings"] == 0
    assert result["conclusions"]["expected"][0]["measured"]["seeds"] == 2
    assert {path.name for path in folder.iterdir()} >= {
        "trials.csv", "result.json", "card.json", "card.md", "provenance.json", "figures",
    }  # fmt: skip
    provenance = json.loads((folder / "provenance.json").read_text())
    assert len(provenance["launches"]) == 3
    assert provenance["finished"] is not None
    card = json.loads((folder / "card.json").read_text())
    answers = {item["question"]: item for item in card["items"]}
    assert answers["Random-search baseline?"]["state"] == "not applicable"
    assert answers["Do conclusions survive other learning rates?"]["state"] == "gap"
