"""`trials.csv` as others hand it over: what cannot be is refused in one line, what was edited is marked."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from commands import printed, refused
from recorded_runs import a_run, go_on

from scaling.errors import ResultsError
from scaling.library.searching import export_search, load_search
from scaling.report import read_record
from scaling.runs.trials_table import DIGEST, read_trials

QUICK = Path("results/quick/trials.csv")


@pytest.fixture
def table(tmp_path: Path) -> Path:
    return Path(shutil.copy(QUICK, tmp_path / "trials.csv"))


def changed(table: Path, column: str, value: str, row: int = 2) -> Path:
    """Change one cell."""
    lines = table.read_text().splitlines()
    cells = lines[row].split(",")
    cells[lines[0].split(",").index(column)] = value
    table.write_text("\n".join([*lines[:row], ",".join(cells), *lines[row + 1 :]]) + "\n")
    return table


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("top1", "87.5"), ("top1", "-0.1"), ("top1", "inf"), ("top1", ""), ("macs", "-5"),
        ("macs", "1" * 40), ("macs", "1" * 19), ("params", "-1"), ("image_size", "-8"), ("seed", "0.5"),
        ("state", "done"), ("state", ""), ("trial", ""), ("achieved_factor", "inf"), ("wall_s", "-1"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused(table: Path, column: str, value: str) -> None:
    with pytest.raises(ResultsError, match="trials.csv") as caught:
        read_trials(changed(table, column, value))
    assert "\n" not in str(caught.value)


def test_a_row_twice_is_refused(table: Path) -> None:
    lines = table.read_text().splitlines()
    table.write_text("\n".join([*lines, lines[3]]) + "\n")
    with pytest.raises(ResultsError, match="lists trial 0 with seed 2 twice"):
        read_trials(table)


@pytest.mark.parametrize("left", [1500, 4000])
def test_a_table_that_was_cut_is_refused(table: Path, left: int) -> None:
    table.write_text(table.read_text()[:left])
    with pytest.raises(ResultsError, match="cut off"):
        read_trials(table)


def test_every_committed_table_is_read() -> None:
    tables = sorted(Path("results").rglob("trials.csv"))
    assert len(tables) > 20
    assert all(len(read_trials(path)) for path in tables)


def test_an_exported_table_that_was_edited_is_read_on_purpose_and_marked(tmp_path: Path) -> None:
    folder = a_run(tmp_path / "run")
    go_on(folder)
    target = tmp_path / "results"
    export_search(load_search(folder.path), target)
    assert DIGEST in (target / "provenance.json").read_text()
    assert "edited" not in read_record(target).title
    lines = (target / "trials.csv").read_text().splitlines(keepends=True)
    (target / "trials.csv").write_text("".join(lines[:-1]))  # cut at the end of a line
    for command in (
        ["search", "best", target],
        ["report", target],
        ["figures", "-o", tmp_path, "--run", target],
    ):
        assert "--unverified" in refused(*command)
    assert "best: trial" in printed("search", "best", target, "--unverified")
    assert read_record(target, unverified=True).chart_data().title.endswith("table edited by hand")
