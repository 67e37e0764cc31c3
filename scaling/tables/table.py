"""A table: typed data for machines, the same as words for people, and pandas to write both."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import assert_never

import pandas as pd

from scaling.atomic_write import write_whole

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
        # pdfLaTeX knows no ≈ and −; its own × and ± come from another, often a bitmap, font.
        "≈": r"$\approx$",
        "−": "$-$",
        "×": r"$\times$",
        "±": r"$\pm$",
    }
)
_LATEX_WIDE = 70
"""Characters of a row beyond which a table is set smaller, so that it fits the text of a plain article."""


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


def write_table(table: Table, form: TableFormat, *, width: int | None = None) -> str:
    """Return a table in a format, newline at the end; the same table gives the same text.

    Args:
        table: what to write.
        form: how.
        width: of a terminal in characters; wider text goes on below, its first column repeated.

    >>> data = pd.DataFrame({"stage": ["stem"], "b0": [32]})
    >>> table = Table(name="t", caption="Channels", data=data, shown=data.astype(str), left=("stage",))
    >>> print(write_table(table, TableFormat.MARKDOWN), end="")
    **Channels**
    <BLANKLINE>
    | stage   |   b0 |
    |:--------|-----:|
    | stem    |   32 |
    """
    match form:
        case TableFormat.TEXT:
            return _text(table, width)
        case TableFormat.MARKDOWN:
            return _markdown(table)
        case TableFormat.LATEX:
            return _latex(table)
        case TableFormat.HTML:
            return _html(table)
        case TableFormat.CSV:
            return str(table.data.to_csv(index=False, lineterminator="\n"))
        case _:
            assert_never(form)


def save_table(table: Table, path: Path, form: TableFormat) -> Path:
    """Write a table.

    Raises:
        ResultsError: the file cannot be written.
    """
    return write_whole(path, write_table(table, form).encode())


def _text(table: Table, width: int | None) -> str:
    widths = {heading: max(len(heading), *map(len, table.shown[heading])) for heading in table.shown.columns}

    def line(cells: Mapping[str, str], group: Sequence[str]) -> str:
        return "  ".join(
            cells[heading].ljust(widths[heading])
            if heading in table.left
            else cells[heading].rjust(widths[heading])
            for heading in group
        ).rstrip()

    records = [dict(zip(widths, row, strict=True)) for row in table.shown.itertuples(index=False, name=None)]
    blocks = [
        "\n".join(line(cells, group) for cells in ({name: name for name in widths}, *records))
        for group in _groups(widths, width)
    ]
    caption, *notes = (
        text if width is None else textwrap.fill(text, width) for text in (table.caption, *table.notes)
    )
    return "\n".join([caption, "", "\n\n".join(blocks), *_after(notes)]) + "\n"


def _groups(widths: Mapping[str, int], most: int | None) -> list[list[str]]:
    """Split headings into groups that fit, each beginning with the first heading."""
    first, *others = widths
    groups = [[first]]
    for heading in others:
        used = sum(widths[name] + 2 for name in groups[-1]) + widths[heading]
        if most is not None and used > most and len(groups[-1]) > 1:
            groups.append([first])
        groups[-1].append(heading)
    return groups


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
    centering = "\\centering\n"
    body = str(body).replace(centering, centering + _latex_size(table), 1)
    if not table.notes:
        return body
    notes = r" \\ ".join(_latex_text(note) for note in table.notes)
    return body.replace(r"\end{table}", f"\\par\\smallskip\\raggedright {notes}\n\\end{{table}}")


def _latex_size(table: Table) -> str:
    characters = sum(max(len(heading), *map(len, table.shown[heading])) for heading in table.shown.columns)
    size, gap = (r"\scriptsize", 3) if characters > _LATEX_WIDE else (r"\footnotesize", 4)
    return f"{size}\n\\setlength{{\\tabcolsep}}{{{gap}pt}}\n"


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
