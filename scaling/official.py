"""The official family's charts, drawings and tables as files, the same bytes every time."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from scaling.atomic_write import write_whole
from scaling.drawings import (
    Drawing,
    difference_drawing,
    family_drawing,
    module_drawing,
    save_drawing,
    scaling_ways_drawing,
    variant_drawing,
)
from scaling.figures import FAMILY_CHARTS, PAPER_CHARTS, save_family_figures
from scaling.figures.saving import family_chart
from scaling.network.baselines import EFFICIENTNET_B0
from scaling.network.families import COMPOUND_FAMILY, variant
from scaling.tables import (
    ENDINGS,
    Table,
    TableFormat,
    channels_table,
    counting_table,
    family_table,
    imagenet_table,
    save_table,
    stages_table,
    write_table,
)

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
    for name, drawing in official_drawings():
        paths.append(save_drawing(drawing, directory / "drawings" / f"{name}.svg"))
    for table in official_tables():
        for form in TableFormat:
            paths.append(save_table(table, directory / "tables" / f"{table.name}.{ENDINGS[form]}", form))
    return paths


def official_drawings() -> Iterator[tuple[str, Drawing]]:
    """Yield every drawing of the official family with its file's stem.

    >>> [name for name, _ in official_drawings()][:3]
    ['family', 'modules', 'scaling_ways']
    """
    specs = {name: variant(name) for name in COMPOUND_FAMILY}
    yield "family", family_drawing(list(specs.values()))
    yield "modules", module_drawing(specs["b7"])
    yield "scaling_ways", scaling_ways_drawing(EFFICIENTNET_B0)
    yield "b1_b2_difference", difference_drawing(specs["b1"], specs["b2"])
    for name, spec in specs.items():
        yield name, variant_drawing(spec)


def official_tables() -> Iterator[Table]:
    """Yield every table of the official family.

    >>> [table.name for table in official_tables()]
    ['channels', 'stages', 'family', 'imagenet', 'counting']
    """
    family = [variant(name) for name in COMPOUND_FAMILY]
    yield channels_table(family)
    yield stages_table(family[0])
    yield family_table(family)
    yield imagenet_table()
    yield counting_table(family[0])


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
