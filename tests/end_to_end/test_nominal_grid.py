"""The paper's procedure for real: its grid at nominal cost, and what the output says of achieved cost."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from search_runs import experiment, finished

from scaling.analysis.cost_correlation import cost_correlation
from scaling.runs.trials_table import read_trials

pytestmark = pytest.mark.slow
SEARCH = {"trials": 0, "baseline_seeds": [0], "grid_step": 0.2}


def test_a_grid_at_nominal_cost_says_how_far_achieved_cost_spread(tmp_path: Path) -> None:
    config = experiment(tmp_path, search=SEARCH, engine={"workers": 2})
    output = tmp_path / "run"
    options = ("--sampler", "grid", "--cost", "nominal")
    done = finished(config, output, *options)
    assert done.returncode == 0, done.stderr
    said = " ".join(done.stdout.split())
    trials = read_trials(output / "trials.csv")
    found = cost_correlation(trials)
    assert found is not None
    assert found.most > found.least
    assert f"{found.networks} proposals achieve {found.least:.2f}× to {found.most:.2f}×" in said
    assert f"with top-1 {found.spearman:.2f}" in said
    assert "(Spearman, 95 % bootstrap)" in said
    assert "the whole grid was trained" in said
    proposed = trials[trials["kind"] == "search"]
    assert proposed["nominal_factor"].between(1.9, 2.1).all()
    again = finished(config, output, *options, "--json")
    assert json.loads(again.stdout)["nominal_cost"]["spearman"] == pytest.approx(found.spearman)
