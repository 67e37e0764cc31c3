"""A study at equal predicted time, of a device that was really measured."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from tiny_study import write_study

import scaling
from scaling.cli import group
from scaling.cost import count_cost
from scaling.errors import ConfigError
from scaling.latency.calibration import read_calibration
from scaling.network.architecture import ArchitectureSpec
from scaling.plans.study.equality import calibration_words, measured_times, with_measured
from scaling.plans.study.networks import NOTHING
from scaling.plans.study.plan import StudyPlan
from scaling.plans.study.run import study_plan

DESIGN = {"kind": "ladder", "strategies": ["depth", "resolution"], "factors": [2.0], "tolerance": 0.2}
CALIBRATED = ["design.metric=latency", "design.latency.calibration=device.json"]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a study, its setup, and a calibration of this machine on the setup's own networks."""
    folder = tmp_path_factory.mktemp("equal")
    sizes = {"setup": "tiny.toml", "seeds": [0]}
    write_study(folder, name="equal", design=DESIGN, sizes={"quick": sizes, "standard": sizes})
    done = CliRunner().invoke(
        group,
        [
            *("latency", "--calibrate", "--family", str(folder / "tiny.toml"), "--image-sizes", "12,40"),
            *("--networks", "12", "--held-out", "5", "--rounds", "1", "--device", "cpu"),
            *("--kernels", "fixed", "--output", str(folder / "device.json")),
        ],
    )
    assert done.exit_code == 0, done.output
    return folder


@pytest.fixture(autouse=True)
def _here(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(place)


def plan(*overrides: str) -> StudyPlan:
    return study_plan("equal.toml", overrides=overrides)


def changed(name: str, change: Callable[[dict[str, Any]], dict[str, Any]]) -> str:
    """Write the calibration, changed; return the override that names it."""
    document = json.loads(Path("device.json").read_text())
    Path(name).write_text(json.dumps({**document, **change(document)}))
    return f"design.latency.calibration={name}"


def spec_of(one: StudyPlan, name: str) -> ArchitectureSpec:
    (found,) = (network.spec for network in one.networks(NOTHING) if network.name == name)
    assert found is not None
    return found


def test_a_study_is_brought_to_equal_predicted_time_and_says_of_which_device() -> None:
    measured = read_calibration(Path("device.json"))
    one = plan(*CALIBRATED)
    assert one.calibration == measured
    feasible = [network for network in one.networks(NOTHING) if network.problem is None]
    assert len(feasible) >= 2  # a rough calibration may leave a way without a network
    found = scaling.study("equal.toml", overrides=CALIBRATED, output="out").result
    assert found["metric"] == "latency"
    said = found["latency"]
    assert said["median_error"] == measured.errors["model"].median
    assert said["conditions"]["processor"] == measured.conditions.processor
    base = said["predicted_ms"]["baseline"]
    assert base == pytest.approx(measured.predict_ms(spec_of(one, "baseline")))
    for name in said["predicted_ms"].keys() - {"baseline"}:
        assert said["predicted_ms"][name] == pytest.approx(measured.predict_ms(spec_of(one, name)))
        assert said["predicted_ms"][name] / base == pytest.approx(2, rel=0.2)
    assert said["measured_ms"].keys() == said["predicted_ms"].keys()
    assert all(0.2 < over < 5 for over in said["measured_over_predicted"].values())
    words = " ".join(calibration_words(one, feasible))
    assert "Equal predicted time, not measured: inference, batch 1" in words
    assert f"off by {100 * measured.errors['model'].median:.1f} % in the median on 5 networks" in words
    card = json.loads(Path("out/card.json").read_text())["items"]
    (item,) = (item for item in card if "Predicted time" in item["question"])
    assert "Measured side by side here" in item["answer"]
    assert (item["state"], str(measured.conditions) in item["answer"]) == ("filled", True)


def test_times_are_not_measured_where_the_calibration_is_of_another_torch() -> None:
    older = changed("older.json", lambda one: {"conditions": {**one["conditions"], "torch_version": "0.1"}})
    one = plan("design.metric=latency", older)
    assert measured_times(one, one.networks(NOTHING)) is None
    assert with_measured({"predicted_ms": {}}, None) == {"predicted_ms": {}}


def test_networks_far_beyond_the_calibration_are_named_and_not_trained() -> None:
    macs = count_cost(plan().space.baseline).macs
    small = changed("small.json", lambda one: {"ranges": {**one["ranges"], "macs": [1.0, macs / 3.9]}})
    problems = [network.problem for network in plan("design.metric=latency", small).networks(NOTHING)]
    assert problems[0] is None  # beyond the range, but not far
    assert all(problem is not None for problem in problems[1:])
    assert any("times beyond the calibrated range in macs" in str(problem) for problem in problems)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda _one: {"errors": {}}, "is damaged: errors has no model"),
        (lambda one: {"ranges": {"macs": one["ranges"]["macs"]}}, "damaged: ranges has no"),
        (lambda _one: {"errors": {"model": 3}}, "changed.json: errors"),
        (lambda one: {"ranges": {**one["ranges"], "macs": [1e12, 2e12]}}, "beyond the calibrated range"),
    ],
)  # fmt: skip
def test_a_calibration_that_will_not_do_gets_one_line(change: Any, message: str) -> None:
    given = changed("changed.json", change)
    with pytest.raises(ConfigError, match=message):
        plan("design.metric=latency", given)


def test_a_calibration_is_relative_to_its_file_and_on_the_command_line_to_here(
    place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    design = {**DESIGN, "metric": "latency", "latency": {"calibration": "device.json"}}
    write_study(place, name="timed", design=design)
    monkeypatch.chdir(tmp_path)
    model = read_calibration(place / "device.json").model
    timed = study_plan(place / "timed.toml")
    assert timed.design.latency == model
    assert timed.calibration is not None
    with pytest.raises(ConfigError, match=r"cannot read .*absent.json"):
        study_plan(place / "timed.toml", overrides=["design.latency.calibration=../absent.json"])
    assert study_plan(place / "equal.toml").calibration is None
