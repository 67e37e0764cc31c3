"""`scaling weights fetch`: released weights from where their makers keep them."""

from __future__ import annotations

from pathlib import Path

import click
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)

from scaling.cli.output import console, emit_json, errors, json_option
from scaling.weights.fetching import fetch as fetch_file
from scaling.weights.fetching import released_file


@click.command()
@click.argument("variant")
@click.option("--from", "source", required=True, help="torchvision, efficientnet-pytorch, timm or timm-tf.")
@click.option("--tag", help="One training of several, such as IMAGENET1K_V2; default the first.")
@click.option("--cache-dir", type=click.Path(path_type=Path), help="Where downloads are kept.")
@json_option
def fetch(variant: str, source: str, tag: str | None, cache_dir: Path | None, as_json: bool) -> None:
    """Find the released weights of VARIANT or download them, check them, and say where they lie.

    An interrupted download goes on where it stopped. timm has weights of its own (timm) and ports of the
    released code's (timm-tf).
    """
    file = released_file(source, variant, tag)
    with _bars() as bars:
        bar = bars.add_task(file.file, total=None)
        found = fetch_file(
            file,
            cache_dir=cache_dir,
            report=lambda done, total: bars.update(bar, completed=done, total=total),
        )
    if as_json:
        emit_json(
            {
                "variant": file.variant,
                "source": file.peer,
                "tag": file.tag,
                "path": str(found.path),
                "sha256": found.sha256,
                "verified": found.verified,
            }
        )
        return
    word = "verified" if found.verified else "no checksum is published"
    console.print(
        f"{file.peer} {file.variant} {file.tag} ({word}): {found.path}", soft_wrap=True, markup=False
    )
    console.print(
        f"Next: scaling weights import {found.path} --from {file.peer} --variant {file.variant} "
        f"--output {file.variant}.safetensors",
        soft_wrap=True,
        markup=False,
    )


def _bars() -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(bar_width=20),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
        console=errors,
        transient=True,
        disable=not errors.is_terminal,
    )
