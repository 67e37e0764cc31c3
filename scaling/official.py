"""The official family's charts, drawings and tables as files, the same bytes every time."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from scaling.atomic_write import write_whole
from scaling.drawings import official_drawings, save_drawings
from scaling.figures import FAMILY_CHARTS, PAPER_CHARTS, save_family_figures
from scaling.figures.saving import family_chart
from scaling.tables import TableFormat, official_tables, save_tables, write_table

CHARTS = (*FAMILY_CHARTS, "stage_costs_b7")
FOR_PRINT = (*PAPER_CHARTS, "nominal_achieved", "phi_implied", "scaling_methods")
"""Charts that are also kept as PDF; `scaling figures NAME --format pdf` makes any other."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """A picture of the gallery.

    Args:
        path: below the folder of official results.
        caption: what it shows.
    """

    path: str
    caption: str


def save_official(directory: Path) -> list[Path]:
    """Write charts (SVG, PNG, their data, the main ones as PDF), drawings (SVG) and tables (five formats).

    Args:
        directory: made if need be; files of the same name are replaced.

    Raises:
        ResultsError: the folder cannot be written.
    """
    paths: list[Path] = []
    for name in CHARTS:
        formats = ("svg", "png", "pdf") if name in FOR_PRINT else ("svg", "png")
        paths += save_family_figures(directory / "charts", formats, names=(name,))
    paths += save_drawings(directory / "drawings", ("svg",))
    paths += save_tables(directory / "tables")
    return paths


def pictures() -> Iterator[Picture]:
    """Yield every picture of the official results, in the gallery's order."""
    for name in CHARTS:
        yield Picture(path=f"charts/{name}.svg", caption=family_chart(name).caption)
    for name, drawing in official_drawings():
        yield Picture(path=f"drawings/{name}.svg", caption=f"{drawing.title.rstrip('.')}.")


def gallery(results: str) -> str:
    """Return the gallery page as Markdown.

    Args:
        results: path from the page to the folder of official results.

    >>> print(gallery("../results/official").splitlines()[0])
    # Gallery
    """
    shown = list(pictures())
    parts = [
        "# Gallery",
        "Every picture and table of the official family, drawn from specs and published figures by "
        "`scaling official -o results/official --gallery docs/gallery.md`. A test checks that the command "
        "gives these bytes. Each chart has its data beside it as CSV.",
        "## Charts",
        *(_shown(results, one) for one in shown if one.path.startswith("charts/")),
        "## Drawings",
        *(_shown(results, one) for one in shown if one.path.startswith("drawings/")),
        "## Tables",
        f"Also as text, LaTeX, HTML and CSV in [{Path(results).name}/tables]({results}/tables).",
        *(write_table(table, TableFormat.MARKDOWN).rstrip() for table in official_tables()),
    ]
    return "\n\n".join(parts) + "\n"


def _shown(results: str, picture: Picture) -> str:
    name = Path(picture.path).stem
    links = f"[SVG]({results}/{picture.path})"
    if picture.path.startswith("charts/"):
        links += f" · [PNG]({results}/charts/{name}.png) · [data]({results}/charts/{name}.csv)"
        if name in FOR_PRINT:
            links += f" · [PDF]({results}/charts/{name}.pdf)"
    alternative = picture.caption.replace("[", "(").replace("]", ")")
    return f"![{alternative}]({results}/{picture.path})\n\n*{name}*: {picture.caption} {links}"


def save_gallery(page: Path, results: Path) -> Path:
    """Write the gallery page.

    Args:
        page: the Markdown file.
        results: the folder that `save_official` wrote.

    Raises:
        ResultsError: the page cannot be written.
    """
    way = Path(os.path.relpath(results, page.parent)).as_posix()
    return write_whole(page, gallery(way).encode())
