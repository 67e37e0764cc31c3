"""`scaling.train`: one full training of one network, as one call."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from rich.console import Console

from scaling.data import dataset_info
from scaling.errors import ConfigError
from scaling.library.progress import prepared
from scaling.library.training_lines import TrainingLines
from scaling.model import TENSORFLOW, build_model
from scaling.network.architecture import ArchitectureSpec
from scaling.network.baseline_files import network_named
from scaling.network.families import named
from scaling.network.rounding import choice
from scaling.network.small_inputs import SmallInput, for_small_input
from scaling.plans.final.launch import FinalLaunch, config_of
from scaling.plans.final.result import (
    KIND,
    FinalPlan,
    TrainingRun,
    board_of,
    interval_of,
    read_test,
    weights_of,
)
from scaling.runs.experiment_file import validated
from scaling.runs.folder import RunFolder, held, open_folder
from scaling.runs.job import DataTable, Job, content, fitted
from scaling.runs.record import Record
from scaling.runs.store import DEFAULT_STORE, Known, Store
from scaling.runs.titles import file_name
from scaling.training.batches import source_of
from scaling.training.board import Board
from scaling.training.distributed import Processes, joined
from scaling.training.engine import best_device
from scaling.training.options import KernelChoice
from scaling.training.recipe import Recipe
from scaling.training.recipes import read_recipe
from scaling.training.session import answers_of
from scaling.weights import read_own

OF_THE_LOCK = ("run.lock", "run.owner.json")


def train(
    network: str | Path | ArchitectureSpec,
    *,
    data: str,
    recipe: str | Path | Recipe = "small",
    image_size: int | None = None,
    small_input: str = SmallInput.NONE,
    epochs: int | None = None,
    train: int | None = None,
    validation: int | None = None,
    allow_upsampling: bool = False,
    seed: int = 0,
    data_seed: int = 0,
    batch_norm_momentum: float = TENSORFLOW.batch_norm_momentum,
    kernels: str = KernelChoice.MEASURED,
    graphs: bool = True,
    device: str = "auto",
    output: Path | str | None = None,
    store: Path | str = DEFAULT_STORE,
    fresh: bool = False,
    test: bool = False,
    tensorboard: bool = False,
    console: Console | None = None,
) -> TrainingRun:
    """Train one network with one recipe and one seed, to its weights.

    The same call goes on where an earlier one was stopped: Ctrl-C, SIGTERM and SIGHUP keep the last epoch.
    Started by torchrun, the processes share every batch.

    Args:
        network: a variant, a baseline, a file of your own, FILE.json, or a spec; classes and channels become
            the data's.
        data: a data set of `scaling data list`.
        recipe: a name (`small`, `paper`), a TOML file, or a recipe.
        image_size: side in pixels; the network's own if None.
        small_input: strides for small images: `none`, `auto` …
        epochs: instead of the recipe's.
        train: images to train on; all if None.
        validation: images to validate on; all if None.
        allow_upsampling: whether images may be enlarged beyond the data's own size.
        seed: of the training.
        data_seed: of the split.
        batch_norm_momentum: share of each batch in the moving statistics, in (0, 1].
        kernels: of convolutions on small maps: `measured`, `fixed` or `stock`.
        graphs: record the step as a CUDA graph where one trains on a GPU.
        device: `auto`, `cpu` or `cuda`.
        output: folder; `runs/train-…` if None.
        store: of records.
        fresh: move an earlier training in this folder out of the way.
        test: judge the trained network on the test split, too.
        tensorboard: draw curves for TensorBoard.
        console: for progress; standard error if None.

    Raises:
        ConfigError: a setting cannot be, or the folder holds another training.
        DataError: the data are missing, or hold fewer images.
        KeyboardInterrupt: it was asked to stop.
        ResultsError: a file cannot be written, or another process trains in this folder.
        ScalingError: the training failed.
    """
    where = best_device(device)
    images = {"name": data, "train": train, "validation": validation, "seed": data_seed}
    spec = network if isinstance(network, ArchitectureSpec) else network_named(str(network))
    found = recipe if isinstance(recipe, Recipe) else read_recipe(str(recipe))
    job = Job(
        spec=named(for_small_input(fitted(spec, data, image_size), small_input)),
        recipe=found if epochs is None else replace(found, epochs=epochs),
        data=validated(DataTable, images | {"allow_upsampling": allow_upsampling}, where="data"),
        numerics=replace(TENSORFLOW, batch_norm_momentum=batch_norm_momentum),
        kernels=choice(KernelChoice, kernels, "kernels"),
        graphs=graphs,
        device=where.type,
        seed=seed,
    )
    folder = RunFolder(path=Path(output) if output is not None else _default_folder(job, recipe))
    with joined(where) as processes:
        job = replace(job, processes=processes.share.processes)
        _check(job, processes)
        board = Board(board_of(folder)) if tensorboard and processes.first else None
        if not processes.first:
            console = Console(quiet=True)
        lines = TrainingLines(prepared(console, folder, fresh=fresh and processes.first))
        with held(folder) if processes.first else nullcontext():
            if processes.first:
                _open(folder, job, Path(store))
            processes.wait()
            launch = FinalLaunch(job, folder, Store(path=Path(store)), processes, lines, board)
            return _run(launch, lines, on_test=test)


def _run(launch: FinalLaunch, lines: TrainingLines, *, on_test: bool) -> TrainingRun:
    job, folder, processes = launch.job, launch.folder, launch.processes
    known = Known(store=launch.store, retry=True)
    wanted = FinalPlan(job=job, kept=weights_of(folder).exists()).next_jobs(known, 1).jobs
    processes.wait()  # all of them have looked before one of them writes
    record: Record | None = None
    if wanted:
        with lines.bars:
            record = launch.run()
    else:
        record = known[job.key]
        lines.say(f"{folder.path} is finished; give another --output to train again")
    if record is None:
        lines.say(f"stopped; the same command goes on from its last epoch ({folder.path})")
        raise KeyboardInterrupt
    run = TrainingRun(
        folder=folder, spec=job.spec, record=record, test=read_test(folder), first=processes.first
    )
    if not processes.first:
        return run
    run.write()
    if on_test and run.test is None:
        run = replace(run, test=_tested(run, job, processes.device))
        run.write()
    return run


def _default_folder(job: Job, recipe: str | Path | Recipe) -> Path:
    how = "recipe" if isinstance(recipe, Recipe) else Path(recipe).stem
    name = "-".join([job.spec.name or "network", job.data.name, how, f"seed{job.seed}"])
    return Path("runs") / f"train-{file_name(name)}"


def _check(job: Job, processes: Processes) -> None:
    """Refuse what cannot be trained, and load the data, before any file is written."""
    _ = job.device_recipe
    processes.local_batch(job.recipe.batch_size)
    _ = job.key


def _open(folder: RunFolder, job: Job, store: Path) -> None:
    others = [path for path in folder.path.iterdir() if path.name not in OF_THE_LOCK]
    if others and not folder.config.exists():
        raise ConfigError(f"{folder.path} holds other files; give another --output")
    open_folder(folder, KIND, config_of(job), job.key, store=store)


def _tested(run: TrainingRun, job: Job, device: torch.device) -> dict[str, Any]:
    """Judge the trained network on the test split, whole.

    Raises:
        ConfigError: the training diverged, so there is no network.
        DataError: the test split is missing.
        WeightsError: the weights are damaged.
    """
    if run.weights is None:
        assert run.record is not None
        raise ConfigError(f"{run.folder.path} has no weights to test: its training {run.record.state}")
    model = build_model(job.spec, numerics=job.numerics, device=device)
    model.load_state_dict(dict(read_own(run.weights, job.spec).state))
    model = model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    images = job.images("test")
    right = answers_of(model, source_of(images, dataset_info(job.data.name), device)).right_N
    count = int(right.sum())
    return {
        "images": len(right),
        "checksum": content(images),
        "top1": count / len(right),
        "top1_interval": interval_of(count, len(right)),
    }
