"""What a search says of cost at its end, on tables made for the purpose."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest
from search_runs import configuration

from scaling.analysis import noise_floor
from scaling.cli.trials import print_trade_offs
from scaling.plans.search.result import result_document
from scaling.runs.trials_table import trials_frame


def table(rows: list[tuple[str, float, int, float]]) -> pd.DataFrame:
    """Two seeds, a point apart, of (name, top1, params, achieved factor)."""
    return trials_frame(
        {
            "trial": number, "seed": seed, "name": name,
            "kind": "search" if name == "search" else "reference",
            "state": "complete", "top1": top1 + seed / 100, "params": params, "achieved_factor": factor,
            "architecture": f"{number}", "macs": 1, "image_size": 16,
        }
        for number, (name, top1, params, factor) in enumerate(rows)
        for seed in (0, 1)
    )  # fmt: skip


ROWS = [("baseline", 0.5, 100, 1.0), ("search", 0.7, 200, 2.0), ("search", 0.705, 300, 2.2),
        ("search", 0.6, 400, 1.9)]  # fmt: skip


def test_the_front_names_its_networks_and_what_noise_leaves_open(capsys: pytest.CaptureFixture[str]) -> None:
    config, trials = configuration(search={"objectives": ["top1", "params"]}), table(ROWS)
    front = result_document(config, trials, noise_floor(trials))["pareto_front"]
    assert [row["params"] for row in front] == [100, 200, 300]
    assert [row["sure"] for row in front] == [True, True, False]
    assert front[0]["top1"] == pytest.approx(0.505)
    assert front[0]["low"] < 0.505 < front[0]["high"]
    print_trade_offs(config, trials, noise_floor(trials))
    out = capsys.readouterr().out
    assert "Pareto front" in out
    assert "trial 2" in out
    assert "trial 3" not in out


def test_nominal_cost_says_how_far_it_spread(capsys: pytest.CaptureFixture[str]) -> None:
    config = configuration(search={"cost": "nominal"})
    rows = [("search", 0.5 + n / 100, 100, 1.8 + n / 10) for n in range(8)]
    found = result_document(config, table(rows), None)["nominal_cost"]
    assert (found["networks"], found["spearman"]) == (8, pytest.approx(1))
    print_trade_offs(config, table(rows), None)
    out = " ".join(capsys.readouterr().out.split())
    assert "8 proposals achieve 1.80× to 2.50×" in out
    assert "top-1 1.00 [1.00, 1.00]" in out
    print_trade_offs(config, table(rows[:1]), None)
    assert capsys.readouterr().out.startswith("nominal cost: too few")


@pytest.mark.parametrize("search", [{}, {"metric": "activations"}])
def test_a_plain_search_says_nothing_of_it(search: dict[str, Any]) -> None:
    found = result_document(configuration(search=search), table(ROWS), None)
    assert not {"pareto_front", "nominal_cost"} & set(found)
