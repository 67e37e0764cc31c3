"""A table: typed data for machines, the same as words for people, and pandas to write both. Floor 7."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

import pandas as pd

_LATEX_SPECIALS = str.maketrans(
    {
        "&": r"\&",
        "%": r"\%",
        "$": r"\$",
        "#": r"\#",
        "_": r"\_",
        "{": r"\{",
        "}": r"\}",
        "~": r"\textasciitilde{}",
        "^": r"\textasciicircum{}",
        "\\": r"\textbackslash{}",
    }
)


class TableFormat(StrEnum):
    """How a table is written."""

    TEXT = "text"
    MARKDOWN = "markdown"
    LATEX = "latex"
    """With booktabs' rules: `\\usepackage{booktabs}`."""
    HTML = "html"
    CSV = "csv"
    """The typed data, unrounded."""


ENDINGS = {
    TableFormat.TEXT: "txt",
    TableFormat.MARKDOWN: "md",
    TableFormat.LATEX: "tex",
    TableFormat.HTML: "html",
    TableFormat.CSV: "csv",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A finished table.

    Args:
        name: short, as a file is called.
        caption: one line, without a full stop.
        data: typed, one row a thing, columns named as in all tables of ours.
        shown: the same rows as text, columns as headings.
        left: headings that are words and stand to the left; the others are numbers.
        notes: below the table.
    """

    name: str
    caption: str
    data: pd.DataFrame
    shown: pd.DataFrame
    left: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def write_table(table: Table, form: TableFormat) -> str:
    """Return a table in a format, newline at the end; the same table gives the same text.

    >>> data = pd.DataFrame({"stage": ["stem"], "b0": [32]})
    >>> table = Table(name="t", caption="Channels", data=data, shown=data.astype(str), left=("stage",))
    >>> print(write_table(table, TableFormat.MARKDOWN), end="")
    **Channels**
    <BLANKLINE>
    | stage   |   b0 |
    |:--------|-----:|
    | stem    |   32 |
    """
    if form == TableFormat.CSV:
        return str(table.data.to_csv(index=False, lineterminator="\n"))
    if form == TableFormat.LATEX:
        return _latex(table)
    if form == TableFormat.HTML:
        return _html(table)
    return _markdown(table) if form == TableFormat.MARKDOWN else _text(table)


def _text(table: Table) -> str:
    widths = {heading: max(len(heading), *map(len, table.shown[heading])) for heading in table.shown.columns}

    def line(cells: Iterable[str]) -> str:
        return "  ".join(
            cell.ljust(width) if heading in table.left else cell.rjust(width)
            for cell, (heading, width) in zip(cells, widths.items(), strict=True)
        ).rstrip()

    lines = [line(widths), *(line(row) for row in table.shown.itertuples(index=False, name=None))]
    return "\n".join([table.caption, "", *lines, *_after(table.notes)]) + "\n"


def _markdown(table: Table) -> str:
    body = table.shown.map(lambda cell: cell.replace("|", r"\|")).to_markdown(
        index=False,
        disable_numparse=True,
        colalign=["left" if heading in table.left else "right" for heading in table.shown.columns],
    )
    notes = [f"{note}  " for note in table.notes]  # two spaces: a line of its own
    return "\n".join([f"**{table.caption}**", "", body, *_after(notes)]) + "\n"


def _latex(table: Table) -> str:
    escaped = table.shown.map(_latex_text)
    escaped.columns = [_latex_text(heading) for heading in table.shown.columns]
    body = (
        escaped.style.hide(axis="index")
        .set_caption(_latex_text(table.caption))
        .to_latex(
            hrules=True,
            position="t",
            position_float="centering",
            label=f"tab:{table.name}",
            column_format="".join("l" if heading in table.left else "r" for heading in table.shown.columns),
        )
    )
    if not table.notes:
        return str(body)
    notes = r" \\ ".join(_latex_text(note) for note in table.notes)
    return str(body).replace(r"\end{table}", f"\\par\\smallskip\\footnotesize {notes}\n\\end{{table}}")


def _latex_text(text: str) -> str:
    return text.translate(_LATEX_SPECIALS)


def _html(table: Table) -> str:
    """One `<table>` with a caption; classes say what is a number."""
    columns = table.shown.columns
    classes = pd.DataFrame(
        [["words" if heading in table.left else "number" for heading in columns]] * len(table.shown),
        index=table.shown.index,
        columns=columns,
    )
    body = (
        table.shown.style.hide(axis="index")
        .format(escape="html")
        .format_index(escape="html", axis=1)
        .set_caption(_html_text(table.caption))
        .set_td_classes(classes)
        .to_html(table_uuid=table.name, table_attributes='class="scaling"', cell_ids=False)
    )
    notes = "".join(f"<p>{_html_text(note)}</p>\n" for note in table.notes)
    return body[body.index("<table") :] + notes


def _html_text(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _after(notes: Sequence[str]) -> list[str]:
    return ["", *notes] if notes else []
