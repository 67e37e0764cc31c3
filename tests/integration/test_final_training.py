"""Real trainings to their weights, of a tiny network on a few glyphs: as typed, and as a library call."""

from __future__ import annotations

import importlib
import json
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image
from rich.console import Console
from tiny_setup import tiny_setup

import scaling
from scaling.cli import group
from scaling.cli.output import run
from scaling.data.folders import split_folder
from scaling.model import build_model
from scaling.network.serialization import architecture_key, to_json
from scaling.plans.final.result import load_training
from scaling.runs.folder import held
from scaling.runs.store import Store
from scaling.training.recipe import Recipe
from scaling.weights import read_own

SPEC = tiny_setup().baseline_spec
RECIPE = Recipe(epochs=2, batch_size=25, learning_rate=0.02, dropout=0.0, ema_decay=0.5)
COMMON: dict[str, Any] = {
    "data": "glyphs",
    "recipe": RECIPE,
    "train": 150,
    "validation": 50,
    "batch_norm_momentum": 0.1,
    "device": "cpu",
    "kernels": "fixed",
    "console": Console(quiet=True),
}


@pytest.fixture(scope="module", autouse=True)
def surroundings(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SCALING_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield
    torch.set_num_threads(before)


def trained(place: Path, output: str = "run", **changes: Any) -> scaling.TrainingRun:
    return scaling.train(SPEC, **{**COMMON, "output": place / output, "store": place / "store", **changes})


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> scaling.TrainingRun:
    return trained(tmp_path_factory.mktemp("whole"))


def as_typed(place: Path, *more: str) -> list[str]:
    """The command of the same training; the network and the recipe come from files."""
    recipe = "epochs = 2\nbatch_size = 25\nlearning_rate = 0.02\ndropout = 0.0\nema_decay = 0.5\n"
    (place / "recipe.toml").write_text(recipe)
    (place / "tiny.json").write_text(json.dumps({"spec": json.loads(to_json(SPEC))}))
    return [
        *("train", str(place / "tiny.json"), "--data", "glyphs", "--recipe", str(place / "recipe.toml")),
        *("--train", "150", "--validation", "50", "--batch-norm-momentum", "0.1", "--device", "cpu"),
        *("--kernels", "fixed", "--output", str(place / "typed"), "--store", str(place / "store"), *more),
    ]


def test_the_command_is_the_call(
    whole: scaling.TrainingRun, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run(group, as_typed(tmp_path, "--json", "--tensorboard"))
    out, err = capsys.readouterr()
    result, folder = json.loads(out), tmp_path / "typed"
    assert result == json.loads((folder / "result.json").read_text())
    assert err.count("epoch ") == 2
    assert "epoch 2/2" in err
    assert (folder / "weights.safetensors").read_bytes() == whole.weights.read_bytes()
    same = ("outcome", "epochs", "top1", "loss", "validation_loss", "top1_interval", "record", "architecture")
    assert {name: result[name] for name in same} == {name: whole.document()[name] for name in same}
    low, high = result["top1_interval"]
    assert low <= result["top1"] <= high
    (events,) = (folder / "tensorboard").iterdir()
    reader = importlib.import_module("tensorboard.backend.event_processing.event_accumulator")
    curves = reader.EventAccumulator(str(events)).Reload()
    assert [point.step for point in curves.Scalars("loss/train")] == [6, 12]
    assert curves.Scalars("top1/validation")[-1].value == pytest.approx(result["top1"])


def test_a_training_leaves_all_that_it_found(whole: scaling.TrainingRun) -> None:
    folder, store = whole.folder, Store(path=whole.folder.path.parent / "store")
    assert whole.record is not None
    metrics = pd.read_csv(folder.path / "metrics.csv")
    assert list(metrics) == [
        *("epoch", "steps", "loss", "validation_loss", "top1", "learning_rate", "seconds"),
    ]
    assert metrics["steps"].tolist() == [6, 12]
    assert metrics["top1"].iloc[-1] == whole.top1
    provenance = json.loads(folder.provenance.read_text())
    assert set(provenance["data_checksums"]) == {"train at 16 px", "validation at 16 px"}
    assert provenance["finished"] is not None
    assert len(provenance["launches"]) == 1
    assert folder.keys() == [whole.record.key] == list(store.keys())
    assert not folder.progress.exists()
    assert not list((store.path / "unfinished").glob("*.checkpoint*"))
    build_model(whole.spec).load_state_dict(dict(read_own(whole.weights, whole.spec).state))
    again = load_training(folder.path)
    assert again.document() == whole.document()
    pd.testing.assert_frame_equal(again.curve, whole.curve)
    assert architecture_key(again.spec) == architecture_key(SPEC)


def test_a_finished_training_is_not_done_again_but_can_be_tested(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first = trained(tmp_path)
    written = first.weights.stat().st_mtime_ns
    (tmp_path / "run" / "result.json").unlink()  # as if it had been killed before that was written
    tested = trained(tmp_path, test=True, console=None)
    assert "is finished" in capsys.readouterr().err
    assert tested.test["images"] == 4000  # the whole test split of glyphs
    found = tested.document()
    assert found.pop("test") == tested.test
    assert found == first.document()
    assert trained(tmp_path).test == tested.test
    assert first.weights.stat().st_mtime_ns == written
    assert json.loads(first.folder.provenance.read_text())["launches"].__len__() == 1


def test_a_record_without_weights_is_trained_again(whole: scaling.TrainingRun, tmp_path: Path) -> None:
    store = whole.folder.path.parent / "store"
    again = trained(tmp_path, store=store)
    assert again.weights.read_bytes() == whole.weights.read_bytes()
    assert again.folder.keys() == [again.record.key]
    assert list(Store(path=store).keys()) == [again.record.key]


def test_another_trainings_folder_is_refused_until_it_is_moved(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first = trained(tmp_path, epochs=1)
    with pytest.raises(scaling.ConfigError, match=r"\(recipe.epochs: 1 there, 2 here\)"):
        trained(tmp_path)
    with pytest.raises(scaling.ConfigError, match=r"\(seed: 0 there, 1 here\)"):
        trained(tmp_path, epochs=1, seed=1)
    assert trained(tmp_path, epochs=1).document() == first.document()
    assert trained(tmp_path, epochs=1, seed=1, fresh=True).record is not None
    (before,) = tmp_path.glob("run.before-*")
    assert (before / "weights.safetensors").exists()
    assert capsys.readouterr().err == ""


def test_a_folder_in_use_is_refused(tmp_path: Path) -> None:
    first = trained(tmp_path, epochs=1)
    with held(first.folder), pytest.raises(scaling.ResultsError, match=f"process {os.getpid()} on"):
        trained(tmp_path, epochs=1)


def when(ready: Callable[[], bool], then: Callable[[], object]) -> threading.Thread:
    """Do something as soon as something holds."""

    def wait() -> None:
        while not ready():
            time.sleep(0.002)
        then()

    thread = threading.Thread(target=wait, daemon=True)
    thread.start()
    return thread


def test_a_stopped_training_goes_on_bit_for_bit(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    longer = {"epochs": 8, "train": 400}
    whole = trained(tmp_path, "whole", **longer, store=tmp_path / "other store")
    metrics = tmp_path / "parts" / "metrics.csv"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(signal, "getsignal", lambda _number: signal.SIG_DFL)  # however pytest was started
        thread = when(metrics.exists, lambda: os.kill(os.getpid(), signal.SIGTERM))
        with pytest.raises(KeyboardInterrupt):
            trained(tmp_path, "parts", **longer, console=None)
    thread.join()
    stopped = load_training(tmp_path / "parts")
    assert stopped.stopped
    done = len(stopped.curve)
    assert 1 <= done < 8
    assert "stopped; the same command goes on" in capsys.readouterr().err
    assert not stopped.folder.result.exists()
    parts = trained(tmp_path, "parts", **longer, console=None)
    assert f"epoch {done}/8" not in capsys.readouterr().err  # the unsaved epoch was kept
    assert parts.weights.read_bytes() == whole.weights.read_bytes()
    columns = [name for name in whole.curve if name != "seconds"]
    pd.testing.assert_frame_equal(parts.curve[columns], whole.curve[columns])
    assert len(json.loads(parts.folder.provenance.read_text())["launches"]) == 2


def test_a_diverged_training_has_no_weights_and_is_not_tried_again(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    wild = Recipe(epochs=2, batch_size=25, learning_rate=1e30, dropout=0.0)
    found = trained(tmp_path, recipe=wild)
    assert (found.document()["outcome"], found.top1, found.weights) == ("diverged", None, None)
    assert trained(tmp_path, recipe=wild, console=None).document() == found.document()
    assert "is finished" in capsys.readouterr().err
    with pytest.raises(scaling.ConfigError, match="no weights to test: its training diverged"):
        trained(tmp_path, recipe=wild, test=True)


def test_a_failed_training_is_an_error_and_is_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: Any, **__: Any) -> None:
        raise ValueError("odd")

    with monkeypatch.context() as patch:
        patch.setattr("scaling.runs.task.train_network", broken)
        with pytest.raises(scaling.ScalingError, match="the training failed: ValueError: odd"):
            trained(tmp_path, epochs=1)
    assert trained(tmp_path, epochs=1).top1 is not None


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two classes of 40 JPEGs of differing sizes, one of which is damaged."""
    root, generator = tmp_path_factory.mktemp("pictures"), np.random.default_rng(0)
    for label, name in enumerate(("dark", "light")):
        (root / name).mkdir(parents=True)
        for number in range(40):
            size = (40 + number % 7, 44 + number % 5, 3)
            pixels = generator.integers(120 * label, 120 * label + 130, size, np.uint8)
            Image.fromarray(pixels).save(root / name / f"{number:02}.jpg")
    (root / "dark" / "07.jpg").write_bytes(b"\xff\xd8 no picture")
    return root


def streamed(place: Path, pictures: Path, output: str, text: str) -> scaling.TrainingRun:
    (place / "recipe.toml").write_text(text)
    return trained(
        place,
        output,
        data=f"imagefolder:{pictures}",
        recipe=place / "recipe.toml",
        train=None,
        validation=None,
        kernels="stock",
        store=place / f"store of {output}",
    )


CROPPED = "epochs = 3\nbatch_size = 15\nlearning_rate = 0.02\n[augmentation]\ncrop_area = 0.08\nflip = true\n"


def test_a_folder_of_pictures_is_streamed_repeats_and_is_evaluated(
    tmp_path: Path, pictures: Path, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    first, second = (streamed(tmp_path, pictures, name, CROPPED) for name in ("one", "two"))
    assert first.weights.read_bytes() == second.weights.read_bytes()
    files = split_folder(pictures, "validation", seed=0).files
    damaged = any(file.path.name == "07.jpg" for file in files)
    assert first.document()["validation_images"] == len(files) - damaged
    assert "07.jpg is passed over" in caplog.text
    typed = ["evaluate", str(first.folder.result), "--weights", str(first.weights), "--json"]
    run(group, [*typed, "--data", f"imagefolder:{pictures}"])
    assert json.loads(capsys.readouterr().out)["images"] == 79


def test_streamed_pictures_have_one_crop(tmp_path: Path, pictures: Path) -> None:
    with pytest.raises(scaling.ConfigError, match="or neither; got crop_area None and flip True"):
        streamed(tmp_path, pictures, "other", "epochs = 1\n[augmentation]\nflip = true\n")
    assert not (tmp_path / "other").exists()
