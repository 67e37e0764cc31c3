"""`scaling family` and `invert`: from a triple of bases to networks, and back."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from commands import document, printed
from search_runs import experiment

from scaling import RoundingRules, count_cost, generate, variant
from scaling.cli.inverse import inversion_document
from scaling.network.families import COMPOUND_FAMILY
from scaling.targets.explanation import released_grid
from scaling.targets.inversion import Inversion, invert

RELEASED = ["--alpha=1.191321", "--beta=1.110438", "--gamma=1.166827"]
PHIS = "0,0.4472,0.9659,1.8934,3.4256,4.6073,5.5575,6.3860"
PAPER = ["--alpha=1.2", "--beta=1.1", "--gamma=1.15"]


def members(*arguments: object) -> Any:
    return document("family", *arguments)["members"]


def inversion() -> Inversion:
    return invert(variant("b0"), released_grid(COMPOUND_FAMILY), RoundingRules())


def test_the_released_family_comes_out_of_one_triple() -> None:
    rows = members(*RELEASED, "--phi", PHIS)
    assert [row["official_name"] for row in rows] == [f"b{number}" for number in range(8)]
    assert [row["macs"] for row in rows] == [count_cost(variant(f"b{n}")).macs for n in range(8)]
    assert rows[0]["achieved_factor"] == rows[0]["nominal_factor"] == 1


def test_every_row_is_costed_and_placed() -> None:
    rows = members(*PAPER)
    assert [row["phi"] for row in rows] == list(range(8))
    for row in rows:
        assert row["achieved_factor"] == pytest.approx(row["macs"] / count_cost(variant("b0")).macs)
        assert row["nominal_factor"] == pytest.approx((1.2 * 1.1**2 * 1.15**2) ** row["phi"])
    assert [row["nearest_official"] for row in rows][:3] == ["b0", "b2", "b3"]
    assert [row["official_name"] for row in rows] == ["b0", *[None] * 7]
    assert len([line for line in printed("family", *PAPER).splitlines() if "×" in line]) == 8


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
    assert [row["phi"] for row in members(*PAPER, "--phi", text)] == values


def test_an_experiments_own_baseline_and_rounding_are_used(tmp_path: Path) -> None:
    found = document("family", *PAPER, "--phi", "0:1", "--config", experiment(tmp_path))
    assert found["baseline"] == "tiny-b0"
    row = found["members"][1]
    assert (row["image_size"], row["width_coefficient"], row["nearest_official"]) == (18, 1.1, None)


def test_rounding_can_be_changed() -> None:
    (free,) = members(*PAPER, "--phi", "1.5", "--coefficient-rounding", "none")
    assert free["depth_coefficient"] == pytest.approx(1.2**1.5)
    (stepped,) = members(*PAPER, "--phi", "1", "--image-size-step", "16")
    assert stepped["image_size"] % 16 == 0


def test_json_of_a_solution() -> None:
    found = document("invert")
    expected = {"feasible": True, "conflict": None, "coefficient_rounding": "released"}
    expected |= {"image_size_step": 1, "match": "realised"}
    assert {key: found[key] for key in expected} == expected
    assert list(found["phi"]) == list(found["intervals"]) == list(COMPOUND_FAMILY)
    assert found["intervals"]["b0"][0] <= 0 <= found["intervals"]["b0"][1]
    for base in ("alpha", "beta", "gamma"):
        low, high = found["region"][base]
        assert low <= found[base] <= high
        values = [vertex[base] for polygon in found["region"]["polygons"] for vertex in polygon]
        assert [min(values), max(values)] == [low, high]


@pytest.mark.parametrize("end", ["phi", 0, 1])
def test_every_phi_fed_to_describe_gives_the_variant(end: Any) -> None:
    found, official = document("invert"), {one["name"]: one for one in document("variants")}
    for name in COMPOUND_FAMILY:
        phi = found["phi"][name] if end == "phi" else found["intervals"][name][end]
        bases = [part for base in ("alpha", "beta", "gamma") for part in (f"--{base}", repr(found[base]))]
        made = document("describe", *bases, "--phi", repr(phi))
        for key in ("stages", "stem_channels", "head_channels", "image_size", "params", "macs", "dropout"):
            assert made[key] == official[name][key]


def test_json_of_a_conflict() -> None:
    found = document("invert", "--coefficient-rounding", "none")
    assert found["feasible"] is False
    assert [found[key] for key in ("alpha", "beta", "gamma", "phi", "intervals", "region")] == [None] * 6
    assert found["conflict"] == {"variants": ["b1", "b2"], "dimensions": ["width", "resolution"]}


def test_a_grid_file_is_the_same_as_its_variants(tmp_path: Path) -> None:
    keys = ("name", "depth_coefficient", "width_coefficient", "image_size")
    file = tmp_path / "grid.json"
    file.write_text(json.dumps([{key: getattr(e, key) for key in keys} for e in released_grid()]))
    assert document("invert", "--grid", file) == json.loads(json.dumps(inversion_document(inversion())))


def test_printed_ends_of_intervals_hold() -> None:
    found = inversion().solution
    assert found is not None
    rows = [line.split() for line in printed("invert").splitlines()]
    seen = [row for row in rows if row and row[0] in COMPOUND_FAMILY]
    assert [row[0] for row in seen] == list(COMPOUND_FAMILY)
    for name, *phis in (row[:4] for row in seen):
        for phi in map(float, phis):
            made = generate(alpha=found.alpha, beta=found.beta, gamma=found.gamma, phi=phi)
            assert made == variant(name)
