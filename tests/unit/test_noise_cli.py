"""`scaling noise` on a tiny proxy: real trainings in processes, kept seeds, and what it prints."""

from __future__ import annotations

import json
import logging
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from click.testing import CliRunner, Result
from search_runs import ROOT, configuration, experiment

from scaling.cli import group
from scaling.runs.trials_table import read_trials
from scaling.search.folder import RunFolder
from scaling.search.objective import train_once
from scaling.search.repeats import read_repeat, read_repeats

RECIPE = {"epochs": 2, "batch_size": 20, "learning_rate": 0.01}


def noise(*arguments: object) -> Result:
    return CliRunner().invoke(group, ["noise", *map(str, arguments)])


@pytest.fixture(scope="module")
def experiment_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return experiment(tmp_path_factory.mktemp("experiment"), recipe=RECIPE)


@pytest.fixture(scope="module")
def measured(
    experiment_file: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, dict[str, object]]:
    """Three seeds, in one launch."""
    folder = tmp_path_factory.mktemp("runs") / "tiny-noise"
    result = noise("--config", experiment_file, "--seeds", 3, "--output", folder, "--json")
    assert result.exit_code == 0, result.output
    return folder, json.loads(result.stdout)


def test_the_report_is_of_the_seeds_that_were_trained(measured: tuple[Path, dict[str, object]]) -> None:
    folder, document = measured
    assert json.loads((folder / "noise.json").read_text()) == document
    trials = read_trials(folder / "trials.csv")
    assert trials["seed"].tolist() == [0, 1, 2]
    assert set(trials["name"]) == {"baseline"}
    assert set(trials["state"]) == {"complete"}
    top1 = trials["top1"].to_numpy(float)
    assert document["standard_deviation"] == pytest.approx(top1.std(ddof=1))
    assert document["degrees_of_freedom"] == 2
    found = document["top1"]
    assert isinstance(found, dict)
    assert found["value"] == pytest.approx(top1.mean())
    parts = document["parts"]
    assert isinstance(parts, dict)
    assert parts["total"] == pytest.approx(top1.var(ddof=1))
    needed = document["needed"]
    assert isinstance(needed, list)
    assert [row["difference"] for row in needed] == [0.005, 0.01, 0.02]
    assert needed[0]["seeds"] >= needed[1]["seeds"] >= needed[2]["seeds"] >= 2


def test_provenance_names_seeds_and_threads(measured: tuple[Path, dict[str, object]]) -> None:
    record = json.loads((measured[0] / "provenance.json").read_text())
    assert (record["seeds"], record["threads"]) == (3, torch.get_num_threads())
    assert record["finished"] is not None
    assert len(record["data_checksums"]) == 2


def test_a_seed_is_the_same_training_as_anywhere_else(measured: tuple[Path, dict[str, object]]) -> None:
    """Bit for bit: this process trains seed 1 again and judges the same images right."""
    config = configuration(recipe=RECIPE)
    kept = read_repeat(config, RunFolder(path=measured[0]), 1)
    assert kept is not None
    assert kept.right is not None
    told: list[torch.Tensor] = []
    result = train_once(
        config,
        config.baseline_spec,
        1,
        torch.device("cpu"),
        report=lambda _seed, _step: None,
        should_stop=lambda: False,
        on_judged=told.append,
    )
    assert result.top1 == kept.result["top1"]
    assert np.array_equal(told[0].numpy(), kept.right)


