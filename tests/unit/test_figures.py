"""Figures: frames exactly, then what can be measured on the drawing. Pictures are looked at by people."""

from __future__ import annotations

import json
import math
import os
import resource
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner
from run_tables import collisions, label_boxes, make_trials, trial_rows

from scaling import count_cost, variant
from scaling.cli.figures import figures as figures_command
from scaling.errors import ConfigError, ResultsError
from scaling.figures import (
    PAPER_CHARTS,
    family_figure,
    run_figure,
    save_family_figures,
    save_run_figures,
)
from scaling.figures.family_flops import family_flops_frame
from scaling.figures.family_params import family_params_frame
from scaling.figures.labels import overlaps, place_labels
from scaling.figures.published_accuracy import draw_published
from scaling.figures.run_accuracy import run_frame
from scaling.figures.style import FORMATS, SIZES, Size, new_figure, save_figure, theme
from scaling.published import published
from scaling.results import trials_frame, write_trials

ROOT = Path(__file__).parents[2]
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


# --- files -------------------------------------------------------------------------------------------------


SAVE = """
import sys
from pathlib import Path
import pandas as pd
from scaling.figures import save_family_figures, save_run_figures
folder = Path(sys.argv[1])
formats = ("svg", "png", "pdf")
save_family_figures(folder, formats, names=["family"], sizes=["double"])
save_family_figures(folder, ["svg"], names=["family_params", "family_flops"], sizes=["single", "double"])
trials = pd.read_csv(sys.argv[2])
save_run_figures(trials, folder, title="quick on glyphs", noise=0.01, formats=formats, names=["run_flops"])
save_run_figures(trials, folder, title="t", formats=["svg"], names=["run_params"], sizes=["single"])
more = ["run_noise", "run_pareto", "run_triangle"]
save_run_figures(trials, folder, title="t", formats=["svg"], names=more)
"""


def test_the_same_data_gives_the_same_bytes_in_every_process(tmp_path: Path) -> None:
    trials = make_trials(6, seeds=2)
    trials.assign(architecture=trials["trial"].astype(str)).to_csv(tmp_path / "trials.csv", index=False)
    for folder, seed in (("a", "1"), ("b", "2")):
        command = [
            sys.executable,
            "-W",
            "error",
            "-c",
            SAVE,
            str(tmp_path / folder),
            str(tmp_path / "trials.csv"),
        ]
        subprocess.run(command, check=True, env=os.environ | {"PYTHONHASHSEED": seed})
    files = sorted(path.name for path in (tmp_path / "a").iterdir())
    assert files == [
        "family.csv",
        "family.pdf",
        "family.png",
        "family.svg",
        "family_flops.csv",
        "family_flops.svg",
        "family_flops_single.svg",
        "family_params.csv",
        "family_params.svg",
        "family_params_single.svg",
        "run_flops.csv",
        "run_flops.pdf",
        "run_flops.png",
        "run_flops.svg",
        "run_noise.csv",
        "run_noise.svg",
        "run_params.csv",
        "run_params_single.svg",
        "run_pareto.csv",
        "run_pareto.svg",
        "run_triangle.csv",
        "run_triangle.svg",
    ]
    for name in files:
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes(), name


@pytest.mark.skipif(
    f"matplotlib=={mpl.__version__}\n" not in (ROOT / "constraints.txt").read_text(),
    reason="other releases of matplotlib draw other bytes",
)
def test_the_figure_of_the_readme_is_what_the_program_makes(tmp_path: Path) -> None:
    _, error = call("family", "-o", tmp_path)
    assert error is None
    for name in ("family.svg", "family.png", "family.csv"):
        assert (tmp_path / name).read_bytes() == (OFFICIAL_CHARTS / name).read_bytes(), name


def test_threads_draw_the_same_bytes_and_leave_the_settings_alone(tmp_path: Path) -> None:
    before = dict(mpl.rcParams)

    def draw(number: int) -> bytes:
        (path,) = save_figure(family_figure("family_flops", "single"), tmp_path / f"{number}", ["svg"])
        return path.read_bytes()

    with ThreadPoolExecutor(4) as pool:
        assert len(set(pool.map(draw, range(4)))) == 1
    assert dict(mpl.rcParams) == before


