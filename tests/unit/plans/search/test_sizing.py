"""Plans: how much fits, what is cut first; one calibration with real workers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scaling.search.config import SearchConfig, load_config
from scaling.search.planning import Calibration, plan_for, predicted_s, read_overrides
from scaling.search.queueing import networks_planned, space_of
from search_runs import configuration, experiment

from scaling.cli.output import run
from scaling.cli.search import search
from scaling.errors import ConfigError

NAMES = ("baseline", "depth", "width", "resolution", "compound")
ONE = Calibration(
    workers=1,
    startup_s=5.0,
    between_s=1.0,
    fixed_s=dict.fromkeys(NAMES, 2.0),
    epoch_s={name: 5.0 if name == "baseline" else 10.0 for name in NAMES},
)
TWO = Calibration(workers=2, startup_s=5.0, between_s=1.0, fixed_s=ONE.fixed_s, epoch_s=ONE.epoch_s)


def config_of(**search: Any) -> SearchConfig:
    wanted = {"trials": 6, "seeds": [0, 1, 2], "baseline_seeds": [0, 1], "confirm": 0, **search}
    return configuration(search=wanted, recipe={"epochs": 3})


def test_time_adds_up_for_one_worker() -> None:
    found = predicted_s(config_of(), ONE, trials=6, seeds=3, epochs=3)
    scaled = 1 + 3 * (2 + 30)
    assert found == pytest.approx(5 + (1 + 2 * (2 + 15)) + 4 * scaled + 6 * scaled)


def test_two_workers_take_networks_as_they_become_free() -> None:
    scaled = 1 + 3 * (2 + 30)
    found = predicted_s(config_of(), TWO, trials=5, seeds=3, epochs=3)
    # Ten networks, the cheap baseline first: the other worker carries five of the nine scaled ones.
    assert found == pytest.approx(5 + 5 * scaled)


def test_confirmations_are_counted() -> None:
    without = predicted_s(config_of(), ONE, trials=6, seeds=3, epochs=3)
    with_two = predicted_s(config_of(confirm=2), ONE, trials=6, seeds=3, epochs=3)
    assert with_two - without == pytest.approx(2 * (1 + 3 * (2 + 30)))


@settings(max_examples=60, deadline=None)
@given(minutes=st.floats(6, 400))
def test_plans_fit_and_one_trial_more_would_not(minutes: float) -> None:
    config = config_of()
    found = plan_for(config, TWO, 60 * minutes)
    assert found.chosen.seconds <= 60 * minutes
    assert found.chosen.trials <= len(space_of(config))
    assert found.asked.trials == 6
    more = predicted_s(
        config, TWO, trials=found.chosen.trials + 1, seeds=found.chosen.seeds, epochs=found.chosen.epochs
    )
    assert more > 60 * minutes or found.chosen.trials == len(space_of(config))
    assert all(cut.seconds < found.chosen.seconds for cut in found.cuts)


def test_seeds_are_cut_before_epochs_and_epochs_before_giving_up() -> None:
    config = config_of()
    whole = predicted_s(config, ONE, trials=4, seeds=3, epochs=3)
    assert plan_for(config, ONE, whole).chosen.seeds == 3
    fewer = plan_for(config, ONE, whole - 1).chosen
    assert (fewer.seeds, fewer.epochs) == (2, 3)
    single = predicted_s(config, ONE, trials=4, seeds=1, epochs=3)
    assert plan_for(config, ONE, single - 1).chosen.epochs == 2
    least = predicted_s(config, ONE, trials=4, seeds=1, epochs=1)
    with pytest.raises(ConfigError, match="minutes are too few: 4 trials of one seed and one epoch"):
        plan_for(config, ONE, least - 1)


def test_a_queue_is_trained_whole() -> None:
    config = config_of(sampler="exhaustive", largest_image_size=18)
    found = plan_for(config, TWO, 3600.0 * 10)
    assert found.chosen.trials == networks_planned(config)
    assert not any(setting.startswith("search.trials") for setting in found.overrides)


def test_the_command_calibrates_and_its_plan_is_read_by_run(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path, plan = experiment(tmp_path, search={"trials": 5, "confirm": 0}), tmp_path / "plan.json"
    run(search, ["plan", "--config", str(path), "--hours", "0.05", "--output", str(plan)])
    out, err = capsys.readouterr()
    assert "each reference for one epoch" in err
    assert "planned" in out
    assert "python run_search.py run --config" in out
    document = json.loads(plan.read_text())
    assert set(document["calibration"]["epoch_s"]) == set(NAMES)
    assert all(value > 0 for value in document["calibration"]["epoch_s"].values())
    assert document["chosen"]["seconds"] <= 180
    planned = load_config(path, read_overrides(plan))
    assert planned.search.trials == document["chosen"]["trials"] >= 4
    assert planned.recipe.epochs == document["chosen"]["epochs"] == 1


@pytest.mark.parametrize("text", ["", "[]", '{"trials": 3}', '{"overrides": 3}'])
def test_files_that_are_no_plan_are_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "plan.json"
    path.write_text(text)
    with pytest.raises(ConfigError, match="is no plan"):
        read_overrides(path)
    with pytest.raises(ConfigError, match="cannot read the plan"):
        read_overrides(tmp_path / "none.json")
