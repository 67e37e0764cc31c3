"""`scaling verify`: its table and its files. No peer is needed here."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from commands import document, refused

from scaling.agreement import Agreement
from scaling.cli.verify import matrix

ROW = Agreement(
    peer="timm", variant="b0", params_equal=True, macs_equal=True, layers_equal=None, params=5_288_548,
    macs=32, layers=237, image_size=224, max_relative_float64=2e-15, max_relative_float32=3e-6,
)  # fmt: skip


def test_the_matrix_has_a_row_a_variant_and_a_column_a_peer() -> None:
    other = replace(ROW, peer="keras", max_relative_float64=3e-14)
    text = matrix([ROW, other, replace(ROW, variant="b1"), replace(other, variant="b1")])
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines()]
    assert rows[0] == ["variant", "image", "params", "multiply-adds", "layers", "timm", "keras"]
    assert rows[2] == ["B0", "224", "5,288,548", "32", "237", "2e-15", "3e-14"]
    assert len(rows) == 4


@pytest.mark.parametrize(
    "change",
    [{"max_relative_float64": 2e-9}, {"params_equal": False}, {"macs_equal": False}, {"layers_equal": False}],
)
def test_a_difference_shows_in_its_cell(change: dict[str, Any]) -> None:
    assert "DIFFERS" in matrix([replace(ROW, **change)])


def test_nothing_to_compare_with_is_no_success(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("scaling.cli.verify.peer_installed", lambda _peer: False)
    line = refused("verify", "--variants", "b0", "--peers", "timm,keras", "--output", tmp_path / "kept")
    assert "none of timm, keras is installed" in line
    assert "name a peer" in refused("verify", "--variants", "b0", "--peers", "")
    assert not (tmp_path / "kept").exists()


def test_files_say_what_was_compared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("scaling.cli.verify.peer_installed", lambda peer: peer == "timm")
    monkeypatch.setattr("scaling.cli.verify.verify_peer", lambda _peer, _variant, **_how: ROW)
    found = document("verify", "--variants", "b0", "--peers", "timm,keras", "--output", tmp_path)
    assert (len(found["agreement"]), found["not_installed"], found["image_size"]) == (1, ["keras"], 64)
    assert (tmp_path / "agreement.md").exists()
    assert json.loads((tmp_path / "provenance.json").read_text())["config"]["variants"] == ["b0"]
