"""The charts beyond Figs. 1 and 5: frames on tiny tables, and what can be measured on the drawings."""

from __future__ import annotations

import functools
import itertools
import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure
from run_tables import collisions, label_boxes, make_trials, trial_rows

from scaling import count_cost, variant
from scaling.analysis import noise_floor
from scaling.analysis.pareto import not_ruled_out
from scaling.errors import ConfigError, SpecError
from scaling.figures import FAMILY_CHARTS, PAPER_CHARTS, RUN_CHARTS, RunData, SearchedSpace
from scaling.figures.published_methods import other_baselines_frame, scaling_methods_frame
from scaling.figures.released_weights import released_weights_frame
from scaling.figures.run_cost import run_cost_frame
from scaling.figures.run_dimensions import draw_run_widths, run_dimensions_frame, run_widths_frame
from scaling.figures.run_methods import run_methods_frame
from scaling.figures.run_noise import SHOWN, run_noise_frame
from scaling.figures.run_pareto import run_pareto_frame
from scaling.figures.run_triangle import run_triangle_frame
from scaling.figures.saving import family_chart
from scaling.figures.single_axis import single_axis_frame, width_axis_frame
from scaling.figures.stage_costs import stage_costs_frame
from scaling.figures.style import SIZES, Size
from scaling.network.published import published
from scaling.network.rounding import RoundingRules
from scaling.runs.trials_table import read_trials
from scaling.targets.explanation import PAPER_BASES
from scaling.targets.target import Target

ROOT = Path(__file__).parents[3]
QUICK = read_trials(ROOT / "results" / "quick" / "trials.csv")
FAMILY = [name for name in FAMILY_CHARTS if name not in PAPER_CHARTS]
RUN = [name for name in RUN_CHARTS if name not in ("run_params", "run_flops")]
pytestmark = pytest.mark.filterwarnings("error")


# --- published figures and the generator -------------------------------------------------------------------


def test_one_dimension_at_a_time_costs_what_the_paper_plots() -> None:
    frame = single_axis_frame().assign(billions=lambda table: (table["macs"] / 1e9).round(3))
    assert {name: rows["billions"].tolist() for name, rows in frame.groupby("dimension")} == {
        "depth": [0.386, 0.782, 1.179, 1.575, 2.368, 3.161],
        "width": [0.386, 0.744, 1.176, 2.391, 5.060, 8.712],
        "resolution": [0.386, 0.718, 0.893, 1.129, 1.458, 1.923, 2.447],
    }
    four = frame[(frame["dimension"] == "depth") & (frame["coefficient"] == 4)]
    assert four["nominal_macs"].tolist() == [4 * 385_814_752]


def test_widths_start_where_depth_and_resolution_alone_end() -> None:
    frame, single = width_axis_frame(), single_axis_frame()
    first = frame[frame["coefficient"] == 1.0].set_index(["d", "r"])["macs"]
    alone = single.set_index(["dimension", "coefficient"])["macs"]
    assert first[1.0, 1.0] == 385_814_752
    assert first[2.0, 1.0] == alone["depth", 2.0]
    assert first[1.0, 1.3] == alone["resolution", 1.3]


def test_published_ways_to_scale_are_printed_figures_beside_exact_ones() -> None:
    frame = scaling_methods_frame()
    assert frame["method"].tolist() == ["baseline", "depth", "width", "resolution", "compound"]
    assert frame["macs_billions"].tolist() == [0.4, 1.8, 1.8, 1.9, 1.8]
    assert (frame["exact_macs"] / 1e9).round(3).tolist() == [0.386, 1.575, 1.45, 1.538, 1.8]
    others = other_baselines_frame()
    assert "exact_macs" not in others.columns
    assert others["top1_percent"].tolist() == [
        float(row["top1"]) for row in published("scaling_methods") if row["baseline"] != "EfficientNet-B0"
    ]


def test_released_weights_hold_every_published_row_once() -> None:
    frame = released_weights_frame()
    assert len(frame) == 8 + len(published("released_weights"))
    assert not frame.duplicated(["variant", "source"]).any()
    assert frame[~frame["native"]][["variant", "image_size"]].to_numpy().tolist() == [["b2", 288]]


