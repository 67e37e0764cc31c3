"""`scaling train`: mistakes are one line, and nothing is left behind."""

from __future__ import annotations

import importlib
import json
from pathlib import Path
from typing import Any

import pytest
from tiny_setup import tiny_setup

from scaling.cli import group
from scaling.cli.output import run
from scaling.network.serialization import to_json

BAD = {
    "network": (["b77", "--data", "glyphs"], "b77"),
    "no network file": (["no.json", "--data", "glyphs"], "cannot read the network no.json"),
    "data": (["b0", "--data", "imagenet"], "imagenet"),
    "recipe": (["b0", "--data", "glyphs", "--recipe", "x"], "no recipe 'x'"),
    "epochs": (["b0", "--data", "glyphs", "--epochs", "0"], "epochs must be at least 1, got 0"),
    "device": (["b0", "--data", "glyphs", "--device", "tpu"], "device must be auto, cpu or cuda"),
    "momentum": (
        ["b0", "--data", "glyphs", "--batch-norm-momentum", "2"],
        "batch_norm_momentum must be in (0, 1]",
    ),
    "image size": (["b0", "--data", "glyphs", "--image-size", "1"], "image size must be"),
    "train": (["b0", "--data", "glyphs", "--train", "1"], "train"),
    "seed": (["b0", "--data", "glyphs", "--data-seed", "-1"], "seed"),
}


def refused(typed: list[str], output: Path, capsys: pytest.CaptureFixture[str]) -> str:
    with pytest.raises(SystemExit) as leave:
        run(group, ["train", *typed, "--output", str(output)])
    out, err = capsys.readouterr()
    assert leave.value.code == 2
    assert out == ""
    assert err.count("\n") == 1
    return err


@pytest.mark.parametrize(("typed", "message"), BAD.values(), ids=BAD.keys())
def test_a_mistake_is_one_line(
    typed: list[str], message: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert message in refused(typed, tmp_path / "out", capsys)
    assert not (tmp_path / "out").exists()


def test_other_files_are_left_alone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SCALING_CACHE", str(tmp_path / "cache"))
    (tmp_path / "tiny.json").write_text(to_json(tiny_setup().baseline_spec))
    (tmp_path / "others").mkdir()
    (tmp_path / "others" / "letter.txt").touch()
    typed = [str(tmp_path / "tiny.json"), "--data", "glyphs", "--train", "50", "--validation", "20"]
    assert "holds other files" in refused(typed, tmp_path / "others", capsys)
    assert {one.name for one in (tmp_path / "others").iterdir()} <= {"letter.txt", "run.lock"}


def test_without_tensorboard_the_option_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SCALING_CACHE", str(tmp_path / "cache"))
    original = importlib.import_module

    def without(name: str, package: str | None = None) -> Any:
        if name == "torch.utils.tensorboard":
            raise ImportError(name)
        return original(name, package)

    monkeypatch.setattr(importlib, "import_module", without)
    (tmp_path / "tiny.json").write_text(to_json(tiny_setup().baseline_spec))
    typed = [str(tmp_path / "tiny.json"), "--data", "glyphs", "--train", "50", "--tensorboard"]
    assert "needs the package tensorboard" in refused(typed, tmp_path / "out", capsys)
    assert not (tmp_path / "out").exists()


def test_a_spec_without_a_network_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "odd.json").write_text(json.dumps({"spec": {"stages": 3}}))
    err = refused([str(tmp_path / "odd.json"), "--data", "glyphs"], tmp_path / "out", capsys)
    assert "odd.json is not an architecture" in err
