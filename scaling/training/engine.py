"""Train one network and say how good it became, and what it cost.

One code path: float32 with channels_last on a CPU, bfloat16 autocast with channels_last on a GPU.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from pathlib import Path

import torch
from torch import Tensor, nn

from scaling.data.dataset import DatasetInfo, Split, checksum
from scaling.data.streaming import StreamingSplit
from scaling.errors import ScalingError
from scaling.model import TENSORFLOW, EfficientNet, Numerics, build_model, last_norm_of_branch
from scaling.model.depthwise import KernelTable
from scaling.network.architecture import ArchitectureSpec
from scaling.network.serialization import architecture_key
from scaling.training.augmentation import NO_AUGMENTATION, Augmenter
from scaling.training.batches import Source, source_of, steps_per_epoch
from scaling.training.checkpoint import latest_checkpoint, save_checkpoint
from scaling.training.curve import Curve, EpochEnd
from scaling.training.distributed import Processes, alone
from scaling.training.measurement import blank_batch, inference_ms
from scaling.training.options import CHECKPOINT_S
from scaling.training.recipe import Recipe, learning_rate
from scaling.training.session import Answers, Report, Session, TrainingInterruptedError, answers_of
from scaling.training.step import Step

__all__ = [
    "EpochEnd",
    "Outcome",
    "TrainingInterruptedError",
    "TrainingResult",
    "best_device",
    "total_steps",
    "train_network",
]

Judged = Callable[[Tensor], None]
"""Called once, after the final epoch, with which validation images were right: bool (N,), in order."""


class Outcome(StrEnum):
    """How a training ended."""

    COMPLETE = "complete"
    DIVERGED = "diverged"


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingResult:
    """What one training gave; of a diverged one, the figures of its last good epoch.

    Args:
        outcome: complete, or diverged when loss or weights stopped being finite.
        top1: fraction of validation images right after the last epoch counted, never the best one; nan if
            there is none.
        validation_loss: cross-entropy of the validation images in nats, likewise; None if there is none.
        epochs: epochs finished.
        curve: one point an epoch.
        wall_s: seconds of training and evaluation, over all processes that worked on it.
        images_per_s: training images a second.
        loss: mean over the last epoch.
        train_step_ms: median milliseconds an optimizer step, first steps left out.
        inference_ms_batch_1: milliseconds a forward pass of one image.
        inference_ms: of the recipe's batch, or of the micro-batch where memory allowed no more.
        memory_bytes: GPU: most bytes of tensors at once; CPU: tensors kept for one backward pass, weights,
            gradients, optimizer and averages, without the workspace of convolutions.
        micro_batch: images that batch norm normalises together.
    """

    outcome: Outcome
    top1: float
    epochs: int
    wall_s: float
    images_per_s: float
    curve: Curve = ()
    loss: float | None = None
    validation_loss: float | None = None
    train_step_ms: float | None = None
    inference_ms_batch_1: float | None = None
    inference_ms: float | None = None
    memory_bytes: int | None = None
    micro_batch: int | None = None


def train_network(
    spec: ArchitectureSpec,
    recipe: Recipe,
    train: Split | StreamingSplit,
    validation: Split | StreamingSplit,
    info: DatasetInfo,
    *,
    seed: int,
    device: torch.device,
    numerics: Numerics = TENSORFLOW,
    report: Report = lambda _step: None,
    should_stop: Callable[[], bool] = lambda: False,
    checkpoint: Path | None = None,
    kernels: KernelTable | None = None,
    on_epoch: Callable[[Curve], None] = lambda _curve: None,
    on_judged: Judged | None = None,
    on_trained: Callable[[EfficientNet], None] | None = None,
    processes: Processes | None = None,
    graphs: bool = True,
    checkpoint_s: float = CHECKPOINT_S,
) -> TrainingResult:
    """Train a network from scratch, or from its checkpoint, and evaluate it after the final epoch.

    The same seed, device, threads and versions give the same result on a CPU, bit for bit, whether the
    training was interrupted or not.

    Args:
        spec: the network; its classes and image channels must be the data's.
        recipe: how to train.
        train: training images at the spec's image size.
        validation: validation images at the spec's image size.
        info: the data set, for normalisation.
        seed: of initial weights, order of images, dropout and stochastic depth.
        device: where to train.
        numerics: padding and batch norm.
        report: called after every step with the steps done.
        should_stop: asked before every step.
        checkpoint: file to go on from where it is there and fits, and to write after epochs and when it is
            interrupted; the caller deletes it when the result is kept.
        kernels: how convolutions on small maps are computed; None for torch's own way.
        on_epoch: called after every epoch with the curve so far; what it raises passes through.
        on_judged: told which validation images were right; never called if the training diverged.
        on_trained: called at the end with the network as it was judged, moving average included; never if the
            training diverged.
        graphs: record the step as a CUDA graph where one process trains on a GPU.
        checkpoint_s: least seconds between two checkpoints.
        processes: that train this network together; each calls this function alike. None: this one alone.

    Raises:
        TrainingInterruptedError: `should_stop` said so.
        ResultsError: the checkpoint cannot be written; earlier ones are untouched.
        ScalingError: out of memory at the smallest micro-batch.
    """
    start = time.perf_counter()
    together = alone(device) if processes is None else processes
    model = _network(spec, recipe, numerics, seed, device, kernels)
    step = _step(model, recipe, len(train), together, graphs=graphs)
    augmenter = None
    if recipe.augmentation != NO_AUGMENTATION:
        augmenter = Augmenter(recipe.augmentation, info.num_classes)
    data, held_out = source_of(train, info, device), source_of(validation, info, device)
    session = Session(step, data, seed, report, should_stop, augmenter=augmenter, processes=together)
    identity = {} if checkpoint is None else _identity(spec, recipe, numerics, seed, kernels, train, together)
    kept = _Kept(path=checkpoint, identity=identity, session=session, start=start, every_s=checkpoint_s)
    kept.resume()
    outcome = _epochs(kept, held_out, recipe, on_epoch)
    if on_judged is not None and outcome == Outcome.COMPLETE:
        # A training that goes on after its last epoch has the curve, not the answers.
        on_judged((kept.final or _answers(session, held_out)).right_N.cpu())
    if on_trained is not None and outcome == Outcome.COMPLETE:
        with _as_judged(session):
            on_trained(model)
    return _result(outcome, kept, spec)


def _epochs(kept: _Kept, held_out: Source, recipe: Recipe, on_epoch: Callable[[Curve], None]) -> Outcome:
    """Train the epochs that are left; one that diverges leaves the state of the epoch before."""
    session = kept.session
    while session.epoch < recipe.epochs:
        before_s = session.train_s
        try:
            good = session.run_epoch()
        except TrainingInterruptedError:
            kept.save(now=True)
            raise
        if not good:
            session.restore(session.good)
            return Outcome.DIVERGED
        kept.final = _answers(session, held_out)
        kept.curve = (*kept.curve, _point(session, kept.final, session.train_s - before_s))
        on_epoch(kept.curve)
        kept.save(now=session.epoch == recipe.epochs)
    return Outcome.COMPLETE


def _point(session: Session, judged: Answers, seconds: float) -> EpochEnd:
    step = session.step
    return EpochEnd(
        epoch=session.epoch,
        steps=step.done,
        loss=session.loss,
        validation_loss=judged.loss,
        top1=judged.top1,
        learning_rate=learning_rate(step.recipe, min(1.0, step.done / step.total_steps)),
        seconds=seconds,
    )


def _answers(session: Session, held_out: Source) -> Answers:
    """Return what the network as it is judged, its moving average, answers."""
    processes = session.processes
    with _as_judged(session):
        return answers_of(session.step.model, held_out, share=processes.share, gather=processes.gathered)


@dataclass(slots=True, kw_only=True)
class _Kept:
    """A session and its checkpoint: the curve so far, and the time spent in earlier processes."""

    path: Path | None
    identity: dict[str, str]
    session: Session
    start: float
    every_s: float
    earlier_s: float = 0.0
    curve: Curve = ()
    final: Answers | None = None
    saved_epoch: int = 0
    saved_at: float = -math.inf

    def wall_s(self) -> float:
        return self.earlier_s + time.perf_counter() - self.start

    def resume(self) -> None:
        state = None if self.path is None else latest_checkpoint(self.path, self.identity)
        if state is not None:
            self.session.restore(state["session"])
            self.earlier_s, self.saved_epoch = state["wall_s"], self.session.epoch
            self.curve = tuple(EpochEnd(**point) for point in state["curve"])
        self.saved_at = time.perf_counter()

    def save(self, *, now: bool) -> None:
        """Write a checkpoint of the last finished epoch, where one is due or it is the last moment."""
        together = self.session.processes.share.processes > 1  # they must agree, and clocks do not
        due = now or together or time.perf_counter() - self.saved_at >= self.every_s
        if self.path is None or len(self.curve) == self.saved_epoch or not due:
            return
        curve = [asdict(point) for point in self.curve]
        state = {"session": self.session.good, "wall_s": self.wall_s(), "curve": curve}
        if self.session.processes.first:
            save_checkpoint(self.path, state, self.identity)
        self.session.processes.wait()  # nobody goes on from a checkpoint that is not there yet
        self.saved_epoch, self.saved_at = len(self.curve), time.perf_counter()


def _step(model: EfficientNet, recipe: Recipe, images: int, processes: Processes, *, graphs: bool) -> Step:
    on_gpu = next(model.parameters()).device.type == "cuda"
    return Step(
        model,
        recipe,
        total_steps(recipe, images),
        forward=processes.wrapped(model),
        # A set smaller than a batch is one batch.
        batch_size=min(processes.local_batch(recipe.batch_size), images // processes.share.processes),
        graphs=graphs and on_gpu and processes.share.processes == 1,
    )


def _network(
    spec: ArchitectureSpec,
    recipe: Recipe,
    numerics: Numerics,
    seed: int,
    device: torch.device,
    kernels: KernelTable | None,
) -> EfficientNet:
    dropout = spec.dropout if recipe.dropout is None else recipe.dropout
    depth = spec.stochastic_depth if recipe.stochastic_depth is None else recipe.stochastic_depth
    regularised = replace(spec, dropout=dropout, stochastic_depth=depth)
    model = build_model(regularised, numerics=numerics, seed=seed, device=device, kernels=kernels)
    if recipe.zero_init_residual:
        zero_residual_branches(model)
    return model.to(memory_format=torch.channels_last)  # type: ignore[call-overload, no-any-return]


def zero_residual_branches(model: nn.Module) -> None:
    """Set the last batch norm's weight of every residual branch to 0: each block starts as its shortcut."""
    for module in model.modules():
        norm = last_norm_of_branch(module)
        if norm is not None:
            nn.init.zeros_(norm.weight)


