"""`scaling weights import` and `export`."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from scaling import build_model, export_weights, variant
from scaling.cli import group
from scaling.cli.output import run

TEN = ["--variant", "b0", "--num-classes", "10"]


def test_there_and_back(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:

    theirs, own, back = tmp_path / "timm.pth", tmp_path / "own.safetensors", tmp_path / "back.pth"
    state = export_weights(build_model(replace(variant("b0"), num_classes=10), seed=1), to="timm")
    torch.save(state, theirs)
    run(group, ["weights", "import", str(theirs), "--from", "timm", *TEN, "--output", str(own), "--json"])
    document = json.loads(capsys.readouterr().out)
    assert document == {
        "variant": "b0",
        "num_classes": 10,
        "source": "timm",
        "output": str(own),
        "tensors": len(state),
    }
    run(group, ["weights", "export", str(own), "--to", "timm", *TEN, "-o", str(back)])
    assert "b0" in capsys.readouterr().out
    found = torch.load(back, weights_only=True)
    assert list(found) == list(state)
    assert all(torch.equal(found[name], tensor) for name, tensor in state.items())


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (["--from", "jax", *TEN], "source must be one of"),
        (["--from", "timm", "--variant", "b9"], "unknown variant 'b9'"),
        (["--from", "timm", *TEN], "missing (conv_stem.weight"),
    ],
)
def test_bad_input_is_one_line(
    arguments: list[str], problem: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    theirs, own = tmp_path / "timm.pth", tmp_path / "own.safetensors"
    torch.save({"w": torch.ones(1)}, theirs)
    with pytest.raises(SystemExit) as caught:
        run(group, ["weights", "import", str(theirs), *arguments, "--output", str(own)])
    output = capsys.readouterr()
    assert caught.value.code == 2
    assert problem in output.err
    assert len(output.err.splitlines()) == 1
    assert output.out == ""
    assert not own.exists()
