"""What `scaling train` does between its options and its table."""

from __future__ import annotations

import json
import math
import sys
from dataclasses import asdict
from typing import Any

import torch
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from scaling.atomic_write import write_json
from scaling.cli.kernels import announce_engine
from scaling.cli.output import console, emit_json, errors, table_of, waiting
from scaling.cost import count_cost
from scaling.data import dataset_info
from scaling.errors import ConfigError
from scaling.model import EfficientNet, build_model
from scaling.model.depthwise import KernelTable
from scaling.network.serialization import architecture_key
from scaling.provenance import provenance, utc_now
from scaling.search.patience import Patience
from scaling.search.signals import StopSignals
from scaling.training.batches import source_of
from scaling.training.board import Board
from scaling.training.checkpoint import delete_checkpoint
from scaling.training.curve import Curve
from scaling.training.distributed import Processes
from scaling.training.engine import (
    TrainingInterruptedError,
    TrainingResult,
    total_steps,
    train_network,
)
from scaling.training.evaluation import proportion
from scaling.training.job import METRICS, TrainingFolder, TrainingJob, content
from scaling.training.judging import answers_of
from scaling.training.kernels import arithmetic, kernels_for, read_kernels, write_kernels
from scaling.training.machine import training_alone
from scaling.training.options import KernelChoice
from scaling.weights import read_own, write_own

INTERRUPTED = 130
ENOUGH_MOVES = 5
"""Momentum times steps: after fewer, more than exp(-5) = 0.7 % of running statistics is where they began."""


class FullTraining:
    """One training in its folder: progress on standard error, every epoch in metrics.csv.

    Args:
        job: what is trained.
        folder: where files go; only the first process writes.
        processes: that train together.
        tensorboard: whether to draw curves.

    Raises:
        ConfigError: tensorboard is asked for and not installed.
        DataError: the data are missing.
    """

    def __init__(
        self, job: TrainingJob, folder: TrainingFolder, processes: Processes, *, tensorboard: bool
    ) -> None:
        self.job, self.folder, self.processes = job, folder, processes
        _ = job.device_recipe  # refuses what streamed pictures cannot have, before anything is read
        self.images = job.split("train"), job.split("validation")
        self.judged = len(self.images[1])
        self.steps = total_steps(job.recipe, len(self.images[0]))
        self.board = Board(folder.board, self._steps_done()) if tensorboard and processes.first else None

    def run(self) -> dict[str, Any]:
        """Train to the end and return the result as plain data; leaves with 130 when asked to stop."""
        self._announce()
        kernels = self._kernels()
        if self.processes.first:
            announce_engine(training_alone(self.processes.share.processes), kernels)
        record = self._start_record() if self.processes.first else {}
        with StopSignals(Patience()) as signals, self._bars() as bars:
            bar = bars.add_task("train", total=self.steps)
            try:
                result = train_network(
                    self.job.spec,
                    self.job.device_recipe,
                    *self.images,
                    dataset_info(self.job.data),
                    seed=self.job.seed,
                    device=self.processes.device,
                    numerics=self.job.numerics,
                    report=lambda done: bars.update(bar, completed=done),
                    should_stop=lambda: signals.asked,
                    checkpoint=self.folder.checkpoint,
                    kernels=kernels,
                    on_epoch=self._epoch,
                    on_judged=self._count,
                    on_trained=self._keep,
                    processes=self.processes,
                )
            except TrainingInterruptedError:
                if self.processes.first:
                    errors.print(
                        f"stopped; the same command goes on from its last epoch ({self.folder.path})"
                    )
                sys.exit(INTERRUPTED)
            finally:
                if self.board is not None:
                    self.board.close()
        document = self._document(result)
        if self.processes.first:
            write_json(self.folder.result, document)
            write_json(self.folder.provenance, {**record, "finished": utc_now()})
            delete_checkpoint(self.folder.checkpoint)
        return document

    def _kernels(self) -> KernelTable | None:
        """Return the kernels of this training: the first process chooses, and they stay with the folder."""
        if self.job.kernels == KernelChoice.STOCK:
            return None
        device, path = self.processes.device, self.folder.kernels
        if self.processes.first and not path.exists():
            dtype = arithmetic(device)
            with waiting("measuring kernels"):
                threads = torch.get_num_threads()
                table = kernels_for(self.job.kernels, device, threads=threads, dtype=dtype)
            if table is not None:
                write_kernels(path, table)
        self.processes.wait()
        return read_kernels(path)

    def _announce(self) -> None:
        if not self.processes.first:
            return
        job, cost = self.job, count_cost(self.job.spec)
        errors.print(
            f"[bold]{job.spec.name}[/bold] on {job.data}: {cost.params:,} params, "
            f"{cost.macs:,} multiply-adds at {job.spec.image_size} px; {len(self.images[0]):,} images, "
            f"{job.recipe.epochs} epochs, {self.steps:,} steps, {self.processes.device}"
        )
        if job.numerics.batch_norm_momentum * self.steps < ENOUGH_MOVES:
            errors.print(
                f"batch norm's running statistics move {100 * job.numerics.batch_norm_momentum:g} % a step, "
                f"which is slow for {self.steps} steps: see --batch-norm-momentum"
            )

    def _bars(self) -> Progress:
        return Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=20),
            TaskProgressColumn(),
            TimeRemainingColumn(),
            console=errors,
            transient=True,
            disable=not (errors.is_terminal and self.processes.first),
        )

    def _steps_done(self) -> int:
        if not self.folder.metrics.exists():
            return 0
        return int(self.folder.metrics.read_text(encoding="utf-8").splitlines()[-1].split(",")[1]) + 1

    def _epoch(self, curve: Curve) -> None:
        end = curve[-1]
        if not self.processes.first:
            return
        rate, top1 = end.learning_rate, end.top1
        row = {key: value for key, value in asdict(end).items() if key in METRICS}
        self.folder.add_epoch({**row, "finished": utc_now()})
        errors.print(
            f"epoch {end.epoch}/{self.job.recipe.epochs}  loss {end.loss:.4f}  top-1 {100 * top1:.2f} %"
        )
        if self.board is not None:
            values = {"loss/train": end.loss, "top1/validation": top1, "learning_rate": rate}
            self.board.add(end.steps, values)

    def _count(self, right: torch.Tensor) -> None:
        self.judged = len(right)  # fewer than files, where some gave no picture

    def _keep(self, model: EfficientNet) -> None:
        if self.processes.first:
            state = {name: value.cpu().contiguous() for name, value in model.state_dict().items()}
            write_own(self.folder.weights, self.job.spec, state, source="own")

    def _start_record(self) -> dict[str, Any]:
        names = ("train", "validation")
        sums = {name: content(split) for name, split in zip(names, self.images, strict=True)}
        record = provenance(
            config=self.job.document(),
            config_key=self.job.key(),
            command=sys.argv,
            device=str(self.processes.device),
            data_checksums=sums,
            started=utc_now(),
            finished=None,
            dataset_source=dataset_info(self.job.data).source,
            processes=self.processes.share.processes,
        )
        launches = [*_launches(self.folder), {"started": record["started"], "commit": record["commit"]}]
        record |= {"launches": launches, "started": launches[0]["started"]}
        write_json(self.folder.provenance, record)
        return record

    def _document(self, result: TrainingResult) -> dict[str, Any]:
        spec, cost, plain, judged = self.job.spec, count_cost(self.job.spec), asdict(result), self.judged
        interval = None
        if not math.isnan(result.top1):
            share = proportion(round(result.top1 * judged), judged)
            interval = [share.low, share.high]
        return {
            "network": spec.name,
            "architecture": architecture_key(spec),
            "image_size": spec.image_size,
            "params": cost.params,
            "macs": cost.macs,
            "activations": cost.activations,
            "data": self.job.data,
            "seed": self.job.seed,
            **plain,
            "top1": None if math.isnan(result.top1) else result.top1,
            "top1_interval": interval,
            "validation_images": judged,
        }


