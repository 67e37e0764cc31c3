"""Charts of published figures and the generator: frames exactly, then what can be measured on the drawing."""

from __future__ import annotations

import functools

import numpy as np
import pandas as pd
import pytest
from run_tables import check_drawing, collisions, label_boxes

from scaling import count_cost, variant
from scaling.errors import ConfigError, SpecError
from scaling.figures import FAMILY_CHARTS, PAPER_CHARTS, family_figure
from scaling.figures.family import draw_published
from scaling.figures.labels import overlaps, place_labels
from scaling.figures.saving import family_chart
from scaling.figures.style import SIZES, Size, new_figure, theme
from scaling.network.published import published
from scaling.targets.explanation import PAPER_BASES

pytestmark = pytest.mark.filterwarnings("error")


@functools.cache
def frame_of(name: str) -> pd.DataFrame:
    """Some frames take seconds; nothing here changes one."""
    return FAMILY_CHARTS[name].frame()


def test_family_frames_hold_the_printed_table_and_our_exact_counts() -> None:
    frame, printed = frame_of("family"), published("imagenet")
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
    flops = frame_of("family_flops")
    assert flops.loc[flops["macs_billions"].isna(), "model"].tolist() == ["GPipe"]
    assert flops.set_index("label").loc["B7", "macs_billions"] == 37


def test_one_dimension_at_a_time_costs_what_the_paper_plots() -> None:
    frame = frame_of("single_axis").assign(billions=lambda table: (table["macs"] / 1e9).round(3))
    assert {name: rows["billions"].tolist() for name, rows in frame.groupby("dimension")} == {
        "depth": [0.386, 0.782, 1.179, 1.575, 2.368, 3.161],
        "width": [0.386, 0.744, 1.176, 2.391, 5.060, 8.712],
        "resolution": [0.386, 0.718, 0.893, 1.129, 1.458, 1.923, 2.447],
    }
    alone = frame.set_index(["dimension", "coefficient"])
    assert alone.loc[("depth", 4.0), "nominal_macs"] == 4 * 385_814_752
    widths = frame_of("width_axis")
    first = widths[widths["coefficient"] == 1.0].set_index(["d", "r"])["macs"]
    assert first[1.0, 1.0] == 385_814_752
    assert first[2.0, 1.0] == alone.loc[("depth", 2.0), "macs"]
    assert first[1.0, 1.3] == alone.loc[("resolution", 1.3), "macs"]


def test_published_ways_to_scale_are_printed_figures_beside_exact_ones() -> None:
    frame = frame_of("scaling_methods")
    assert frame["method"].tolist() == ["baseline", "depth", "width", "resolution", "compound"]
    assert frame["macs_billions"].tolist() == [0.4, 1.8, 1.8, 1.9, 1.8]
    assert (frame["exact_macs"] / 1e9).round(3).tolist() == [0.386, 1.575, 1.45, 1.538, 1.8]
    others = frame_of("other_baselines")
    assert "exact_macs" not in others.columns
    assert others["top1_percent"].tolist() == [
        float(row["top1"]) for row in published("scaling_methods") if row["baseline"] != "EfficientNet-B0"
    ]


def test_released_weights_hold_every_published_row_once() -> None:
    frame = frame_of("released_weights")
    assert len(frame) == 8 + len(published("released_weights"))
    assert not frame.duplicated(["variant", "source"]).any()
    assert frame[~frame["native"]][["variant", "image_size"]].to_numpy().tolist() == [["b2", 288]]


def test_phi_parts_at_the_papers_bases_and_meets_at_the_exact_triple() -> None:
    frame = frame_of("phi_implied")
    assert len(frame) == 7 * 2 * 3
    ends = frame.groupby(["bases", "variant"]).agg(low=("low", "max"), high=("high", "min"))
    meets = ends["low"] <= ends["high"]
    assert meets["one exact triple"].all()
    assert meets["the paper's bases"].to_dict() == {f"b{number}": number < 5 for number in range(1, 8)}
    paper = frame.loc[frame["bases"] == "the paper's bases", ["alpha", "beta", "gamma"]]
    assert paper.drop_duplicates().to_numpy().tolist() == [list(PAPER_BASES.values())]
    exact = frame[frame["bases"] == "one exact triple"]
    assert exact["exact_phi"].between(exact["low"], exact["high"]).all()


def test_phi_moved_to_the_target_is_on_target_and_the_formula_is_not() -> None:
    frame = frame_of("nominal_achieved")
    twofold = frame[frame["panel"] == "twofold"].groupby("how")["achieved_factor"]
    assert twofold.count().to_dict() == {"realised": 150, "released": 2000, "unrounded": 2000}
    assert ((twofold.get_group("realised") / 2 - 1).abs() <= 0.03).mean() > 0.97
    assert (twofold.get_group("released") > 2.06).mean() > 0.9


@pytest.mark.parametrize("name", ["b0", "b7", "lite0"])
def test_stage_costs_add_up(name: str) -> None:
    frame, cost = family_chart(f"stage_costs_{name}").frame(), count_cost(variant(name))
    assert frame["network"].unique().tolist() == [name.upper()]
    for quantity in ("params", "macs", "activations"):
        assert frame[quantity].sum() == getattr(cost, quantity)
        assert frame[f"{quantity}_share"].sum() == pytest.approx(1)


def test_unknown_variants_and_charts_are_refused() -> None:
    with pytest.raises(SpecError, match="unknown variant 'b99'"):
        family_chart("stage_costs_b99")
    with pytest.raises(ConfigError, match="stage_costs_VARIANT; got 'stage'"):
        family_chart("stage")


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("name", FAMILY_CHARTS)
def test_labels_are_apart_and_axes_named(name: str, size: Size) -> None:
    figure = FAMILY_CHARTS[name].figure(frame_of(name), size)
    check_drawing(figure)
    assert any(ax.get_title(loc="left") for ax in figure.axes)
    assert all(ax.get_xlabel() for ax in figure.axes)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("name", PAPER_CHARTS)
def test_every_model_of_the_family_is_named_inside_and_no_label_covers_a_point(name: str, size: Size) -> None:
    figure = family_figure(name, size)
    boxes = label_boxes(figure)
    models = {row["model"] for row in published("imagenet")} - {"GPipe"}
    labels = {model.removeprefix("EfficientNet-") for model in models} | {"EfficientNet"}
    assert len(figure.axes) == (2 if name == "family" else 1)
    for panel, ax in enumerate(figure.axes):
        here = {text: box for (where, text), box in boxes.items() if where == panel}
        assert labels < set(here)
        assert len(here) == len(labels) + 1  # GPipe: at the edge, or said not to be shown
        left, _, right, _ = ax.get_window_extent().extents
        points = np.vstack([ax.transData.transform(np.column_stack(line.get_data())) for line in ax.lines])
        for text, box in here.items():
            assert left - 1 <= box[0] < box[2] <= right + 1, text
            assert overlaps(box, np.hstack([points - 1.0, points + 1.0])) == 0, text


def test_the_overlap_check_sees_overlaps() -> None:
    with theme():
        figure = new_figure("single", 3.1)
        draw_published(frame_of("family"), figure.add_subplot(), x="params_millions", places={})
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
    assert len({line.get_marker() for line in drawn}) == len(drawn) == 10
    joined = [line for line in drawn if len(line.get_xdata()) > 1]
    assert len({str(line._dash_pattern) for line in joined}) == len(joined) == 5


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
