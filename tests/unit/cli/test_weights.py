"""`scaling weights import` and `export`."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from commands import document, printed, refused

from scaling import build_model, export_weights, variant

TEN = ["--variant", "b0", "--num-classes", "10"]


def test_there_and_back(tmp_path: Path) -> None:
    theirs, own, back = tmp_path / "timm.pth", tmp_path / "own.safetensors", tmp_path / "back.pth"
    state = export_weights(build_model(replace(variant("b0"), num_classes=10), seed=1), to="timm")
    torch.save(state, theirs)
    found = document("weights", "import", theirs, "--from", "timm", *TEN, "--output", own)
    expected = {"variant": "b0", "num_classes": 10, "source": "timm", "output": str(own)}
    assert found == {**expected, "tensors": len(state)}
    assert "b0" in printed("weights", "export", own, "--to", "timm", *TEN, "-o", back)
    again = torch.load(back, weights_only=True)
    assert list(again) == list(state)
    assert all(torch.equal(again[name], tensor) for name, tensor in state.items())


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (["--from", "jax", *TEN], "source must be one of"),
        (["--from", "timm", "--variant", "b9"], "unknown variant 'b9'"),
        (["--from", "timm", *TEN], "missing (conv_stem.weight"),
    ],
)
def test_bad_input_is_one_line(arguments: list[str], problem: str, tmp_path: Path) -> None:
    theirs, own = tmp_path / "timm.pth", tmp_path / "own.safetensors"
    torch.save({"w": torch.ones(1)}, theirs)
    assert problem in refused("weights", "import", theirs, *arguments, "--output", own)
    assert not own.exists()
