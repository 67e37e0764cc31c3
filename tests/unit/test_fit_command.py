"""`scaling fit`: what it prints and writes, and what bad arguments get."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from scaling.cli import group
from scaling.errors import ConfigError, ResultsError

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("run", ["quick", "fashion_mnist"])
def test_our_own_runs_are_refused_for_their_short_range(run: str) -> None:
    found = CliRunner().invoke(group, ["fit", str(ROOT / "results" / run), "--json"])
    assert found.exit_code == 0, found.output
    (document,) = json.loads(found.output)
    assert document["source"] == run
    assert document["laws"][0]["strategy"] == "all"
    assert all("too short" in law["refusal"] for law in document["laws"])
    assert "too short" in document["surface"]["refusal"]
    assert document["surface"]["bases"] is None


def test_the_command_prints_a_law_and_writes_it(tmp_path: Path) -> None:
    arguments = ["fit", "--published", "EfficientNet", "--resamples", "20", "-o", str(tmp_path)]
    found = CliRunner().invoke(group, arguments, env={"COLUMNS": "60"})
    assert found.exit_code == 0, found.output
    assert "97.8×" in found.output
    assert "inside the interval" in " ".join(found.output.split())
    assert {path.name for path in tmp_path.iterdir()} == {"laws.json", "law.svg", "law.png", "law.csv"}
    (document,) = json.loads((tmp_path / "laws.json").read_text())
    assert document["laws"][0]["resamples"] == 20


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "either tables of trials or a published family"),
        (["x", "--published", "resnet"], "either tables of trials or a published family"),
        (["--published", "resnet", "--cost", "time"], "expected the cost among macs, params, activations"),
        (["--published", "resnet", "--resamples", "3"], "resamples must be between 20 and 20,000, got 3"),
        (["--published", "resnet", "--by", "kind"], "by and pool go with tables"),
        (["nowhere.csv"], "there is no nowhere.csv"),
    ],
)
def test_bad_input_is_one_sentence(arguments: list[str], message: str) -> None:
    found = CliRunner().invoke(group, ["fit", *arguments])
    assert isinstance(found.exception, (ConfigError, ResultsError))
    assert message in str(found.exception)
