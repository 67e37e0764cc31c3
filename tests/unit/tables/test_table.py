"""Tables: what they hold, and that every format is what it should be."""

from __future__ import annotations

import io
import re
from html.parser import HTMLParser
from pathlib import Path

import pandas as pd
import pytest
from commands import printed

from scaling import ResultsError, count_cost, variant
from scaling.runs.trials_table import read_trials, trials_frame
from scaling.tables import (
    Table,
    TableFormat,
    channels_table,
    counting_table,
    imagenet_table,
    official_tables,
    save_tables,
    stages_table,
    trials_table,
    write_table,
)

FOLDER = Path(__file__).parents[2] / "golden"
OFFICIAL = [variant(f"b{number}") for number in range(8)]
GRID = pd.read_csv(FOLDER / "official_grid.csv").set_index("variant")
RUN = Path(__file__).parents[3] / "results" / "quick" / "trials.csv"


def test_channels_are_those_of_the_golden_grid() -> None:
    data = channels_table(OFFICIAL).data.set_index("stage")
    assert len(data) == 9
    for spec in OFFICIAL:
        row = GRID.loc[spec.name]
        stages = [int(channels) for channels in row["stage_channels"].split()]
        assert data[spec.name].tolist() == [row["stem_channels"], *stages, row["head_channels"]]


def test_table_1_as_the_paper_prints_it() -> None:
    shown = stages_table(variant("b0")).shown
    assert shown.values.tolist() == [
        ["1", "Conv3x3", "224 × 224", "32", "1"],
        ["2", "MBConv1, k3x3", "112 × 112", "16", "1"],
        ["3", "MBConv6, k3x3", "112 × 112", "24", "2"],
        ["4", "MBConv6, k5x5", "56 × 56", "40", "2"],
        ["5", "MBConv6, k3x3", "28 × 28", "80", "3"],
        ["6", "MBConv6, k5x5", "14 × 14", "112", "3"],
        ["7", "MBConv6, k5x5", "14 × 14", "192", "4"],
        ["8", "MBConv6, k3x3", "7 × 7", "320", "1"],
        ["9", "Conv1x1 & Pooling & FC", "7 × 7", "1280", "1"],
    ]


def test_table_2_explains_every_difference() -> None:
    data = imagenet_table().data.set_index("model")
    own = data[data["family"] == "EfficientNet"]
    for spec in OFFICIAL:
        cost = count_cost(spec)
        row = own.loc[f"EfficientNet-{spec.name.upper()}"]
        assert (row["exact_params"], row["exact_macs"]) == (cost.params, cost.macs)
    assert [name for name, note in own["params_note"].items() if note != "agrees"] == ["EfficientNet-B2"]
    off = {str(name)[-2:]: note for name, note in own["macs_note"].items() if note != "agrees"}
    assert list(off) == ["B1", "B4", "B5", "B7"]
    assert off["B4"] == "printed 4.2 B, -4.4 % off: exact arithmetic gives 4.39 B"
    assert off["B7"] == "printed 37 B: exact arithmetic gives 37.75 B, cut here, not rounded"
    rivals = data[data["family"] != "EfficientNet"]
    assert set(rivals["params_note"]) == {"published figures only"}
    assert rivals["exact_params"].isna().all()


def test_every_mark_of_table_2_has_its_note() -> None:
    table = imagenet_table()
    marks = {
        cell.split()[1] for cell in [*table.shown["exact params"], *table.shown["exact MACs"]] if " " in cell
    }
    assert marks == {note.split()[0] for note in table.notes[1:]}


@pytest.mark.parametrize("spec", OFFICIAL, ids=lambda spec: spec.name)
def test_counting_conventions_equal_the_referees(spec: object) -> None:
    name = getattr(spec, "name", "")
    data = counting_table(variant(name)).data.set_index("convention")["count"]
    row = GRID.loc[name]
    assert data["trainable"] == row["params"]
    assert data["Keras, with top"] == row["keras_params_top"]
    assert data["Keras, without top"] == row["keras_params_notop"]
    assert data["multiply-adds of conv and linear"] == row["macs_conv_linear"]
    assert data["fvcore's total, squeeze by pooling"] == row["macs_fvcore_eval"]


def test_the_two_totals_of_fvcore_on_b0() -> None:
    data = counting_table(variant("b0")).data.set_index("convention")["count"]
    assert data["fvcore's total, squeeze by pooling"] == 401_659_392
    assert data["fvcore's total, squeeze by mean"] == 399_352_864


