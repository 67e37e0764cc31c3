"""The command line. Floor 9: reads arguments, calls the library, prints; decides nothing else."""

from __future__ import annotations

import importlib
from typing import ClassVar

import click

from scaling.cli.output import run


class LazyGroup(click.Group):
    """A group whose commands are imported when they are called, so that `--help` needs no torch."""

    places: ClassVar[dict[str, tuple[str, str]]] = {
        "describe": ("architecture", "Coefficients, stages and cost of a network."),
        "variants": ("architecture", "The official variants, counted exactly."),
        "summary": ("architecture", "A network layer by layer, as Keras's summary."),
        "count": ("count", "Cost of a network, and why counters disagree."),
        "family": ("family", "One alpha, beta, gamma at many phi."),
        "budget": ("budget", "The largest networks under limits, exactly."),
        "latency": ("latency", "Time on this device: calibrated, then predicted."),
        "explain": ("inverse", "What formula and rounding make of a variant."),
        "invert": ("inverse", "Which alpha, beta, gamma, phi give a grid."),
        "weights": ("weights", "Carry weights between implementations."),
        "verify": ("verify", "Logits and counts of other implementations."),
        "train": ("train", "Train one network, to its weights."),
        "evaluate": ("evaluation", "Accuracy of weights on a folder of pictures."),
        "data": ("data", "List, fetch and look at data sets."),
        "draw": ("draw", "Drawings of networks, modules, the family."),
        "tables": ("tables", "Tables as text, Markdown, LaTeX, HTML, CSV."),
        "explore": ("pages", "A page to turn the coefficients by hand."),
        "figures": ("figures", "Draw charts, each with its data beside it."),
        "official": ("pages", "Charts, drawings and tables of B0 to B7."),
        "report": ("pages", "A run as one HTML page."),
        "fit": ("fit", "Laws of error and cost, or why there is none."),
        "study": ("study", "Questions of scaling: methods, noise, audit …"),
        "search": ("search", "Search coefficients by proxy training."),
        "runs": ("runs", "What was trained: list, show, remove, tidy."),
    }

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Name the commands in the order a newcomer meets them."""
        del ctx
        return list(self.places)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import the command's module and return it."""
        del ctx
        if cmd_name not in self.places:
            return None
        module = importlib.import_module(f"scaling.cli.{self.places[cmd_name][0]}")
        command = getattr(module, cmd_name)
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of commands without importing any."""
        del ctx
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in self.places.items()])


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="efficientnet-scaling", prog_name="scaling")
def group() -> None:
    """Generate, count, search and compare scaled convolutional networks."""


def main() -> None:
    """Run the `scaling` command."""
    run(group)
