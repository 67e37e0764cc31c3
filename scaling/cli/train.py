"""`scaling train`: one full training of one network, to its weights."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from scaling.cli.options import PATH, device_option, fresh_option
from scaling.cli.output import INTERRUPTED, answer, errors, json_option, print_table, say
from scaling.errors import ConfigError
from scaling.library.searching import load_search
from scaling.library.training import train as train_network
from scaling.model import TENSORFLOW
from scaling.network.architecture import ArchitectureSpec
from scaling.network.small_inputs import SmallInput
from scaling.plans.final.result import TrainingRun
from scaling.runs.store import DEFAULT_STORE
from scaling.training.options import KernelChoice
from scaling.training.recipes import recipe_names

RECIPES = ", ".join(recipe_names())


@click.command()
@click.argument("network", required=False)
@click.option("--run", "of_run", type=PATH, metavar="RUN", help="A search's folder, for a network of it.")
@click.option("--best", is_flag=True, help="The network that `search best` says (the default of --run).")
@click.option("--trial", type=int, help="Number in the run's table, instead of the best.")
@click.option("--data", help="A data set of `scaling data list`; default the run's.")
@click.option("--recipe", help=f"{RECIPES}, or a TOML file; default the run's, else small.")
@click.option("--image-size", type=int, help="Side in pixels; default the network's own.")
@click.option("--small-input", default="none", show_default=True, help=f"Strides: {', '.join(SmallInput)}.")
@click.option("--epochs", type=int, help="Instead of the recipe's.")
@click.option("--train", type=int, help="Images to train on; default all.")
@click.option("--validation", type=int, help="Images to validate on; default all.")
@click.option("--allow-upsampling", is_flag=True, default=None, help="Image sizes above the data's own.")
@click.option("--seed", type=int, default=0, show_default=True)
@click.option("--data-seed", type=int, default=0, show_default=True, help="Of the split.")
@click.option(
    "--batch-norm-momentum", type=float, help=f"Default the run's, else {TENSORFLOW.batch_norm_momentum}."
)
@click.option(
    "--kernels",
    type=click.Choice([choice.value for choice in KernelChoice]),
    default=KernelChoice.MEASURED.value,
    show_default=True,
    help="Of depthwise convolutions; measuring takes seconds, once per machine.",
)
@click.option("--graphs/--no-graphs", default=True, show_default=True, help="Steps as CUDA graphs on a GPU.")
@device_option
@click.option("--output", type=PATH, help="Folder; default runs/train-….")
@click.option("--store", type=PATH, default=DEFAULT_STORE, show_default=True, help="Of all trainings.")
@fresh_option
@click.option("--test", is_flag=True, help="Judge the trained network on the test split, once.")
@click.option("--tensorboard", is_flag=True, help="Curves for TensorBoard (extra 'tensorboard').")
@json_option
def train(
    network: str | None, of_run: Path | None, best: bool, trial: int | None, as_json: bool, **options: Any
) -> None:
    """Train one network with one recipe, to its weights.

    NETWORK is a variant, a baseline, a file of your own (docs/baselines.md), or FILE.json as a command prints
    it; or give --run, for a network of a search, on its data and by its recipe. Started again with the same
    folder, a training goes on from its last epoch. Started by torchrun, its processes share every batch.
    """
    if (network is None) == (of_run is None):
        raise ConfigError("give either a NETWORK or --run RUN")
    if (best and trial is not None) or (network is not None and (best or trial is not None)):
        raise ConfigError("--best or --trial go with --run, one of them")
    given = {name: value for name, value in options.items() if value is not None}
    chosen: str | ArchitectureSpec | None = network
    if of_run is not None:
        chosen, own = _of_run(of_run, trial)
        given = own | given
    assert chosen is not None
    if "data" not in given:
        raise ConfigError("expected --data, a data set of `scaling data list`")
    try:
        run = train_network(chosen, console=errors, **given)
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
    if run.first:
        answer(run.document(), as_json, lambda: _print(run))


def _of_run(path: Path, trial: int | None) -> tuple[ArchitectureSpec, dict[str, Any]]:
    """Return a network of a search, and how the search trained it."""
    found = load_search(path)
    spec = found.network(trial)
    job = found.config.setup.job(spec, seed=0)
    return spec, {
        "data": job.data.name,
        "allow_upsampling": job.data.allow_upsampling,
        "recipe": job.recipe,
        "batch_norm_momentum": job.numerics.batch_norm_momentum,
    }


def _print(run: TrainingRun) -> None:
    found = run.document()
    test = run.test or {}
    rows = {
        "outcome": found["outcome"],
        "top-1, validation": _percent(found["top1"], found["top1_interval"]),
        "top-1, test": _percent(test.get("top1"), test.get("top1_interval")),
        "epochs": str(found["epochs"]),
        "wall time": f"{found['wall_s']:.0f} s",
        "training step": _unit(found["train_step_ms"], "ms"),
        "training": _unit(found["images_per_s"], "images/s"),
        "one image": _unit(found["inference_ms_batch_1"], "ms"),
        "a batch": _unit(found["inference_ms"], "ms"),
        "memory": _unit(found["memory_bytes"] / 2**20, "MiB"),
        "micro-batch": str(found["micro_batch"]),
    }
    headings = (found["network"], f"{found['data']}, seed {found['seed']}")
    print_table(headings, [row for row in rows.items() if row[1]])
    say(run.folder.path)


def _percent(value: float | None, interval: list[float] | None) -> str:
    if value is None or interval is None:
        return ""
    return f"{100 * value:.2f} % [{100 * interval[0]:.2f}, {100 * interval[1]:.2f}]"


def _unit(value: float | None, unit: str) -> str:
    return "" if value is None else f"{value:,.4g} {unit}"
