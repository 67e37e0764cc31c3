"""Class folders of real pictures, with everything in them that does not belong there."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from picture_folders import HOPPER, LOGO
from PIL import Image

from scaling.data import imagefolder
from scaling.data.imagefolder import Decoded, ImageFolder, Skipped, ahead, decode, list_images
from scaling.errors import DataError


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    root = tmp_path / "pictures"
    for name in ("0-empty", "1-people", "2-logos", "2-logos/more"):
        (root / name).mkdir(parents=True)
    shutil.copy(HOPPER, root / "1-people" / "hopper.jpg")
    whole = HOPPER.read_bytes()
    (root / "1-people" / "torn.jpg").write_bytes(whole[: len(whole) // 2])
    (root / "1-people" / "notes.txt").write_text("no picture")
    (root / "1-people" / ".hidden").write_text("passed over")
    shutil.copy(LOGO, root / "2-logos" / "more" / "logo.png")
    (root / "2-logos" / "disguised.png").write_text("no picture either")
    (root / "2-logos" / "empty.png").touch()
    (root / "readme.md").write_text("beside the classes")
    return root


def shown(path: Path) -> str:
    with Image.open(path) as image:
        return f"{image.mode} {image.size}"


def decode_ahead(folder: ImageFolder, make: Any, workers: int | None = None) -> Iterator[Any]:
    return ahead(folder.files, partial(decode, folder.root, make=make), workers=workers)


def modes(folder: Path, **options: int) -> list[str | Skipped]:
    items = decode_ahead(list_images(folder), lambda image: f"{image.mode} {image.size}", **options)
    return [item.value if isinstance(item, Decoded) else item for item in items]


def test_sorted_folders_are_the_labels(folder: Path) -> None:
    found = list_images(folder)
    assert found.class_names == ("0-empty", "1-people", "2-logos")
    assert [(file.path.name, file.label) for file in found.files] == [
        ("hopper.jpg", 1),
        ("notes.txt", 1),
        ("torn.jpg", 1),
        ("disguised.png", 2),
        ("empty.png", 2),
        ("logo.png", 2),
    ]
    assert found.skipped == (Skipped(path="readme.md", reason="not in a class folder"),)


@pytest.mark.parametrize("workers", [1, 3])
def test_bad_files_are_named_and_never_fatal(folder: Path, workers: int) -> None:
    items = modes(folder, workers=workers)
    assert [item for item in items if isinstance(item, str)] == [shown(HOPPER), shown(LOGO)]
    skipped = [item for item in items if isinstance(item, Skipped)]
    assert [item.path for item in skipped] == [
        "1-people/notes.txt",
        "1-people/torn.jpg",
        "2-logos/disguised.png",
        "2-logos/empty.png",
    ]
    assert skipped[0].reason == "not a picture"
    assert "truncated" in skipped[1].reason
    assert all("\n" not in item.reason for item in skipped)


def test_a_file_that_goes_away_is_named(folder: Path) -> None:
    found = list_images(folder)
    (folder / "1-people" / "hopper.jpg").unlink()
    first = next(iter(decode_ahead(found, lambda image: image.size)))
    assert first == Skipped(path="1-people/hopper.jpg", reason="cannot be read: No such file or directory")


def test_order_is_kept_and_few_are_decoded_ahead(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(imagefolder, "DECODED_AHEAD", 4)
    (tmp_path / "dots").mkdir()
    for number in range(20):
        Image.new("L", (number + 1, 1)).save(tmp_path / "dots" / f"{number:02}.png")
    started: list[int] = []
    stream = decode_ahead(
        list_images(tmp_path), lambda image: started.append(image.width) or image.width, workers=3
    )
    assert next(stream).value == 1
    assert len(started) <= 5
    assert [item.value for item in stream] == list(range(2, 21))


def test_no_walk_is_endless(folder: Path) -> None:
    (folder / "2-logos" / "loop").symlink_to(folder, target_is_directory=True)
    assert len(list_images(folder).files) == 6


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda root: root / "missing", "does not exist"),
        (lambda _root: HOPPER, "is not a folder"),
        (lambda root: root, "has no sub-folder"),
        (lambda root: ((root / "a").mkdir(), root)[1], r"no file in its 1 sub-folder"),
    ],
)
def test_nothing_to_read_is_one_line(make: object, message: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=message) as caught:
        list_images(make(tmp_path))  # type: ignore[operator]
    assert "\n" not in str(caught.value)


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads every folder")
def test_a_folder_that_cannot_be_read(tmp_path: Path) -> None:
    tmp_path.chmod(0)
    with pytest.raises(DataError, match="Permission denied"):
        list_images(tmp_path)