def test_finished_seeds_are_kept_and_damaged_ones_trained_again(
    measured: tuple[Path, dict[str, object]], experiment_file: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder, before = measured
    files = [folder / "seeds" / f"{seed}.json" for seed in range(3)]
    whole = [json.loads(file.read_text()) for file in files]
    times = [file.stat().st_mtime_ns for file in files]
    files[0].write_bytes(files[0].read_bytes()[:40])  # torn
    files[2].write_text(files[2].read_text().replace('"top1": 0.', '"top1": 1.'))  # changed by hand
    with caplog.at_level(logging.WARNING):
        result = noise("--config", experiment_file, "--seeds", 3, "--output", folder, "--json")
    assert result.exit_code == 0, result.output
    assert "0.json is damaged" in caplog.text
    assert "2.json does not agree with itself" in caplog.text
    assert json.loads(result.stdout) == before
    assert files[1].stat().st_mtime_ns == times[1]
    for file, one in zip(files, whole, strict=True):
        again = json.loads(file.read_text())
        assert (again["seed"], again["right"]) == (one["seed"], one["right"])


def test_with_all_seeds_at_hand_nothing_is_trained(
    measured: tuple[Path, dict[str, object]], experiment_file: Path
) -> None:
    folder, _ = measured
    stamp = (folder / "provenance.json").stat().st_mtime_ns
    result = noise("--config", experiment_file, "--seeds", 2, "--output", folder)
    assert result.exit_code == 0, result.output
    assert (folder / "provenance.json").stat().st_mtime_ns == stamp
    text = " ".join(result.stdout.split())
    for words in (
        "2 seeds",
        "from seed to seed",
        "finitely many images",
        "0.5 points",
        "power 80 %",
        "1 degree",
    ):
        assert words in text, words
    assert len(read_repeats(configuration(recipe=RECIPE), RunFolder(path=folder), range(9))) == 3


def test_another_configuration_is_refused(
    measured: tuple[Path, dict[str, object]], experiment_file: Path
) -> None:
    result = noise("--config", experiment_file, "--set", "recipe.epochs=3", "--output", measured[0])
    assert "recipe.epochs: 2 there, 3 here" in str(result.exception)


@pytest.mark.parametrize("name", ["quick", "fashion_mnist"])
def test_a_finished_run_is_read_without_training(name: str) -> None:
    folder = ROOT / "results" / name
    result = noise(folder, "--json")
    assert result.exit_code == 0, result.output
    document = json.loads(result.stdout)
    trials = read_trials(folder / "trials.csv")
    complete = trials[trials["state"] == "complete"]
    within = complete.groupby("architecture")["top1"].transform(lambda values: values - values.mean())
    freedom = len(complete) - complete["architecture"].nunique()
    assert document["degrees_of_freedom"] == freedom
    assert document["standard_deviation"] == pytest.approx(float((within**2).sum() / freedom) ** 0.5)
    assert document["parts"] is None
    assert document["networks"] == complete["architecture"].nunique()
    assert "at most" in noise(folder).stdout


def test_sixty_columns_are_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "60")  # an assigned width would stay
    lines = noise(ROOT / "results" / "quick").stdout.splitlines()
    assert max(map(len, lines)) <= 60
    assert "…" not in "".join(lines)


def test_a_run_without_repeats_has_no_floor(tmp_path: Path) -> None:
    source = ROOT / "results" / "quick"
    (tmp_path / "config.json").write_bytes((source / "config.json").read_bytes())
    trials = pd.read_csv(source / "trials.csv")
    trials.groupby("architecture").head(1).to_csv(tmp_path / "trials.csv", index=False)
    assert "no network has two complete seeds" in str(noise(tmp_path).exception)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "give either --config"),
        (("runs/x", "--config", "y"), "give either --config"),
        (("results/quick", "--set", "a=1"), "go with --config"),
        (("--config", "experiments/quick.toml", "--seeds", "1"), "between 2 and 10,000, got 1"),
        (("--config", "nowhere.toml"), "cannot read the experiment file"),
        (("nowhere",), "is not the folder of a run"),
    ],
)
def test_bad_input_gets_one_line(
    arguments: tuple[str, ...], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("experiments", "results"):
        (tmp_path / name).symlink_to(ROOT / name)
    monkeypatch.chdir(tmp_path)
    assert message in str(noise(*arguments).exception)
