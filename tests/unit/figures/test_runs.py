"""Charts of a run: frames on tiny tables, and what can be measured on the drawings at any moment of it."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure
from run_tables import check_drawing, label_boxes, make_trials, trial_rows

from scaling import variant
from scaling.analysis import noise_floor
from scaling.analysis.pareto import not_ruled_out
from scaling.errors import ResultsError
from scaling.figures import RUN_CHARTS, RunData, SearchedSpace, run_figure
from scaling.figures.run_dimensions import draw_run_widths
from scaling.figures.run_noise import SHOWN
from scaling.figures.run_trials import run_frame
from scaling.figures.style import SIZES, Size
from scaling.network.rounding import RoundingRules
from scaling.runs.trials_table import read_trials, trials_frame
from scaling.targets.target import Target

QUICK = read_trials(Path(__file__).parents[3] / "results" / "quick" / "trials.csv")
SPACE = SearchedSpace(baseline=variant("b0"), rounding=RoundingRules(), target=Target())
ACCURACY_CHARTS = ("run_params", "run_flops")
pytestmark = pytest.mark.filterwarnings("error")


def frame_of(name: str, trials: pd.DataFrame, space: SearchedSpace | None = None) -> pd.DataFrame:
    return RUN_CHARTS[name].frame(RunData(trials=trials, title="t", space=space))


# --- complete trials ---------------------------------------------------------------------------------------


def test_run_frame_gives_means_and_t_intervals() -> None:
    rows = [
        trial_rows(0, "baseline", None, seed=0, params=100, macs=900, top1=0.50),
        trial_rows(0, "baseline", None, seed=1, params=100, macs=900, top1=0.60),
        trial_rows(1, "", (0.2, 0.7, 0.1), params=150, macs=1800, top1=0.70),
        trial_rows(2, "", (0.2, 0.7, 0.1), params=150, macs=1800, top1=0.0, state="pruned"),
        trial_rows(3, "", (0.2, 0.7, 0.1), params=150, macs=1800, top1=math.nan),
    ]
    half = 12.706204736174698 * 0.05  # t(0.975, 1) times s / sqrt(2)
    texts = {
        "kind": ["reference", "reference", "search"],
        "name": ["baseline", "baseline", ""],
        "label": ["baseline", "baseline", ""],
        "direction": ["unknown", "unknown", "width"],
    }
    expected = pd.DataFrame(
        {
            "trial": [0, 0, 1],
            "seed": [0, 1, 0],
            **{column: pd.array(values, dtype="string") for column, values in texts.items()},
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
    waiting = make_trials(1, state="waiting").tail(1).assign(trial=99, top1=math.nan)
    plain = pd.concat([make_trials(3), waiting])
    nullable = trials_frame(plain.to_dict("records"))
    assert nullable["top1"].isna().any()
    pd.testing.assert_frame_equal(run_frame(nullable), run_frame(plain))


def test_run_frame_counts_only_the_longest_training_of_a_trial() -> None:
    trainings = ((0, 0.1, 1), (0, 0.5, 9), (1, 0.2, 1))
    rows = [
        trial_rows(trial, "", (1.0, 0.0, 0.0), top1=top1, fidelity_epochs=epochs, params=1, macs=1)
        for trial, top1, epochs in trainings
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


# --- the data of each chart --------------------------------------------------------------------------------


def tiny_run() -> pd.DataFrame:
    """A baseline of three seeds, each dimension doubled alone, and one proposal: every figure in the head."""
    networks: tuple[tuple[str, float, float, int, int, list[float]], ...] = (
        ("baseline", 1.0, 1.0, 20, 100, [0.50, 0.52, 0.54]),
        ("depth", 2.0, 1.0, 20, 190, [0.60, 0.62]),
        ("width", 1.0, 1.5, 20, 210, [0.58, 0.60]),
        ("resolution", 1.0, 1.0, 28, 200, [0.55, 0.57]),
        ("", 1.0, 1.2, 24, 200, [0.66, 0.68]),
    )
    return pd.DataFrame(
        [
            trial_rows(trial, name, None if name == "baseline" else (0.5, 0.25, 0.25), seed=seed, top1=top1)
            | {"depth_coefficient": depth, "width_coefficient": width, "image_size": size, "macs": macs}
            | {"nominal_factor": 1.0 if name == "baseline" else 2.0, "achieved_factor": macs / 100}
            | {"params": macs // 10, "activations": 10, "alpha": 1.0, "architecture": f"key {trial}"}
            for trial, (name, depth, width, size, macs, accuracies) in enumerate(networks)
            for seed, top1 in enumerate(accuracies)
        ]
    )


REACH = {seeds: noise_floor(tiny_run()).reach(seeds) for seeds in (2, 3)}  # type: ignore[union-attr]


def test_ways_to_scale_are_the_references_with_pooled_intervals() -> None:
    frame = frame_of("run_methods", tiny_run())
    assert frame["method"].tolist() == ["baseline", "depth", "resolution", "width"]
    assert frame["top1_mean"].tolist() == pytest.approx([0.52, 0.61, 0.56, 0.59])
    half = frame["top1_high"] - frame["top1_mean"]
    assert half.tolist() == pytest.approx([REACH[3], REACH[2], REACH[2], REACH[2]])


def test_one_dimension_at_a_time_of_a_run() -> None:
    frame = frame_of("run_dimensions", tiny_run())
    assert frame[["dimension", "coefficient"]].to_numpy().tolist() == [
        ["depth", 1.0], ["depth", 2.0], ["resolution", 1.0],
        ["resolution", 1.4], ["width", 1.0], ["width", 1.5],
    ]  # fmt: skip
    widths = frame_of("run_widths", tiny_run())
    assert widths[["d", "r", "coefficient"]].to_numpy().tolist() == [[1.0, 1.0, 1.0], [1.0, 1.0, 1.5]]


def test_widths_of_a_run_are_lines_along_which_the_cost_grows() -> None:
    groups = [
        (float(depth), width, size, round(100 * depth * width**2))
        for depth in range(1, 10)
        for size, widths in ((20, (1.0, 1.05)), (24, (1.0, 1.5)))
        for width in widths
    ]
    columns = ["depth_coefficient", "width_coefficient", "image_size", "macs"]
    run = tiny_run().iloc[[0] * len(groups)].drop(columns=columns).reset_index(drop=True)
    run = run.join(pd.DataFrame(groups, columns=columns)).assign(trial=range(len(groups)))
    run["name"] = ["baseline", *[""] * (len(groups) - 1)]
    widths = frame_of("run_widths", run.assign(architecture=run["trial"].map("key {}".format)))
    assert set(widths["r"]) == {1.2}, "at one cost width alone says nothing"
    ax = Figure().subplots()
    draw_run_widths(widths, ax, run=RunData(trials=run, title="tiny"))
    assert ax.get_title() == "tiny · own runs · 7 of 9 depths and resolutions"
    assert len(ax.lines) == 7


def test_noise_frame_ranks_networks_and_keeps_every_seed() -> None:
    frame = frame_of("run_noise", tiny_run())
    ranked = ["trial 4", "depth", "width", "resolution", "baseline"]
    assert frame["network"].drop_duplicates().tolist() == ranked
    assert frame["top1"].tolist() == [0.66, 0.68, 0.60, 0.62, 0.58, 0.60, 0.55, 0.57, 0.50, 0.52, 0.54]
    many = frame_of("run_noise", make_trials(200).assign(architecture="a"))
    assert many[many["shown"]]["trial"].nunique() == SHOWN
    assert set(many[~many["shown"]]["kind"]) == {"search"}


def test_cost_frame_holds_networks_that_were_never_trained() -> None:
    trials = tiny_run()
    trials.loc[trials["trial"] == 4, ["state", "top1"]] = ["infeasible", math.nan]
    frame = frame_of("run_cost", trials)
    assert frame["nominal_factor"].tolist() == [1.0, 2.0, 2.0, 2.0, 2.0]
    assert frame["achieved_factor"].tolist() == [1.0, 1.9, 2.1, 2.0, 2.0]
    assert frame["infeasible"].tolist() == [False] * 4 + [True]


def test_fronts_go_by_means_and_say_what_noise_leaves_open() -> None:
    frame = frame_of("run_pareto", tiny_run())
    macs = frame[frame["cost"] == "macs"].set_index("trial")
    assert macs["on_front"].to_dict() == {0: True, 1: True, 2: False, 3: False, 4: True}
    assert 2 * REACH[2] < 0.08  # 59 % at 210 against 67 % at 200: more than two reaches apart
    assert macs["possible"].to_dict() == {0: True, 1: True, 2: False, 3: False, 4: True}
    wide = not_ruled_out(macs["amount"], macs["top1_mean"] - 0.05, macs["top1_mean"] + 0.05)
    assert wide.to_dict() == {0: True, 1: True, 2: True, 3: False, 4: True}


def test_triangle_holds_scaled_trials_and_the_formulas_cost() -> None:
    frame = frame_of("run_triangle", tiny_run(), SPACE)
    assert frame[frame["part"] == "trial"]["trial"].tolist() == [1, 2, 3, 4]
    grid = frame[frame["part"] == "formula"]
    assert len(grid) == 25 * 26 // 2
    assert grid[["depth_share", "width_share", "resolution_share"]].sum(axis="columns").round(9).eq(1).all()
    corner = grid[grid["depth_share"] == 1]["achieved_factor"]
    assert corner.tolist() == pytest.approx([0.782 / 0.386], rel=2e-3)  # d = 2 of the paper's Fig. 3
    assert frame_of("run_triangle", tiny_run())["part"].unique().tolist() == ["trial"]


# --- drawings ----------------------------------------------------------------------------------------------

MOMENTS = {
    "nothing": QUICK.head(0),
    "no complete trial": QUICK.assign(state="failed", top1=pd.NA),
    "one seed": QUICK.head(1),
    "references": QUICK[QUICK["kind"] == "reference"],
    "quick": QUICK,
}


@pytest.mark.parametrize("moment", MOMENTS)
@pytest.mark.parametrize("name", RUN_CHARTS)
def test_runs_are_drawn_and_said_in_words_at_any_moment(name: str, moment: str) -> None:
    run = RunData(trials=MOMENTS[moment], title="quick $^{ on glyphs", noise=0.04, space=SPACE)
    frame = RUN_CHARTS[name].frame(run)
    figure = RUN_CHARTS[name].figure(frame, run, "single")
    check_drawing(figure)
    title = figure.get_suptitle() or figure.axes[0].get_title(loc="left")
    assert title == "quick $^{ on glyphs · own runs"
    words = RUN_CHARTS[name].words(frame)
    assert words.endswith(".")
    assert "nan" not in words
    if moment == "quick" and name not in ("run_gains", "run_surface"):  # they need coordinates
        assert any(character.isdigit() for character in words)


PARTIAL_RUNS = {
    "one search trial": make_trials(1, references=0),
    "five": make_trials(5),
    "three seeds": make_trials(20, seeds=3),
    "two seeds": make_trials(6, seeds=2),
    "two hundred": make_trials(200),
}


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("name", ACCURACY_CHARTS)
@pytest.mark.parametrize("run", PARTIAL_RUNS)
def test_references_are_named_and_axes_say_what_they_measure(run: str, name: str, size: Size) -> None:
    trials = PARTIAL_RUNS[run]
    figure = run_figure(RunData(trials=trials, title="t", noise=0.015), name, size)
    check_drawing(figure)
    (ax,) = figure.axes
    assert ax.get_ylabel() == "Top-1 accuracy on validation (%)"
    assert ax.get_xlabel().startswith("Parameters" if name == "run_params" else "FLOPs (multiply-adds")
    wanted = set(trials.loc[trials["kind"] == "reference", "name"]) - {"compound"}
    assert {text for _, text in label_boxes(figure)} - {"compound (paper)"} == wanted


@pytest.mark.parametrize("noise", [None, math.nan, 0.0, 0.001, 0.5])
def test_noise_floor_is_a_labelled_band_below_the_best(noise: float | None) -> None:
    trials = make_trials(5)
    figure = run_figure(RunData(trials=trials, title="t", noise=noise), "run_flops")
    (ax,) = figure.axes
    texts = [text.get_text() for text in figure.legends[0].get_texts()]
    labelled = [text for text in texts if text.startswith("within noise of the best")]
    if noise in (None, 0.0) or math.isnan(noise or 0.0):
        assert not ax.patches
        assert not labelled
        return
    (band,) = ax.patches
    assert band.get_y() + band.get_height() == pytest.approx(100 * run_frame(trials)["top1_mean"].max())
    assert band.get_height() == pytest.approx(100 * (noise or 0.0))
    assert labelled == [f"within noise of the best\n({100 * (noise or 0.0):.1f} points)"]


def test_an_interval_of_two_seeds_does_not_squash_the_chart() -> None:
    figure = run_figure(RunData(trials=PARTIAL_RUNS["two seeds"], title="t"), "run_params")
    bottom, top = figure.axes[0].get_ylim()
    accuracies = 100 * run_frame(PARTIAL_RUNS["two seeds"])["top1"]
    assert top - bottom <= 2.2 * (accuracies.max() - accuracies.min())
    assert bottom < accuracies.min()
    assert top > accuracies.max()


@pytest.mark.parametrize("name", RUN_CHARTS)
def test_own_and_published_figures_never_share_a_chart(name: str) -> None:
    frame = frame_of(name, QUICK)
    assert not {"top1_percent", "source"} & set(frame.columns)
    assert np.nanmax(frame.filter(regex="top1(_mean)?$").to_numpy(dtype=float), initial=0) < 1
