"""Class folders on disk as splits: streamed in batches, or loaded whole."""

from __future__ import annotations

import logging
import shutil
import threading
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from picture_folders import HOPPER, picture
from PIL import Image
from tiny_setup import tiny_setup

from scaling.data import Split, dataset_info, load_split
from scaling.data.folders import CENTRE, centre_square, manifest_checksum, split_folder
from scaling.data.imagefolder import as_rgb
from scaling.data.streaming import StreamingSplit, _drafted, random_box
from scaling.errors import DataError
from scaling.runs.record import RecordState
from scaling.runs.task import Task, Watch, run_task
from scaling.training import Recipe, TrainingResult, train_network


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two classes in train/ and val/, one torn file and one that is no picture in train/."""
    folder = tmp_path_factory.mktemp("pictures")
    for number in range(20):
        picture(folder / "train" / f"class{number % 2}" / f"{number:02}.png", number)
    for number in range(6):
        picture(folder / "val" / f"class{number % 2}" / f"{number:02}.png", 100 + number)
    shutil.copy(HOPPER, folder / "train" / "class1" / "hopper.jpg")
    torn = folder / "train" / "class0" / "torn.jpg"
    torn.write_bytes(HOPPER.read_bytes()[:20_000])
    (folder / "train" / "class1" / "notes.txt").write_text("no picture")
    return folder


def streamed(root: Path, split: str = "train", **changes: object) -> StreamingSplit:
    arguments = {"image_size": 24, "seed": 3, **changes}
    folder = split_folder(root, split, seed=arguments["seed"])  # type: ignore[arg-type]
    return StreamingSplit(folder=folder, augment=split == "train", **arguments)  # type: ignore[arg-type]


def everything(
    split: StreamingSplit, *, batch_size: int = 4, epoch: int = 0, workers: int = 2
) -> tuple[torch.Tensor, torch.Tensor]:
    pieces = list(split.batches(range(len(split)), batch_size, epoch=epoch, workers=workers))
    return torch.cat([images for images, _ in pieces]), torch.cat([labels for _, labels in pieces])


BAD = {"class0/torn.jpg": "cannot be read", "class1/notes.txt": "not a picture"}


def test_batches_are_uint8_with_labels_of_the_folders(root: Path) -> None:
    split = streamed(root, "validation")
    pieces = list(split.batches(torch.arange(6), 4, epoch=0))
    assert [len(labels) for _, labels in pieces] == [4, 2]
    for images, labels in pieces:
        assert images.dtype == torch.uint8
        assert images.shape[1:] == (3, 24, 24)
        assert labels.dtype == torch.int64
    labels = torch.cat([labels for _, labels in pieces]).tolist()
    assert labels == [file.label for file in split.folder.files]
    assert not split.skipped


def test_damaged_files_are_named_once_and_the_next_takes_their_place(
    root: Path, caplog: pytest.LogCaptureFixture
) -> None:
    split = streamed(root)
    with caplog.at_level(logging.WARNING):
        labels = everything(split)[1].tolist()
        everything(split, epoch=1)
    assert {path: reason.split(":")[0] for path, reason in split.skipped.items()} == BAD
    assert caplog.text.count("is passed over") == 2
    names = [file.path.relative_to(split.folder.root).as_posix() for file in split.folder.files]
    good = [name not in BAD for name in names]
    assert len(labels) == 23
    for place in range(23):
        taken = next(later % 23 for later in range(place, place + 23) if good[later % 23])
        assert labels[place] == split.folder.files[taken].label


def test_damaged_files_are_left_out_of_what_is_judged(root: Path, tmp_path: Path) -> None:
    for split in ("train", "val"):
        shutil.copytree(root / "train", tmp_path / split)
    judged = streamed(tmp_path, "validation")
    labels = everything(judged)[1].tolist()
    assert len(labels) == 21
    assert set(judged.skipped) == set(BAD)
    kept = [f for f in judged.folder.files if f.path.relative_to(judged.folder.root).as_posix() not in BAD]
    assert labels == [file.label for file in kept]


def test_a_folder_without_any_picture_ends_with_one_line(tmp_path: Path) -> None:
    (tmp_path / "train" / "a").mkdir(parents=True)
    for number in range(3):
        (tmp_path / "train" / "a" / f"{number}.jpg").write_text("nothing")
    with pytest.raises(DataError, match="100 files in a row give no picture"):
        everything(streamed(tmp_path))


def test_the_engine_trains_and_judges_on_a_stream_as_on_a_split(root: Path, tmp_path: Path) -> None:
    """Judging agrees with the same pictures loaded whole; training twice gives the same, torn file or not."""
    name = f"imagefolder:{root}"
    info = dataset_info(name)
    spec = replace(tiny_setup().baseline_spec, image_size=24, in_channels=3, num_classes=2)
    whole = load_split(name, "validation", image_size=24, count=None, seed=3, cache_dir=tmp_path)

    def trained(validation: Split | StreamingSplit) -> TrainingResult:
        recipe = Recipe(epochs=2, batch_size=8, dropout=0.0)
        cpu = torch.device("cpu")
        return train_network(spec, recipe, streamed(root), validation, info, seed=0, device=cpu)

    first, second = trained(streamed(root, "validation")), trained(whole)
    assert first.top1 == second.top1
    assert first.loss == second.loss
    assert first.epochs == 2


def test_threads_and_batch_sizes_change_nothing(root: Path) -> None:
    split = streamed(root)
    images, labels = everything(split)
    for batch_size, workers in ((1, 1), (7, 3), (100, 5)):
        others = everything(split, batch_size=batch_size, workers=workers)
        assert torch.equal(images, others[0])
        assert torch.equal(labels, others[1])


def test_a_picture_depends_on_seed_epoch_and_index_alone(root: Path) -> None:
    split = streamed(root)
    (first,) = [images for images, _ in split.batches([4], 1, epoch=2)]
    among = next(iter(split.batches([9, 4, 1], 3, epoch=2)))[0][1:2]
    assert torch.equal(first, among)
    (later,) = [images for images, _ in split.batches([4], 1, epoch=3)]
    assert not torch.equal(first, later)


def test_validation_pictures_are_the_same_every_epoch(root: Path) -> None:
    split = streamed(root, "validation")
    assert torch.equal(everything(split, epoch=0)[0], everything(split, epoch=5)[0])
    with Image.open(split.folder.files[2].path) as image:
        expected, _ = centre_square(image, image_size=24)
    assert np.array_equal(everything(split)[0][2].numpy(), expected)


def test_the_middle_is_the_middle() -> None:
    """Seen is exactly the square of 0.875 of the short side."""
    pixels = np.zeros((80, 120, 3), np.uint8)
    pixels[5:75, 25:95] = 255  # exactly the 70 x 70 middle
    square, largest = centre_square(Image.fromarray(pixels), image_size=35)
    assert largest == 70 == CENTRE * 80
    assert square[:, 1:-1, 1:-1].min() == 255  # the filter reaches over the edge
    wider, _ = centre_square(Image.fromarray(pixels[2:78, 22:98]), image_size=35)
    assert wider.min() == 255


def test_random_boxes_lie_within_and_vary() -> None:
    boxes = [random_box((500, 400), np.random.default_rng(seed)) for seed in range(400)]
    areas = []
    for left, top, right, bottom in boxes:
        assert 0 <= left < right <= 500
        assert 0 <= top < bottom <= 400
        assert 0.74 < (right - left) / (bottom - top) < 1.35
        areas.append((right - left) * (bottom - top) / 200_000)
    assert min(areas) < 0.12
    assert max(areas) > 0.9
    assert len(set(boxes)) > 390
    assert random_box((1000, 10), np.random.default_rng(0)) == (493.5, 0.0, 506.5, 10.0)


def test_flips_are_as_frequent_as_not(tmp_path: Path) -> None:
    pixels = np.zeros((64, 64, 3), np.uint8)
    pixels[:, :, 0] = np.linspace(0, 255, 64).astype(np.uint8)  # brighter to the right
    for split in ("train", "val"):
        (tmp_path / split / "ramp").mkdir(parents=True)
        Image.fromarray(pixels).save(tmp_path / split / "ramp" / "ramp.png")
    split = streamed(tmp_path, image_size=16)
    brighter = [
        bool(images[0, 0, :, -1].float().mean() > images[0, 0, :, 0].float().mean())
        for epoch in range(60)
        for images, _ in split.batches([0], 1, epoch=epoch)
    ]
    assert 18 <= sum(brighter) <= 42


def test_drafts_decode_less_and_look_the_same() -> None:
    box = (0.0, 0.0, 512.0, 600.0)
    with Image.open(HOPPER) as image:
        small, scaled = _drafted(image, box, 64)
    assert small.width <= 128
    assert scaled == (0.0, 0.0, small.width, small.height)
    with Image.open(HOPPER) as image:
        whole = as_rgb(image)
    a, b = (np.asarray(x.resize((64, 64), Image.Resampling.BICUBIC), np.float64) for x in (small, whole))
    assert np.abs(a - b).mean() < 3  # levels of 255
    with Image.open(HOPPER) as image:
        full, unscaled = _drafted(image, (100.0, 100.0, 160.0, 160.0), 64)
    assert (full.size, unscaled) == ((512, 600), (100.0, 100.0, 160.0, 160.0))


def test_leaving_early_ends_the_threads(root: Path) -> None:
    stream = streamed(root).batches(range(23), 2, epoch=0, workers=3)
    next(stream)
    del stream
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("decode")]


def test_small_pictures_are_named_and_left_out_unless_enlarging_is_allowed(root: Path) -> None:
    split = streamed(root, "validation", image_size=48)
    assert not list(split.batches(range(6), 6, epoch=0))
    assert len(split.skipped) == 6
    assert set(split.skipped.values()) == {"cannot be read: it gives at most 43 px of 48"}
    allowed = streamed(root, "validation", image_size=48, allow_upsampling=True)
    assert everything(allowed)[0].shape == (6, 3, 48, 48)


def test_bad_requests_are_refused_before_anything_is_read(root: Path) -> None:
    split = streamed(root)
    with pytest.raises(DataError, match="batch size must be at least 1, got 0"):
        split.batches([0], 0, epoch=0)
    with pytest.raises(DataError, match="from 0 to 22, got 23"):
        split.batches([0, 23], 4, epoch=0)
    with pytest.raises(DataError, match="workers must be at least 1"):
        split.batches([0], 4, epoch=0, workers=0)


def test_checksums_know_names_sizes_and_times(tmp_path: Path) -> None:
    for number in range(12):
        picture(tmp_path / "all" / f"{number}.png", number, (20, 20))
    before = streamed(tmp_path).checksum()
    assert before == manifest_checksum(split_folder(tmp_path, "train", seed=3))
    assert before != streamed(tmp_path, seed=4).checksum()
    changed = streamed(tmp_path).folder.files[0].path
    picture(changed, 99, (20, 21))
    assert streamed(tmp_path).checksum() != before


def test_a_folder_has_its_classes_and_imagenets_mean(root: Path) -> None:
    info = dataset_info(f"imagefolder:{root}")
    assert info.class_names == ("class0", "class1")
    assert (info.in_channels, info.native_size) == (3, None)
    assert info.mean == (0.485, 0.456, 0.406)
    assert "ImageNet" in info.source
    for name, message in (("", "expected imagefolder:PATH"), ("nowhere", "cannot be read: No such file")):
        with pytest.raises(DataError, match=message):
            dataset_info(f"imagefolder:{name}")


def test_small_splits_load_whole(root: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    arguments = {"image_size": 24, "seed": 3, "cache_dir": tmp_path}
    with caplog.at_level(logging.WARNING):
        whole = load_split(f"imagefolder:{root}", "train", count=None, **arguments)  # type: ignore[arg-type]
    assert whole.images.shape == (21, 3, 24, 24)
    assert "class0/torn.jpg is passed over" in caplog.text
    few = load_split(f"imagefolder:{root}", "train", count=5, **arguments)  # type: ignore[arg-type]
    assert np.array_equal(few.images, whole.images[:5])
    validation = load_split(f"imagefolder:{root}", "validation", count=6, **arguments)  # type: ignore[arg-type]
    assert np.array_equal(validation.images, everything(streamed(root, "validation"))[0].numpy())
    assert len(list(tmp_path.iterdir())) == 3
    for count, message in (
        (22, "21 pictures that can be read, got count 22"),
        (24, "23 files in its train split"),
    ):
        with pytest.raises(DataError, match=message):
            load_split(f"imagefolder:{root}", "train", count=count, **arguments)  # type: ignore[arg-type]
    with pytest.raises(DataError, match="at most 43 px: image size 44 would enlarge it"):
        load_split(f"imagefolder:{root}", "validation", image_size=44, count=6, seed=3, cache_dir=tmp_path)


def test_layouts_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    picture(tmp_path / "train" / "a" / "0.png", 0)
    with pytest.raises(DataError, match="train/ but no val or validation/"):
        split_folder(tmp_path, "validation", seed=0)
    picture(tmp_path / "val" / "b" / "0.png", 0)
    with pytest.raises(DataError, match="too few files for a validation split"):
        split_folder(tmp_path, "validation", seed=0)
    picture(tmp_path / "one" / "c" / "0.png", 0)
    with pytest.raises(DataError, match="too few files for a train split"):
        split_folder(tmp_path / "one", "train", seed=0)


def test_a_setup_trains_on_a_folder(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SCALING_CACHE", str(tmp_path))
    setup = tiny_setup(data={"name": f"imagefolder:{root}", "train": 20, "validation": 6})
    assert (setup.baseline_spec.in_channels, setup.baseline_spec.num_classes) == (3, 2)
    job = setup.job(setup.baseline_spec, seed=0)
    task = Task(job=job, key=job.key, kernels=None, store=tmp_path / "store")
    record = run_task(task, Watch(), torch.device("cpu"))
    assert record.state == RecordState.COMPLETE
    assert len(record.curve) == 1
    assert len(record.right) == 6
