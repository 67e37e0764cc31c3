"""Regret curves over replayed searches: their intervals, comparisons, chart and benchmark."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from matplotlib.text import Text
from search_runs import ROOT, experiment

from scaling.errors import ConfigError, ResultsError
from scaling.figures.sampler_regret import (
    CHOSEN,
    REGRET,
    SAMPLERS,
    draw_sampler_regret,
    sampler_regret_figure,
)
from scaling.figures.style import new_figure
from scaling.plans.search.replay import AccuracyTable, Float
from scaling.plans.search.sampler_regret import (
    RegretCurves,
    against_random,
    regret_curves,
    sampler_regret_frame,
)
from scaling.plans.search.samplers import Sampler

sys.path.insert(0, str(ROOT / "benchmarks"))

import samplers as benchmark

SEARCHES, NETWORKS = 40, 4


def nowhere(s: float, v: float) -> int:
    del s, v
    return -1


def hand_made(top1: Float) -> AccuracyTable:
    """A table of networks that no direction leads to: for what queues."""
    return AccuracyTable(
        keys=tuple(map(str, range(len(top1)))),
        top1=top1,
        network_at=nowhere,
        grid=(1, 2),
        startup_trials=4,
    )


TABLE = hand_made(np.array([[0.7, 0.72], [0.8, 0.82], [0.9, 0.92], [0.6, 0.62]]))


def curves(sampler: Sampler, regret: Float, seen: str = "1 seed") -> RegretCurves:
    chosen = regret == 0
    return RegretCurves(
        sampler=sampler,
        seen=seen,
        network_share=1 / 8,
        regret=regret,
        trained=np.maximum.accumulate(chosen, axis=1),
        chosen=chosen,
        proposals=np.tile(np.arange(1.0, NETWORKS + 1), (len(regret), 1)),
        networks=frozenset({0}),
    )


def drawn(level: float, *, seed: int) -> Float:
    random = np.random.default_rng(seed)
    return np.minimum.accumulate(np.abs(random.normal(level, 0.002, (SEARCHES, NETWORKS))), axis=1)


def test_a_whole_table_in_any_order_finds_its_winner_by_its_share() -> None:
    found = regret_curves(TABLE, Sampler.EXHAUSTIVE, repetitions=200, seeds=None, most=4)
    frame = sampler_regret_frame([found])
    assert list(frame["networks"]) == [1, 2, 3, 4]
    assert list(frame["epochs_share"]) == [0.25, 0.5, 0.75, 1.0]
    for row in frame.to_dict("records"):  # chance alone: n of 4 networks hold the winner with n / 4
        assert row["chosen_low"] <= row["networks"] / 4 <= row["chosen_high"] + 1e-12
        assert row["regret_low"] <= row["regret"] <= row["regret_high"]
        assert row["winner_trained"] == row["winner_chosen"]
        assert row["proposals"] == row["networks"]
    assert frame["regret"].iloc[-1] == 0
    assert frame["regret"].is_monotonic_decreasing


def test_a_search_that_ended_keeps_its_last_choice() -> None:
    found = regret_curves(TABLE, Sampler.GRID, repetitions=3, seeds=None, most=4)
    assert found.regret[:, 1:] == pytest.approx(0.0)
    assert np.isnan(found.proposals[:, 2:]).all()
    frame = sampler_regret_frame([found])
    assert list(frame["searches_ended"]) == [0, 0, 1, 1]
    assert found.networks == {1, 2}


def test_one_seed_may_choose_a_loser_though_the_winner_was_trained() -> None:
    noisy = hand_made(np.array([[0.70, 0.74], [0.71, 0.75]]))
    found = regret_curves(noisy, Sampler.EXHAUSTIVE, repetitions=60, seeds=1, most=2)
    assert found.seen == "1 seed"
    assert found.network_share == 1 / 4
    assert found.trained[:, -1].all()
    assert 0 < found.chosen[:, -1].mean() < 1


def test_a_sampler_that_finds_nothing_is_refused() -> None:
    with pytest.raises(ResultsError, match="qmc found no network"):
        regret_curves(TABLE, Sampler.QMC, repetitions=1, seeds=None, most=2)


def test_better_worse_and_alike_are_distinguished() -> None:
    random = curves(Sampler.RANDOM, drawn(0.02, seed=0))
    lower, higher = curves(Sampler.TPE, drawn(0.01, seed=1)), curves(Sampler.GRID, drawn(0.03, seed=2))
    again = curves(Sampler.QMC, random.regret[:30])
    found = against_random([lower, random, higher, again], 3).set_index("sampler")
    assert found["verdict"].to_dict() == {"tpe": "better", "grid": "worse", "qmc": "same"}
    assert found["searches"].to_dict() == {"tpe": 40, "grid": 40, "qmc": 30}
    assert found.loc["tpe", "high"] < 0 < found.loc["grid", "low"]
    assert found.loc["qmc", "p"] == 1
    with pytest.raises(ResultsError, match="replay random too"):
        against_random([lower], 3)


def test_the_chart_has_a_curve_a_sampler_and_a_line_at_a_quarter() -> None:
    assert set(SAMPLERS) == set(Sampler) - {Sampler.SURFACE}  # which is not replayed on tables of one cost
    frame = sampler_regret_frame(
        [curves(Sampler.TPE, drawn(0.01, seed=1)), curves(Sampler.RANDOM, drawn(0.02, seed=0))]
    )
    for what, column in ((REGRET, "regret"), (CHOSEN, "winner_chosen")):
        ax = new_figure("single", 2).add_subplot()
        draw_sampler_regret(frame, ax, what=what)
        tpe, random, quarter = ax.lines
        assert np.asarray(tpe.get_ydata()) == pytest.approx(100 * frame[frame["sampler"] == "tpe"][column])
        assert len(random.get_xdata()) == NETWORKS
        assert list(np.asarray(quarter.get_xdata())) == [2, 2]
    empty = new_figure("single", 2).add_subplot()
    draw_sampler_regret(frame.head(0), empty)
    assert "no search" in empty.texts[0].get_text()


@pytest.mark.parametrize("size", ["single", "double"])
def test_no_title_runs_into_another(size: str) -> None:
    ways = [curves(Sampler.TPE, drawn(0.01, seed=1), seen) for seen in ("mean of 3 seeds", "1 seed")]
    figure = sampler_regret_figure(
        sampler_regret_frame(ways), size, title="Replayed searches: fashion_mnist_exhaustive"
    )
    figure.draw_without_rendering()
    titles = figure.findobj(
        lambda one: isinstance(one, Text) and one.get_text() and one.get_weight() == "bold"
    )
    boxes = [title.get_window_extent() for title in titles] + [figure.legends[0].get_window_extent()]
    assert len(boxes) == 4
    assert not any(a.overlaps(b) for i, a in enumerate(boxes) for b in boxes[:i])


def test_the_benchmark_writes_curves_chart_and_conclusion(tmp_path: Path) -> None:
    file = experiment(tmp_path, search={"largest_image_size": 18, "seeds": [0, 1], "grid_step": 0.1})
    options = ["--repetitions", "3", "--samplers", "random,exhaustive", "--seeds", "0", "--seeds", "1"]
    out = tmp_path / "out"
    command = ["--synthetic", str(file), *options, "--output", str(out), "--json"]
    benchmark.main.main(command, standalone_mode=False)
    found = json.loads((out / "samplers.json").read_text())
    assert found["synthetic"]
    assert [one["seen"] for one in found["ways"]] == ["mean of 2 seeds", "1 seed"]
    frame = pd.read_csv(out / "sampler_regret.csv")
    assert set(frame["sampler"]) == {"random", "exhaustive"}
    assert {path.name for path in out.iterdir()} == {
        "samplers.json", "provenance.json", "sampler_regret.csv", "sampler_regret.png", "sampler_regret.svg",
    }  # fmt: skip
    with pytest.raises(ConfigError, match="at least"):
        benchmark.main.main(["--synthetic", str(file), "--most", "1", *options], standalone_mode=False)
    with pytest.raises(ConfigError, match="'chance'"):
        benchmark.named("random,chance")


def test_a_quarter_is_of_networks_or_of_epochs() -> None:
    table = hand_made(np.zeros((28, 3)))
    assert benchmark.quarters(table, None) == (7,)
    assert benchmark.quarters(table, 1) == (7, 21)