def test_phi_parts_at_the_papers_bases_and_meets_at_the_exact_triple() -> None:
    frame = family_frame("phi_implied")
    assert len(frame) == 7 * 2 * 3
    ends = frame.groupby(["bases", "variant"]).agg(low=("low", "max"), high=("high", "min"))
    meets = ends["low"] <= ends["high"]
    assert meets["one exact triple"].all()
    assert meets["the paper's bases"].to_dict() == {f"b{number}": number < 5 for number in range(1, 8)}
    paper = frame[frame["bases"] == "the paper's bases"]
    assert paper[["alpha", "beta", "gamma"]].drop_duplicates().to_numpy().tolist() == [
        list(PAPER_BASES.values())
    ]
    exact = frame[frame["bases"] == "one exact triple"]
    assert ((exact["low"] <= exact["exact_phi"]) & (exact["exact_phi"] <= exact["high"])).all()


def test_phi_moved_to_the_target_is_on_target_and_the_formula_is_not() -> None:
    frame = family_frame("nominal_achieved")
    twofold = frame[frame["panel"] == "twofold"].groupby("how")["achieved_factor"]
    assert twofold.count().to_dict() == {"realised": 150, "released": 2000, "unrounded": 2000}
    realised = twofold.get_group("realised")
    assert ((realised / 2 - 1).abs() <= 0.03).mean() > 0.97
    assert (twofold.get_group("released") > 2.06).mean() > 0.9


@pytest.mark.parametrize("name", ["b0", "b7", "lite0"])
def test_stage_costs_add_up(name: str) -> None:
    frame, cost = stage_costs_frame(variant(name)), count_cost(variant(name))
    assert (frame["params"].sum(), frame["macs"].sum(), frame["activations"].sum()) == (
        cost.params, cost.macs, cost.activations
    )  # fmt: skip
    assert frame[["params_share", "macs_share", "activations_share"]].sum().tolist() == pytest.approx(
        [1, 1, 1]
    )


def test_stage_costs_of_any_variant_by_name() -> None:
    assert family_chart("stage_costs_b7").frame()["network"].unique().tolist() == ["B7"]
    with pytest.raises(SpecError, match="unknown variant 'b99'"):
        family_chart("stage_costs_b99")
    with pytest.raises(ConfigError, match="stage_costs_VARIANT; got 'stage'"):
        family_chart("stage")


@functools.cache
def family_frame(name: str) -> pd.DataFrame:
    """Some frames take seconds; nothing here changes one."""
    return FAMILY_CHARTS[name].frame()


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("name", FAMILY)
def test_every_axis_has_a_unit_and_no_label_meets_another(name: str, size: Size) -> None:
    figure = FAMILY_CHARTS[name].figure(family_frame(name), size)
    check_drawing(figure)
    assert any(ax.get_title(loc="left") for ax in figure.axes)


def check_drawing(figure: Figure) -> None:
    """Labels apart and within the figure, legends off the axes, axes named with what they measure."""
    boxes = label_boxes(figure)
    assert collisions(boxes) == []
    width, height = figure.bbox.width, figure.bbox.height
    for text, box in boxes.items():
        assert box[0] >= -1 and box[1] >= -1 and box[2] <= width + 1 and box[3] <= height + 1, text  # noqa: PT018
    titles = [ax._left_title for ax in figure.axes if ax.get_title(loc="left")]  # type: ignore[attr-defined]
    for title in titles:
        assert title.get_window_extent().x1 <= width + 1, title.get_text()
    for one, other in itertools.pairwise(titles):
        a, b = one.get_window_extent(), other.get_window_extent()
        assert not a.overlaps(b), (one.get_text(), other.get_text())


# --- a run -------------------------------------------------------------------------------------------------


