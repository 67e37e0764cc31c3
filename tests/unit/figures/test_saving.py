"""Figures on the disk, and the command that writes them."""

from __future__ import annotations

import json
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
from run_tables import make_trials

from scaling.cli.figures import figures as figures_command
from scaling.drawings.rendering import FORMATS
from scaling.errors import ConfigError, ResultsError
from scaling.figures import RunData, family_figure, run_figure, save_family_figures, save_run_figures
from scaling.figures.run_trials import run_frame
from scaling.figures.style import save_figure
from scaling.runs.trials_table import trials_frame, write_trials

ROOT = Path(__file__).parents[3]
OFFICIAL_CHARTS = ROOT / "results" / "official" / "charts"
pytestmark = pytest.mark.filterwarnings("error")


SAVE = """
import sys
from pathlib import Path
import pandas as pd
from scaling.figures import RunData, save_family_figures, save_run_figures
folder = Path(sys.argv[1])
formats = ("svg", "png", "pdf")
save_family_figures(folder, formats, names=["family"], sizes=["double"])
save_family_figures(folder, ["svg"], names=["family_params", "family_flops"], sizes=["single", "double"])
trials = pd.read_csv(sys.argv[2])
run = RunData(trials=trials, title="quick on glyphs", noise=0.01)
save_run_figures(run, folder, formats, names=["run_flops"])
save_run_figures(run, folder, ["svg"], names=["run_params"], sizes=["single"])
more = ["run_noise", "run_pareto", "run_triangle"]
save_run_figures(run, folder, ["svg"], names=more)
"""


def test_the_same_data_gives_the_same_bytes_in_every_process(tmp_path: Path) -> None:
    trials = make_trials(6, seeds=2)
    trials.assign(architecture=trials["trial"].astype(str)).to_csv(tmp_path / "trials.csv", index=False)
    for folder, seed in (("a", "1"), ("b", "2")):
        arguments = [str(tmp_path / folder), str(tmp_path / "trials.csv")]
        command = [sys.executable, "-W", "error", "-c", SAVE, *arguments]
        subprocess.run(command, check=True, env=os.environ | {"PYTHONHASHSEED": seed})
    files = sorted(path.name for path in (tmp_path / "a").iterdir())
    assert len(files) == 22
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
    save_run_figures(RunData(trials=trials, title="t"), tmp_path, ["svg"], names=["run_flops"])
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
        run_figure(RunData(trials=make_trials(1), title="t"), "fig9")
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
    provenance = {"commit": "abc", "config": {"name": "quick", "setup": {"data": {"name": "glyphs"}}}}
    (run / "provenance.json").write_text(json.dumps(provenance))
    output, error = call(
        "run_params", "run_flops", "--run", run, "-o", tmp_path / "out", "--format", "svg", "--json"
    )
    assert error is None
    names = [f"{chart}.{ending}" for chart in ("run_params", "run_flops") for ending in ("svg", "csv")]
    assert [Path(path).name for path in json.loads(output)] == names
    assert "<title>quick on glyphs: own runs</title>" in (tmp_path / "out" / "run_flops.svg").read_text()


def test_command_refuses_bad_input_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "trials.csv").write_text("")
    for arguments, words in (
        (["fig9", "-o", tmp_path / "out"], "stage_costs_VARIANT; got 'fig9'; of a run: run_gains"),
        (["run_params", "-o", tmp_path / "out"], "--run FOLDER"),
        (["--run", tmp_path / "none", "-o", tmp_path / "out"], "there is no"),
        (["--run", tmp_path, "-o", tmp_path / "out"], "cannot read"),
    ):
        _, error = call(*arguments)
        assert isinstance(error, ConfigError | ResultsError)
        assert words in str(error)
        assert not (tmp_path / "out").exists()
