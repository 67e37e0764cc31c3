"""What is printed: words of others as they are, whole lines where nobody looks, marks that a pipe keeps."""

from __future__ import annotations

import io

import pytest
from click.testing import CliRunner

from scaling.cli import group
from scaling.cli.output import Printer, table_by


def printed_by(*texts: object, terminal: bool = False, **how: object) -> str:
    out = io.StringIO()
    printer = Printer(file=out, highlight=False, emoji=False, force_terminal=terminal, color_system=None)
    for text in texts:
        printer.print(text, **how)  # type: ignore[arg-type]
    return out.getvalue()


@pytest.mark.parametrize(
    "foreign",
    [
        "Is [/a] better?",
        "[red]no[/red]",
        "[/bold]",
        "a[0]",
        "[link=x]",
        ":smile:",
        "[@click=x]",
        "\\[x]",
        "[",
    ],
)
def test_brackets_and_colons_of_others_are_printed_as_they_are(foreign: str) -> None:
    for shown in (
        printed_by(foreign),
        printed_by(foreign, markup=False),
        printed_by(table_by({"name": lambda row: row}, [foreign])),
    ):
        assert foreign.removeprefix("\\") in shown


def test_escapes_of_others_reach_no_terminal() -> None:
    shown = printed_by("a\x1b[2J\x9bb\rc", terminal=True)
    assert shown == "a\\x1b[2J\\x9bb\\rc\n"


def test_our_own_bold_is_no_text() -> None:
    assert printed_by("[bold]best[/bold]: b0") == "best: b0\n"


def test_no_line_is_broken_and_no_cell_cut_where_nobody_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)
    long = "word " * 100 + "end"
    assert printed_by(long) == f"{long}\n"
    assert long in printed_by(table_by({"a": lambda row: row, "b": lambda _: "x" * 100}, [long]))
    monkeypatch.setenv("COLUMNS", "40")
    assert max(map(len, printed_by(long).splitlines())) <= 40


def test_the_nearest_network_of_a_budget_is_marked_and_counted() -> None:
    text = CliRunner().invoke(group, ["budget", "--macs", "2e9", "--top", "3"]).stdout
    heading = next(number for number, line in enumerate(text.splitlines()) if line.startswith("depth"))
    rows = text.splitlines()[heading + 1 : heading + 5]
    assert [" * " in row for row in rows] == [False, False, False, True]
    assert "*: nearest in direction" in text
    assert "4 of " in text
    assert "Bold" not in text
