"""Fashion-MNIST: finding, verifying, parsing, splitting, resizing and fetching."""

from __future__ import annotations

import gzip
import hashlib
import logging
import struct
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from file_server import served
from torch.nn import functional

from scaling.data import SPLIT_NAMES, checksum, dataset_info, fashion_mnist, load_split
from scaling.data.dataset import resize
from scaling.data.fashion_mnist import IdxFile, fetch, parse_idx, split_indices
from scaling.errors import DataError

TRAIN, TEST, VALIDATION = 300, 80, 50

needs_the_real_files = pytest.mark.skipif(
    not fashion_mnist.at_hand(),
    reason="the Fashion-MNIST files are not on this computer (scaling data fetch fashion-mnist)",
)


def idx_bytes(array: np.ndarray) -> bytes:
    header = bytes([0, 0, 8, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape)
    return header + array.tobytes()


@pytest.fixture
def toy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Put a small data set of the same form into a folder, and forget the one of the system."""
    generator = np.random.default_rng(0)
    folder = tmp_path / "data"
    folder.mkdir()
    pairs = []
    for prefix, count in (("train", TRAIN), ("t10k", TEST)):
        arrays = {
            f"{prefix}-images-idx3-ubyte": generator.integers(0, 256, (count, 28, 28), np.uint8),
            f"{prefix}-labels-idx1-ubyte": generator.integers(0, 10, count, np.uint8),
        }
        files = []
        for name, array in arrays.items():
            raw = idx_bytes(array)
            (folder / f"{name}.gz").write_bytes(gzip.compress(raw))
            files.append(IdxFile(name=name, md5=hashlib.md5(raw).hexdigest(), shape=array.shape))
        pairs.append(tuple(files))
    monkeypatch.setattr(fashion_mnist, "TRAIN_FILES", pairs[0])
    monkeypatch.setattr(fashion_mnist, "TEST_FILES", pairs[1])
    monkeypatch.setattr(fashion_mnist, "VALIDATION_COUNT", VALIDATION)
    monkeypatch.setattr(fashion_mnist, "SYSTEM_FOLDER", tmp_path / "no-package")
    monkeypatch.setattr(fashion_mnist, "MIRRORS", ())
    monkeypatch.setenv("SCALING_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("SCALING_DATA", raising=False)
    return folder


@pytest.fixture
def server(toy: Path) -> Iterator[str]:
    with served(toy) as address:
        yield address


def test_splits_have_the_images_and_labels_of_the_files(toy: Path) -> None:
    images = parse_idx(
        gzip.decompress((toy / "train-images-idx3-ubyte.gz").read_bytes()), shape=(TRAIN, 28, 28), where="toy"
    )
    order = split_indices("train", seed=4)
    train = load_split("fashion-mnist", "train", image_size=28, count=None, seed=4, data_dir=toy)
    assert train.images.shape == (TRAIN - VALIDATION, 1, 28, 28)
    assert (train.images[:, 0] == images[order]).all()
    test = load_split("fashion-mnist", "test", image_size=14, count=20, seed=4, data_dir=toy)
    assert test.images.shape == (20, 1, 14, 14)


def test_seeds_choose_other_subsets_and_counts_are_prefixes(toy: Path) -> None:
    def load(count: int, seed: int) -> np.ndarray:
        return load_split(
            "fashion-mnist", "train", image_size=28, count=count, seed=seed, data_dir=toy
        ).images

    assert (load(30, 0)[:10] == load(10, 0)).all()
    assert not (load(10, 0) == load(10, 1)).all()


def test_too_many_images_or_pixels_are_refused(toy: Path) -> None:
    with pytest.raises(DataError, match="has 50 images in its validation split, got count 51"):
        load_split("fashion-mnist", "validation", image_size=28, count=51, seed=0, data_dir=toy)
    with pytest.raises(DataError, match="28 px: image size 29 would enlarge it"):
        load_split("fashion-mnist", "train", image_size=29, count=5, seed=0, data_dir=toy)
    enlarged = load_split(
        "fashion-mnist", "train", image_size=40, count=5, seed=0, data_dir=toy, allow_upsampling=True
    )
    assert enlarged.images.shape == (5, 1, 40, 40)


@pytest.mark.parametrize("place", [".", "fashion-mnist", "FashionMNIST/raw"])
def test_own_folders_are_found_packed_and_unpacked(
    place: str, toy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "own" / place
    folder.mkdir(parents=True)
    for number, file in enumerate(sorted(toy.iterdir())):
        if number % 2:
            (folder / file.name).write_bytes(file.read_bytes())
        else:
            (folder / file.stem).write_bytes(gzip.decompress(file.read_bytes()))
    monkeypatch.setenv("SCALING_DATA", str(tmp_path / "own"))
    assert fashion_mnist.at_hand()
    assert len(load_split("fashion-mnist", "test", image_size=28, count=None, seed=0)) == TEST


def test_the_system_package_comes_before_a_download(toy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fashion_mnist, "SYSTEM_FOLDER", toy)
    assert len(load_split("fashion-mnist", "test", image_size=28, count=None, seed=0)) == TEST


def test_another_file_under_the_name_is_refused(toy: Path) -> None:
    file = toy / "t10k-labels-idx1-ubyte.gz"
    file.write_bytes(gzip.compress(idx_bytes(np.zeros(TEST, np.uint8))))
    with pytest.raises(
        DataError, match=r"is not t10k-labels-idx1-ubyte: expected md5 \w{32} uncompressed, got"
    ):
        load_split("fashion-mnist", "test", image_size=28, count=None, seed=0, data_dir=toy)
    file.write_bytes(b"not gzip")
    with pytest.raises(DataError, match="cannot be read"):
        load_split("fashion-mnist", "test", image_size=28, count=None, seed=0, data_dir=toy)


def test_a_missing_data_set_names_the_three_ways(toy: Path) -> None:
    del toy
    with pytest.raises(DataError) as caught:
        load_split("fashion-mnist", "train", image_size=28, count=5, seed=0)
    message = str(caught.value)
    assert "\n" not in message
    for way in ("SCALING_DATA", "apt-get install dataset-fashion-mnist", "downloaded"):
        assert way in message


def test_a_download_is_verified_and_kept(
    toy: Path, server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dead = "http://127.0.0.1:9/"
    monkeypatch.setattr(fashion_mnist, "MIRRORS", (dead, server))
    first = load_split("fashion-mnist", "test", image_size=28, count=None, seed=0)
    kept = tmp_path / "cache" / "fashion-mnist" / "t10k-labels-idx1-ubyte.gz"
    assert kept.is_file()
    monkeypatch.setattr(fashion_mnist, "MIRRORS", ())
    assert checksum(load_split("fashion-mnist", "test", image_size=28, count=None, seed=0)) == checksum(first)
    assert len(list(toy.iterdir())) == 4


def test_a_damaged_download_is_fetched_again(
    server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(fashion_mnist, "MIRRORS", (server,))
    kept = tmp_path / "cache" / "fashion-mnist" / "t10k-labels-idx1-ubyte.gz"
    kept.parent.mkdir(parents=True)
    kept.write_bytes(b"half a downl")
    with caplog.at_level(logging.WARNING):
        assert len(load_split("fashion-mnist", "test", image_size=28, count=None, seed=0)) == TEST
    assert "fetched again" in caplog.text


def test_a_mirror_with_another_file_is_not_believed(toy: Path, server: str, tmp_path: Path) -> None:
    wanted = fashion_mnist.TEST_FILES[1]
    (toy / f"{wanted.name}.gz").write_bytes(gzip.compress(b"something else"))
    with pytest.raises(DataError, match="expected md5"):
        fetch(wanted, tmp_path / "downloads", mirrors=(server,))
    assert not list((tmp_path / "downloads").iterdir())


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (b"", "must begin with the bytes 00 00 08 01, got none"),
        (bytes([0, 0, 9, 1, 0, 0, 0, 1, 7]), "got 00 00 09 01"),
        (bytes([0, 0, 8, 2, 0, 0, 0, 1, 7]), "got 00 00 08 02"),
        (bytes([0, 0, 8, 1, 0, 0]), "ends inside its header"),
        (bytes([0, 0, 8, 1, 0, 0, 0, 2, 7, 7]), r"dimensions \(1,\), got \(2,\)"),
        (bytes([0, 0, 8, 1, 0, 0, 0, 1]), "must be 9 bytes long, got 8"),
        (bytes([0, 0, 8, 1, 0, 0, 0, 1, 7, 7]), "must be 9 bytes long, got 10"),
    ],
)
def test_idx_is_parsed_strictly(raw: bytes, message: str) -> None:
    with pytest.raises(DataError, match=message):
        parse_idx(raw, shape=(1,), where="file")


@pytest.mark.parametrize("size", [8, 14, 19, 27])
def test_resizing_agrees_with_torch(size: int) -> None:
    images = np.random.default_rng(1).integers(0, 256, (5, 1, 28, 28), np.uint8)
    smaller = resize(images, size)
    expected = functional.interpolate(
        torch.from_numpy(images).float(), (size, size), mode="bilinear", antialias=True
    )
    # Ours rounds to 8 bits after each axis, torch not at all.
    assert np.abs(smaller - expected.numpy()).max() <= 1.01


@needs_the_real_files
def test_the_real_files_are_complete_and_have_the_stated_mean_and_std() -> None:
    info = dataset_info("fashion-mnist")
    parts = [
        load_split("fashion-mnist", split, image_size=28, count=None, seed=0) for split in SPLIT_NAMES[:2]
    ]
    pixels = np.concatenate([part.images for part in parts]) / 255
    assert len(pixels) == 60_000
    assert pixels.mean() == pytest.approx(info.mean[0], abs=5e-5)
    assert pixels.std() == pytest.approx(info.std[0], abs=5e-5)
    labels = np.concatenate([part.labels for part in parts])
    assert np.bincount(labels).tolist() == [6000] * 10
    test = load_split("fashion-mnist", "test", image_size=19, count=None, seed=0)
    assert np.bincount(test.labels).tolist() == [1000] * 10