def _identity(
    spec: ArchitectureSpec,
    recipe: Recipe,
    numerics: Numerics,
    seed: int,
    kernels: KernelTable | None,
    train: Split | StreamingSplit,
    processes: Processes,
) -> dict[str, str]:
    """Say what a training is: two with the same identity take the same steps."""
    return {
        "architecture": architecture_key(spec),
        "regularisation": json.dumps([spec.dropout, spec.stochastic_depth]),
        "recipe": json.dumps(asdict(recipe), sort_keys=True),
        "numerics": json.dumps(asdict(numerics), sort_keys=True),
        "kernels": "stock" if kernels is None else kernels.key(),
        "seed": str(seed),
        "data": checksum(train) if isinstance(train, Split) else train.checksum(),
        "device": processes.device.type,
        "number of processes": str(processes.share.processes),
        "torch": str(torch.__version__),  # a class of its own, which a checkpoint may not hold
    }


def _as_judged(session: Session) -> AbstractContextManager[None]:
    average = session.step.average
    return nullcontext() if average is None else average.in_place()


def _result(outcome: Outcome, kept: _Kept, spec: ArchitectureSpec) -> TrainingResult:
    session, last = kept.session, kept.curve[-1] if kept.curve else None
    step = session.step
    together = step.batch_size * session.processes.share.processes
    micro_batch = step.micro_batch
    one, batch = (blank_batch(step.model, n, spec.in_channels, spec.image_size) for n in (1, micro_batch))
    return TrainingResult(
        outcome=outcome,
        top1=math.nan if last is None else last.top1,
        validation_loss=None if last is None else last.validation_loss,
        curve=kept.curve,
        epochs=session.epoch,
        images_per_s=step.done * together / max(session.train_s, 1e-9),
        loss=session.loss if session.epoch else None,
        train_step_ms=session.clock.median_ms(),
        inference_ms_batch_1=inference_ms(step.model, one),
        inference_ms=inference_ms(step.model, batch),
        memory_bytes=session.memory_bytes,
        micro_batch=micro_batch,
        wall_s=kept.wall_s(),
    )


def total_steps(recipe: Recipe, images: int) -> int:
    """Return the optimizer steps of a whole training.

    >>> total_steps(Recipe(epochs=2, batch_size=32), 100)
    6
    """
    return recipe.epochs * steps_per_epoch(images, recipe.batch_size)


def best_device(name: str = "auto") -> torch.device:
    """Return the device to train on: the one named, or a GPU where there is one.

    Raises:
        ScalingError: the named device is not here.
    """
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    if name not in {"cpu", "cuda"}:
        raise ScalingError(f"device must be auto, cpu or cuda, got {name!r}")
    if name == "cuda" and not torch.cuda.is_available():
        raise ScalingError("device cuda was asked for, but torch sees no GPU here; use auto or cpu")
    return torch.device(name)


def device_of_worker(device: torch.device, worker: int, gpus: int) -> torch.device:
    """Return the device of one of several workers: GPUs are taken in turn.

    >>> [str(device_of_worker(torch.device("cuda"), worker, 2)) for worker in range(3)]
    ['cuda:0', 'cuda:1', 'cuda:0']
    """
    if device.type != "cuda" or gpus < 2:
        return device
    return torch.device("cuda", worker % gpus)
