"""Laws of tables: which networks they are fitted to, what is printed, what is drawn."""

from __future__ import annotations

import math
from pathlib import Path

import pandas as pd
import pytest
from matplotlib.figure import Figure
from run_tables import collisions, label_boxes, row

from scaling.analysis.law_fits import Bootstrap
from scaling.analysis.law_networks import LawData, published_source, sources_of
from scaling.analysis.law_report import report_laws
from scaling.errors import ConfigError, ResultsError
from scaling.figures.law import draw_law, laws_frame
from scaling.figures.style import new_figure, theme
from scaling.runs.trials_table import trials_frame

ROOT = Path(__file__).parents[3]
FEW = Bootstrap(resamples=40)


def tiny_table() -> pd.DataFrame:
    rows = [row(0, "baseline", 100, 0.7), row(0, "baseline", 100, 0.71, seed=1)]
    rows += [row(n, "depth", 100 * 2**n, 0.8 - 0.1 * 0.6**n) for n in range(1, 6)]
    rows += [row(6, "search", 210, 0.76, image_size=36), row(7, "search", 210, 0.5, fidelity_epochs=1)]
    rows += [row(8, "search", 205, 0.76, state="failed")]
    return trials_frame(rows)


def test_a_table_becomes_networks_by_strategy_with_the_baseline_in_each() -> None:
    (source,) = sources_of([tiny_table()], cost="macs")
    groups = source.strategies()
    assert {name: [one.cost for one in some] for name, some in groups.items()} == {
        "all": [100, 200, 400, 800, 1600, 3200, 210],
        "depth": [100, 200, 400, 800, 1600, 3200],
        "search": [100, 210],
    }
    assert (source.epochs, source.left_out) == (3, 1)
    assert source.noise == pytest.approx(0.01 / math.sqrt(2))
    assert groups["search"][1].coefficients == (1.0, 1.0, 1.5)
    assert groups["all"][0].errors == pytest.approx((0.3, 0.29))


def test_experiments_stay_apart_unless_pooled_and_columns_make_strategies() -> None:
    other = tiny_table().assign(experiment="other", architecture=lambda table: table["architecture"] + "x")
    tables = [tiny_table(), other]
    assert [one.name for one in sources_of(tables, cost="params")] == ["tiny", "other"]
    (pooled,) = sources_of(tables, cost="macs", pooled=True)
    assert (pooled.name, len(pooled.networks)) == ("tiny + other", 14)
    (by,) = sources_of([tiny_table()], cost="macs", by="image_size")
    assert list(by.strategies()) == ["all", "24", "36"]
    with pytest.raises(ConfigError, match="expected a column of the tables for --by, got 'colour'"):
        sources_of([tiny_table()], cost="macs", by="colour")
    with pytest.raises(ResultsError, match="no training in these tables is complete"):
        sources_of([tiny_table().assign(state="failed")], cost="macs")
    with pytest.raises(ResultsError, match="trial 0 has no activations above 0"):
        sources_of([tiny_table().assign(activations=pd.NA)], cost="activations")


def test_the_published_family_has_a_law_and_no_surface() -> None:
    source = published_source("efficientnet")
    report = report_laws(source, lambda _name: FEW)
    (law,) = report.laws
    assert law.refusal is None
    assert law.exponent is not None
    assert 0.4 < law.exponent.low < law.exponent.value < law.exponent.high < 0.8
    assert law.held_out is not None
    assert law.held_out.observed == pytest.approx(0.157)
    assert law.held_out.inside
    assert "too few networks" in str(report.surface.refusal)
    assert report.surface.networks == 8


def test_what_was_not_printed_is_refused() -> None:
    with pytest.raises(ConfigError, match="expected a published family among EfficientNet, .*; got 'vgg'"):
        published_source("vgg")
    with pytest.raises(ConfigError, match="prints no activations of ResNet"):
        published_source("resnet", cost="activations")
    assert [one.cost for one in published_source("ResNet", cost="params").networks] == [26e6, 60e6]


# --- command and chart -----------------------------------------------------------------------------------


def figure_of(source: LawData) -> Figure:
    report = report_laws(source, lambda _name: Bootstrap(resamples=8))
    with theme():
        figure = new_figure("double", 3.2)
        draw_law(laws_frame(report.source, report.laws), figure.add_subplot())
    return figure


def test_the_chart_shows_strategies_with_and_without_a_law() -> None:
    (source,) = sources_of([tiny_table()], cost="macs")
    figure = figure_of(source)
    boxes = label_boxes(figure)
    assert collisions(boxes) == []
    (legend,) = figure.legends
    words = [text.get_text() for text in legend.get_texts()]
    assert "search (no law)" in words
    assert figure.axes[0].get_xlabel() == "FLOPs (multiply-adds, thousands)"


def test_the_frame_holds_networks_once_and_rounds_what_machines_differ_in() -> None:
    report = report_laws(published_source("EfficientNet"), lambda _name: Bootstrap(resamples=8))
    frame = laws_frame(report.source, report.laws)
    assert frame["what"].value_counts().to_dict() == {"law": 60, "network": 8, "held_out": 3, "floor": 1}
    assert frame["error_percent"].map(lambda value: float(f"{value:.5g}") == value).all()
    held = frame[frame["what"] == "held_out"].iloc[0]
    assert held["low"] < held["error_percent"] < held["high"]