def tiny_run() -> pd.DataFrame:
    """A baseline of three seeds, each dimension doubled alone, and one proposal: every figure in the head."""
    base = {"alpha": 1.0, "activations": 10, "architecture": "a", "experiment": "tiny"}

    def rows(
        trial: int, name: str, d: float, w: float, size: int, macs: int, accuracies: list[float]
    ) -> list[dict[str, object]]:
        shares = None if name == "baseline" else (0.5, 0.25, 0.25)
        scaled = {"depth_coefficient": d, "width_coefficient": w, "image_size": size, "macs": macs}
        factors = {"nominal_factor": 1.0 if name == "baseline" else 2.0, "achieved_factor": macs / 100}
        return [
            trial_rows(trial, name, shares, seed=seed, top1=top1, params=macs // 10)
            | base
            | scaled
            | factors
            | {"architecture": f"key {trial}"}
            for seed, top1 in enumerate(accuracies)
        ]

    return pd.DataFrame(
        [
            *rows(0, "baseline", 1.0, 1.0, 20, 100, [0.50, 0.52, 0.54]),
            *rows(1, "depth", 2.0, 1.0, 20, 190, [0.60, 0.62]),
            *rows(2, "width", 1.0, 1.5, 20, 210, [0.58, 0.60]),
            *rows(3, "resolution", 1.0, 1.0, 28, 200, [0.55, 0.57]),
            *rows(4, "", 1.0, 1.2, 24, 200, [0.66, 0.68]),
        ]
    )


REACH = {seeds: noise_floor(tiny_run()).reach(seeds) for seeds in (2, 3)}  # type: ignore[union-attr]


def test_ways_to_scale_are_the_references_with_pooled_intervals() -> None:
    frame = run_methods_frame(tiny_run())
    assert frame["method"].tolist() == ["baseline", "depth", "resolution", "width"]
    assert frame["top1_mean"].tolist() == pytest.approx([0.52, 0.61, 0.56, 0.59])
    half = frame["top1_high"] - frame["top1_mean"]
    assert half.tolist() == pytest.approx([REACH[3], REACH[2], REACH[2], REACH[2]])


def test_one_dimension_at_a_time_of_a_run() -> None:
    frame = run_dimensions_frame(tiny_run())
    assert frame[["dimension", "coefficient"]].to_numpy().tolist() == [
        ["depth", 1.0], ["depth", 2.0], ["resolution", 1.0],
        ["resolution", 1.4], ["width", 1.0], ["width", 1.5],
    ]  # fmt: skip
    widths = run_widths_frame(tiny_run())
    assert widths[["d", "r", "coefficient"]].to_numpy().tolist() == [[1.0, 1.0, 1.0], [1.0, 1.0, 1.5]]


def test_widths_of_a_run_are_lines_along_which_the_cost_grows() -> None:
    groups = [
        (float(depth), width, size, round(100 * depth * width**2))
        for depth in range(1, 10)
        for size, widths in ((20, (1.0, 1.05)), (24, (1.0, 1.5)))
        for width in widths
    ]
    run = tiny_run().iloc[[0] * len(groups)]
    run["trial"] = range(len(groups))
    run["seed"], run["architecture"] = 0, [f"key {trial}" for trial in run["trial"]]
    run["name"] = ["baseline", *[""] * (len(groups) - 1)]
    for column, values in zip(
        ("depth_coefficient", "width_coefficient", "image_size", "macs"),
        zip(*groups, strict=True), strict=True,
    ):  # fmt: skip
        run[column] = list(values)
    widths = run_widths_frame(run)
    assert set(widths["r"]) == {1.2}, "at one cost width alone says nothing"
    ax = Figure().subplots()
    draw_run_widths(widths, ax, run=RunData(trials=run, title="tiny"))
    assert ax.get_title() == "tiny · own runs · 7 of 9 depths and resolutions"
    assert len(ax.lines) == 7


def test_noise_frame_ranks_networks_and_keeps_every_seed() -> None:
    frame = run_noise_frame(tiny_run())
    assert frame["network"].drop_duplicates().tolist() == [
        "trial 4",
        "depth",
        "width",
        "resolution",
        "baseline",
    ]
    assert frame["top1"].tolist() == [0.66, 0.68, 0.60, 0.62, 0.58, 0.60, 0.55, 0.57, 0.50, 0.52, 0.54]
    many = run_noise_frame(make_trials(200).assign(architecture="a"))
    assert many[many["shown"]]["trial"].nunique() == SHOWN
    assert set(many[~many["shown"]]["kind"]) == {"search"}


def test_cost_frame_holds_networks_that_were_never_trained() -> None:
    trials = tiny_run()
    trials.loc[trials["trial"] == 4, ["state", "top1"]] = ["infeasible", math.nan]
    frame = run_cost_frame(trials)
    assert frame["nominal_factor"].tolist() == [1.0, 2.0, 2.0, 2.0, 2.0]
    assert frame["achieved_factor"].tolist() == [1.0, 1.9, 2.1, 2.0, 2.0]
    assert frame["infeasible"].tolist() == [False] * 4 + [True]


def test_fronts_go_by_means_and_say_what_noise_leaves_open() -> None:
    frame = run_pareto_frame(tiny_run())
    macs = frame[frame["cost"] == "macs"].set_index("trial")
    assert macs["on_front"].to_dict() == {0: True, 1: True, 2: False, 3: False, 4: True}
    assert 2 * REACH[2] < 0.08  # 59 % at 210 against 67 % at 200: more than two reaches apart
    assert macs["possible"].to_dict() == {0: True, 1: True, 2: False, 3: False, 4: True}
    wide = not_ruled_out(macs["amount"], macs["top1_mean"] - 0.05, macs["top1_mean"] + 0.05)
    assert wide.to_dict() == {0: True, 1: True, 2: True, 3: False, 4: True}


def test_triangle_holds_scaled_trials_and_the_formulas_cost() -> None:
    space = SearchedSpace(baseline=variant("b0"), rounding=RoundingRules(), target=Target())
    frame = run_triangle_frame(tiny_run(), space)
    assert frame[frame["part"] == "trial"]["trial"].tolist() == [1, 2, 3, 4]
    grid = frame[frame["part"] == "formula"]
    assert len(grid) == 25 * 26 // 2
    assert grid[["depth_share", "width_share", "resolution_share"]].sum(axis="columns").round(9).eq(1).all()
    corner = grid[grid["depth_share"] == 1]["achieved_factor"]
    assert corner.tolist() == pytest.approx([0.782 / 0.386], rel=2e-3)  # d = 2 of the paper's Fig. 3
    assert run_triangle_frame(tiny_run())["part"].unique().tolist() == ["trial"]


MOMENTS = {
    "nothing": QUICK.head(0),
    "no complete trial": QUICK.assign(state="failed", top1=pd.NA),
    "one seed": QUICK.head(1),
    "references": QUICK[QUICK["kind"] == "reference"],
    "quick": QUICK,
}


@pytest.mark.parametrize("moment", MOMENTS)
@pytest.mark.parametrize("name", RUN)
def test_runs_are_drawn_and_told_at_any_moment(name: str, moment: str) -> None:
    space = SearchedSpace(baseline=variant("b0"), rounding=RoundingRules(), target=Target())
    run = RunData(trials=MOMENTS[moment], title="quick $^{ on glyphs", noise=0.04, space=space)
    frame = RUN_CHARTS[name].frame(run)
    figure = RUN_CHARTS[name].figure(frame, run, "single")
    check_drawing(figure)
    title = figure.get_suptitle() or figure.axes[0].get_title(loc="left")
    assert title == "quick $^{ on glyphs · own runs"
    words = RUN_CHARTS[name].words(frame)
    assert words.endswith(".")
    assert "nan" not in words
    surface = "surface" in words  # the table of this run is older than coordinates
    if moment == "quick" and not surface:
        assert any(character.isdigit() for character in words)


@pytest.mark.parametrize("name", RUN)
def test_own_and_published_figures_never_share_a_chart(name: str) -> None:
    frame = RUN_CHARTS[name].frame(RunData(trials=QUICK, title="t"))
    assert not {"top1_percent", "source"} & set(frame.columns)
    assert np.nanmax(frame.filter(like="top1").to_numpy(dtype=float), initial=0) < 1.1
