"""CIFAR: archives of the published layout, made here; the published sums guard the real ones."""

from __future__ import annotations

import hashlib
import io
import pickle
import tarfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from file_server import served

from scaling.cli.data import data
from scaling.data import cifar, load_split
from scaling.data.cifar import CIFAR10, CIFAR100, Archive, fetch, load, split_indices
from scaling.data.dataset import Split, SplitName, SplitRequest, resize
from scaling.errors import DataError

TRAIN, TEST = 200, 30


@pytest.fixture(autouse=True)
def nothing_of_this_computer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SCALING_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("SCALING_DATA", raising=False)


def contents(archive: Archive, *, train: int = TRAIN, test: int = TEST) -> dict[str, bytes]:
    """Return the files of an archive with random pixels; the coarse label of CIFAR-100 is its complement."""
    generator = np.random.default_rng(0)
    files = {archive.names_file: ("\n".join(archive.info.class_names) + "\n\n").encode()}
    each = train // len(archive.train_files)
    for name, count in (*((name, each) for name in archive.train_files), (archive.test_file, test)):
        rows = generator.integers(0, 256, (count, archive.label_bytes + 3072), np.uint8)
        rows[:, archive.label_bytes - 1] = generator.integers(0, archive.info.num_classes, count)
        if archive.label_bytes == 2:
            rows[:, 0] = 255 - rows[:, 1]
        files[name] = rows.tobytes()
    return files


