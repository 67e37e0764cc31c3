"""Which network may be called best, and which do not differ from it significantly."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from click.testing import CliRunner
from recorded_runs import shown
from scipy import stats
from search_runs import configuration

from scaling.analysis import contenders, noise_floor
from scaling.analysis.choosing import holm
from scaling.cli import group
from scaling.errors import ResultsError
from scaling.figures.run_trials import run_frame
from scaling.plans.search.result import choice_document
from scaling.plans.search.run import KIND
from scaling.report.findings import findings
from scaling.report.record import read_record
from scaling.runs.folder import RunFolder, open_folder
from scaling.runs.trials_table import trials_frame, write_trials


def rows(
    trial: int, kind: str, architecture: str, top1: Sequence[float], first_seed: int = 0
) -> list[dict[str, Any]]:
    bases = {"alpha": 1.2, "beta": 1.1, "gamma": 1.15, "phi": 1.0}
    if architecture == "baseline":
        bases = {"phi": 0.0}
    return [
        {
            "experiment": "tiny", "trial": trial, "seed": first_seed + place, "kind": kind, "top1": one,
            "name": kind if kind != "reference" else architecture, "state": "complete",
            "architecture": architecture, "image_size": 18, "params": 10, "macs": 20, "achieved_factor": 2.0,
            **bases,
        }
        for place, one in enumerate(top1)
    ]  # fmt: skip


def frame(*groups: list[dict[str, Any]]) -> pd.DataFrame:
    return trials_frame([row for group in groups for row in group])


LUCKY = frame(
    rows(0, "reference", "baseline", [0.50, 0.52]),
    rows(5, "search", "lucky", [0.80, 0.82]),
    rows(6, "search", "steady", [0.78, 0.80]),
    rows(7, "search", "poor", [0.60, 0.62]),
    rows(8, "confirm", "lucky", [0.74, 0.76], first_seed=7),
    rows(9, "confirm", "steady", [0.79, 0.81], first_seed=7),
)


def test_only_fresh_seeds_make_a_winner() -> None:
    found = contenders(LUCKY, noise_floor(LUCKY))
    assert found["trial"].tolist() == [6, 5, 7, 0]
    winner = found.iloc[0]
    assert (winner["verdict"], winner["evidence"], winner["seeds"]) == ("best", "fresh", 2)
    assert winner["top1"] == pytest.approx(0.80)
    assert winner["search_top1"] == pytest.approx(0.79)
    assert found["evidence"].tolist() == ["fresh", "fresh", "search", "search"]
    assert found["verdict"].tolist() == ["best", "same", "below", "below"]


def test_p_is_the_pooled_t_test_after_holm() -> None:
    noise = noise_floor(LUCKY)
    assert noise is not None
    found = contenders(LUCKY, noise)
    raw = [
        2 * stats.t.sf(difference / noise.standard_deviation, noise.degrees_of_freedom)
        for difference in (0.05, 0.19, 0.29)
    ]
    assert found["p"].tolist()[1:] == pytest.approx([raw[0], 2 * raw[1], 3 * raw[2]])
    assert math.isnan(found["p"].iloc[0])
    assert found["high"].iloc[0] - found["top1"].iloc[0] == pytest.approx(noise.reach(2))


def test_without_fresh_seeds_the_highest_proposal_only_leads() -> None:
    searched = LUCKY[LUCKY["kind"] != "confirm"]
    found = contenders(searched, noise_floor(searched))
    assert (found["trial"].iloc[0], found["verdict"].iloc[0]) == (5, "leads")
    dearer = frame(rows(0, "reference", "width", [0.9, 0.91]), rows(5, "search", "a", [0.5, 0.51]))
    found = contenders(dearer, noise_floor(dearer))
    assert found[["trial", "verdict"]].values.tolist() == [[5, "leads"], [0, "above"]]


def test_without_a_noise_floor_nothing_differs() -> None:
    single = frame(rows(5, "search", "a", [0.8]), rows(6, "search", "b", [0.1]))
    assert contenders(single, noise_floor(single))["verdict"].tolist() == ["leads", "unknown"]
    assert contenders(single[:0], None).empty


def test_holm_is_monotone_and_never_above_one() -> None:
    assert holm([]) == []
    assert holm([0.6, 0.5]) == [1.0, 1.0]
    assert holm([0.02, 0.01, 0.04]) == pytest.approx([0.04, 0.03, 0.04])


@pytest.fixture
def exported(tmp_path: Path) -> Path:
    folder = empty_run(tmp_path / "kept")
    write_trials(folder / "trials.csv", LUCKY)
    return folder


def empty_run(path: Path) -> Path:
    config = configuration()
    path.mkdir()
    open_folder(RunFolder(path=path), KIND, config.document(), config.key(), store=path.parent / "trainings")
    return path


def test_best_reads_what_export_wrote(exported: Path) -> None:
    document = json.loads(shown("best", str(exported), "--json"))
    assert document["confirmed"] is True
    assert document["winner"]["trial"] == 6
    assert [row["trial"] for row in document["same"]] == [5]
    assert [row["trial"] for row in document["below"]] == [7, 0]
    text = shown("best", str(exported))
    assert "best: trial 6, 80.0 ± " in text
    assert "Holm" in " ".join(text.split())
    assert max(len(line) for line in text.splitlines() if not line.startswith("scaling ")) <= 60


def test_the_familys_command_works_as_printed(exported: Path) -> None:
    words = json.loads(shown("best", str(exported), "--json"))["family"].split()
    assert words[:2] == ["scaling", "family"]
    outcome = CliRunner().invoke(group, [*words[1:], "--json"], catch_exceptions=False)
    members = json.loads(outcome.stdout)["members"]
    assert [row["phi"] for row in members] == list(range(8))
    assert members[0]["achieved_factor"] == 1


def test_a_confirmation_under_way_is_said() -> None:
    waiting = frame(rows(9, "confirm", "other", [0.0]))
    waiting["state"] = pd.array(["waiting"], dtype="string")
    document = choice_document(pd.concat([LUCKY, waiting], ignore_index=True), noise_floor(LUCKY))
    assert document is not None
    assert document["confirmed"] is False


def test_a_run_without_accuracies_has_no_best(tmp_path: Path) -> None:
    with pytest.raises(ResultsError, match="has an accuracy yet"):
        shown("best", str(empty_run(tmp_path / "run")))


def test_the_report_says_what_fresh_seeds_found(exported: Path) -> None:
    sentences = findings(read_record(exported))
    said = [one for one in sentences if "seeds that did not choose it" in one]
    assert len(said) == 1
    assert "trial 6 is best of the candidates: 80.0 %" in said[0]
    assert "1 of the other 3 networks" in said[0]


def test_charts_show_each_network_once() -> None:
    assert sorted(set(run_frame(LUCKY)["trial"])) == [0, 5, 6, 7]