def test_trials_of_a_run_best_first() -> None:
    table = trials_table(read_trials(RUN))
    top1 = table.data["top1"].tolist()
    assert top1 == sorted(top1, reverse=True)
    assert table.shown["verdict"].iloc[0] == "best"
    assert "baseline" in set(table.shown["network"])


def test_a_run_without_results_is_said() -> None:
    empty = trials_frame([{"trial": 0, "seed": 0, "state": "waiting", "experiment": "x"}])
    with pytest.raises(ResultsError, match="no trial of the run is complete yet"):
        trials_table(empty)


@pytest.mark.parametrize("table", [*official_tables()], ids=lambda table: table.name)
def test_every_format_holds_every_cell(table: Table) -> None:
    cells = table.shown.to_numpy().ravel().tolist()
    text = write_table(table, TableFormat.TEXT)
    assert all(cell in text for cell in cells)
    parsed = _Cells()
    parsed.feed(write_table(table, TableFormat.HTML))
    assert parsed.found["td"] == cells
    assert parsed.found["th"] == list(table.shown.columns)
    assert parsed.found["caption"] == [table.caption]
    lines = write_table(table, TableFormat.MARKDOWN).splitlines()
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if line.startswith("|")]
    assert [cell for row in rows[2:] for cell in row] == cells
    read = pd.read_csv(io.StringIO(write_table(table, TableFormat.CSV)))
    assert read.shape == table.data.shape


@pytest.mark.parametrize("table", [*official_tables()], ids=lambda table: table.name)
def test_latex_has_booktabs_rules_and_even_rows(table: Table) -> None:
    text = write_table(table, TableFormat.LATEX)
    assert [text.count(rule) for rule in (r"\toprule", r"\midrule", r"\bottomrule")] == [1, 1, 1]
    body = text[text.index(r"\midrule") : text.index(r"\bottomrule")]
    rows = [line for line in body.splitlines() if line.endswith(r"\\")]
    assert len(rows) == len(table.shown)
    assert {len(re.findall(r"(?<!\\)&", row)) for row in rows} == {len(table.shown.columns) - 1}
    assert not re.search(r"(?<!\\)[%#_]", text.replace("%\n", ""))
    assert text.count("{") - text.count(r"\{") == text.count("}") - text.count(r"\}")


@pytest.mark.parametrize(
    "table", [*official_tables(), trials_table(read_trials(RUN))], ids=lambda table: table.name
)
def test_latex_is_of_characters_that_pdflatex_sets(table: Table) -> None:
    # Found by compiling every table: ≈ and − stop pdfLaTeX; × and ± came as bitmaps.
    assert set(re.findall(r"[^\x00-\x7f]", write_table(table, TableFormat.LATEX))) <= set("–·")


class _Cells(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: dict[str, list[str]] = {"td": [], "th": [], "caption": []}
        self.inside = ""

    def handle_starttag(self, tag: str, attrs: object) -> None:
        del attrs
        self.inside = tag
        if tag in self.found:
            self.found[tag].append("")

    def handle_endtag(self, tag: str) -> None:
        del tag
        self.inside = ""

    def handle_data(self, data: str) -> None:
        if self.inside in self.found:
            self.found[self.inside][-1] += data


def test_saved_tables_are_the_same_every_time(tmp_path: Path) -> None:
    first, second = save_tables(tmp_path / "a"), save_tables(tmp_path / "b")
    assert len(first) == 25
    assert [path.read_bytes() for path in first] == [path.read_bytes() for path in second]


@pytest.mark.parametrize("table", [*official_tables()], ids=lambda table: table.name)
def test_narrow_terminals_get_the_same_cells_in_blocks(table: Table) -> None:
    text = write_table(table, TableFormat.TEXT, width=60)
    widest = max(len(heading) + 2 + table.shown[heading].str.len().max() for heading in table.shown.columns)
    assert max(map(len, text.splitlines())) <= max(60, widest + table.shown.iloc[:, 0].str.len().max())
    blocks = text.split("\n\n")[1:]
    first = table.shown.columns[0]
    headings = [heading for heading in table.shown.columns if heading != first]
    assert all(any(heading in block.splitlines()[0] for block in blocks) for heading in headings)
    assert all(cell in text for cell in table.shown.to_numpy().ravel())


def test_the_command_prints_and_writes(tmp_path: Path) -> None:
    text = printed("tables", "channels", "--variants", "b0,lite4", "--format", "csv")
    assert text.splitlines()[:2] == ["stage,b0,lite4", "stem,32,32"]
    path = tmp_path / "x" / "t.tex"
    assert printed("tables", "channels", "--format", "latex", "-o", path).startswith("wrote")
    assert r"\toprule" in path.read_text()
    assert "best" in printed("tables", "trials", "--run", RUN.parent)
