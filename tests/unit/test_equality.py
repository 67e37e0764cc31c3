"""What a study holds equal: any cost, predicted time of a device that was really measured, or compute."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from click.testing import CliRunner
from search_runs import configuration, experiment

from scaling.cli import group
from scaling.cost import count_cost
from scaling.errors import ConfigError
from scaling.latency.calibration import read_calibration
from scaling.network.architecture import ArchitectureSpec
from scaling.search.config import calibration_of, load_config
from scaling.studies.config import Size, load_study
from scaling.studies.networks import NOTHING
from scaling.studies.times import measured_times, with_measured
from scaling.studies.trials import Bench, jobs_of, trials_of
from scaling.targets.target import Metric
from scaling.training.store import TrainingStore, train_jobs

STUDY = """
schema_version = 1
kind = "study"
name = "equal"
question = "?"
prediction = "!"

[design]
kind = "ladder"
strategies = ["depth", "resolution"]
factors = [2.0]
tolerance = 0.2

[sizes.quick]
proxy = "tiny.toml"
seeds = [0]

[sizes.standard]
proxy = "tiny.toml"
seeds = [0]
"""
TIME = ("--set", "design.metric=latency")
CALIBRATED = (*TIME, "--set", "search.latency.calibration=device.json")


def invoke(*arguments: str) -> Any:
    return CliRunner().invoke(group, [*arguments], env={"COLUMNS": "60"})


def study(*more: str) -> Any:
    found = invoke("study", "equal.toml", "--store", "store", "--output", "out", *more)
    assert found.exit_code == 0, found.output
    return found


def bench(folder: Path, *overrides: str, epochs: int = 4) -> Bench:
    experiment(folder, recipe={"epochs": epochs})
    (folder / "equal.toml").write_text(STUDY)
    design = tuple(one for one in overrides if one.startswith("design."))
    rest = tuple(one for one in overrides if one not in design)
    found = load_study(str(folder / "equal.toml"), design)[0]
    return Bench(
        study=found,
        size=found.table(Size.QUICK),
        proxy=load_config(folder / "tiny.toml", rest),
        title="equal",
        calibration=calibration_of(folder / "tiny.toml", rest),
    )


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a study, its proxy, and a calibration of this machine on the proxy's own networks."""
    folder = tmp_path_factory.mktemp("equal")
    bench(folder, epochs=1)
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


