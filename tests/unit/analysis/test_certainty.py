"""Seeds that happen to agree are no certainty, and networks at chance are named."""

from __future__ import annotations

from pathlib import Path

import pytest
from recorded_runs import CONFIG, a_run, go_on, shown

from scaling.analysis import contenders, noise_floor, ranked
from scaling.analysis.noise import not_learned
from scaling.report import read_record
from scaling.report.findings import findings
from scaling.runs.trials_table import trials_frame

EQUAL = trials_frame(
    {
        "trial": trial, "seed": seed, "kind": "search", "name": f"n{trial}", "architecture": f"a{trial}",
        "state": "complete", "top1": top1,
    }
    for trial, top1 in enumerate((0.18, 0.18000000000000002, 0.17))
    for seed in (0, 1)
)  # fmt: skip


def test_without_a_spread_nothing_is_said_to_differ() -> None:
    noise = noise_floor(EQUAL)
    assert noise is not None
    assert noise.standard_deviation == 0
    assert set(ranked(EQUAL, noise)["verdict"][1:]) == {"unknown"}
    assert contenders(EQUAL, noise)["p"].isna().all()


def test_the_spread_is_no_less_than_the_choice_of_images_makes() -> None:
    noise = noise_floor(EQUAL, 54)
    assert noise is not None
    mean = EQUAL["top1"].mean()
    assert noise.standard_deviation == pytest.approx((mean * (1 - mean) / 54) ** 0.5)
    assert set(ranked(EQUAL, noise)["verdict"][1:]) == {"same"}
    assert contenders(EQUAL, noise)["p"].iloc[1:].min() > 0.05


def test_networks_at_chance_did_not_learn() -> None:
    assert not_learned(EQUAL, classes=10, images=1000) == []
    assert not_learned(EQUAL, classes=10, images=30) == [0, 1, 2]
    assert not_learned(EQUAL, classes=5, images=None) == [0, 1, 2]


def test_a_run_names_them(tmp_path: Path) -> None:
    chance = 1 / CONFIG.baseline_spec.num_classes
    folder = a_run(tmp_path / "run", top1=lambda _job: chance)
    go_on(folder)
    sentence = f"These networks did not learn (chance is {100 * chance:.3g} %): trials 0, 1,"
    assert sentence in shown("best", str(folder.path), columns=200)
    assert any(sentence in one for one in findings(read_record(folder.path)))
    assert "beyond the noise" not in " ".join(findings(read_record(folder.path)))
