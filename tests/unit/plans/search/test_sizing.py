"""How much search fits, and what is cut first."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from search_runs import configuration, experiment

from scaling.cli.output import run
from scaling.cli.search import search
from scaling.errors import ConfigError
from scaling.plans.search.candidates import networks_planned, space_of
from scaling.plans.search.config import SearchConfig
from scaling.plans.search.sizing import plan_for, predicted_s, read_overrides, seconds_of
from scaling.plans.search.speed import SpeedMeasure

NAMES = ("baseline", "depth", "width", "resolution", "compound")
ONE = SpeedMeasure(
    workers=1,
    startup_s=5.0,
    between_s=1.0,
    fixed_s=dict.fromkeys(NAMES, 2.0),
    epoch_s={name: 5.0 if name == "baseline" else 10.0 for name in NAMES},
)
TWO = SpeedMeasure(workers=2, startup_s=5.0, between_s=1.0, fixed_s=ONE.fixed_s, epoch_s=ONE.epoch_s)


def config_of(**search: Any) -> SearchConfig:
    wanted = {"trials": 6, "seeds": [0, 1, 2], "baseline_seeds": [0, 1], "confirm": 0, **search}
    return configuration(search=wanted, recipe={"epochs": 3})


SCALED = 1 + 2 + 30
"""Seconds of a scaled training of three epochs, with what comes before it."""


def test_time_adds_up_for_one_worker() -> None:
    found = predicted_s(config_of(), ONE, trials=6, seeds=3, epochs=3)
    assert found == pytest.approx(5 + 2 * (1 + 2 + 15) + 4 * 3 * SCALED + 6 * 3 * SCALED)


def test_two_workers_take_trainings_as_they_become_free() -> None:
    found = predicted_s(config_of(), TWO, trials=5, seeds=3, epochs=3)
    # The two cheap baselines side by side, then 27 scaled ones: one worker has 14 of them.
    assert found == pytest.approx(5 + (1 + 2 + 15) + 14 * SCALED)


def test_confirmations_begin_when_everything_else_has_ended() -> None:
    without = predicted_s(config_of(), TWO, trials=5, seeds=3, epochs=3)
    with_one = predicted_s(config_of(confirm=1), TWO, trials=5, seeds=3, epochs=3)
    assert with_one - without == pytest.approx(2 * SCALED)  # three fresh seeds on two workers


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


@pytest.mark.parametrize("hours", ["nan", "inf", "-inf", "0", "-1"])
def test_hours_without_end_are_refused_before_anything_is_measured(
    hours: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    measured: list[object] = []
    monkeypatch.setattr("scaling.cli.planning.measure_speed", measured.append)
    with pytest.raises(SystemExit) as leave:
        run(search, ["plan", "--config", str(experiment(tmp_path)), f"--hours={hours}"])
    assert leave.value.code == 2
    assert "--hours must be a finite number above 0" in capsys.readouterr().err
    assert measured == []
    with pytest.raises(ConfigError, match="finite number above 0"):
        seconds_of(float(hours))


@pytest.mark.parametrize("text", ["", "[]", "[" * 100_000, '{"trials": 3}', '{"overrides": 3}'])
def test_files_that_are_no_plan_are_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "plan.json"
    path.write_text(text)
    with pytest.raises(ConfigError, match="is no plan"):
        read_overrides(path)
    with pytest.raises(ConfigError, match="cannot read the plan"):
        read_overrides(tmp_path / "none.json")
