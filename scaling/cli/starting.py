"""`run_search.py init`: a new experiment file."""

from __future__ import annotations

import shlex
from pathlib import Path

import click

from scaling.atomic_write import write_text
from scaling.cli.output import console
from scaling.errors import ConfigError
from scaling.plans.search.candidates import space_of
from scaling.plans.search.config import load_config
from scaling.plans.search.template import experiment_toml


@click.command()
@click.option("--data", default="glyphs", show_default=True, help="Data set (scaling data list).")
@click.option("--baseline", help="A known network, e.g. efficientnet-b0; else a tiny one for CPUs.")
@click.option("--name", default="mine", show_default=True, help="Of the experiment.")
@click.option("--output", type=click.Path(path_type=Path), help="The file (experiments/<name>.toml).")
def init(data: str, baseline: str | None, name: str, output: Path | None) -> None:
    """Write a new experiment file: every setting, explained, valid as it is.

    An existing file is never overwritten.
    """
    path = output or Path("experiments") / f"{name}.toml"
    if path.exists():
        raise ConfigError(f"{path} exists already; choose another --name or --output")
    command = f"python run_search.py run --config {shlex.quote(str(path))}"
    text = experiment_toml(name=name, data=data, baseline=baseline, command=command)
    write_text(path, text)
    try:
        config = load_config(path)
    except ConfigError:
        path.unlink()  # a name that is none, say; the file would be of no use
        raise
    console.print(f"wrote {path}: {len(space_of(config)):,} networks on target", soft_wrap=True)
    console.print(f"write your question and your prediction in it, then: {command}", soft_wrap=True)
