"""The noise floor: of a finished run, read without training, and as `scaling study noise` prints it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner, Result

from scaling.analysis.floor import noise_report
from scaling.cli import group
from scaling.cli.noise_floor import print_noise
from scaling.cli.output import console
from scaling.errors import ResultsError
from scaling.plans.study.noise import noise_document, noise_of_run
from scaling.runs.trials_table import at_own_rate, read_trials

ROOT = Path(__file__).parents[4]
QUICK = ROOT / "results" / "quick"
STUDY = ROOT / "results" / "studies" / "methods-quick-glyphs"


def noise(*arguments: str, monkeypatch: pytest.MonkeyPatch) -> Result:
    monkeypatch.chdir(ROOT)
    return CliRunner().invoke(group, ["study", "noise", *arguments], env={"COLUMNS": "60"})


@pytest.mark.parametrize("folder", [QUICK, STUDY], ids=lambda folder: str(folder.name))
def test_a_finished_run_is_read_without_training(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    result = noise("--run", str(folder), "--json", monkeypatch=monkeypatch)
    assert result.exit_code == 0, result.output
    document = json.loads(result.stdout)
    trials = at_own_rate(read_trials(folder / "trials.csv"))
    complete = trials[trials["state"] == "complete"]
    within = complete.groupby("architecture")["top1"].transform(lambda values: values - values.mean())
    freedom = len(complete) - complete["architecture"].nunique()
    assert document["degrees_of_freedom"] == freedom
    assert document["standard_deviation"] == pytest.approx(float((within**2).sum() / freedom) ** 0.5)
    assert document["parts"] is None
    assert [row["difference"] for row in document["needed"]] == [0.005, 0.01, 0.02]


def test_the_report_names_its_parts_and_methods_in_sixty_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    lines = noise("--run", "results/quick", monkeypatch=monkeypatch).stdout.splitlines()
    assert max(map(len, lines)) <= 60
    text = " ".join(" ".join(lines).split())
    for words in ("from seed to seed", "at most", "0.5 points", "power 80 %", "chi-square"):
        assert words in text, words
    assert "…" not in text


def test_one_network_has_a_mean_and_the_parts_of_its_spread() -> None:
    right = [[True, True, False, False], [True, False, True, True], [True, True, True, True]]
    top1 = [sum(row) / 4 for row in right]
    trials = pd.DataFrame({"architecture": "a", "state": "complete", "seed": range(3), "top1": top1})
    report = noise_report(trials, validation_images=4, right_SN=np.array(right))
    document = noise_document(report)
    assert document["top1"]["value"] == pytest.approx(0.75)
    assert document["parts"]["total"] == pytest.approx(trials["top1"].var())
    assert document["limits_method"] == "chi-square"
    with console.capture() as printed:
        print_noise(report)
    assert "finitely many images" in printed.get()
    assert "mean of 3 seeds" in " ".join(printed.get().split())


def test_a_run_without_repeats_has_no_floor(tmp_path: Path) -> None:
    (tmp_path / "provenance.json").write_bytes((QUICK / "provenance.json").read_bytes())
    trials = pd.read_csv(QUICK / "trials.csv")
    trials.groupby("architecture").head(1).to_csv(tmp_path / "trials.csv", index=False)
    with pytest.raises(ResultsError, match="no network has two complete seeds"):
        noise_of_run(tmp_path)
    trials.to_csv(tmp_path / "trials.csv", index=False)
    (tmp_path / "provenance.json").write_text('{"config": {"setup": {}}}')
    with pytest.raises(ResultsError, match="does not say how many validation images"):
        noise_of_run(tmp_path)
    with pytest.raises(ResultsError, match="give the folder of a run"):
        noise_of_run(tmp_path / "nowhere")
