"""`scaling official`: every chart, drawing and table of the official family, the same bytes every time."""

from __future__ import annotations

from pathlib import Path

import click

from scaling.cli.output import console, emit_json, json_option, waiting
from scaling.official import save_gallery, save_official


@click.command()
@click.option(
    "-o",
    "--output",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("results/official"),
    show_default=True,
    help="Folder for the files; made if need be.",
)
@click.option(
    "--gallery",
    "page",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Also write a Markdown page that shows them, e.g. docs/gallery.md.",
)
@json_option
def official(output: Path, page: Path | None, as_json: bool) -> None:
    """Regenerate the charts, drawings and tables of B0 to B7."""
    with waiting("drawing the official family"):
        paths = save_official(output)
        if page is not None:
            paths.append(save_gallery(page, output))
    if as_json:
        emit_json([str(path) for path in paths])
        return
    console.print(f"wrote {len(paths)} files to {output}", markup=False, soft_wrap=True)
    if page is not None:
        console.print(f"wrote {page}", markup=False, soft_wrap=True)
