"""Time models: work by kind, fits that recover known models, calibration files, and a real calibration."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from search_runs import configuration

from scaling import variant
from scaling.cli import group
from scaling.cost import count_cost
from scaling.cost.latency_model import LatencyModel, amounts
from scaling.cost.vectorised import Candidates, count_costs
from scaling.cost.work import NAMES, count_work, count_works
from scaling.errors import ConfigError
from scaling.latency.calibration import Calibration, conclude, read_calibration, write_calibration
from scaling.latency.design import Ranges, designed
from scaling.latency.fitting import FITTED, fit, one_factor, relative_errors, summary
from scaling.latency.timing import Conditions, Mode
from scaling.network.architecture import ArchitectureSpec
from scaling.network.baseline_files import baseline_from
from scaling.plans.search.config import load_config
from scaling.targets.budget import Family

B0, BASE = variant("b0"), baseline_from("b0")
KNOWN = LatencyModel(
    base_ms=0.4,
    ms_per_mparam=0.2,
    ms_per_call=0.004,
    ms_per_dense_gmac=20.0,
    ms_per_pointwise_gmac=14.0,
    ms_per_depthwise_gmac=60.0,
    ms_per_convolution_melement=0.3,
    ms_per_elementwise_melement=0.15,
    ms_per_silu_melement=0.9,
)
"""A made-up device."""
CPU = torch.device("cpu")


def networks(count: int = 40, seed: int = 0) -> tuple[ArchitectureSpec, ...]:
    return designed([BASE, baseline_from("lite0")], count, Ranges(), seed=seed)


def conditions() -> Conditions:
    return Conditions.here(CPU, mode=Mode.INFERENCE, batch=1, threads=1, kernels=None)


def synthetic(noise: float = 0.0, count: int = 40) -> Calibration:
    """Return a calibration on made-up times of the known model."""
    specs, random = networks(count), np.random.default_rng(1)
    times = [
        [
            float(KNOWN.predict(count_cost(spec)) * math.exp(noise * random.standard_normal()))
            for _ in range(3)
        ]
        for spec in specs
    ]
    return conclude(specs, times, count - 10, conditions())


@pytest.mark.parametrize(
    "name", ["b0", "b3", "b7", "lite0", "lite4", "mobilenetv1", "mobilenetv2", "resnet-50"]
)
def test_multiply_adds_by_kind_sum_to_those_of_the_cost(name: str) -> None:
    spec = baseline_from(name).spec
    work = count_work(spec)
    kinds = (work.dense_macs, work.pointwise_macs, work.depthwise_macs, work.linear_macs)
    assert sum(kinds) == count_cost(spec).macs
    assert (work.silu_elements > 0) == name.startswith("b")


@pytest.mark.parametrize("name", ["b0", "mobilenetv1", "mobilenetv2", "resnet-50"])
def test_many_networks_are_counted_as_each_of_them(name: str) -> None:
    baseline = baseline_from(name)
    specs = designed([baseline], 12, Ranges(most_macs=1e10), seed=3)
    together = count_works(baseline.spec, Candidates.of(specs, baseline=baseline.spec))
    for index, spec in enumerate(specs):
        alone = count_work(spec)
        assert [int(getattr(together, name)[index]) for name in NAMES] == [getattr(alone, n) for n in NAMES]


def test_work_never_falls_when_a_network_grows() -> None:
    family = Family(B0, latency=KNOWN)
    index = np.arange(12)
    for axis in range(3):
        steps = [index if axis == one else np.full_like(index, 2) for one in range(3)]
        grown = family.amounts("latency_ms", *steps)
        assert (np.diff(grown) >= 0).all()


def test_the_design_is_spread_repeatable_and_within_its_ranges() -> None:
    ranges = Ranges(image_size=(64, 256), most_macs=1e9)
    specs = designed([BASE], 24, ranges, seed=5)
    assert specs == designed([BASE], 24, ranges, seed=5)
    assert len(set(specs)) == 24
    assert max(count_cost(spec).macs for spec in specs) <= 1e9
    sizes = [spec.image_size for spec in specs]
    assert min(sizes) >= 64
    assert max(sizes) <= 256
    assert max(sizes) / min(sizes) > 3
    with pytest.raises(ConfigError, match="the ranges hold 0 networks"):
        designed([BASE], 2, Ranges(most_macs=10), seed=0)


def test_exact_synthetic_times_give_exact_predictions() -> None:
    found = synthetic()
    assert found.errors["model"].median < 1e-6
    assert found.errors["FLOPs"].median > 0.05
    for spec in networks(6, seed=9):
        assert found.predict_ms(spec) == pytest.approx(KNOWN.predict(count_cost(spec)), rel=1e-4)


def test_noisy_synthetic_times_are_predicted_within_their_noise() -> None:
    found = synthetic(noise=0.03)
    assert found.errors["model"].median < 0.04
    assert found.errors["model"].low <= found.errors["model"].median <= found.errors["model"].high
    assert found.errors["model"].networks == 10


def test_a_fit_needs_more_networks_than_coefficients_and_times_above_zero() -> None:
    costs = [count_cost(spec) for spec in networks(20)]
    with pytest.raises(ConfigError, match="needs as many networks and their times, got 5 and 5"):
        fit(costs[:5], [1.0] * 5)
    with pytest.raises(ConfigError, match=r"must be above 0, got 0\.0"):
        fit(costs, [0.0] * 20)


def test_one_factor_is_the_median_ratio() -> None:
    costs = [count_cost(spec) for spec in networks(3)]
    model = one_factor(
        costs, [2e-9 * cost.macs for cost in costs[:2]] + [9e-9 * costs[2].macs], "ms_per_gmac"
    )
    assert model.ms_per_gmac == pytest.approx(2.0)
    errors = relative_errors(model, costs, [2e-9 * cost.macs for cost in costs])
    assert summary(errors).ninth_decile == pytest.approx(0, abs=1e-9)
    assert math.isnan(summary(errors).low)


def test_amounts_are_those_of_cost_and_work() -> None:
    cost, work = count_cost(B0), count_work(B0)
    found = amounts(("ms_per_gmac", *FITTED), cost)
    assert found["ms_per_gmac"] == pytest.approx(cost.macs / 1e9)
    assert found["ms_per_call"] == work.calls
    assert found["ms_per_mparam"] == pytest.approx(cost.params / 1e6)


def test_a_calibration_survives_its_file(tmp_path: Path) -> None:
    found = synthetic(noise=0.02)
    write_calibration(tmp_path / "device.json", found)
    assert read_calibration(tmp_path / "device.json") == found


def test_predictions_far_beyond_the_range_are_refused_and_near_it_marked() -> None:
    found = synthetic()
    assert found.beyond(B0) == {}
    large = replace(B0, image_size=640)
    assert found.beyond(large)["image_size"] == pytest.approx(640 / found.ranges["image_size"][1])
    with pytest.raises(ConfigError, match="times beyond the calibrated range in"):
        found.predict_ms(variant("b7"))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "it is not JSON"),
        ("[]", "scaling latency --calibrate writes one"),
        ('{"kind": "latency", "schema_version": 2}', "expected schema_version 1, got 2"),
        ('{"kind": "latency", "schema_version": 1}', "Field required"),
    ],
)
def test_files_that_are_no_calibration_are_refused(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "file.json").write_text(text)
    with pytest.raises(ConfigError) as caught:
        read_calibration(tmp_path / "file.json")
    assert message in str(caught.value)
    with pytest.raises(ConfigError, match="cannot read"):
        read_calibration(tmp_path / "absent.json")


def test_conditions_out_of_range_are_refused() -> None:
    with pytest.raises(ConfigError, match="training needs a batch of 2"):
        Conditions.here(CPU, mode=Mode.TRAINING, batch=1, threads=1, kernels=None)
    with pytest.raises(ConfigError, match="threads must be between"):
        Conditions.here(CPU, mode=Mode.INFERENCE, batch=1, threads=0, kernels=None)


# --- the same model in searches and budgets ----------------------------------------------------------------


def test_an_experiment_file_takes_a_calibration(tmp_path: Path) -> None:
    found = synthetic()
    write_calibration(tmp_path / "device.json", found)
    document = configuration().document()
    text = ['schema_version = 2\nkind = "search"\nname = "tiny"\nquestion = ""\nprediction = ""']
    for table in ("data", "baseline", "rounding", "numerics", "recipe"):
        text.append(f"[setup.{table}]")
        text += [
            f"{key} = {json.dumps(value)}"
            for key, value in document["setup"][table].items()
            if value is not None and not isinstance(value, dict)
        ]
    text += ['[search]\ntrials = 1\nmetric = "latency"\n[search.latency]\ncalibration = "device.json"']
    (tmp_path / "tiny.toml").write_text("\n".join(text))
    config = load_config(tmp_path / "tiny.toml")
    assert config.search.latency == found.model
    assert config.target.amount(B0) == pytest.approx(found.predict_ms(B0))
    with pytest.raises(ConfigError, match="takes a calibration or coefficients, not both"):
        load_config(tmp_path / "tiny.toml", ["search.latency.base_ms=1.0"])


def test_a_budget_takes_a_calibration(tmp_path: Path) -> None:
    found = synthetic()
    write_calibration(tmp_path / "device.json", found)
    limit = 1.5 * found.predict_ms(B0)
    arguments = ["budget", "--latency-ms", str(limit), "--calibration", str(tmp_path / "device.json")]
    result = CliRunner().invoke(group, [*arguments, "--json"])
    assert result.exit_code == 0, result.output
    document = json.loads(result.output)
    assert 0.95 * limit < document["networks"][0]["latency_ms"] <= limit
    assert document["latency"]["median_error"] < 1e-6
    costs = count_costs(B0, Candidates.of([B0], baseline=B0))
    assert found.model.predict(costs)[0] == pytest.approx(found.predict_ms(B0))
    text = CliRunner().invoke(group, arguments, env={"COLUMNS": "60"}).output
    assert "ms a batch: inference, batch 1" in " ".join(text.split())
    assert max(map(len, text.splitlines())) <= 60


# --- the command -------------------------------------------------------------------------------------------

SMALL = ["--family", "mobilenetv1", "--image-sizes", "32,48", "--most-macs", "4e7", "--kernels", "stock"]


def invoke(arguments: list[str], folder: Path) -> Any:
    return CliRunner().invoke(
        group, ["latency", *arguments], env={"COLUMNS": "60", "SCALING_CACHE": str(folder)}
    )


@pytest.mark.parametrize(("mode", "batch"), [("inference", 1), ("training", 4)])
def test_a_real_calibration_predicts_networks_of_this_device(tmp_path: Path, mode: str, batch: int) -> None:
    calibrating = [
        "--calibrate",
        "--mode",
        mode,
        "--batch",
        str(batch),
        "--networks",
        "12",
        "--held-out",
        "5",
    ]
    done = invoke([*calibrating, "--rounds", "1", "--device", "cpu", *SMALL], tmp_path)
    assert done.exit_code == 0, done.output
    assert max(map(len, done.output.splitlines()[:-1])) <= 60  # the last line is the file's path
    assert "FLOPs" in done.output
    predicted = json.loads(
        invoke(["mobilenetv1", "--image-size", "40", "--device", "cpu", "--json"], tmp_path).output
    )
    (row,) = predicted["predictions"]
    assert row["conditions"]["mode"] == mode
    measured = [one for one in read_calibration(Path(row["file"])).measured if not one.held_out]
    # One round on a busy machine: the magnitude only.
    assert min(one.measured_ms for one in measured) / 5 < row["predicted_ms"]
    assert row["predicted_ms"] < 5 * max(one.measured_ms for one in measured)
    larger = invoke(["mobilenetv1", "--image-size", "64", "--device", "cpu"], tmp_path).output
    assert "Beyond what was measured: " in " ".join(larger.split())
    words = " ".join(
        invoke(["mobilenetv1", "--image-size", "40", "--device", "cpu"], tmp_path).output.split()
    )
    assert "on networks that took no part in the calibration" in words
