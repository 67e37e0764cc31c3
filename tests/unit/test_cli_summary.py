"""`scaling summary` and `count`."""

from __future__ import annotations

import json
from typing import Any

import pytest
from click.testing import CliRunner

from scaling import count_cost, variant
from scaling.cli import group

LAYERS = {"b0": 237, "b1": 339, "b7": 813}
COUNT_KEYS = [
    "params",
    "macs",
    "activations",
    "fvcore_total",
    "fvcore_by_operator",
    "fvcore_unsupported",
    "torch_flop_counter",
    "printed_flops",
    "by_stage",
]


def printed(*arguments: str) -> str:
    outcome = CliRunner().invoke(group, list(arguments), catch_exceptions=False, standalone_mode=False)
    assert outcome.stderr == ""
    return outcome.stdout


def document(*arguments: str) -> Any:
    return json.loads(printed(*arguments, "--json"))


@pytest.mark.parametrize(("name", "layers"), LAYERS.items())
def test_the_summary_has_a_row_a_layer(name: str, layers: int) -> None:
    rows = document("summary", name)
    assert len(rows) == layers
    assert all(list(row) == ["name", "module", "sub_block", "output_shape", "params"] for row in rows)
    spec = variant(name)
    classifier = (spec.head.out_channels + 1) * spec.num_classes
    assert sum(row["params"] for row in rows) == count_cost(spec).params - classifier
    assert len({row["name"] for row in rows}) == layers
    with_top = document("summary", name, "--include-top")
    assert with_top[:layers] == rows
    assert len(with_top) == layers + 3
    assert sum(row["params"] for row in with_top) == count_cost(spec).params
    assert with_top[-1]["output_shape"] == [1000]


@pytest.mark.parametrize("top", [[], ["--include-top"]])
def test_folding_keeps_the_sum(top: list[str]) -> None:
    layers, blocks = document("summary", "b2", *top), document("summary", "b2", "--by-block", *top)
    assert sum(row["params"] for row in blocks) == sum(row["params"] for row in layers)
    assert len(blocks) < len(layers) / 5
    assert blocks[-1]["output_shape"] == layers[-1]["output_shape"]


def test_the_printed_summary_counts_itself() -> None:
    lines = printed("summary", "b0").strip().splitlines()
    assert lines[-1] == f"237 layers, {sum(row['params'] for row in document('summary', 'b0')):,} params"
    assert len(lines) == 237 + 2


def test_counting_b0_reconciles_the_counters() -> None:
    found = document("count", "b0")
    assert list(found) == COUNT_KEYS
    assert found["fvcore_total"] == 401_659_392
    assert set(found["fvcore_by_operator"]) == {"conv", "linear", "batch_norm", "adaptive_avg_pool2d"}
    assert sum(found["fvcore_by_operator"].values()) == found["fvcore_total"]
    assert found["fvcore_by_operator"]["conv"] + found["fvcore_by_operator"]["linear"] == found["macs"]
    assert found["torch_flop_counter"] == 2 * found["macs"]
    assert found["printed_flops"] == 390_000_000
    for key in ("params", "macs", "activations"):
        assert sum(piece[key] for piece in found["by_stage"]) == found[key]


def test_without_a_trace_the_counters_are_empty() -> None:
    found = document("count", "b7", "--no-trace", "--num-classes", "10")
    assert list(found) == COUNT_KEYS
    assert found["printed_flops"] is None
    assert all(found[key] is None for key in COUNT_KEYS if "fvcore" in key or "torch" in key)


def test_counts_of_small_networks_agree_whatever_the_size() -> None:
    found = document("count", "--alpha=1.2", "--beta=1.1", "--gamma=1.15", "--phi=-3", "--image-size=37")
    conv = found["fvcore_by_operator"]["conv"] + found["fvcore_by_operator"]["linear"]
    assert conv == found["macs"] == found["torch_flop_counter"] / 2
