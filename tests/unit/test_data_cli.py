"""`scaling data`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner
from PIL import Image

from scaling.cli.data import data
from scaling.data import checksum, dataset_names, fashion_mnist, load_split
from scaling.errors import DataError


def call(*arguments: str) -> str:
    outcome = CliRunner().invoke(data, list(arguments))
    if outcome.exception is not None:
        raise outcome.exception
    return outcome.output


def test_list_says_what_there_is() -> None:
    rows = json.loads(call("list", "--json"))
    assert [row["name"] for row in rows] == list(dataset_names())
    assert [row["validation"] for row in rows] == [4_000, 10_000, 5_000, 5_000]
    text = call("list")
    assert all(name in text for name in dataset_names())


def test_list_says_how_to_get_what_is_missing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(fashion_mnist, "SYSTEM_FOLDER", tmp_path)
    monkeypatch.setenv("SCALING_CACHE", str(tmp_path))
    monkeypatch.delenv("SCALING_DATA", raising=False)
    text = call("list")
    for name in ("fashion-mnist", "cifar10", "cifar100"):
        assert f"scaling data fetch {name}" in text


def test_fetch_knows_its_names() -> None:
    assert "nothing to fetch" in call("fetch", "glyphs")
    assert json.loads(call("fetch", "glyphs", "--json")) == {"name": "glyphs", "files": {}}
    with pytest.raises(DataError, match="must be one of"):
        call("fetch", "imagenet")


@pytest.mark.skipif(
    not fashion_mnist.at_hand(),
    reason="the Fashion-MNIST files are not on this computer (scaling data fetch fashion-mnist)",
)
def test_fetch_verifies_the_real_files() -> None:
    files = json.loads(call("fetch", "fashion-mnist", "--json"))["files"]
    assert len(files) == 4
    assert all(Path(place).is_file() for place in files.values())


def test_contact_sheet_writes_a_picture(tmp_path: Path) -> None:
    target = tmp_path / "sheet.png"
    assert str(target) in call("contact-sheet", "-o", str(target), "--image-size", "8", "--seed", "3")
    with Image.open(target) as picture:
        assert min(picture.size) > 800


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["-o", "x.txt"], r"must end in .png, .svg or .pdf, got 'x.txt'"),
        (["-o", "x.png", "--image-size", "4"], "between 8 and 256, got 4"),
        (["-o", "x.png", "--seed", "-1"], "got -1"),
        (["-o", "no/such/folder/x.png"], "cannot be written"),
    ],
)
def test_contact_sheet_errors_are_one_line(arguments: list[str], message: str) -> None:
    with pytest.raises(DataError, match=message):
        call("contact-sheet", *arguments)


def test_show_measures_mean_and_std_of_what_it_loads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SCALING_CACHE", str(tmp_path))
    row = json.loads(call("show", "glyphs", "--measure", "200", "--image-size", "16", "--json"))
    split = load_split("glyphs", "train", image_size=16, count=200, seed=0)
    assert row["measured_mean"] == pytest.approx([(split.images / 255).mean()])
    assert row["measured_std"] == pytest.approx([(split.images / 255).std()])
    assert row["checksum"] == checksum(split)
    assert "measured mean: 0.7" in call("show", "glyphs", "--measure", "200", "--image-size", "16")


def test_show_knows_class_folders(tmp_path: Path) -> None:
    for split, count in (("train", 5), ("val", 2)):
        for number in range(count):
            path = tmp_path / split / "one" / f"{number}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.new("RGB", (20, 20), (number, 0, 255)).save(path)
    row = json.loads(call("show", f"imagefolder:{tmp_path}", "--json"))
    assert (row["train"], row["validation"], row["test"]) == (5, 2, None)
    assert row["class_names"] == ["one"]
    text = call("show", f"imagefolder:{tmp_path}")
    assert "test: none" in text
    assert "classes: one" in text
    with pytest.raises(DataError, match="cannot be read"):
        call("show", f"imagefolder:{tmp_path / 'nowhere'}")
    assert "imagefolder:PATH" in call("list")


def test_show_says_what_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SCALING_CACHE", str(tmp_path))
    monkeypatch.delenv("SCALING_DATA", raising=False)
    row = json.loads(call("show", "cifar100", "--json"))
    assert (row["at_hand"], row["native_size"], len(row["class_names"])) == (False, 32, 100)
    with pytest.raises(DataError, match="scaling data fetch cifar100"):
        call("show", "cifar100", "--measure", "10")