@pytest.fixture
def at_place(place: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(place)
    return place


def test_a_study_is_brought_to_equal_predicted_time_and_says_of_which_device(at_place: Path) -> None:
    measured = read_calibration(at_place / "device.json")
    one = bench(at_place, "design.metric=latency", "search.latency.calibration=device.json", epochs=1)
    assert one.calibration == measured
    members = [member for member in one.members(NOTHING) if member.problem is None]
    assert len(members) >= 2  # a rough calibration may leave a way without a network
    train_jobs(jobs_of(trials_of(one, members)), TrainingStore(path=Path("store"), device=CPU), workers=0)
    words = " ".join(study(*CALIBRATED, "--report").stdout.split())
    found = json.loads(Path("out/result.json").read_text())
    assert found["metric"] == "latency"
    said = found["latency"]
    assert said["median_error"] == measured.errors["model"].median
    assert said["conditions"]["processor"] == measured.conditions.processor
    base = said["predicted_ms"]["baseline"]
    assert base == pytest.approx(measured.predict_ms(spec_of(one, "baseline")))
    for name in said["predicted_ms"].keys() - {"baseline"}:
        assert said["predicted_ms"][name] == pytest.approx(measured.predict_ms(spec_of(one, name)))
        assert said["predicted_ms"][name] / base == pytest.approx(2, rel=0.2)
    assert "Equal predicted time, not measured: inference, batch 1" in words
    assert f"off by {100 * measured.errors['model'].median:.1f} % in the median on 5 networks" in words
    assert said["measured_ms"].keys() == said["predicted_ms"].keys()
    assert all(0.2 < over < 5 for over in said["measured_over_predicted"].values())
    assert said["measured_over_predicted"].keys() == said["predicted_ms"].keys() - {"baseline"}
    assert "Measured side by side here, relative to the baseline" in words
    card = json.loads(Path("out/card.json").read_text())["items"]
    (item,) = (item for item in card if "Predicted time" in item["question"])
    assert "Measured side by side here" in item["answer"]
    assert (item["state"], str(measured.conditions) in item["answer"]) == ("filled", True)


def test_times_are_not_measured_where_the_calibration_is_of_another_torch(at_place: Path) -> None:
    whole = json.loads((at_place / "device.json").read_text())
    foreign = {**whole, "conditions": {**whole["conditions"], "torch_version": "0.1"}}
    (at_place / "older.json").write_text(json.dumps(foreign))
    one = bench(at_place, "design.metric=latency", "search.latency.calibration=older.json", epochs=1)
    assert measured_times(one, one.members(NOTHING)) is None
    assert with_measured({"predicted_ms": {}}, None) == {"predicted_ms": {}}


def spec_of(one: Bench, name: str) -> ArchitectureSpec:
    (found,) = (member.spec for member in one.members(NOTHING) if member.name == name)
    assert found is not None
    return found


CPU = torch.device("cpu")


def test_networks_far_beyond_the_calibration_are_named_and_not_trained(at_place: Path) -> None:
    whole = json.loads((at_place / "device.json").read_text())
    macs = count_cost(bench(at_place).scene.baseline).macs
    narrow = {**whole, "ranges": {**whole["ranges"], "macs": [1.0, macs / 3.9]}}
    (at_place / "small.json").write_text(json.dumps(narrow))
    one = bench(at_place, "design.metric=latency", "search.latency.calibration=small.json")
    problems = [member.problem for member in one.members(NOTHING)]
    assert problems[0] is None  # beyond the range, but not far
    assert all(problem is not None for problem in problems[1:])
    assert any("times beyond the calibrated range in macs" in str(problem) for problem in problems)


@pytest.mark.usefixtures("at_place")
def test_coefficients_without_a_calibration_have_no_known_error() -> None:
    words = " ".join(study(*TIME, "--set", "search.latency.ms_per_gmac=2.0", "--plan").stdout.split())
    assert "came without a calibration: their error is not known" in words


@pytest.mark.parametrize("metric", [Metric.PARAMS, Metric.ACTIVATIONS])
def test_any_cost_can_be_what_is_equal(at_place: Path, metric: Metric) -> None:
    one = bench(at_place, f"design.metric={metric}")
    for member in one.members(NOTHING)[1:]:
        if member.problem is None:
            assert member.spec is not None
            base = getattr(count_cost(one.scene.baseline), metric)
            assert getattr(count_cost(member.spec), metric) / base == pytest.approx(2, rel=0.2)
    assert f"Equal {metric}." in study("--set", f"design.metric={metric}", "--plan").stdout


def test_equal_compute_gives_a_dearer_network_fewer_epochs_and_says_so(at_place: Path) -> None:
    one = bench(at_place, "design.equal=compute", epochs=8)
    base = count_cost(one.scene.baseline).macs
    for trial in trials_of(one, one.members(NOTHING)):
        assert trial.member.spec is not None
        for job in trial.jobs.values():
            wanted = 8 * base / count_cost(trial.member.spec).macs
            assert job.recipe.epochs == pytest.approx(wanted, abs=0.5)
    assert bench(at_place, "design.equal=compute", epochs=1).epochs(one.members(NOTHING)[1]) == 1
    bench(at_place, epochs=1)
    found = json.loads(study("--set", "design.equal=compute", "--report", "--json").stdout)
    assert found["equal"].startswith("compute (epochs: 1 of the baseline")
    card = json.loads(Path("out/card.json").read_text())["items"]
    (item,) = (item for item in card if item["question"].startswith("Same budget"))
    assert item["answer"].startswith("equal compute (")
    assert json.loads(study("--report", "--json").stdout)["equal"] == "epochs (1)"


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("", "needs a model of a device's time: scaling latency --calibrate writes one"),
        ("absent.json", "cannot read .*absent.json: No such file"),
        ("equal.toml", "equal.toml is no calibration: it is not JSON"),
        ("foreign.json", "foreign.json is no calibration: scaling latency --calibrate writes one"),
        ("torn.json", "torn.json is no calibration: it is not JSON"),
        ("damaged.json", "damaged.json is damaged: errors has no model"),
        ("narrow.json", "damaged: ranges has no image_size"),
        ("odd.json", "odd.json: errors"),
        ("other.json", "times beyond the calibrated range in macs"),
    ],
)
def test_a_calibration_that_will_not_do_gets_one_line(at_place: Path, given: str, message: str) -> None:
    whole = json.loads((at_place / "device.json").read_text())
    changed = {
        "damaged.json": {**whole, "errors": {}},
        "narrow.json": {**whole, "ranges": {k: v for k, v in whole["ranges"].items() if k != "image_size"}},
        "odd.json": {**whole, "errors": {"model": 3}},
        "other.json": {**whole, "ranges": {**whole["ranges"], "macs": [1e12, 2e12]}},
    }
    for name, document in changed.items():
        Path(name).write_text(json.dumps(document))
    Path("foreign.json").write_text('{"kind": "study"}')
    Path("torn.json").write_text(json.dumps(whole)[:-20])
    calibration = ("--set", f"search.latency.calibration={given}") if given else ()
    found = invoke("study", "equal.toml", "--plan", *TIME, *calibration)
    assert isinstance(found.exception, ConfigError), found.output
    with pytest.raises(ConfigError, match=message):
        raise found.exception


