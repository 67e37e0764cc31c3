"""`run_search.py`, also `scaling search`: the commands of a coefficient search, imported when called."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, ClassVar, TypeVar

import click
from click.core import ParameterSource

from scaling.cli import LazyGroup
from scaling.cli.options import PATH, fresh_option, overrides_option, storage_options, where_options
from scaling.cli.output import compose, json_option, run

KERNEL_CHOICES = ("measured", "fixed", "stock")  # of scaling.training.options, which needs torch
# of scaling.plans.search.samplers, which needs Optuna
SAMPLERS = ("surface", "tpe", "gp", "cmaes", "qmc", "random", "grid", "exhaustive")
KERNELS_HELP = "Depthwise kernels: measured once per machine, fixed by shape, or torch's own."
DEFAULT = Path("experiments/quick.toml")
Command = TypeVar("Command", bound=Callable[..., Any])
config_option = click.option("--config", "config_path", type=PATH, help=f"Experiment file ({DEFAULT}).")


class SearchGroup(LazyGroup):
    """The commands of a search; a command is the function of its name in its module."""

    places: ClassVar[dict[str, tuple[str, str]]] = {
        "init": ("planning", "Write a new experiment file, explained."),
        "run": ("running", "Run a search, or go on with it: the main job."),
        "plan": ("planning", "How much search fits into some hours here."),
        "resume": ("running", "Go on with a run by its own configuration."),
        "status": ("status", "Show a run at this moment."),
        "best": ("best", "The winner, its rivals, its family."),
        "charts": ("exporting", "Optuna's own charts of the proposals, as HTML."),
        "export": ("exporting", "Copy a run's results to where they are kept."),
    }


def run_options(command: Command) -> Command:
    """Add the options of the main job, for bare `run_search.py` and for `run_search.py run`."""
    return compose(
        config_option,
        click.option("--output", type=PATH, help="Folder of the run (runs/<experiment>)."),
        overrides_option,
        click.option("--sampler", type=click.Choice(SAMPLERS), help="search.sampler."),
        click.option("--cost", type=click.Choice(["achieved", "nominal"]), help="search.cost."),
        click.option("--plan", type=PATH, help="Settings that `plan --output` wrote."),
        click.option("--device", type=click.Choice(["auto", "cpu", "cuda"]), help="setup.engine.device."),
        click.option("--kernels", type=click.Choice(KERNEL_CHOICES), help=KERNELS_HELP),
        where_options,
        storage_options,
        fresh_option,
        json_option,
    )(command)


@click.group(
    cls=SearchGroup, invoke_without_command=True, context_settings={"help_option_names": ["-h", "--help"]}
)
@run_options
@click.pass_context
def search(context: click.Context, /, **options: Any) -> None:
    """Search compound coefficients by proxy training.

    Without a command `run_search.py` runs the main job, and `scaling search` says what `run` would do.
    Started again with the same folder and configuration, a run goes on where it stopped.
    """
    if context.invoked_subcommand is None and context.parent is not None:
        from scaling.cli.running import preview  # noqa: PLC0415

        preview(**options)
    elif context.invoked_subcommand is None:
        main_job = search.get_command(context, "run")
        assert main_job is not None
        context.invoke(main_job, **options)
    elif any(context.get_parameter_source(name) == ParameterSource.COMMANDLINE for name in options):
        raise click.UsageError(f"options go after the command: {context.invoked_subcommand} --…")


def main(arguments: Sequence[str] | None = None) -> None:
    """Run `run_search.py`."""
    run(search, list(arguments) if arguments is not None else None)
