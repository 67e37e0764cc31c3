"""`scaling data`."""

from __future__ import annotations

from pathlib import Path

import pytest
from commands import document, printed
from PIL import Image

from scaling.data import checksum, dataset_names, fashion_mnist, load_split
from scaling.errors import DataError


@pytest.fixture
def nothing_at_hand(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fashion_mnist, "SYSTEM_FOLDER", tmp_path)
    monkeypatch.setenv("SCALING_CACHE", str(tmp_path))
    monkeypatch.delenv("SCALING_DATA", raising=False)


def test_list_says_what_there_is() -> None:
    rows = document("data", "list")
    assert [row["name"] for row in rows] == list(dataset_names())
    assert [row["validation"] for row in rows] == [4_000, 10_000, 5_000, 5_000]
    text = printed("data", "list")
    assert all(name in text for name in dataset_names())


@pytest.mark.usefixtures("nothing_at_hand")
def test_what_is_missing_comes_with_how_to_get_it() -> None:
    text = printed("data", "list")
    for name in ("fashion-mnist", "cifar10", "cifar100"):
        assert f"scaling data fetch {name}" in text
    row = document("data", "show", "cifar100")
    assert (row["at_hand"], row["native_size"], len(row["class_names"])) == (False, 32, 100)
    with pytest.raises(DataError, match="scaling data fetch cifar100"):
        printed("data", "show", "cifar100", "--measure", "10")


def test_fetch_knows_its_names() -> None:
    assert "nothing to fetch" in printed("data", "fetch", "glyphs")
    assert document("data", "fetch", "glyphs") == {"name": "glyphs", "files": {}}


@pytest.mark.skipif(
    not fashion_mnist.at_hand(),
    reason="the Fashion-MNIST files are not on this computer (scaling data fetch fashion-mnist)",
)
def test_fetch_verifies_the_real_files() -> None:
    files = document("data", "fetch", "fashion-mnist")["files"]
    assert len(files) == 4
    assert all(Path(place).is_file() for place in files.values())


def test_contact_sheet_writes_a_picture(tmp_path: Path) -> None:
    target = tmp_path / "sheet.png"
    assert str(target) in printed(
        "data", "contact-sheet", "-o", str(target), "--image-size", "8", "--seed", "3"
    )
    with Image.open(target) as picture:
        assert min(picture.size) > 800


def test_show_measures_mean_and_std_of_what_it_loads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SCALING_CACHE", str(tmp_path))
    row = document("data", "show", "glyphs", "--measure", "200", "--image-size", "16")
    split = load_split("glyphs", "train", image_size=16, count=200, seed=0)
    assert row["measured_mean"] == pytest.approx([(split.images / 255).mean()])
    assert row["measured_std"] == pytest.approx([(split.images / 255).std()])
    assert row["checksum"] == checksum(split)
    assert "measured mean: 0.7" in printed("data", "show", "glyphs", "--measure", "200", "--image-size", "16")


def test_show_knows_class_folders(tmp_path: Path) -> None:
    for split, count in (("train", 5), ("val", 2)):
        for number in range(count):
            path = tmp_path / split / "one" / f"{number}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.new("RGB", (20, 20), (number, 0, 255)).save(path)
    row = document("data", "show", f"imagefolder:{tmp_path}")
    assert (row["train"], row["validation"], row["test"]) == (5, 2, None)
    assert row["class_names"] == ["one"]
    text = printed("data", "show", f"imagefolder:{tmp_path}")
    assert "test: none" in text
    assert "classes: one" in text
    assert "imagefolder:PATH" in printed("data", "list")