def packed(archive: Archive, folder: Path, files: dict[str, bytes]) -> Archive:
    """Write an archive and return its description, with its own checksum and counts."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / archive.file_name
    with tarfile.open(path, "w:gz") as stream:
        for name, raw in files.items():
            member = tarfile.TarInfo(f"{archive.folder}/{name}")
            member.size = len(raw)
            stream.addfile(member, io.BytesIO(raw))
    md5 = hashlib.md5(path.read_bytes()).hexdigest()
    return replace(archive, md5=md5, train_count=TRAIN, test_count=TEST)


def loaded(archive: Archive, folder: Path, split: SplitName = "train", **changes: object) -> Split:
    plain = SplitRequest(split=split, image_size=32, count=None, seed=0, data_dir=folder)
    return load(archive, replace(plain, **changes))  # type: ignore[arg-type]


def rows_of(archive: Archive, files: dict[str, bytes]) -> np.ndarray:
    raw = b"".join(files[name] for name in archive.train_files)
    return np.frombuffer(raw, np.uint8).reshape(TRAIN, -1)


@pytest.mark.parametrize("published", [CIFAR10, CIFAR100])
def test_images_and_labels_are_those_of_the_files(published: Archive, tmp_path: Path) -> None:
    files = contents(published)
    archive = packed(published, tmp_path, files)
    rows, order = rows_of(published, files), split_indices(archive, "train", seed=5)
    train = loaded(archive, tmp_path, seed=5)
    assert train.images.shape == (180, 3, 32, 32)
    for place in (0, 7, 179):
        row = rows[order[place]]
        assert train.labels[place] == row[published.label_bytes - 1]
        # red plane first, rows from the top
        assert train.images[place, 0, 0].tolist() == row[published.label_bytes :][:32].tolist()
        assert train.images[place, 2, 31, 31] == row[-1]


def test_smaller_sizes_are_resampled_and_counts_are_prefixes(tmp_path: Path) -> None:
    archive = packed(CIFAR10, tmp_path, contents(CIFAR10))
    whole, few = loaded(archive, tmp_path), loaded(archive, tmp_path, image_size=20, count=9)
    assert np.array_equal(few.images, resize(whole.images[:9], 20))
    assert np.array_equal(few.labels, whole.labels[:9])
    with pytest.raises(DataError, match="180 images in its train split, got count 181"):
        loaded(archive, tmp_path, count=181)


def test_the_test_split_is_the_test_file(tmp_path: Path) -> None:
    files = contents(CIFAR100)
    archive = packed(CIFAR100, tmp_path, files)
    raw = np.frombuffer(files["test.bin"], np.uint8).reshape(TEST, -1)
    test = loaded(archive, tmp_path, "test")
    order = split_indices(archive, "test", seed=0)
    assert np.array_equal(test.labels, raw[order, 1])


@pytest.mark.parametrize("name", ["cifar10", "cifar100"])
def test_an_archive_that_is_not_the_published_one_is_refused(name: str, tmp_path: Path) -> None:
    published = cifar.ARCHIVES[name]
    packed(published, tmp_path / name, contents(published))
    with pytest.raises(DataError, match=f"as published: expected md5 {published.md5}, got [0-9a-f]{{32}}"):
        load_split(name, "train", image_size=32, count=5, seed=0, data_dir=tmp_path)


def test_load_split_reads_an_archive_and_refuses_to_enlarge(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive = packed(CIFAR10, tmp_path, contents(CIFAR10))
    monkeypatch.setitem(cifar.ARCHIVES, "cifar10", archive)
    monkeypatch.setenv("SCALING_DATA", str(tmp_path))
    assert load_split("cifar10", "validation", image_size=24, count=20, seed=0).image_size == 24
    with pytest.raises(DataError, match="cifar10 is 32 px: image size 40 would enlarge it"):
        load_split("cifar10", "train", image_size=40, count=2, seed=0)
    larger = load_split("cifar10", "train", image_size=40, count=2, seed=0, allow_upsampling=True)
    assert larger.images.shape == (2, 3, 40, 40)


def test_a_missing_archive_is_asked_for_by_name(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"put cifar-100-binary\.tar\.gz from .* scaling data fetch cifar100"):
        loaded(CIFAR100, tmp_path)


class Bomb:
    """What unpickling untrusted data can do."""

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return exec, ("raise SystemExit('unpickled')",)


def test_pickles_are_refused_unopened(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "cifar-10-python.tar.gz", "w:gz") as stream:
        raw = pickle.dumps(Bomb())
        member = tarfile.TarInfo("cifar-10-batches-py/data_batch_1")
        member.size = len(raw)
        stream.addfile(member, io.BytesIO(raw))
    with pytest.raises(DataError, match=r"is a pickle, .* not opened\): put cifar-10-binary\.tar\.gz"):
        loaded(CIFAR10, tmp_path)


@pytest.mark.parametrize(
    ("name", "change", "message"),
    [
        ("test_batch.bin", lambda raw: raw[:-1], "test_batch.bin must be 92,190 bytes long, got 92,189"),
        ("test_batch.bin", lambda raw: bytes([10]) + raw[1:], "labels must be below 10, got 10"),
        ("batches.meta.txt", lambda raw: raw[3:], "does not name the 10 classes"),
        ("test_batch.bin", None, "has no file cifar-10-batches-bin/test_batch.bin"),
    ],
)
def test_other_layouts_are_refused(name: str, change: object, message: str, tmp_path: Path) -> None:
    files = contents(CIFAR10)
    raw = files.pop(name)
    if callable(change):
        files[name] = change(raw)
    archive = packed(CIFAR10, tmp_path, files)
    with pytest.raises(DataError, match=message):
        loaded(archive, tmp_path, "test")


@pytest.mark.parametrize("keep", [100, 20_000])
def test_a_torn_archive_is_refused_even_with_its_own_sum(keep: int, tmp_path: Path) -> None:
    archive = packed(CIFAR10, tmp_path, contents(CIFAR10))
    path = tmp_path / archive.file_name
    path.write_bytes(path.read_bytes()[:keep])
    torn = replace(archive, md5=hashlib.md5(path.read_bytes()).hexdigest())
    with pytest.raises(DataError, match="not a whole"):
        loaded(torn, tmp_path)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[tuple[str, Archive]]:
    """Serve an archive on this computer."""
    archive = packed(CIFAR10, tmp_path / "served", contents(CIFAR10))

    with served(tmp_path / "served") as address:
        yield address, archive


def test_fetching_verifies(server: tuple[str, Archive], tmp_path: Path) -> None:
    address, archive = server
    path = fetch(archive, tmp_path / "cache" / "cifar10", address=address)
    assert path.is_file()
    split = load(archive, SplitRequest(split="train", image_size=32, count=3, seed=0))
    assert len(split) == 3
    with pytest.raises(DataError, match="could not be downloaded"):
        fetch(CIFAR10, tmp_path / "other", address=address)
    with pytest.raises(DataError, match="could not be downloaded"):
        fetch(replace(archive, file_name="none.tar.gz"), tmp_path / "other", address=address)


def test_the_command_verifies_a_copy_of_the_users(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(cifar.ARCHIVES, "cifar10", packed(CIFAR10, tmp_path, contents(CIFAR10)))
    found = CliRunner().invoke(data, ["fetch", "cifar10", "--data-dir", str(tmp_path)])
    assert found.exit_code == 0, found.output
    assert "verified" in found.output
    (tmp_path / CIFAR10.file_name).write_bytes(b"other")
    refused = CliRunner().invoke(data, ["fetch", "cifar10", "--data-dir", str(tmp_path)])
    assert "expected md5" in str(refused.exception)
