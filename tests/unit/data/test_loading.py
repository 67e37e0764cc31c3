"""`load_split`, its errors, and the cache of generated splits."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from scaling.data import DatasetInfo, Split, checksum, dataset_info, dataset_names, load_split
from scaling.data.cache import load_or_make
from scaling.data.contact_sheet import contact_sheet, sheet_rows
from scaling.data.locations import cache_folder, own_data_folder
from scaling.errors import DataError

ARGUMENTS: dict[str, Any] = {"image_size": 16, "count": 8, "seed": 0}


def small_split(level: int = 3) -> Split:
    return Split(images=np.full((4, 1, 8, 8), level, np.uint8), labels=np.arange(4))


def test_known_names_have_consistent_information() -> None:
    for name in dataset_names():
        info = dataset_info(name)
        assert isinstance(info, DatasetInfo)
        assert info.name == name
        assert info.num_classes == len(set(info.class_names))
        assert all(0 < value < 1 for value in (*info.mean, *info.std))
        assert info.licence
        assert info.source


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"name": "cifar11"},
            r"must be one of glyphs, fashion-mnist, cifar10, cifar100, imagefolder:PATH, got 'cifar11'",
        ),
        ({"split": "val"}, r"must be one of train, validation, test, got 'val'"),
        ({"image_size": 7}, r"between 8 and 4096, got 7"),
        ({"image_size": 5000}, r"between 8 and 4096, got 5000"),
        ({"count": 0}, r"count must be at least 1, got 0"),
        ({"count": 1_000_001}, r"at most 1,000,000 images a split, got count 1,000,001"),
        ({"count": 900_000, "image_size": 600}, r"need 301.7 GiB; a split may take 8 GiB"),
        ({"seed": -1}, r"seed must be between 0 and 4294967295, got -1"),
        ({"seed": 2**32}, r"got 4294967296"),
    ],
)
def test_errors_say_what_was_expected_and_what_came(
    changes: dict[str, Any], message: str, tmp_path: Path
) -> None:
    arguments = {"name": "glyphs", "split": "train", "cache_dir": tmp_path, **ARGUMENTS, **changes}
    with pytest.raises(DataError, match=message):
        load_split(**arguments)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("images", "labels"),
    [
        (np.zeros((2, 1, 4, 4), np.float32), np.zeros(2, np.int64)),
        (np.zeros((2, 4, 4), np.uint8), np.zeros(2, np.int64)),
        (np.zeros((2, 4, 4, 1), np.uint8).transpose(0, 3, 1, 2)[:, :, ::2], np.zeros(2, np.int64)),
        (np.zeros((2, 1, 4, 4), np.uint8), np.zeros(2, np.int32)),
        (np.zeros((2, 1, 4, 4), np.uint8), np.zeros(3, np.int64)),
    ],
)
def test_a_split_is_what_it_says(images: np.ndarray, labels: np.ndarray) -> None:
    with pytest.raises(DataError, match="must be"):
        Split(images=images, labels=labels)


def test_the_checksum_sees_labels_and_images() -> None:
    images = small_split().images
    other_labels = Split(images=images, labels=np.arange(4)[::-1].copy())
    assert len({checksum(small_split()), checksum(small_split(4)), checksum(other_labels)}) == 3


KEY: dict[str, object] = {"name": "toy", "split": "train", "version": 1}


def test_the_cache_makes_once_and_reads_afterwards(tmp_path: Path) -> None:
    made = load_or_make(tmp_path, KEY, small_split)
    again = load_or_make(tmp_path, KEY, lambda: pytest.fail("made twice"))
    assert checksum(made) == checksum(again)
    other = load_or_make(tmp_path, {**KEY, "version": 2}, lambda: small_split(9))
    assert checksum(other) == checksum(small_split(9))


@pytest.mark.parametrize("damage", ["truncated", "flipped", "empty", "garbage", "another key"])
def test_a_damaged_cache_file_is_made_again(
    damage: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    load_or_make(tmp_path, KEY, small_split)
    (file,) = tmp_path.iterdir()
    whole = file.read_bytes()
    if damage == "another key":
        load_or_make(tmp_path / "other", {**KEY, "version": 2}, lambda: small_split(9))
        (other,) = (tmp_path / "other").iterdir()
        other.replace(file)
    else:
        middle = len(whole) // 2
        file.write_bytes(
            {
                "truncated": whole[:middle],
                "flipped": whole[:400] + bytes([whole[400] ^ 1]) + whole[401:],
                "empty": b"",
                "garbage": b"x" * len(whole),
            }[damage]
        )
    with caplog.at_level(logging.WARNING):
        split = load_or_make(tmp_path, KEY, small_split)
    assert checksum(split) == checksum(small_split())
    assert "is damaged" in caplog.text
    assert checksum(load_or_make(tmp_path, KEY, lambda: pytest.fail("not repaired"))) == checksum(split)


def test_damage_that_keeps_the_archive_valid_is_caught_by_the_checksum(tmp_path: Path) -> None:
    load_or_make(tmp_path, KEY, small_split)
    (file,) = tmp_path.iterdir()
    with np.load(file) as stored:
        arrays = {name: stored[name] for name in stored.files}
    arrays["images"] = arrays["images"] + 1
    with file.open("wb") as stream:
        np.savez(stream, **arrays)
    assert checksum(load_or_make(tmp_path, KEY, small_split)) == checksum(small_split())


def test_a_cache_that_cannot_be_written_costs_only_time(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    in_the_way = tmp_path / "file"
    in_the_way.touch()
    with caplog.at_level(logging.WARNING):
        split = load_or_make(in_the_way / "cache", KEY, small_split)
    assert checksum(split) == checksum(small_split())
    assert "could not be written" in caplog.text


def test_a_write_that_fails_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(descriptor: int) -> None:
        del descriptor
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    load_or_make(tmp_path, KEY, small_split)
    assert not list(tmp_path.iterdir())


def test_two_processes_at_once_agree(tmp_path: Path) -> None:
    program = (
        "import sys; from pathlib import Path; from scaling.data import checksum, load_split\n"
        "print('ready', flush=True); sys.stdin.readline()\n"
        "for seed in range(3): print(checksum(load_split('glyphs', 'train', image_size=20, count=400,"
        " seed=seed, cache_dir=Path(sys.argv[1]))))\n"
    )
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", program, str(tmp_path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONHASHSEED": str(number)},
        )
        for number in range(2)
    ]
    for process in processes:  # both have imported everything before either begins
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        process.stdin.write("\n")
        process.stdin.flush()
    outputs = [process.communicate(timeout=120)[0] for process in processes]
    assert [process.returncode for process in processes] == [0, 0]
    assert outputs[0] == outputs[1]
    here = [
        checksum(
            load_split("glyphs", "train", image_size=20, count=400, seed=seed, cache_dir=tmp_path / "own")
        )
        for seed in range(3)
    ]
    assert outputs[0].split() == here
    assert sorted(path.suffix for path in tmp_path.iterdir() if path.is_file()) == [".npz"] * 3


def test_folders_come_from_arguments_then_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SCALING_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("SCALING_DATA", str(tmp_path))
    assert cache_folder() == tmp_path / "cache"
    assert cache_folder(tmp_path) == tmp_path
    assert own_data_folder() == tmp_path
    with pytest.raises(DataError, match="does not exist or is not a folder"):
        own_data_folder(tmp_path / "nowhere")
    monkeypatch.delenv("SCALING_CACHE")
    monkeypatch.delenv("SCALING_DATA")
    assert cache_folder().is_absolute()
    assert own_data_folder() is None


def test_the_contact_sheet_shows_the_same_scenes_in_every_row() -> None:
    small, large = sheet_rows("train", (24, 48), seed=0)
    assert small.shape[0] * 2 == large.shape[0]
    sheet = contact_sheet(image_size=16, seed=1)
    assert len(sheet.axes) == 3 * 4 + 1


def test_a_cache_folder_of_somebody_else_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "access", lambda *_: False)
    with pytest.raises(DataError, match=r"may not be read: name one of your own in SCALING_CACHE"):
        load_split("glyphs", "train", cache_dir=tmp_path, **ARGUMENTS)
