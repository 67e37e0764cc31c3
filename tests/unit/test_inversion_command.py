"""`scaling invert`: what it prints, and what bad arguments get."""

from __future__ import annotations

import json
from typing import Any

import pytest

from scaling import RoundingRules, generate, variant
from scaling.cli import group
from scaling.cli.inverse import inversion_document
from scaling.cli.output import run
from scaling.network.families import COMPOUND_FAMILY
from scaling.targets.explanation import released_grid
from scaling.targets.inversion import (
    Inversion,
    invert,
)


def family() -> Inversion:
    return invert(variant("b0"), released_grid(COMPOUND_FAMILY), RoundingRules())


def call(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    run(group, list(arguments))
    return capsys.readouterr().out


def refuse(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    with pytest.raises(SystemExit) as left:
        run(group, list(arguments))
    assert left.value.code == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("\n") == 1
    return err


def test_json_of_a_solution(capsys: pytest.CaptureFixture[str]) -> None:
    document = json.loads(call(capsys, "invert", "--json"))
    assert document["feasible"] is True
    assert document["conflict"] is None
    assert document["coefficient_rounding"] == "released"
    assert document["image_size_step"] == 1
    assert document["match"] == "realised"
    assert list(document["phi"]) == list(document["intervals"]) == list(COMPOUND_FAMILY)
    assert document["intervals"]["b0"][0] <= 0 <= document["intervals"]["b0"][1]
    for base in ("alpha", "beta", "gamma"):
        low, high = document["region"][base]
        assert low <= document[base] <= high
        values = [vertex[base] for polygon in document["region"]["polygons"] for vertex in polygon]
        assert [min(values), max(values)] == [low, high]


@pytest.mark.parametrize("end", ["phi", 0, 1])
def test_every_phi_fed_to_describe_gives_the_variant(capsys: pytest.CaptureFixture[str], end: Any) -> None:
    document = json.loads(call(capsys, "invert", "--json"))
    official = {one["name"]: one for one in json.loads(call(capsys, "variants", "--json"))}
    for name in COMPOUND_FAMILY:
        phi = document["phi"][name] if end == "phi" else document["intervals"][name][end]
        bases = [part for base in ("alpha", "beta", "gamma") for part in (f"--{base}", repr(document[base]))]
        made = json.loads(call(capsys, "describe", *bases, "--phi", repr(phi), "--json"))
        for key in ("stages", "stem_channels", "head_channels", "image_size", "params", "macs", "dropout"):
            assert made[key] == official[name][key]


def test_json_of_a_conflict(capsys: pytest.CaptureFixture[str]) -> None:
    document = json.loads(call(capsys, "invert", "--coefficient-rounding", "none", "--json"))
    assert document["feasible"] is False
    assert [document[key] for key in ("alpha", "beta", "gamma", "phi", "intervals", "region")] == [None] * 6
    assert document["conflict"] == {"variants": ["b1", "b2"], "dimensions": ["width", "resolution"]}


def test_a_grid_file_is_the_same_as_its_variants(capsys: pytest.CaptureFixture[str], tmp_path: Any) -> None:
    keys = ("name", "depth_coefficient", "width_coefficient", "image_size")
    file = tmp_path / "grid.json"
    file.write_text(json.dumps([{key: getattr(e, key) for key in keys} for e in released_grid()]))
    from_file = json.loads(call(capsys, "invert", "--grid", str(file), "--json"))
    assert from_file == json.loads(json.dumps(inversion_document(family())))


@pytest.mark.parametrize("columns", ["60", "80"])
@pytest.mark.parametrize("rounding", ["released", "none"])
def test_human_output_fits(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, columns: str, rounding: str
) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    text = call(capsys, "invert", "--coefficient-rounding", rounding)
    assert max(map(len, text.splitlines())) <= int(columns)
    assert "…" not in text or "ln beta / ln gamma" in text
    assert "b1" in text


def test_printed_ends_of_intervals_hold(capsys: pytest.CaptureFixture[str]) -> None:
    found = family().solution
    assert found is not None
    rows = [line.split() for line in call(capsys, "invert").splitlines()]
    seen = [row for row in rows if row and row[0] in COMPOUND_FAMILY]
    assert [row[0] for row in seen] == list(COMPOUND_FAMILY)
    for name, phi, low, high, *_ in seen:
        for printed in (phi, low, high):
            made = generate(alpha=found.alpha, beta=found.beta, gamma=found.gamma, phi=float(printed))
            assert made == variant(name)


@pytest.mark.parametrize(
    "arguments",
    [
        ["--variants", "b9"],
        ["--variants", ""],
        ["--variants", "b1,b1"],
        ["--variants", "b1", "--grid", "x.json"],
        ["--grid", "no-such-file.json"],
        ["--grid", "."],
        ["--match", "exactly"],
        ["--coefficient-rounding", "two"],
        ["--image-size-step", "0"],
        ["--alpha", "0"],
        ["--alpha", "many"],
        ["--beta", "nan"],
    ],
)
def test_bad_arguments_get_one_line_and_code_2(
    capsys: pytest.CaptureFixture[str], arguments: list[str]
) -> None:
    refuse(capsys, "invert", *arguments)
