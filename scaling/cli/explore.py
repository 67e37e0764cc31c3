"""`scaling explore`: the explorer as one HTML file."""

from __future__ import annotations

from pathlib import Path

import click

from scaling.atomic_write import write_whole
from scaling.cli.output import console
from scaling.errors import ConfigError
from scaling.explorer import explorer_page


@click.command()
@click.option(
    "-o",
    "--output",
    required=True,
    type=click.Path(dir_okay=False, path_type=Path),
    help="FILE.html; opens in any browser, without network.",
)
def explore(output: Path) -> None:
    """Write a page to turn alpha, beta, gamma, phi and the rounding rules by hand.

    Stages, drawing and exact cost follow live; the address in the browser holds the settings.
    """
    if output.suffix.lower() not in (".html", ".htm"):
        raise ConfigError(f"expected a file ending in .html; got {output.name!r}")
    write_whole(output, explorer_page().encode())
    console.print(f"wrote {output}", markup=False, soft_wrap=True)
