"""`scaling fit`: what it prints and writes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from commands import document, printed

ROOT = Path(__file__).parents[3]


@pytest.mark.parametrize("run", ["fashion_mnist", "fashion_mnist_exhaustive"])
def test_our_own_runs_are_refused_for_their_short_range(run: str) -> None:
    (found,) = document("fit", ROOT / "results" / run)
    assert found["source"] == run
    assert found["laws"][0]["strategy"] == "all"
    assert all("too short to tell" in law["refusal"] for law in found["laws"])
    assert "too short to tell" in found["surface"]["refusal"]
    assert found["surface"]["bases"] is None


def test_the_command_prints_a_law_and_writes_it(tmp_path: Path) -> None:
    text = printed("fit", "--published", "EfficientNet", "--resamples", "20", "-o", tmp_path, columns=60)
    assert "97.8×" in text
    assert "inside the interval" in " ".join(text.split())
    assert {path.name for path in tmp_path.iterdir()} == {"laws.json", "law.svg", "law.png", "law.csv"}
    (found,) = json.loads((tmp_path / "laws.json").read_text())
    assert found["laws"][0]["resamples"] == 20
