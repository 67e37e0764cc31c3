"""What is committed under results/ is what the programs make of it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from scaling.analysis import noise_floor
from scaling.plans.search.config import parse_config
from scaling.plans.search.result import result_document
from scaling.plans.study.conclusions import concluded
from scaling.plans.study.config import Expectation, ExpectedSpread
from scaling.runs.trials_table import TRIAL_COLUMNS, read_trials

ROOT = Path(__file__).parents[2]
RUNS = sorted(path.parent for path in (ROOT / "results").glob("*/trials.csv"))


def document(run: Path, name: str) -> Any:
    return json.loads((run / name).read_text(encoding="utf-8"))


def test_there_are_results() -> None:
    assert {run.name for run in RUNS} >= {"quick", "fashion_mnist"}


@pytest.mark.parametrize("run", RUNS, ids=lambda run: run.name)
def test_results_come_from_committed_code_and_their_configuration(run: Path) -> None:
    provenance = document(run, "provenance.json")
    described = document(run, "run.json")
    config = parse_config(described["config"], where=run.name)
    assert provenance["commit"]
    assert provenance["dirty"] is False
    assert provenance["finished"] is not None
    assert (described["kind"], described["key"]) == ("search", config.key())
    recorded = provenance["config"]  # as the version that trained wrote it
    for table in ("data", "recipe"):
        trained = recorded.get("setup", recorded)[table]
        now = described["config"]["setup"][table]
        assert {key: now[key] for key in trained} == trained


@pytest.mark.parametrize("run", RUNS, ids=lambda run: run.name)
def test_the_ranking_is_what_the_table_gives(run: Path) -> None:
    trials = read_trials(run / "trials.csv")
    assert list(trials.columns) == list(TRIAL_COLUMNS)
    config = parse_config(document(run, "run.json")["config"], where=run.name)
    kept, found = document(run, "result.json"), result_document(config, trials, noise_floor(trials))
    kept.pop("arithmetic", None)  # of the records, which are not exported
    surface, again = kept.pop("surface"), found.pop("surface")
    assert kept == found
    for part in ("gains", "contrasts"):  # last bits of a machine may move a draw or two of thousands
        for name, one in surface[part].items():
            assert again[part][name] == pytest.approx(one, abs=0.1), name


def test_conclusions_of_studies_are_what_their_tables_give() -> None:
    for folder in sorted(path.parent for path in (ROOT / "results" / "studies").glob("*/trials.csv")):
        provenance, result = document(folder, "provenance.json"), document(folder, "result.json")
        assert provenance["commit"], folder.name
        assert provenance["dirty"] is False, folder.name
        assert provenance["finished"] is not None, folder.name
        config = provenance["config"]
        study, setup = config["study"], config.get("setup") or config["proxy"]  # of studies before 0.2
        trials, spread = read_trials(folder / "trials.csv"), study.get("expect_spread")
        found = concluded(
            trials,
            [Expectation.model_validate(one) for one in study["expect"]],
            validation_images=setup["data"]["validation"],
            spread=spread and ExpectedSpread.model_validate(spread),
        )
        assert found.verdict == result["conclusions"]["verdict"], folder.name
        assert found.survives == result["conclusions"]["survives_learning_rates"], folder.name
        for one in found.expected:
            if one.learning_rate_factor == 1 and one.contrast is not None:
                assert one.contrast.value == pytest.approx(_first(result, one.claim)["value"]), folder.name
        assert {"card.json", "card.md"} <= {path.name for path in folder.iterdir()}, folder.name


def _first(result: Any, claim: str) -> Any:
    rows = result["conclusions"]["expected"]
    (found,) = (one for one in rows if one["claim"] == claim and one["learning_rate_factor"] == 1)
    return found["measured"]
