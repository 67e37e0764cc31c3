"""`scaling train`: one full training of one network, to its weights."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import click

from scaling.cli.arguments import network_named
from scaling.cli.full_training import FullTraining, add_test, show
from scaling.cli.output import errors, json_option
from scaling.errors import ConfigError
from scaling.model import TENSORFLOW
from scaling.network.architecture import ArchitectureSpec
from scaling.network.families import named
from scaling.network.serialization import from_json
from scaling.network.small_inputs import SmallInput, for_small_input
from scaling.runs.titles import file_name
from scaling.training.distributed import joined
from scaling.training.engine import best_device
from scaling.training.job import TrainingFolder, TrainingJob, fitted
from scaling.training.options import KernelChoice
from scaling.training.recipes import read_recipe, recipe_names

RECIPES = ", ".join(recipe_names())


@click.command()
@click.argument("network", metavar="NETWORK")
@click.option("--data", required=True, help="A data set of `scaling data list`.")
@click.option(
    "--recipe", "recipe_name", default="small", show_default=True, help=f"{RECIPES}, or a TOML file."
)
@click.option("--image-size", type=int, help="Side in pixels; default the network's own.")
@click.option("--small-input", default="none", show_default=True, help=f"Strides: {', '.join(SmallInput)}.")
@click.option("--epochs", type=int, help="Instead of the recipe's.")
@click.option("--train", "train_count", type=int, help="Images to train on; default all.")
@click.option("--validation", "validation_count", type=int, help="Images to validate on; default all.")
@click.option("--allow-upsampling", is_flag=True, help="Image sizes above the data's own.")
@click.option("--seed", type=int, default=0, show_default=True)
@click.option("--data-seed", type=int, default=0, show_default=True, help="Of the split.")
@click.option("--batch-norm-momentum", type=float, default=TENSORFLOW.batch_norm_momentum, show_default=True)
@click.option(
    "--kernels",
    type=click.Choice([choice.value for choice in KernelChoice]),
    default=KernelChoice.MEASURED.value,
    show_default=True,
    help="Of depthwise convolutions; measuring takes seconds, once per machine.",
)
@click.option("--device", default="auto", show_default=True, help="auto, cpu or cuda.")
@click.option("--output", type=click.Path(path_type=Path), help="Folder; default runs/train-….")
@click.option("--test", "on_test", is_flag=True, help="Judge the trained network on the test split, once.")
@click.option("--tensorboard", is_flag=True, help="Curves for TensorBoard (extra 'tensorboard').")
@json_option
def train(
    network: str,
    data: str,
    recipe_name: str,
    image_size: int | None,
    small_input: str,
    epochs: int | None,
    train_count: int | None,
    validation_count: int | None,
    allow_upsampling: bool,
    seed: int,
    data_seed: int,
    batch_norm_momentum: float,
    kernels: str,
    device: str,
    output: Path | None,
    on_test: bool,
    tensorboard: bool,
    as_json: bool,
) -> None:
    """Train one network with one recipe, to its weights.

    NETWORK is a variant, a baseline, a file of your own (docs/baselines.md), or a spec as FILE.json.
    Started again with the same folder, a training goes on from its last epoch. Started by torchrun, its
    processes share every batch.
    """
    recipe = read_recipe(recipe_name)
    job = TrainingJob(
        spec=named(for_small_input(fitted(_spec(network), data, image_size), small_input)),
        recipe=recipe if epochs is None else replace(recipe, epochs=epochs),
        data=data,
        train=train_count,
        validation=validation_count,
        data_seed=data_seed,
        allow_upsampling=allow_upsampling,
        seed=seed,
        numerics=replace(TENSORFLOW, batch_norm_momentum=batch_norm_momentum),
        kernels=KernelChoice(kernels),
    )
    name = "-".join([job.spec.name or "network", data, Path(recipe_name).stem, f"seed{seed}"])
    folder = TrainingFolder(path=output or Path("runs") / f"train-{file_name(name)}")
    with joined(best_device(device)) as processes:
        if processes.first:
            folder.claim(job)
        processes.wait()
        document = folder.finished()
        if document is None:
            document = FullTraining(job, folder, processes, tensorboard=tensorboard).run()
        elif processes.first:
            errors.print(f"{folder.path} is finished; give another --output to train again")
        if processes.first:
            if on_test and "test" not in document:
                document = add_test(document, job, folder, processes.device)
            show(document, folder, as_json=as_json)


def _spec(network: str) -> ArchitectureSpec:
    if not network.endswith(".json"):
        return network_named(network)
    try:
        return from_json(Path(network).read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise ConfigError(f"cannot read the network {network}: {reason}") from None
