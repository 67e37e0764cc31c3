"""`scaling train` as it is typed, on a tiny network and a few glyphs."""

from __future__ import annotations

import importlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image
from search_runs import configuration

from scaling.cli import group
from scaling.cli.output import run
from scaling.data.folders import split_folder
from scaling.model import build_model
from scaling.model.depthwise import FIXED_KERNELS, Kernel, KernelShape, KernelTable
from scaling.network.serialization import architecture_key, from_json, to_json
from scaling.training.checkpoint import save_checkpoint
from scaling.training.kernels import read_kernels
from scaling.weights import read_own, read_state

RECIPE = """
epochs = 2
batch_size = 25
learning_rate = 0.02
dropout = 0.0
ema_decay = 0.5
"""


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("train")
    (folder / "tiny.json").write_text(to_json(configuration().baseline_spec))
    (folder / "recipe.toml").write_text(RECIPE)
    return folder


@pytest.fixture(autouse=True)
def surroundings(place: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setenv("SCALING_CACHE", str(place / "cache"))
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def arguments(place: Path, output: str, *more: str) -> list[str]:
    return [
        *("train", str(place / "tiny.json"), "--data", "glyphs", "--recipe", str(place / "recipe.toml")),
        *("--image-size", "16", "--train", "150", "--validation", "50", "--batch-norm-momentum", "0.1"),
        *("--device", "cpu", "--kernels", "fixed", "--output", str(place / output), *more),
    ]


def train(place: Path, output: str, *more: str) -> None:
    run(group, arguments(place, output, *more))


def test_a_training_leaves_all_that_it_found(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    train(place, "whole", "--json", "--tensorboard")
    out, err = capsys.readouterr()
    result, folder = json.loads(out), place / "whole"
    assert result == json.loads((folder / "result.json").read_text())
    assert "epoch 2/2" in err
    assert (result["outcome"], result["epochs"], result["validation_images"]) == ("complete", 2, 50)
    low, high = result["top1_interval"]
    assert low <= result["top1"] <= high
    metrics = pd.read_csv(folder / "metrics.csv")
    assert metrics["epoch"].tolist() == [1, 2]
    assert metrics["steps"].tolist() == [6, 12]
    assert metrics["top1"].iloc[-1] == result["top1"]
    assert metrics["loss"].iloc[-1] == result["loss"]
    provenance = json.loads((folder / "provenance.json").read_text())
    assert set(provenance["data_checksums"]) == {"train", "validation"}
    assert provenance["finished"] is not None
    assert not list(folder.glob("*checkpoint*"))
    assert read_kernels(folder / "kernels.json") == FIXED_KERNELS
    (events,) = (folder / "tensorboard").iterdir()
    reader = importlib.import_module("tensorboard.backend.event_processing.event_accumulator")
    curves = reader.EventAccumulator(str(events)).Reload()
    assert [point.step for point in curves.Scalars("loss/train")] == [6, 12]
    assert curves.Scalars("top1/validation")[-1].value == pytest.approx(result["top1"])
    spec = from_json(json.dumps(json.loads((folder / "config.json").read_text())["spec"]))
    assert result["architecture"] == architecture_key(spec)
    build_model(spec).load_state_dict(dict(read_own(folder / "weights.safetensors", spec).state))


def test_a_finished_training_is_not_done_again_but_can_be_tested(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    train(place, "again", "--json")
    first = json.loads(capsys.readouterr().out)
    times = (place / "again" / "weights.safetensors").stat().st_mtime_ns
    train(place, "again", "--test", "--json")
    out, err = capsys.readouterr()
    tested = json.loads(out)
    assert "is finished" in err
    assert tested.pop("test")["images"] == 4000  # the whole test split of glyphs
    assert tested == first
    assert (place / "again" / "weights.safetensors").stat().st_mtime_ns == times
    train(place, "again")
    assert "top-1, test" in capsys.readouterr().out


def test_the_same_command_gives_the_same_network(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("one", "two"):
        train(place, name)
    one, two = (read_state(place / name / "weights.safetensors") for name in ("one", "two"))
    assert one.keys() == two.keys()
    assert all(torch.equal(one[name], two[name]) for name in one)
    results = [json.loads((place / name / "result.json").read_text()) for name in ("one", "two")]
    assert results[0]["loss"] == results[1]["loss"]
    assert "top-1, validation" in capsys.readouterr().out


def test_measured_kernels_stay_with_the_folder(
    place: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    table = KernelTable.of(
        [(KernelShape(side=8, kernel_size=3, stride=1, dtype="float32"), Kernel.STOCK)], origin="a"
    )
    monkeypatch.setattr(
        "scaling.cli.full_training.kernels_for", lambda *_, **__: table
    )  # measuring takes seconds
    train(place, "measured", "--kernels", "measured")
    assert read_kernels(place / "measured" / "kernels.json") == table
    assert "complete" in capsys.readouterr().out


BAD = {
    "network": (["train", "b77", "--data", "glyphs"], "b77"),
    "no network file": (["train", "no.json", "--data", "glyphs"], "cannot read the network no.json"),
    "data": (["train", "b0", "--data", "imagenet"], "imagenet"),
    "recipe": (["train", "b0", "--data", "glyphs", "--recipe", "x"], "no recipe 'x'"),
    "epochs": (["train", "b0", "--data", "glyphs", "--epochs", "0"], "epochs must be at least 1, got 0"),
    "device": (["train", "b0", "--data", "glyphs", "--device", "tpu"], "device must be auto, cpu or cuda"),
    "momentum": (
        ["train", "b0", "--data", "glyphs", "--batch-norm-momentum", "2"],
        "batch_norm_momentum must be in (0, 1]",
    ),
    "image size": (["train", "b0", "--data", "glyphs", "--image-size", "1"], "image size must be"),
}


@pytest.mark.parametrize(("typed", "message"), BAD.values(), ids=BAD.keys())
def test_a_mistake_is_one_line(
    typed: list[str], message: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    with pytest.raises(SystemExit) as leave:
        run(group, [*typed, "--output", str(tmp_path / "out")])
    out, err = capsys.readouterr()
    assert leave.value.code == 2
    assert out == ""
    assert err.count("\n") == 1
    assert message in err
    assert not (tmp_path / "out").exists()


def test_another_trainings_folder_is_refused(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    train(place, "mine")
    capsys.readouterr()
    with pytest.raises(SystemExit):
        train(place, "mine", "--seed", "1")
    assert "holds another training, whose seed differs" in capsys.readouterr().err
    (place / "others").mkdir()
    (place / "others" / "letter.txt").touch()
    with pytest.raises(SystemExit):
        train(place, "others")
    assert "holds other files" in capsys.readouterr().err


def test_a_foreign_checkpoint_costs_one_line(
    place: Path, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    save_checkpoint(place / "foreign" / "training.checkpoint", {"a": 1}, {"seed": "9"})
    (place / "foreign" / "config.json").write_text((place / "mine" / "config.json").read_text())
    train(place, "foreign")
    assert len(caplog.messages) == 1
    assert "is refused: it belongs to another training" in caplog.messages[0]
    assert "complete" in capsys.readouterr().out


def test_without_tensorboard_the_option_is_refused(
    place: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    original = importlib.import_module

    def without(name: str, package: str | None = None) -> Any:
        if name == "torch.utils.tensorboard":
            raise ImportError(name)
        return original(name, package)

    monkeypatch.setattr(importlib, "import_module", without)
    with pytest.raises(SystemExit):
        train(place, "boardless", "--tensorboard")
    assert "needs the package tensorboard" in capsys.readouterr().err


@pytest.fixture(scope="module")
def pictures(place: Path) -> Path:
    """Two classes of 40 JPEGs of differing sizes, one of which is damaged."""
    generator = np.random.default_rng(0)
    for label, name in enumerate(("dark", "light")):
        (place / "pictures" / name).mkdir(parents=True)
        for number in range(40):
            size = (40 + number % 7, 44 + number % 5, 3)
            pixels = generator.integers(120 * label, 120 * label + 130, size, np.uint8)
            Image.fromarray(pixels).save(place / "pictures" / name / f"{number:02}.jpg")
    (place / "pictures" / "dark" / "07.jpg").write_bytes(b"\xff\xd8 no picture")
    return place / "pictures"


def from_folder(place: Path, pictures: Path, output: str, *more: str) -> list[str]:
    return [
        *("train", str(place / "tiny.json"), "--data", f"imagefolder:{pictures}", "--device", "cpu"),
        *("--image-size", "16", "--batch-norm-momentum", "0.1", "--kernels", "stock"),
        *("--output", str(place / output), *more),
    ]


def test_a_folder_of_pictures_is_streamed_and_repeats(
    place: Path, pictures: Path, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    (place / "cropped.toml").write_text(
        "epochs = 3\nbatch_size = 15\nlearning_rate = 0.02\n[augmentation]\ncrop_area = 0.08\nflip = true\n"
    )
    results = []
    for output in ("streamed", "streamed again"):
        run(group, from_folder(place, pictures, output, "--recipe", str(place / "cropped.toml"), "--json"))
        results.append(json.loads(capsys.readouterr().out))
    assert results[0]["loss"] == results[1]["loss"]
    assert results[0]["epochs"] == 3
    files = len(split_folder(pictures, "validation", seed=0).files)
    damaged = any(file.path.name == "07.jpg" for file in split_folder(pictures, "validation", seed=0).files)
    assert results[0]["validation_images"] == files - damaged
    assert "07.jpg is passed over" in caplog.text
    weights = [read_state(place / name / "weights.safetensors") for name in ("streamed", "streamed again")]
    assert all(torch.equal(weights[0][name], weights[1][name]) for name in weights[0])


def test_streamed_pictures_have_one_crop(
    place: Path, pictures: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (place / "other.toml").write_text("epochs = 1\n[augmentation]\nflip = true\n")
    with pytest.raises(SystemExit):
        run(group, from_folder(place, pictures, "other", "--recipe", str(place / "other.toml")))
    assert "or neither; got crop_area None and flip True" in capsys.readouterr().err
