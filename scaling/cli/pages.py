"""`scaling explore`, `report` and `official`: pages, and every picture and table of the official family."""

from __future__ import annotations

from pathlib import Path

import click

from scaling.atomic_write import write_whole
from scaling.cli.options import FILE, FOLDER, unverified_option
from scaling.cli.output import answer, json_option, say, waiting
from scaling.errors import ConfigError


@click.command()
@click.option(
    "-o", "--output", required=True, type=FILE, help="FILE.html; opens in any browser, without network."
)
def explore(output: Path) -> None:
    """Write a page to turn alpha, beta, gamma, phi and the rounding rules by hand.

    Stages, drawing and exact cost follow live; the address in the browser holds the settings.
    """
    from scaling.explorer import explorer_page  # noqa: PLC0415

    if output.suffix.lower() not in (".html", ".htm"):
        raise ConfigError(f"expected a file ending in .html; got {output.name!r}")
    write_whole(output, explorer_page().encode())
    say(f"wrote {output}")


@click.command()
@click.argument("run_folder", metavar="RUN", type=FOLDER)
@click.option("-o", "--output", type=FILE, help="The page (RUN/report.html).")
@unverified_option
@json_option
def report(run_folder: Path, output: Path | None, unverified: bool, as_json: bool) -> None:
    """Write a run's report: one HTML page that needs no network.

    RUN is the folder of a run, finished or not, or of exported results.
    """
    from scaling.report import save_report  # noqa: PLC0415  it draws

    with waiting("drawing the report"):
        path = save_report(run_folder, output or run_folder / "report.html", unverified=unverified)
    answer({"report": str(path)}, as_json, lambda: say(f"wrote {path}"))


@click.command()
@click.option(
    "-o",
    "--output",
    type=FOLDER,
    default=Path("results/official"),
    show_default=True,
    help="Folder for the files; made if need be.",
)
@click.option(
    "--gallery", "page", type=FILE, help="Also write a Markdown page that shows them, e.g. docs/gallery.md."
)
@json_option
def official(output: Path, page: Path | None, as_json: bool) -> None:
    """Regenerate the charts, drawings and tables of B0 to B7."""
    from scaling.official import save_gallery, save_official  # noqa: PLC0415  it draws

    with waiting("drawing the official family"):
        paths = save_official(output)
        if page is not None:
            paths.append(save_gallery(page, output))
    lines = f"wrote {len(paths)} files to {output}" + (f"\nwrote {page}" if page is not None else "")
    answer([str(path) for path in paths], as_json, lambda: say(lines))
