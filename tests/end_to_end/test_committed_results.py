"""What is committed under results/ is what the programs make of it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from scaling.library.searching import load_search
from scaling.runs.trials_table import TRIAL_COLUMNS

ROOT = Path(__file__).parents[2]
RUNS = sorted(path.parent for path in (ROOT / "results").glob("*/trials.csv"))


def document(run: Path, name: str) -> Any:
    return json.loads((run / name).read_text(encoding="utf-8"))


def test_there_are_results() -> None:
    assert {run.name for run in RUNS} >= {"quick", "fashion_mnist"}


@pytest.mark.parametrize("run", RUNS, ids=lambda run: run.name)
def test_results_come_from_committed_code_and_their_configuration(run: Path) -> None:
    provenance, found = document(run, "provenance.json"), document(run, "run.json")
    assert provenance["commit"]
    assert provenance["dirty"] is False
    assert provenance["finished"] is not None
    assert found["key"] == load_search(run).config.key()
    if provenance["config"]["schema_version"] == found["config"]["schema_version"]:  # not carried over
        assert (provenance["config"], provenance["config_key"]) == (found["config"], found["key"])


@pytest.mark.parametrize("run", RUNS, ids=lambda run: run.name)
def test_the_result_is_what_the_table_gives(run: Path) -> None:
    found = load_search(run)
    assert found.finished
    assert list(found.trials.columns) == list(TRIAL_COLUMNS)
    assert document(run, "result.json") == found.result
