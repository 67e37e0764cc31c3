"""`scaling verify`: its table, its files, and what it refuses. No peer is needed here."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

from scaling.agreement import Agreement
from scaling.cli.verify import matrix, verify
from scaling.errors import ConfigError

ROW = Agreement(
    peer="timm", variant="b0", params_equal=True, macs_equal=True, layers_equal=None, params=5_288_548,
    macs=32, layers=237, image_size=224, max_relative_float64=2e-15, max_relative_float32=3e-6,
)  # fmt: skip


def test_the_matrix_has_a_row_a_variant_and_a_column_a_peer() -> None:
    other = replace(ROW, peer="keras", max_relative_float64=3e-14)
    lines = matrix([ROW, other, replace(ROW, variant="b1"), replace(other, variant="b1")]).splitlines()
    assert [cell.strip() for cell in lines[0].strip("|").split("|")] == [
        "variant", "image", "params", "multiply-adds", "layers", "timm", "keras",
    ]  # fmt: skip
    assert [cell.strip() for cell in lines[2].strip("|").split("|")] == [
        "B0", "224", "5,288,548", "32", "237", "2e-15", "3e-14",
    ]  # fmt: skip
    assert len(lines) == 4


@pytest.mark.parametrize(
    "change",
    [{"max_relative_float64": 2e-9}, {"params_equal": False}, {"macs_equal": False}, {"layers_equal": False}],
)
def test_a_difference_shows_in_its_cell(change: dict[str, object]) -> None:
    assert "DIFFERS" in matrix([replace(ROW, **change)])  # type: ignore[arg-type]


def test_nothing_to_compare_is_no_error(tmp_path: Path) -> None:
    arguments = ["--variants", "b0", "--peers", "", "--output", str(tmp_path), "--json"]
    done = CliRunner().invoke(verify, arguments, catch_exceptions=False)
    assert done.exit_code == 0
    found = json.loads(done.stdout)
    assert found["agreement"] == []
    assert found["image_size"] == 64
    assert (tmp_path / "agreement.md").exists()
    assert json.loads((tmp_path / "provenance.json").read_text())["config"]["variants"] == ["b0"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--image-size", "large"], "expected a whole number of pixels or 'native', got 'large'"),
        (["--images", "0"], "not in the range"),
    ],
)
def test_bad_options_are_named(arguments: list[str], said: str) -> None:
    done = CliRunner().invoke(verify, arguments)
    assert done.exit_code == 2
    assert said in done.output


def test_unknown_names_are_refused() -> None:
    with pytest.raises(ConfigError, match="cannot be built here; expected one of torchvision"):
        CliRunner().invoke(verify, ["--variants", "b0", "--peers", "caffe"], catch_exceptions=False)
