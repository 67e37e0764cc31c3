"""Figures: frames exactly, then what can be measured on the drawing. Pictures are looked at by people."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from run_tables import collisions, label_boxes, make_trials, trial_rows

from scaling import count_cost, variant
from scaling.errors import ResultsError
from scaling.figures import (
    PAPER_CHARTS,
    family_figure,
    run_figure,
)
from scaling.figures.family_flops import family_flops_frame
from scaling.figures.family_params import family_params_frame
from scaling.figures.labels import overlaps, place_labels
from scaling.figures.published_accuracy import draw_published
from scaling.figures.run_accuracy import run_frame
from scaling.figures.style import SIZES, Size, new_figure, theme
from scaling.network.published import published
from scaling.runs.trials_table import trials_frame

ROOT = Path(__file__).parents[3]
OFFICIAL_CHARTS = ROOT / "results" / "official" / "charts"
pytestmark = pytest.mark.filterwarnings("error")

# --- the family --------------------------------------------------------------------------------------------


def test_family_frames_hold_the_printed_table_and_our_exact_counts() -> None:
    frame = family_params_frame()
    printed = published("imagenet")
    assert frame["model"].tolist() == [row["model"] for row in printed]
    assert frame["top1_percent"].tolist() == [float(row["top1"]) for row in printed]
    assert frame["params_millions"].tolist() == [float(row["params_millions"]) for row in printed]
    own = frame[frame["family"] == "EfficientNet"]
    assert own["label"].tolist() == [f"B{number}" for number in range(8)]
    for label, params, macs in zip(own["label"], own["exact_params"], own["exact_macs"], strict=True):
        cost = count_cost(variant(label.lower()))
        assert (params, macs) == (cost.params, cost.macs)
    assert frame.loc[frame["family"] != "EfficientNet", ["exact_params", "exact_macs"]].isna().all(axis=None)
    assert frame.loc[frame["beyond_axis"], "model"].tolist() == ["GPipe"]


def test_only_gpipe_lacks_printed_flops() -> None:
    frame = family_flops_frame()
    assert frame.loc[frame["macs_billions"].isna(), "model"].tolist() == ["GPipe"]
    assert frame.set_index("label").loc["B7", "macs_billions"] == 37


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("name", PAPER_CHARTS)
def test_no_two_labels_of_the_family_overlap(name: str, size: Size) -> None:
    figure = family_figure(name, size)
    boxes = label_boxes(figure)
    panels = 2 if name == "family" else 1
    for panel, ax in enumerate(figure.axes):
        texts = {text for where, text in boxes if where == panel}
        rivals = {row["model"] for row in published("imagenet")} - {"GPipe"}
        labels = {model.removeprefix("EfficientNet-") for model in rivals} | {"EfficientNet"}
        assert labels < texts
        assert len(texts) == len(labels) + 1  # GPipe: at the edge, or said not to be shown
        frame = ax.get_window_extent().extents
        for (where, text), box in boxes.items():
            if where == panel:
                assert box[0] >= frame[0] - 1, text
                assert box[2] <= frame[2] + 1, text
    assert len(figure.axes) == panels
    assert collisions(boxes) == []


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("name", PAPER_CHARTS)
def test_no_label_of_the_family_covers_a_point(name: str, size: Size) -> None:
    figure = family_figure(name, size)
    boxes = label_boxes(figure)
    for panel, ax in enumerate(figure.axes):
        points = np.vstack([ax.transData.transform(np.column_stack(line.get_data())) for line in ax.lines])
        centres = np.hstack([points - 1.0, points + 1.0])
        covered = [text for (where, text), box in boxes.items() if where == panel and overlaps(box, centres)]
        assert covered == []


def test_the_overlap_check_sees_overlaps() -> None:
    with theme():
        figure = new_figure("single", 3.1)
        draw_published(family_params_frame(), figure.add_subplot(), x="params_millions", places={})
    assert ("Inception-v3", "Xception") in collisions(label_boxes(figure))


def test_axes_name_quantity_unit_and_convention() -> None:
    params, flops = family_figure("family").axes
    assert params.get_xlabel() == "Parameters (millions, as printed)"
    assert flops.get_xlabel() == "FLOPs (multiply-adds, billions, as printed)"
    assert params.get_ylabel() == flops.get_ylabel() == "ImageNet top-1 accuracy (%)"
    assert params.get_title(loc="left").startswith("Published")
    assert params.get_xlim() == (0, 180)


def test_families_differ_in_marker_and_dash_for_grey_printers() -> None:
    (ax,) = family_figure("family_params").axes
    drawn = [line for line in ax.lines if len(line.get_xdata())]
    assert len(drawn) == 10
    assert len({line.get_marker() for line in drawn}) == 10
    joined = [line for line in drawn if len(line.get_xdata()) > 1]
    assert len({str(line._dash_pattern) for line in joined}) == len(joined) == 5


# --- a run -------------------------------------------------------------------------------------------------


def test_run_frame_gives_means_and_t_intervals() -> None:
    rows = [
        trial_rows(0, "baseline", None, seed=0, params=100, macs=900, top1=0.50),
        trial_rows(0, "baseline", None, seed=1, params=100, macs=900, top1=0.60),
        trial_rows(1, "", (0.2, 0.7, 0.1), params=150, macs=1800, top1=0.70),
        trial_rows(2, "", (0.2, 0.7, 0.1), params=150, macs=1800, top1=0.0, state="pruned"),
        trial_rows(3, "", (0.2, 0.7, 0.1), params=150, macs=1800, top1=math.nan),
    ]
    half = 12.706204736174698 * 0.05  # t(0.975, 1) times s / sqrt(2)
    expected = pd.DataFrame(
        {
            "trial": [0, 0, 1],
            "seed": [0, 1, 0],
            "kind": pd.array(["reference", "reference", "search"], dtype="string"),
            "name": pd.array(["baseline", "baseline", ""], dtype="string"),
            "label": pd.array(["baseline", "baseline", ""], dtype="string"),
            "direction": pd.array(["unknown", "unknown", "width"], dtype="string"),
            "params": [100, 100, 150],
            "macs": [900, 900, 1800],
            "top1": [0.5, 0.6, 0.7],
            "seeds": [2, 2, 1],
            "top1_mean": [0.55, 0.55, 0.7],
            "top1_low": [0.55 - half, 0.55 - half, math.nan],
            "top1_high": [0.55 + half, 0.55 + half, math.nan],
        }
    )
    pd.testing.assert_frame_equal(run_frame(pd.DataFrame(rows)), expected)


def test_run_frame_reads_the_schemas_nullable_columns_alike() -> None:
    plain = pd.concat(
        [make_trials(3), make_trials(1, state="waiting").tail(1).assign(trial=99, top1=math.nan)]
    )
    nullable = trials_frame(plain.to_dict("records"))
    assert nullable["top1"].isna().any()
    pd.testing.assert_frame_equal(run_frame(nullable), run_frame(plain))


def test_run_frame_counts_only_the_longest_training_of_a_trial() -> None:
    base = {"params": 1, "macs": 1}
    rows = [
        trial_rows(0, "", (1.0, 0.0, 0.0), top1=0.1, fidelity_epochs=1, **base),
        trial_rows(0, "", (1.0, 0.0, 0.0), top1=0.5, fidelity_epochs=9, **base),
        trial_rows(1, "", (1.0, 0.0, 0.0), top1=0.2, fidelity_epochs=1, **base),
    ]
    assert run_frame(pd.DataFrame(rows))["top1"].tolist() == [0.5, 0.2]


@pytest.mark.parametrize(
    ("proposed", "realised", "direction"),
    [
        ((0.6, 0.2, 0.2), (0.1, 0.8, 0.1), "width"),
        ((0.6, 0.2, 0.2), (math.nan, math.nan, math.nan), "depth"),
        ((0.4, 0.3, 0.3), (0.3, 0.2, 0.5), "resolution"),
        ((0.4, 0.3, 0.3), (0.4, 0.3, 0.3), "balanced"),
        ((math.nan, math.nan, math.nan), (math.nan, math.nan, math.nan), "unknown"),
    ],
)
def test_direction_is_the_dominant_realised_share(
    proposed: tuple[float, ...], realised: tuple[float, ...], direction: str
) -> None:
    row = trial_rows(0, "", None, params=1, macs=1, top1=0.5)
    for dimension, one, other in zip(("depth", "width", "resolution"), proposed, realised, strict=True):
        row |= {f"{dimension}_share": one, f"realised_{dimension}_share": other}
    assert run_frame(pd.DataFrame([row]))["direction"].tolist() == [direction]


def test_run_frame_refuses_other_tables() -> None:
    with pytest.raises(ResultsError, match="missing: params"):
        run_frame(make_trials(2).drop(columns="params"))
    with pytest.raises(ResultsError, match="numbers in the column top1"):
        run_frame(make_trials(2).assign(top1="half"))


ACCURACY_CHARTS = ("run_params", "run_flops")
PARTIAL_RUNS = {
    "nothing": make_trials(0, references=0).reindex(columns=make_trials(1).columns),
    "no complete trial": make_trials(3, state="failed"),
    "one seed": make_trials(0, references=1).head(1),
    "the baseline": make_trials(0, references=1),
    "references": make_trials(0),
    "one search trial": make_trials(1, references=0),
    "five": make_trials(5),
    "three seeds": make_trials(20, seeds=3),
    "two seeds": make_trials(6, seeds=2),
    "two hundred": make_trials(200),
}


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("name", ACCURACY_CHARTS)
@pytest.mark.parametrize("run", PARTIAL_RUNS)
def test_runs_are_drawn_at_any_moment(run: str, name: str, size: Size) -> None:
    trials = PARTIAL_RUNS[run]
    figure = run_figure(trials, name, size, title="quick on glyphs", noise=0.015)
    (ax,) = figure.axes
    assert ax.get_title(loc="left") == "quick on glyphs · own runs"
    assert ax.get_ylabel() == "Top-1 accuracy on validation (%)"
    assert ax.get_xlabel().startswith("Parameters" if name == "run_params" else "FLOPs (multiply-adds")
    boxes = label_boxes(figure)
    complete = trials[trials["state"] == "complete"]
    wanted = set(complete.loc[complete["kind"] == "reference", "name"]) - {"compound"}
    assert {text for _, text in boxes} - {"compound (paper)"} == wanted
    assert collisions(boxes) == []
    messages = [text.get_text() for text in ax.texts]
    assert ("no complete trial yet" in messages) == complete.empty


@pytest.mark.parametrize("noise", [None, math.nan, 0.0, 0.001, 0.5])
def test_noise_floor_is_a_labelled_band_below_the_best(noise: float | None) -> None:
    trials = make_trials(5)
    figure = run_figure(trials, "run_flops", title="quick on glyphs", noise=noise)
    (ax,) = figure.axes
    texts = [text.get_text() for text in figure.legends[0].get_texts()]
    labelled = [text for text in texts if text.startswith("within noise of the best")]
    if noise in (None, 0.0) or math.isnan(noise or 0.0):
        assert not ax.patches
        assert not labelled
        return
    (band,) = ax.patches
    best = 100 * run_frame(trials)["top1_mean"].max()
    assert band.get_y() + band.get_height() == pytest.approx(best)
    assert band.get_height() == pytest.approx(100 * (noise or 0.0))
    assert labelled == [f"within noise of the best\n({100 * (noise or 0.0):.1f} points)"]


def test_an_interval_of_two_seeds_does_not_squash_the_chart() -> None:
    figure = run_figure(PARTIAL_RUNS["two seeds"], "run_params", title="quick on glyphs")
    bottom, top = figure.axes[0].get_ylim()
    accuracies = 100 * run_frame(PARTIAL_RUNS["two seeds"])["top1"]
    assert top - bottom <= 2.2 * (accuracies.max() - accuracies.min())
    assert bottom < accuracies.min()
    assert top > accuracies.max()


def test_labels_find_room_where_points_coincide() -> None:
    with theme():
        figure = new_figure("single", 3.0)
        ax = figure.add_subplot(xlim=(0, 2), ylim=(0, 2))
        figure.draw_without_rendering()
        nothing = np.empty((0, 4))
        place_labels(ax, [(f"trial {n}", 1.0, 1.0) for n in range(8)], markers=nothing, bars=nothing)
    boxes = label_boxes(figure)
    assert len(boxes) == 8
    assert collisions(boxes) == []