def _launches(folder: TrainingFolder) -> list[dict[str, Any]]:
    """Return when this training was launched before; a damaged record counts as none."""
    try:
        launches = json.loads(folder.provenance.read_text(encoding="utf-8"))["launches"]
    except (OSError, ValueError, KeyError, TypeError):
        return []
    return launches if isinstance(launches, list) else []


def add_test(
    document: dict[str, Any], job: TrainingJob, folder: TrainingFolder, device: torch.device
) -> dict[str, Any]:
    """Judge the trained network on the test split and add what it gave to the result.

    Raises:
        ConfigError: the training diverged, so there is no network.
        DataError: the test split is missing.
        WeightsError: the weights are missing or damaged.
    """
    if not folder.weights.exists():
        raise ConfigError(f"{folder.path} has no weights to test: its training {document['outcome']}")
    model = build_model(job.spec, numerics=job.numerics, device=device)
    model.load_state_dict(dict(read_own(folder.weights, job.spec).state))
    model = model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    images = job.split("test")
    right = answers_of(model, source_of(images, dataset_info(job.data), device)).right_N
    share = proportion(int(right.sum()), len(right))
    test = {"images": len(right), "checksum": content(images), "top1": share.value}
    document = {**document, "test": {**test, "top1_interval": [share.low, share.high]}}
    write_json(folder.result, document)
    return document


def show(document: dict[str, Any], folder: TrainingFolder, *, as_json: bool) -> None:
    """Print a result, as a table or as one JSON document."""
    if as_json:
        emit_json(document)
        return
    table = table_of(document["network"], f"{document['data']}, seed {document['seed']}")
    test = document.get("test") or {}
    rows = {
        "outcome": document["outcome"],
        "top-1, validation": _percent(document["top1"], document["top1_interval"]),
        "top-1, test": _percent(test.get("top1"), test.get("top1_interval")),
        "epochs": str(document["epochs"]),
        "wall time": f"{document['wall_s']:.0f} s",
        "training step": _unit(document["train_step_ms"], "ms"),
        "training": _unit(document["images_per_s"], "images/s"),
        "one image": _unit(document["inference_ms_batch_1"], "ms"),
        "a batch": _unit(document["inference_ms"], "ms"),
        "memory": _unit(document["memory_bytes"] / 2**20, "MiB"),
        "micro-batch": str(document["micro_batch"]),
    }
    for name, value in rows.items():
        if value:
            table.add_row(name, value)
    console.print(table)
    console.print(str(folder.path), soft_wrap=True)


def _percent(value: float | None, interval: list[float] | None) -> str:
    if value is None or interval is None:
        return ""
    return f"{100 * value:.2f} % [{100 * interval[0]:.2f}, {100 * interval[1]:.2f}]"


def _unit(value: float | None, unit: str) -> str:
    return "" if value is None else f"{value:,.4g} {unit}"
