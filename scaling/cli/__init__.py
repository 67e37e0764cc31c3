"""The command line. Floor 9: reads arguments, calls the library, prints; decides nothing else."""

from __future__ import annotations

import importlib
from typing import ClassVar

import click

from scaling.cli.output import run


class LazyGroup(click.Group):
    """A group whose commands are imported when they are called, so that `--help` needs no torch."""

    places: ClassVar[dict[str, str]] = {
        "describe": "architecture",
        "variants": "architecture",
        "summary": "architecture",
        "count": "count",
        "explain": "inverse",
        "invert": "inverse",
        "data": "data",
        "figures": "figures",
        "search": "search",
    }

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Name the commands in the order a newcomer meets them."""
        del ctx
        return list(self.places)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import the command's module and return it."""
        del ctx
        place = self.places.get(cmd_name)
        if place is None:
            return None
        module = importlib.import_module(f"scaling.cli.{place}")
        command = getattr(module, cmd_name)
        assert isinstance(command, click.Command)
        return command


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="efficientnet-scaling", prog_name="scaling")
def group() -> None:
    """Generate, count, search and compare scaled convolutional networks."""


def main() -> None:
    """Run the `scaling` command."""
    run(group)
