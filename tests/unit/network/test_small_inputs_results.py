"""The committed accuracies of the small-input policies, their table in the docs, the default they led to."""

from __future__ import annotations

import importlib.util
import json
import re
import sys
from pathlib import Path
from types import ModuleType

import pandas as pd
import pytest

from scaling.network.serialization import architecture_key
from scaling.network.small_inputs import RECOMMENDED, idle_taps, last_map

ROOT = Path(__file__).parents[3]
RESULTS = ROOT / "results" / "small_inputs"


@pytest.fixture(scope="module")
def benchmark() -> ModuleType:
    spec = importlib.util.spec_from_file_location(
        "small_inputs_benchmark", ROOT / "benchmarks" / "small_inputs.py"
    )
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def accuracies() -> pd.DataFrame:
    return pd.read_csv(RESULTS / "accuracies.csv")


def test_rows_are_of_the_networks_that_the_code_makes(
    benchmark: ModuleType, accuracies: pd.DataFrame
) -> None:
    for row in accuracies.to_dict("records"):
        spec = benchmark.network(row["data"], row["image_size"], row["policy"])
        assert row["architecture"] == architecture_key(spec)
        assert row["last_map"] == last_map(spec)
        assert row["idle_share"] == pytest.approx(idle_taps(spec).share, abs=1e-6)


def test_the_docs_show_the_table_of_the_results(benchmark: ModuleType, accuracies: pd.DataFrame) -> None:
    text = (ROOT / "docs" / "small_inputs.md").read_text(encoding="utf-8")
    found = re.search(
        r"<!-- python benchmarks/small_inputs.py --table -->\n(.*?)\n<!-- end -->", text, re.DOTALL
    )
    assert found is not None
    assert found.group(1) == benchmark.markdown(accuracies)


def test_the_default_is_what_the_rule_chose_most_often(
    benchmark: ModuleType, accuracies: pd.DataFrame
) -> None:
    summary = benchmark.summary(accuracies)
    chosen = [
        set(benchmark.names_of(row["data"], row["image_size"], row["policy"]).split(" = "))
        for row in summary[summary["chosen"]].to_dict("records")
    ]
    votes = {policy: sum(policy in names for names in chosen) for policy in ("none", "stem", "late", "early")}
    assert votes[RECOMMENDED] == max(votes.values())  # a tie, as the docs say


def test_the_recommended_policy_wins_at_32_px_beyond_noise(
    benchmark: ModuleType, accuracies: pd.DataFrame
) -> None:
    summary = benchmark.summary(accuracies)
    cell = summary[(summary["image_size"] == 32) & ~summary["policy"].isin(benchmark.CONTROLS)]
    assert cell[cell["same_as_best"]]["policy"].tolist() == [RECOMMENDED.value]


def test_provenance_is_of_a_clean_tree() -> None:
    record = json.loads((RESULTS / "provenance.json").read_text())
    assert record["dirty"] is False
    assert record["config"]["recipe"]["zero_init_residual"] is True