def test_a_calibration_is_relative_to_its_file_and_on_the_command_line_to_here(
    at_place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = (at_place / "tiny.toml").read_text() + '[search.latency]\ncalibration = "device.json"\n'
    (at_place / "timed.toml").write_text(text)
    monkeypatch.chdir(tmp_path)
    model = read_calibration(at_place / "device.json").model
    assert load_config(at_place / "timed.toml").search.latency == model
    here = [f"search.latency.calibration={Path('..') / 'absent.json'}"]
    with pytest.raises(ConfigError, match="cannot read .*absent.json"):
        load_config(at_place / "timed.toml", here)
    assert calibration_of(at_place / "tiny.toml") is None
    assert configuration().search.latency.known is False


def test_a_design_that_is_changed_by_hand_wins_over_the_sizes(tmp_path: Path) -> None:
    text = STUDY.replace("[sizes.standard]", "factors = [3.0]\n\n[sizes.standard]")
    (tmp_path / "sized.toml").write_text(text)
    name = str(tmp_path / "sized.toml")
    assert load_study(name)[0].sizes.quick.factors == (3.0,)
    changed = load_study(name, ("design.factors=[1.5]",))[0]
    assert (changed.sizes.quick.factors, changed.design.kind) == (None, "ladder")


@pytest.mark.usefixtures("at_place")
def test_changed_designs_have_folders_of_their_own() -> None:
    plan = invoke("study", "equal.toml", "--plan", *CALIBRATED, "--set", "design.equal=compute").stdout
    title = "equal-quick-glyphs-metric-latency-equal-compute-search-latency-calibration-device.json"
    assert plan.replace("\n", "").startswith(title)
    assert invoke("study", "equal.toml", "--plan").stdout.startswith("equal-quick-glyphs\n")
    plan = invoke("study", "equal.toml", "--plan", "--set", "recipe.epochs=2").stdout
    assert plan.startswith("equal-quick-glyphs-recipe-epochs-2\n")
    plan = invoke("study", "equal.toml", "--plan", "--set", "search.workers=1").stdout
    assert plan.startswith("equal-quick-glyphs\n"), "workers shape no result"
    found = invoke("study", "equal.toml", "--plan", "--set", "design.metrc=params")
    with pytest.raises(ConfigError, match="unknown key 'design.metrc'; did you mean 'metric'"):
        raise found.exception or AssertionError(found.output)
