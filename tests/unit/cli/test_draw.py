"""`scaling draw`: what it writes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from commands import document, printed

from scaling import variant
from scaling.network.serialization import to_json


def test_one_drawing_in_three_formats(tmp_path: Path) -> None:
    files = [tmp_path / f"b0.{form}" for form in ("svg", "png", "pdf")]
    outputs = [part for path in files for part in ("-o", path)]
    assert document("draw", "b0", *outputs) == [str(path) for path in files]
    assert [path.read_bytes()[:4] for path in files] == [b"<?xm", b"\x89PNG", b"%PDF"]


@pytest.mark.parametrize(
    ("arguments", "title"),
    [
        ("b2 --detail module", "Modules and sub-blocks of b2"),
        ("b2 --detail stage --stage 3", "EfficientNet-B2, block 3 in detail"),
        ("b4 --detail stage", "EfficientNet-B4, block 1 in detail"),
        ("b1 b2 --diff", "EfficientNet-B1 and EfficientNet-B2: what differs"),
        ("lite1 --detail family", "Networks side by side: EfficientNet-Lite0, EfficientNet-Lite1"),
        ("--detail family", "Networks side by side: EfficientNet-B0, EfficientNet-B1"),
        ("b8 --detail family", "EfficientNet-B7, EfficientNet-B8"),
        ("--scaling-ways --factor 2", "Five ways to scale EfficientNet-B0"),
        (
            "--alpha 1.2 --beta 1.1 --gamma 1.15 --phi 3 --detail family",
            "Networks side by side: EfficientNet-B0, efficientnet-b0-d1.7-w1.3",
        ),
        ("mine.json", "mine"),
        ("mine.json --detail family", "mine"),
        ("mine.json --detail module", "mine"),
        ("mine.json b0 --diff", "mine and EfficientNet-B0: what differs"),
    ],
)
def test_every_kind_of_drawing(
    arguments: str, title: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    mine = replace(variant("b0"), image_size=96, name="mine", derivation=None)
    Path("mine.json").write_text(to_json(mine), encoding="utf-8")
    assert printed("draw", *arguments.split(), "-o", "x.svg") == "wrote x.svg\n"
    assert title in Path("x.svg").read_text(encoding="utf-8")
