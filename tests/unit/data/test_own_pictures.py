"""Folders as people have them: rare classes, small pictures, links to nothing, a class that is missing."""

from __future__ import annotations

import logging
from collections import Counter
from pathlib import Path

import pytest
from picture_folders import picture, two_classes
from search_runs import configuration, store_of

from scaling.data import load_split
from scaling.data.folders import split_folder
from scaling.errors import DataError
from scaling.plans.search.run import run_search
from scaling.plans.search.template import experiment_toml
from scaling.runs.folder import RunFolder
from scaling.runs.launch import Where
from scaling.toml_errors import parse_toml


@pytest.mark.parametrize("seed", range(5))
def test_every_class_validates_in_its_share(tmp_path: Path, seed: int) -> None:
    for name, count in (("often", 400), ("rare", 40)):
        (tmp_path / name).mkdir()
        for number in range(count):
            (tmp_path / name / f"{number}.png").touch()
    train, validation = (split_folder(tmp_path, split, seed=seed).files for split in ("train", "validation"))
    assert len({*train, *validation}) == len(train) + len(validation)
    rare = Counter(file.label for file in validation)[1]
    assert rare == pytest.approx(len(validation) / 11, abs=1)
    assert Counter(file.label for file in train[:110])[1] == pytest.approx(10, abs=1), "a count takes shares"


def test_a_class_that_validation_lacks_or_has_alone_is_named(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    for place in ("train/b", "train/c", "val/a", "val/c"):
        picture(tmp_path / place / "0.png", 0)
    found = split_folder(tmp_path, "validation", seed=0)
    assert found.class_names == ("b", "c")
    assert [(file.path.parent.name, file.label) for file in found.files] == [("c", 1)]
    assert "class a is passed over" in caplog.text
    assert "no validation picture of b" in caplog.text


def test_a_link_to_nothing_is_named_and_left_out(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    root = two_classes(tmp_path / "pets", each=10)
    (root / "cat" / "gone.png").symlink_to(tmp_path / "nowhere.png")
    parts = [split_folder(root, split, seed=0).files for split in ("train", "validation", "test")]
    assert sum(map(len, parts)) == 20
    assert "cat/gone.png is passed over: a link to nothing" in caplog.text
    whole = load_split(
        f"imagefolder:{root}", "train", image_size=16, count=None, seed=0, cache_dir=tmp_path / "cache"
    )
    assert len(whole) == len(parts[0])


def test_a_new_experiment_counts_pictures_not_files(tmp_path: Path) -> None:
    root = two_classes(tmp_path / "pets", each=20)
    (root / "cat" / "notes.txt").write_text("no picture")
    (root / "dog" / "gone.png").symlink_to(tmp_path / "nowhere.png")
    text = experiment_toml(name="pets", data=f"imagefolder:{root}", baseline=None, command="")
    data = parse_toml(text, Path("pets.toml"))["setup"]["data"]
    assert data["train"] + data["validation"] + len(split_folder(root, "test", seed=0).files) == 40


def test_one_small_picture_is_named_before_anything_is_trained(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("SCALING_CACHE", str(tmp_path / "cache"))
    root = two_classes(tmp_path / "pets", each=20)
    for number in range(3):  # enough for the baseline's 16 px, not for resolution's; not all are for the test
        picture(root / "cat" / f"small{number}.png", number, (20, 20))
    config = configuration(data={"name": f"imagefolder:{root}", "train": 30, "validation": 4})
    caplog.set_level(logging.ERROR)
    folder = RunFolder(path=tmp_path / "run")
    with pytest.raises(
        DataError, match=r"small\d\.png gives at most 17 px.*largest_image_size=17.*upsampling"
    ):
        run_search(config, folder, Where(store=store_of(folder.path)))
    assert not folder.started()
