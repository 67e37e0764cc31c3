"""`scaling draw`: what it writes, and what it refuses."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

from scaling import ConfigError, ScalingError, variant
from scaling.cli import group
from scaling.network.serialization import to_json


def run(*arguments: str | Path) -> str:
    outcome = CliRunner().invoke(group, ["draw", *map(str, arguments)], standalone_mode=False)
    if outcome.exception:
        raise outcome.exception
    return outcome.stdout


def test_one_drawing_in_three_formats(tmp_path: Path) -> None:
    files = [tmp_path / f"b0.{form}" for form in ("svg", "png", "pdf")]
    outputs = [part for path in files for part in ("-o", path)]
    assert json.loads(run("b0", "--json", *outputs)) == [str(path) for path in files]
    assert [path.read_bytes()[:4] for path in files] == [b"<?xm", b"\x89PNG", b"%PDF"]


@pytest.mark.parametrize(
    ("arguments", "title"),
    [
        (("b2", "--detail", "module"), "Modules and sub-blocks of b2"),
        (("b2", "--detail", "stage", "--stage", "3"), "EfficientNet-B2, block 3 in detail"),
        (("b4", "--detail", "stage"), "EfficientNet-B4, block 1 in detail"),
        (("b1", "b2", "--diff"), "EfficientNet-B1 and EfficientNet-B2: what differs"),
        (("lite1", "--detail", "family"), "Networks side by side: EfficientNet-Lite0, EfficientNet-Lite1"),
        (("--detail", "family"), "Networks side by side: EfficientNet-B0, EfficientNet-B1"),
        (("b8", "--detail", "family"), "EfficientNet-B7, EfficientNet-B8"),
        (("--scaling-ways", "--factor", "2"), "Five ways to scale EfficientNet-B0"),
        (
            ("--alpha", "1.2", "--beta", "1.1", "--gamma", "1.15", "--phi", "3", "--detail", "family"),
            "Networks side by side: EfficientNet-B0, efficientnet-b0-d1.7-w1.3",
        ),
    ],
)
def test_every_kind_of_drawing(arguments: tuple[str, ...], title: str, tmp_path: Path) -> None:
    assert run(*arguments, "-o", tmp_path / "x.svg").startswith("wrote ")
    assert title in (tmp_path / "x.svg").read_text(encoding="utf-8")


def test_any_network_from_a_file(tmp_path: Path) -> None:
    mine = replace(variant("b0"), image_size=96, name="mine", derivation=None)
    (tmp_path / "mine.json").write_text(to_json(mine), encoding="utf-8")
    for detail in ("variant", "family", "module"):
        run(tmp_path / "mine.json", "--detail", detail, "-o", tmp_path / "x.svg")
        assert "mine" in (tmp_path / "x.svg").read_text(encoding="utf-8")
    run(tmp_path / "mine.json", "b0", "--diff", "-o", tmp_path / "x.svg")
    assert "mine and EfficientNet-B0: what differs" in (tmp_path / "x.svg").read_text(encoding="utf-8")
    with pytest.raises(ConfigError, match="cannot read .*: No such file"):
        run(tmp_path / "none.json", "-o", tmp_path / "x.svg")
    (tmp_path / "torn.json").write_text(to_json(mine)[:100], encoding="utf-8")
    with pytest.raises(ScalingError, match="is not JSON"):
        run(tmp_path / "torn.json", "-o", tmp_path / "x.svg")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("b0", "-o", "b0.gif"), "ending in"),
        (("b1", "b2", "-o", "x.svg"), "--diff draws two networks"),
        (("b1", "--diff", "-o", "x.svg"), "--diff draws two networks"),
        (("b1", "b99", "--diff", "-o", "x.svg"), "unknown variant 'b99'"),
        (("b1", "--stage", "2", "-o", "x.svg"), "--stage NUMBER"),
        (("b1", "--detail", "stage", "--stage", "9", "-o", "x.svg"), "stages 1 to 7, got 9"),
        (("--scaling-ways", "--factor", "1", "-o", "x.svg"), "above 1"),
        (("--scaling-ways", "--detail", "module", "-o", "x.svg"), "drawing of its own"),
        (("-o", "x.svg"), "expected a variant name"),
    ],
)
def test_mistakes_are_one_clear_line(arguments: tuple[str, ...], message: str) -> None:
    with pytest.raises(ScalingError, match=message):
        run(*arguments)


def test_it_is_refused_before_anything_is_drawn(tmp_path: Path) -> None:
    with pytest.raises(ConfigError):
        run("b0", "-o", tmp_path / "b0.svg", "-o", tmp_path / "b0.bmp")
    assert list(tmp_path.iterdir()) == []
