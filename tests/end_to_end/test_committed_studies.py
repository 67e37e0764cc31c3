"""What is committed under results/studies is what the programs make of it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from scaling.runs.trials_table import read_trials
from scaling.search.config import parse_config
from scaling.studies.conclusions import concluded
from scaling.studies.config import parse_study

ROOT = Path(__file__).parents[2]


def document(run: Path, name: str) -> Any:
    return json.loads((run / name).read_text(encoding="utf-8"))


def test_conclusions_of_studies_are_what_their_tables_give() -> None:
    for folder in sorted(path.parent for path in (ROOT / "results" / "studies").glob("*/trials.csv")):
        provenance, result = document(folder, "provenance.json"), document(folder, "result.json")
        assert provenance["commit"], folder.name
        assert provenance["dirty"] is False, folder.name
        assert provenance["finished"] is not None, folder.name
        study = parse_study(provenance["config"]["study"], where=folder.name)
        proxy = parse_config(provenance["config"]["proxy"], where=folder.name)
        trials = read_trials(folder / "trials.csv")
        found = concluded(
            trials, study.expect, validation_images=proxy.data.validation, spread=study.expect_spread
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
