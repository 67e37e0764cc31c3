"""`scaling family`: the second step of the paper as a table."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from search_runs import ROOT, experiment

from scaling import count_cost, variant
from scaling.cli import group
from scaling.errors import ConfigError, ScalingError

RELEASED = ["--alpha=1.191321", "--beta=1.110438", "--gamma=1.166827"]
PHIS = "0,0.4472,0.9659,1.8934,3.4256,4.6073,5.5575,6.3860"
PAPER = ["--alpha=1.2", "--beta=1.1", "--gamma=1.15"]


def printed(*arguments: str, columns: int = 100) -> str:
    outcome = CliRunner(env={"COLUMNS": str(columns)}).invoke(
        group, ["family", *arguments], catch_exceptions=False, standalone_mode=False
    )
    return outcome.stdout


def document(*arguments: str) -> Any:
    return json.loads(printed(*arguments, "--json"))


def test_the_released_family_comes_out_of_one_triple() -> None:
    rows = document(*RELEASED, "--phi", PHIS)["members"]
    assert [row["official_name"] for row in rows] == [f"b{number}" for number in range(8)]
    assert [row["macs"] for row in rows] == [count_cost(variant(f"b{n}")).macs for n in range(8)]
    assert rows[0]["achieved_factor"] == rows[0]["nominal_factor"] == 1


def test_every_row_is_costed_and_placed() -> None:
    found = document(*PAPER)
    assert [row["phi"] for row in found["members"]] == list(range(8))
    for row in found["members"]:
        assert row["achieved_factor"] == pytest.approx(row["macs"] / count_cost(variant("b0")).macs)
        assert row["nominal_factor"] == pytest.approx((1.2 * 1.1**2 * 1.15**2) ** row["phi"])
    assert [row["nearest_official"] for row in found["members"]][:3] == ["b0", "b2", "b3"]
    assert [row["official_name"] for row in found["members"]] == ["b0", *[None] * 7]


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("0:2", [0, 1, 2]),
        ("-1:1", [-1, 0, 1]),
        ("0:1:0.1", [round(n / 10, 1) for n in range(11)]),
        ("0:1:0.4", [0, 0.4, 0.8]),
        ("3", [3]),
        ("0,1,2.5", [0, 1, 2.5]),
    ],
)
def test_phi_is_a_range_with_both_ends_or_a_list(text: str, values: list[float]) -> None:
    assert [row["phi"] for row in document(*PAPER, "--phi", text)["members"]] == values


@pytest.mark.parametrize(
    "text", ["", "a", "2:1", "0:1:0", "0:1:-1", "0:1:2:3", "0:inf", "nan", "0:1e9", "0:1:1e-9", "1,,2"]
)
def test_what_is_no_list_of_phi_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="--phi|values of phi"):
        printed(*PAPER, "--phi", text)


def test_a_network_out_of_range_names_its_phi() -> None:
    with pytest.raises(ScalingError, match="phi 21: image size must be between"):
        printed(*PAPER, "--phi", "20:22")


def test_an_experiments_own_baseline_and_rounding_are_used(tmp_path: Path) -> None:
    found = document(*PAPER, "--phi", "0:1", "--config", str(experiment(tmp_path)))
    assert found["baseline"] == "tiny-b0"
    assert found["members"][1]["image_size"] == 18
    assert found["members"][1]["width_coefficient"] == 1.1
    assert found["members"][1]["nearest_official"] is None


def test_rounding_can_be_changed() -> None:
    free = document(*PAPER, "--phi", "1.5", "--coefficient-rounding", "none")["members"][0]
    assert free["depth_coefficient"] == pytest.approx(1.2**1.5)
    stepped = document(*PAPER, "--phi", "1", "--image-size-step", "16")["members"][0]
    assert stepped["image_size"] % 16 == 0


def test_baseline_and_config_exclude_each_other() -> None:
    quick = str(ROOT / "experiments" / "quick.toml")
    with pytest.raises(ConfigError, match="not both"):
        printed(*PAPER, "--config", quick, "--baseline", "efficientnet-lite0")


def test_it_is_readable_at_sixty_columns() -> None:
    text = printed(*PAPER, columns=60)
    assert max(map(len, text.splitlines())) <= 60
    assert len([line for line in text.splitlines() if "×" in line]) == 8
