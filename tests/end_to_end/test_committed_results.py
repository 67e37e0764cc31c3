"""What is committed under results/ is what the programs make of it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from scaling.analysis import noise_floor
from scaling.cli.trials import result_document
from scaling.results import TRIAL_COLUMNS, read_trials
from scaling.search.config import parse_config

ROOT = Path(__file__).parents[2]
RUNS = sorted(path.parent for path in (ROOT / "results").glob("*/trials.csv"))

OLDER_KEYS = {"fashion_mnist"}
"""Recorded when keys still counted settings at their defaults; to be run again."""


def document(run: Path, name: str) -> Any:
    return json.loads((run / name).read_text(encoding="utf-8"))


def test_there_are_results() -> None:
    assert {run.name for run in RUNS} >= {"quick", "fashion_mnist"}


@pytest.mark.parametrize("run", RUNS, ids=lambda run: run.name)
def test_results_come_from_committed_code_and_their_configuration(run: Path) -> None:
    provenance = document(run, "provenance.json")
    config = parse_config(document(run, "config.json"), where=run.name)
    assert provenance["commit"]
    assert provenance["dirty"] is False
    assert provenance["finished"] is not None
    assert provenance["config"] == document(run, "config.json")
    if run.name not in OLDER_KEYS:
        assert provenance["config_key"] == config.key()


@pytest.mark.parametrize("run", RUNS, ids=lambda run: run.name)
def test_the_ranking_is_what_the_table_gives(run: Path) -> None:
    trials = read_trials(run / "trials.csv")
    assert list(trials.columns) == list(TRIAL_COLUMNS)
    config = parse_config(document(run, "config.json"), where=run.name)
    assert document(run, "result.json") == result_document(config, trials, noise_floor(trials))
