"""What trainings take is measured with the workers of a run."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from search_runs import configuration, experiment

from scaling.cli.output import run
from scaling.cli.search import search
from scaling.errors import ConfigError
from scaling.plans.search.config import load_config
from scaling.plans.search.sizing import read_overrides
from scaling.plans.search.speed import measure_speed

NAMES = {"baseline", "depth", "width", "resolution", "compound"}


def test_the_command_measures_and_its_plan_is_read_by_run(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path, plan = experiment(tmp_path, search={"trials": 5, "confirm": 0}), tmp_path / "plan.json"
    run(search, ["plan", "--config", str(path), "--hours", "0.05", "--output", str(plan)])
    out, err = capsys.readouterr()
    assert "each reference for one epoch" in err
    assert "planned" in out
    assert "python run_search.py run --config" in out
    document = json.loads(plan.read_text())
    assert set(document["speed"]["epoch_s"]) == NAMES
    assert all(value > 0 for value in document["speed"]["epoch_s"].values())
    assert all(value > 0 for value in document["speed"]["fixed_s"].values())
    assert document["speed"]["startup_s"] > 0
    assert document["chosen"]["seconds"] <= 180
    planned = load_config(path, read_overrides(plan))
    assert planned.search.trials == document["chosen"]["trials"] >= 4
    assert planned.setup.recipe.epochs == document["chosen"]["epochs"] == 1


def test_a_reference_that_cannot_be_trained_is_named() -> None:
    config = configuration(recipe={"learning_rate": 1e30, "warmup": 0.0, "optimizer": "sgd"})
    with pytest.raises(ConfigError, match="the reference baseline could not be trained for an epoch"):
        measure_speed(config)