def test_files_say_nothing_of_when_and_with_what_they_were_made(tmp_path: Path) -> None:
    svg, png, pdf = save_figure(
        family_figure("family_params", "single"), tmp_path / "x", FORMATS, title="Alt"
    )
    assert mpl.__version__ not in svg.read_text()
    assert "dc:date" not in svg.read_text()
    assert "<title>Alt</title>" in svg.read_text()
    assert "<text" not in svg.read_text()  # letters are outlines: the same look everywhere
    assert b"Software" not in png.read_bytes()
    assert b"CreationDate" not in pdf.read_bytes()
    assert b"/Type3" not in pdf.read_bytes()


def test_data_lies_beside_the_chart_and_round_trips(tmp_path: Path) -> None:
    trials = make_trials(3)
    save_run_figures(trials, tmp_path, title="quick on glyphs", formats=["svg"], names=["run_flops"])
    read = pd.read_csv(tmp_path / "run_flops.csv")
    frame = run_frame(trials)
    for column in ("params", "macs", "top1", "top1_mean", "top1_low"):
        np.testing.assert_array_equal(read[column], frame[column])


def test_a_failed_write_leaves_the_old_file_and_no_rubbish(tmp_path: Path) -> None:
    """A limit on the size of files stands for a full disk."""
    (tmp_path / "x.svg").write_text("old")
    figure = family_figure("family_params", "single")
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, before[1]))
    try:
        with pytest.raises(ResultsError, match=r"cannot write .*x\.svg: File too large"):
            save_figure(figure, tmp_path / "x", ["svg"])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert [path.name for path in tmp_path.iterdir()] == ["x.svg"]
    assert (tmp_path / "x.svg").read_text() == "old"


def test_a_folder_that_is_a_file_is_one_clear_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ResultsError, match="cannot write"):
        save_family_figures(tmp_path / "file", names=["family_params"])


def test_unknown_names_and_formats_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="got 'fig9'"):
        family_figure("fig9")
    with pytest.raises(ConfigError, match="got 'fig9'"):
        run_figure(make_trials(1), "fig9", title="t")
    with pytest.raises(ConfigError, match="svg, png, pdf; got 'bmp'"):
        save_family_figures(tmp_path, ["bmp"])
    assert list(tmp_path.iterdir()) == []


# --- the command -------------------------------------------------------------------------------------------


def call(*arguments: object) -> tuple[str, BaseException | None]:
    result = CliRunner().invoke(figures_command, [str(argument) for argument in arguments])
    return result.stdout, result.exception


def test_command_writes_the_family(tmp_path: Path) -> None:
    output, error = call("family", "-o", tmp_path, "--format", "svg", "--json")
    assert error is None
    assert json.loads(output) == [str(tmp_path / "family.svg"), str(tmp_path / "family.csv")]
    output, error = call("family_params", "-o", tmp_path, "--size", "single", "--format", "png")
    assert error is None
    assert output.replace("\n", "") == "".join(
        f"wrote {tmp_path / name}" for name in ("family_params_single.png", "family_params.csv")
    )


def test_command_draws_a_run_with_its_names(tmp_path: Path) -> None:
    run = tmp_path / "run"
    run.mkdir()
    write_trials(run / "trials.csv", trials_frame(make_trials(3).to_dict("records")))
    provenance = {"commit": "abc", "config": {"name": "quick", "data": {"name": "glyphs"}}}
    (run / "provenance.json").write_text(json.dumps(provenance))
    output, error = call(*ACCURACY_CHARTS, "--run", run, "-o", tmp_path / "out", "--format", "svg", "--json")
    assert error is None
    assert [Path(path).name for path in json.loads(output)] == [
        "run_params.svg",
        "run_params.csv",
        "run_flops.svg",
        "run_flops.csv",
    ]
    assert "<title>quick on glyphs: own runs</title>" in (tmp_path / "out" / "run_flops.svg").read_text()


def test_command_refuses_bad_input_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "trials.csv").write_text("")
    for arguments, words in (
        (["fig9", "-o", tmp_path / "out"], "stage_costs_VARIANT; got 'fig9'; of a run: run_params"),
        (["run_params", "-o", tmp_path / "out"], "--run FOLDER"),
        (["--run", tmp_path / "none", "-o", tmp_path / "out"], "there is no"),
        (["--run", tmp_path, "-o", tmp_path / "out"], "cannot read"),
    ):
        _, error = call(*arguments)
        assert isinstance(error, ConfigError | ResultsError)
        assert words in str(error)
        assert not (tmp_path / "out").exists()
